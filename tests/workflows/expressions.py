"""The expressions of GitHub Actions, as far as the workflows here use them; no more is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(&&|\|\||==|!=|[()!,])|([A-Za-z_][\w.-]*)|(\S))")
_WHOLE = re.compile(r"\$\{\{(.*?)\}\}", flags=re.DOTALL)

Context = Mapping[str, Any]
Functions = Mapping[str, Callable[..., Any]]


def fill(text: str, context: Context, functions: Functions) -> str:
    """Return a value of the YAML with its `${{ }}` filled in."""
    return _WHOLE.sub(lambda found: _text(value(found[1], context, functions)), text)


def holds(condition: str, context: Context, functions: Functions) -> bool:
    """Return whether an `if:` holds; without a status function, only while nothing failed."""
    found = _WHOLE.fullmatch(condition.strip())
    inner = found[1] if found else condition
    told = re.search(r"\b(?:success|failure|always|cancelled)\s*\(", inner)
    if not told and not functions["success"]():
        return False
    return bool(value(inner, context, functions))


def value(expression: str, context: Context, functions: Functions) -> Any:
    """Return what an expression is worth."""
    parser = _Parser(_tokens(expression), context, functions)
    result = parser.either()
    assert parser.done, f"an expression that this harness does not know: {expression}"
    return result


def _tokens(expression: str) -> list[str]:
    tokens = []
    for text, sign, name, other in _TOKEN.findall(expression.strip()):
        assert not other, f"an expression that this harness does not know: {expression}"
        tokens.append(text or sign or name)
    return tokens


def _text(result: Any) -> str:
    if result is None:
        return ""
    return str(result).lower() if isinstance(result, bool) else str(result)


class _Parser:
    def __init__(self, tokens: Sequence[str], context: Context, functions: Functions) -> None:
        self._tokens, self._context, self._functions = list(tokens), context, functions

    @property
    def done(self) -> bool:
        return not self._tokens

    def either(self) -> Any:
        left = self._both()
        while self._take("||"):
            right = self._both()
            left = left or right
        return left

    def _both(self) -> Any:
        left = self._compared()
        while self._take("&&"):
            right = self._compared()
            left = left and right
        return left

    def _compared(self) -> Any:
        left = self._single()
        for sign in ("==", "!="):
            if self._take(sign):
                same = _text(left).lower() == _text(self._single()).lower()
                return same if sign == "==" else not same
        return left

    def _single(self) -> Any:
        if self._take("!"):
            return not self._single()
        if self._take("("):
            inner = self.either()
            assert self._take(")")
            return inner
        token = self._tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self._take("("):
            assert self._take(")"), f"{token}: functions with arguments are not known here"
            return self._functions[token]()
        return self._looked_up(token)

    def _looked_up(self, name: str) -> Any:
        first, *rest = name.split(".")
        found: Any = self._context[first]
        for part in rest:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def _take(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False
