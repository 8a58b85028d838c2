"""What lies below a folder, looked at within bounds; links to folders are not followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

MOST_ENTRIES = 1_000_000
"""How many names one run looks at, counted as often as a pattern is held against them."""

MAX_DEPTH = 50
"""How deep folders may be nested, and how many parts a pattern may have."""

_LONGEST_NAME = 255
_FOLDERS = "**"


class TooMuchToLookAtError(Exception):
    """There is more below a folder than is looked at; the text says of what."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds, but for hidden names: files of any kind, folders, links to folders."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(slots=True)
class Found:
    """What was found below a folder, as paths from there; `unreadable` are folders, with why."""

    files: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


class Tree:
    """Looks below folders; each one is listed once, and all of them together within bounds."""

    def __init__(self) -> None:
        self._listings: dict[Path, Listing | str] = {}
        self._left = MOST_ENTRIES

    def walk(self, folder: Path) -> Found:
        """Return all that lies below a folder: its own files, then those of each of its folders.

        Raises `TooMuchToLookAtError`.
        """
        found = Found()
        waiting = [Path()]
        while waiting:
            inside = waiting.pop()
            listing = self._list(folder, inside, found)
            found.files += [inside / name for name in listing.files]
            found.links += [inside / name for name in listing.links]
            waiting += [inside / name for name in reversed(listing.folders)]
        return found

    def match(self, folder: Path, pattern: str) -> Found:
        """Return the files below a folder that a pattern names, sorted.

        Raises `ValueError` for a pattern that is none, and `TooMuchToLookAtError`.
        """
        parts = _parts(pattern)
        found, files, links = Found(), set[Path](), set[Path]()
        seen: set[tuple[Path, int]] = set()
        waiting = [(Path(), 0)]
        while waiting:
            state = waiting.pop()
            if state in seen:
                continue
            seen.add(state)
            inside, index = state
            last, part = index + 1 == len(parts), parts[index]
            listing = self._list(folder, inside, found)
            if part is None:
                # Any number of folders, none among them.
                waiting += [] if last else [(inside, index + 1)]
                waiting += [(inside / name, index) for name in listing.folders]
                links.update(inside / name for name in listing.links)
            elif last:
                files.update(inside / name for name in listing.files if part.match(name))
            else:
                fitting = (name for name in listing.folders if part.match(name))
                waiting += [(inside / name, index + 1) for name in fitting]
                links.update(inside / name for name in listing.links if part.match(name))
        found.unreadable = sorted(set(found.unreadable))
        found.files, found.links = sorted(files), sorted(links)
        return found

    def _list(self, base: Path, inside: Path, found: Found) -> Listing:
        if len(inside.parts) > MAX_DEPTH:
            raise TooMuchToLookAtError(f"folders are nested deeper than {MAX_DEPTH} levels")
        folder = base / inside
        listing = self._listings.get(folder)
        if listing is None:
            listing = self._listings[folder] = _listing(folder, self._left)
        if isinstance(listing, str):
            found.unreadable.append((inside, listing))
            listing = Listing()
        self._left -= 1 + len(listing.files) + len(listing.folders) + len(listing.links)
        if self._left <= 0:
            raise TooMuchToLookAtError(f"more than {MOST_ENTRIES:,} files and folders to look at")
        return listing


def _listing(folder: Path, most: int) -> Listing | str:
    """Return what a folder holds, at the most so many names; or why it cannot be read."""
    files, folders, links = [], [], []
    try:
        with os.scandir(folder) as entries:
            for entry, _ in zip(_shown(entries), range(most), strict=False):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112
                    links.append(entry.name)
                else:
                    files.append(entry.name)
    except OSError as error:
        return error.strerror or str(error)
    return Listing(tuple(sorted(files)), tuple(sorted(folders)), tuple(sorted(links)))


def _shown(entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    return (entry for entry in entries if not entry.name.startswith("."))


def _parts(pattern: str) -> list[re.Pattern[str] | None]:
    """Return what each part of a pattern matches; None stands for any number of folders."""
    path = Path(pattern)
    if os.pardir in path.parts:
        raise ValueError("`..` is not possible in a pattern")
    if path.is_absolute() or not path.parts:
        raise ValueError("a pattern names files below this folder")
    parts: list[re.Pattern[str] | None] = []
    for part in path.parts:
        if part == _FOLDERS:
            # Once is as good as twice.
            parts += [] if parts and parts[-1] is None else [None]
        elif _FOLDERS in part:
            raise ValueError("`**` stands for whole folders: write `**/*.yaml`")
        elif len(part) > _LONGEST_NAME:
            raise ValueError("no file has so long a name")
        else:
            parts.append(re.compile(translate(part)))
    if len(parts) > MAX_DEPTH:
        raise ValueError(f"a pattern has at most {MAX_DEPTH} parts")
    return parts
