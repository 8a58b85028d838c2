"""libyaml's own errors in words that say what to do."""

from __future__ import annotations

from collections.abc import Mapping

from yaml.error import MarkedYAMLError, YAMLError

from reconciler.model.source import Problem, Source

_WORDS: Mapping[str, str] = {
    "mapping values are not allowed in this context": (
        "a `:` is not possible here: put text that holds `: ` in quotes, and check the indentation"
    ),
    "found character that cannot start any token": (
        "text cannot begin with this character: put it in quotes"
    ),
    "did not find expected key": "a key was expected here: check the indentation and the quotes",
    "did not find expected '-' indicator": "an item (`- `) was expected: check the indentation",
    "did not find expected ',' or ']'": "a `,` or a `]` is missing",
    "did not find expected ',' or '}'": "a `,` or a `}` is missing",
    "could not find expected ':'": "a `:` is missing after a key",
    "found unexpected end of stream": "the file ends within quotes",
    "block sequence entries are not allowed in this context": (
        "an item (`- `) is not possible here: put it on a line of its own"
    ),
    "did not find expected node content": "a value was expected here",
    "found a tab character that violates indentation": "",
}
_TAB = "a tab cannot indent YAML: use spaces"


def explain(error: YAMLError, text: str, file: str) -> Problem:
    """Return an error of libyaml as a problem at its place."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Problem(Source(file, 1, 1), f"not YAML: {' '.join(str(error).split())}")
    mark = error.problem_mark
    source = Source(file, mark.line + 1, mark.column + 1)
    if text[mark.index : mark.index + 1] == "\t":
        return Problem(source, _TAB)
    message = _WORDS.get(error.problem or "") or f"not YAML: {error.problem}"
    begin = error.context_mark
    if begin is not None and begin.line < mark.line:
        what = (error.context or "").removeprefix("while ")
        message += f" ({what} that begins in line {begin.line + 1})"
    return Problem(source, message)
