"""What libyaml takes although YAML does not: it would be read here as something else elsewhere.

Each check is a look at the text where a mark of libyaml says that there may be something to see.
The rest is listed in docs/files.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from yaml._yaml import CParser
from yaml.error import YAMLError
from yaml.tokens import KeyToken, ScalarToken, StreamEndToken

# After these libyaml takes a comment that no space sets apart, and a `?` that none follows.
_SUSPICIOUS = re.compile(r"""[\]}\["'{,]\#|[|>][-+0-9]{0,2}\#|(?:^|[\s\[{,])\?\S""")
_HEADER = re.compile(r"[|>][-+0-9]*\#")
_BLANK_BLOCK = re.compile(r"[|>][-+]?[ \t]*(?:\#[^\n]*)?\n((?: *\n)+)( *)\#")
_SPACE_BEFORE = "a comment needs a space before its `#`; put text that holds a `#` in quotes"
_AFTER_NAME = frozenset("?:%@`")


@dataclass(frozen=True, slots=True)
class Misread:
    """A place in the text that means nothing, or something else, to other readers of YAML."""

    offset: int
    message: str


def in_tokens(text: str) -> Misread | None:
    """Return a comment without a space before it, or a `?` in brackets without one after it."""
    # Most files hold neither, and looking for a letter costs nothing.
    if not (("#" in text or "?" in text) and _SUSPICIOUS.search(text)):
        return None
    parser = CParser(text)
    end = 0
    try:
        while True:
            token: Any = parser.get_token()
            begin = token.start_mark.index
            # Between two marks there is only space, and comments.
            if begin > end > 0 and text[end] == "#" and not text[end - 1].isspace():
                return Misread(end, _SPACE_BEFORE)
            end = max(end, token.end_mark.index)
            found = _of_token(text, token, begin)
            if found is not None or isinstance(token, StreamEndToken):
                return found
    except YAMLError:
        return None  # Whoever reads it whole says so.


def _of_token(text: str, token: Any, begin: int) -> Misread | None:
    if isinstance(token, KeyToken):
        # Any other key's mark is put before it later, and has no width.
        wide = token.end_mark.index > begin
        if wide and not text[begin + 1 : begin + 2].isspace():
            return Misread(begin, "text in brackets cannot begin with a `?`: put it in quotes")
    elif isinstance(token, ScalarToken) and token.style in {"|", ">"}:
        header = _HEADER.match(text, begin)
        if header:
            return Misread(header.end() - 1, _SPACE_BEFORE)
    return None


@cache
def _too_far_out(column: int, *, comments: bool) -> re.Pattern[str]:
    """Return what finds a line that does not begin further in than a column."""
    exempt = r"\n|\#|\Z" if comments else r"\n|\Z"
    return re.compile(rf"\n {{0,{column}}}(?! )(?![ \t]*(?:{exempt}))")


def in_quotes(text: str, begin: int, end: int, column: int) -> Misread | None:
    """Return a line of quoted text that begins no further in than what it belongs to."""
    return _line(text, begin, end, column, comments=False)


def in_flow(text: str, begin: int, end: int, column: int) -> Misread | None:
    """Return a line within brackets that begins no further in than what it belongs to."""
    return _line(text, begin, end + 1, column, comments=True)


def _line(text: str, begin: int, end: int, column: int, *, comments: bool) -> Misread | None:
    if column < 0:
        return None
    found = _too_far_out(column, comments=comments).search(text, begin, end)
    if found is None:
        return None
    if text[found.end()] == "\t":
        return Misread(found.end(), "a tab cannot indent YAML: use spaces")
    first = text.count("\n", 0, begin) + 1
    what = "brackets" if comments else "quotes"
    return Misread(
        found.end(),
        f"this line is within the {what} of line {first}: indent it by {column + 1} spaces or more",
    )


def of_block(text: str, begin: int, end: int, value: str) -> Misread | None:
    """Return what libyaml drops or adds in a text behind `|` or `>`."""
    last = text.rfind("\n") + 1
    if end >= last and text[last:] and not text[last:].strip(" "):
        return Misread(
            last, "the file ends in spaces without a line end: end the line, or cut them"
        )
    if value.strip("\n"):
        return None
    blank = _BLANK_BLOCK.match(text, begin)
    if blank and max(map(len, blank[1].split("\n"))) > len(blank[2]):
        return Misread(blank.end() - 1, "an empty line above is indented further: cut its spaces")
    return None


def of_name(text: str, begin: int, name: str) -> Misread | None:
    """Return an anchor or an alias that goes on where libyaml takes it to end."""
    end = begin + 1 + len(name)
    if text[begin] in "&*" and text[end : end + 1] in _AFTER_NAME and end < len(text):
        return Misread(end, f"the name {text[begin:end]} ends here: leave a space, or use letters")
    return None
