"""The places of the values in JSON text, made only when somebody asks for one."""

from __future__ import annotations

import json
import re
from typing import Any

from reconciler.config.marks import Marks

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\]:,"]+')
_OPENING = frozenset("{[")
_CLOSING = frozenset("}]")
_STRIDE = 64 * 1024


def mark_json(text: str, data: Any) -> Marks:
    """Return the places (offsets into the text) of the values of the data that it holds."""
    marks = Marks()
    frames: list[_Frame] = []
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in _CLOSING:
            closed = frames.pop()
            marks.add(closed.value, closed.places)
            continue
        frame = frames[-1] if frames else None
        if frame is None:
            marks.root = token.start()
        elif frame.key_comes(token):
            frame.places.append(token.start())
            continue
        else:
            frame.places.append(token.start())
        if first in _OPENING:
            frames.append(_Frame(data if frame is None else frame.child()))
        if frame is not None:
            frame.value_done()
    return marks


class _Frame:
    """A container that is being walked along with the text."""

    __slots__ = ("index", "key", "places", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.index = 0
        self.key: str | None = None
        self.places: list[int] = []

    def key_comes(self, token: re.Match[str]) -> bool:
        if not isinstance(self.value, dict) or self.key is not None:
            return False
        self.key = json.loads(token[0])
        return True

    def child(self) -> Any:
        return self.value[self.index if self.key is None else self.key]

    def value_done(self) -> None:
        self.index += 1
        self.key = None


class Lines:
    """Turns offsets into a text into lines and columns."""

    __slots__ = ("_before", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        # Not where each line begins: a text may be nothing but line ends. Of each stretch, how
        # many there are before it, and the last one.
        self._before = [(0, -1)]
        for begin in range(0, len(text), _STRIDE):
            number, last = self._before[-1]
            number += text.count("\n", begin, begin + _STRIDE)
            self._before.append((number, max(last, text.rfind("\n", begin, begin + _STRIDE))))

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and the column (from 1) of an offset."""
        stride = offset // _STRIDE
        number, last = self._before[stride]
        begin = stride * _STRIDE
        last = max(last, self._text.rfind("\n", begin, offset))
        return number + self._text.count("\n", begin, offset) + 1, offset - last
