"""Links on the way to a file, and whether they lead out of the checkout that holds them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from reconciler.config.checkout import GIT, checkout_of
from reconciler.errors import ConfigurationError
from reconciler.file_text import is_open_already
from reconciler.model.source import Problem, Source

MOST_LINKS = 40
"""How many links a path may lead through; as many as Linux follows."""


def links_to(path: Path) -> tuple[Path, ...]:
    """Return every link on the way to an absolute path, its own last ones too, by their places.

    A loop of links gives the first ones of it.
    """
    if os.path.realpath(path) == str(path):
        return ()
    links: list[Path] = []
    place, rest = Path(path.anchor), [*reversed(path.parts[1:])]
    while rest and len(links) < MOST_LINKS:
        name = rest.pop()
        if name == os.pardir:
            place = place.parent
            continue
        try:
            target = (place / name).readlink()
        except OSError:  # No link, or not there at all.
            place /= name
            continue
        links.append(place / name)
        if target.is_absolute():
            place = Path(target.anchor)
        rest.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
    return tuple(links)


def link_out(path: Path, homes: Iterable[Path] = (), fence: Path | None = None) -> Path | None:
    """Return the first link on the way to an absolute path that leads out, or None.

    A link may lead anywhere inside of the checkout that it lies in, but not to what `.git` holds;
    where there is no checkout, inside of any of the folders `homes` that it lies in. With `fence`,
    a folder, that alone counts. All folders are real paths. A link that lies in none of them is
    the person's own, and so is what the caller handed over open.
    """
    if is_open_already(path):
        return None
    for link in links_to(path):
        inside = [fence] if fence is not None else _around(link, homes)
        inside = [folder for folder in inside if link.is_relative_to(folder)]
        if inside and not any(_leads_into(link, folder) for folder in inside):
            return link
    return None


def check_link(path: Path | str) -> None:
    """Raise `ConfigurationError` where a link on the way to a file leads out of its checkout.

    For every file that is named by itself, to be read or to be written: a pull request may have put
    a link where a pipeline expects its own plan, journal or report.
    """
    if link_out(Path.cwd() / path) is not None:
        message = "the link leads out of the git checkout that it lies in, and is not followed"
        raise ConfigurationError([Problem(Source(str(path)), message)])


def _around(link: Path, homes: Iterable[Path]) -> list[Path]:
    checkout = checkout_of(link.parent)
    return list(homes) if checkout is None else [checkout]


def _leads_into(link: Path, folder: Path) -> bool:
    end = Path(os.path.realpath(link))
    if not end.is_relative_to(folder):
        return False
    return not any(part.casefold() == GIT for part in end.relative_to(folder).parts)
