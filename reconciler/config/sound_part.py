"""What is left of a file without the parts that do not fit its schema.

It fits, so that it can be checked further: one mistake in a file hides no other one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler import schema
from reconciler.config.document import Document
from reconciler.config.marks import Container, Step
from reconciler.model.source import Source
from reconciler.schema_problem import SchemaProblem

_Path = tuple[Step, ...]
_Cuts = dict[Step, Any]
_Copies = dict[int, tuple[Container | None, list[int] | None]]

_NO_ID = 1


class SoundPart(Document):
    """A document without some of its parts; what is left has the places that it had.

    `identified` tells whether an organization file says whose it is, `grouped` whether every group
    that the file meant to define is there.
    """

    def __init__(
        self, whole: Document, data: Any, copies: _Copies, *, identified: bool, grouped: bool
    ) -> None:
        super().__init__(whole.name, data, whole.sha256, lambda: whole._marking)
        self._whole = whole
        self._copies = copies
        self.identified = identified
        self.grouped = grouped

    def child_source(self, container: Container, step: Step) -> Source:
        """Return the place of a value by its container, as in the whole document."""
        original, place = self._original(container, step)
        if original is None:
            return self._whole.source()
        return self._whole.child_source(original, place)

    def child_key_source(self, container: Container, step: Step) -> Source:
        """Return the place of a key by its container, as in the whole document."""
        original, place = self._original(container, step)
        if original is None:
            return self._whole.source()
        return self._whole.child_key_source(original, place)

    def _original(self, container: Container, step: Step) -> tuple[Container | None, Step]:
        if id(container) not in self._copies:
            return container, step
        original, kept = self._copies[id(container)]
        if isinstance(original, dict) and step not in original:
            return None, step
        return original, step if kept is None else kept[int(step)]


def sound_part(
    document: Document, name: str, problems: Iterable[SchemaProblem]
) -> SoundPart | None:
    """Return what is left of a document that does not fit the schema of this name.

    An entry of a list goes as a whole, and so does a key of the policy: half of one would mean
    something else. None where nothing is left that fits, or where it is of another version.
    """
    data = document.data
    if not isinstance(data, dict) or data.get("version", 1) != 1:
        return None
    paths = {path for problem in problems if (path := _cut(data, problem))}
    copies: _Copies = {}
    rest = _without(data, _tree(paths), copies)
    rest.setdefault("version", 1)
    identified = "id" in rest.get("organization", {})
    if name == "organization" and not identified:
        rest["organization"] = {"id": _NO_ID}
        copies[id(rest["organization"])] = (None, None)
    if not schema.fits(name, rest):
        return None
    grouped = all(len(path) > (2 if path[0] == "groups" else 1) for path in paths)
    return SoundPart(document, rest, copies, identified=identified, grouped=grouped)


def is_whole(document: Document) -> bool:
    """Tell whether nothing had to be left out of a document."""
    return not isinstance(document, SoundPart)


def defines_all_groups(document: Document) -> bool:
    """Tell whether every group that a file meant to define is there."""
    return not isinstance(document, SoundPart) or document.grouped


def is_identified(document: Document) -> bool:
    """Tell whether an organization file says whose it is."""
    return not isinstance(document, SoundPart) or document.identified


def _cut(data: Any, problem: SchemaProblem) -> _Path:
    """Return the path of what has to go, so that this problem goes; empty for what is missing."""
    path = problem.path if problem.key is None else (*problem.path, problem.key)
    if path[:1] == ("policy",):
        return path[:2]
    for length, step in enumerate(path, 1):
        if isinstance(data, list):
            return path[:length]
        data = data[step]
    return path


def _tree(paths: Iterable[_Path]) -> _Cuts:
    """Return the paths as nested mappings, an empty one for what goes as a whole."""
    tree: _Cuts = {}
    for path in sorted(paths, key=len, reverse=True):
        branch = tree
        for step in path[:-1]:
            branch = branch.setdefault(step, {})
        branch[path[-1]] = {}
    return tree


def _without(value: Any, cuts: _Cuts, copies: _Copies) -> Any:
    """Return a value without what is to be cut; whatever nothing is cut from is not copied."""
    left: Any
    if isinstance(value, dict):
        left = {
            key: _without(child, cuts[key], copies) if key in cuts else child
            for key, child in value.items()
            if cuts.get(key) != {}
        }
        copies[id(left)] = (value, None)
    else:
        kept = [index for index in range(len(value)) if index not in cuts]
        left = [value[index] for index in kept]
        copies[id(left)] = (value, kept)
    return left
