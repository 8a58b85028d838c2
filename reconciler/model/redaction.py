"""What must never be told: keys, in whatever form they come back, are replaced by their names."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from reconciler.model.settings import OF_ANOTHER_USE

_PREFIX = "RECONCILER_"
_TOKENS = frozenset({"RECONCILER_GITLAB_TOKEN"})
"""Of those that are never sent as an API key, the ones that are secret all the same."""
_SHORTEST = 6
"""Characters; what is shorter stands in too many words to be taken out of them."""


def secrets_of(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables of the environment that hold a key or a token."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(_PREFIX) and (name not in OF_ANOTHER_USE or name in _TOKENS)
    }


class Redaction:
    """Replaces each secret by `[NAME]`: plain, as it is sent, and escaped for URL, JSON or HTML."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        found = ((name, value.strip()) for name, value in secrets.items())
        # The longest first: one key may begin another.
        rows = sorted(found, key=lambda row: (-len(row[1]), row[0]))
        known = tuple((name, key) for name, key in rows if len(key) >= _SHORTEST)
        self._names = [name for name, _ in known]
        self._pattern = _pattern(known)
        self._marks = _marks(known)

    def text(self, text: str) -> str:
        """Return the text without any secret."""
        if not self._suspects(text) or self._pattern is None:
            return text
        return self._pattern.sub(lambda found: f"[{self._named(found)}]", text)

    def data(self, value: Any) -> Any:
        """Return decoded JSON without any secret in its strings; the same object where none is."""
        if not self._marks:
            return value
        match value:
            case str():
                clean = self.text(value)
                return value if clean == value else clean
            case list():
                rows = [self.data(row) for row in value]
                same = all(new is old for new, old in zip(rows, value, strict=True))
                return value if same else rows
            case dict():
                fields = {self.data(key): self.data(field) for key, field in value.items()}
                same = all(key in value and field is value[key] for key, field in fields.items())
                return value if same and len(fields) == len(value) else fields
            case _:
                return value

    def body(self, body: bytes) -> bytes:
        """Return the body of an answer without any secret; the same bytes where none is in it.

        In JSON only strings are changed, so that it stays what it says.
        """
        text = body.decode("utf-8", "surrogateescape")
        # Escapes could spell it, and another encoding.
        spelled = self._marks and (b"\\" in body or b"\0" in body)
        if not spelled and not self._suspects(text):
            return body
        try:
            data = json.loads(body)
            clean = self.data(data)
        except (ValueError, RecursionError):
            return self.text(text).encode("utf-8", "surrogateescape")
        return body if clean is data else json.dumps(clean).encode()

    def _suspects(self, text: str) -> bool:
        """Tell whether a secret may be in it: far quicker than to look for all their forms."""
        lower = text.lower() if self._marks else ""
        return any(mark in lower for mark in self._marks)

    def _named(self, found: re.Match[str]) -> str:
        return self._names[int(str(found.lastgroup).removeprefix("of"))]


@lru_cache
def _pattern(secrets: tuple[tuple[str, str], ...]) -> re.Pattern[str] | None:
    groups = []
    for place, (_, key) in enumerate(secrets):
        groups.append(f"(?P<of{place}>{'|'.join(dict.fromkeys(_forms(key)))})")
    return re.compile("|".join(groups), re.IGNORECASE) if groups else None


@lru_cache
def _marks(secrets: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return what is in every text that holds one: of each form the longest part never escaped."""
    texts = (text for _, key in secrets for text in (key, *_inner_base64(key)))
    runs = (max(_NEVER_ESCAPED.findall(text), key=len, default="") for text in texts)
    return tuple(dict.fromkeys(run.lower() for run in runs))


def _forms(key: str) -> Iterator[str]:
    """Yield patterns of what a key may come back as, those first that another one begins."""
    escaped = html.escape(key)
    for text in (quote(key, safe=""), quote(key), escaped, escaped.replace("&#x27;", "&#39;")):
        # As it is, it comes last, with the backslashes at its end.
        if text != key:
            yield re.escape(text)
    sent = base64.b64encode(f":{key}".encode()).decode()
    for text in (sent, *_inner_base64(key)):
        yield re.escape(text)
        yield re.escape(text.translate(_URL_SAFE))
    # Markdown and JSON put backslashes before characters.
    yield "".join(rf"\\*{re.escape(character)}" for character in key)


def _inner_base64(key: str) -> Iterator[str]:
    """Yield what is the same of a key's base64 in every longer text: by the bytes before it."""
    for before in range(3):
        padded = base64.b64encode(b"\0" * before + key.encode()).decode().rstrip("=")
        yield padded[-(-8 * before // 6) :][:-1]


_NEVER_ESCAPED = re.compile("[A-Za-z0-9]+")
_URL_SAFE = str.maketrans("+/", "-_")
