"""Where data goes: standard output, or a file that is either the old one or the whole new one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from reconciler.cli.secrets import redacted
from reconciler.errors import ReconcilerError, UsageError

STANDARD_OUTPUT = "-"

_NAMES_OF_STANDARD_OUTPUT = frozenset({STANDARD_OUTPUT, "/dev/stdout", "/dev/fd/1"})

_DEVICES = frozenset({Path("/dev"), Path("/dev/fd")})

_PIECE = 1 << 20

# Half of a surrogate pair, which JSON can hold and UTF-8 cannot, is written as JSON's escape.
_UNPAIRED = "backslashreplace"


def write_data(text: str | Iterable[str], target: str) -> None:
    """Write text to a file, in one step, or to standard output where the target is `-`.

    A long text may come in pieces, each of whole lines or of whole values. No key of the
    environment is in it. Raises `ReconcilerError` where the file cannot be written; nothing of it
    is left then.
    """
    pieces = (redacted(piece, os.environ) for piece in _gathered(text))
    if target in _NAMES_OF_STANDARD_OUTPUT:
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    check_target(target)
    try:
        replace_file(Path(target), pieces)
    except OSError as error:
        raise ReconcilerError(f"{target}: cannot be written: {error.strerror or error}") from error


def _gathered(text: str | Iterable[str]) -> Iterator[str]:
    """Yield a text in pieces of some size, since each is looked through for keys on its own."""
    if isinstance(text, str):
        yield text
        return
    kept: list[str] = []
    size = 0
    for piece in text:
        kept.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield "".join(kept)
            kept, size = [], 0
    yield "".join(kept)


def check_target(target: str | None) -> None:
    """Refuse early what could not be written late, after the work is done.

    A link is followed, but not out of the git checkout that it lies in.
    """
    if target is None or target in _NAMES_OF_STANDARD_OUTPUT:
        return
    path = Path(target)
    if path.parent not in _DEVICES:
        from reconciler.config.links import check_link

        check_link(path)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        # What a link leads to may be missing, as may the file; its folder is asked for below.
        path = Path(os.path.realpath(path)) if path.is_symlink() else path
    except (OSError, ValueError) as error:
        # A loop of links, a name that is too long, a folder that may not be entered.
        reason = getattr(error, "strerror", None) or error
        raise ReconcilerError(f"{target}: cannot be written: {reason}") from error
    if path.is_dir():
        raise ReconcilerError(f"{target}: is a folder; name a file")
    if not path.parent.is_dir():
        raise ReconcilerError(f"{target}: its folder {path.parent} does not exist; make it first")


def check_targets(**targets: str | None) -> None:
    """Refuse early what could not be written late, and two outputs that would go to one place.

    The targets are named as their options are. Devices may be named twice: nothing is replaced.
    """
    taken: dict[object, str] = {}
    for option, target in targets.items():
        check_target(target)
        place = _place(target)
        if place is None:
            continue
        first = taken.setdefault(place, option)
        if first != option:
            where = "standard output" if place == STANDARD_OUTPUT else str(target)
            raise UsageError(
                f"--{first} and --{option} both write to {where}",
                hint=f"name another file with --{option}",
            )


def _place(target: str | None) -> object:
    """Return what stands for the place of an output, None for one that others may share."""
    if target is None or target in _NAMES_OF_STANDARD_OUTPUT:
        return target and STANDARD_OUTPUT
    path = Path(target)
    if path.exists() and not path.is_file():
        return None
    return path.resolve()


def replace_file(path: Path, text: str | Iterable[str]) -> None:
    """Write a file, in one piece or several; it is at any time the old one or the whole new one.

    A link is followed: what it leads to is replaced. Raises `OSError`.
    """
    pieces = [text] if isinstance(text, str) else text
    if path.parent in _DEVICES or (path.exists() and not path.is_file()):
        # A device or a pipe, such as /dev/stderr wherever that leads, is written to, not replaced.
        with path.open("a", encoding="utf-8", errors=_UNPAIRED) as device:
            device.writelines(pieces)
        return
    # Imported here: most commands write no file.
    import tempfile

    path = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".reconciler.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors=_UNPAIRED, newline="\n") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
