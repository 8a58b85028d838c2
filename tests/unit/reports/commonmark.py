"""Markdown as a platform reads it: with tables, HTML and links made out of bare text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_LINK = re.compile(r"https?:|www\.|@|#\d|GH-\d|\b[0-9a-f]{7,40}\b|:[a-z]+:", re.IGNORECASE)


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def inline(text: str) -> Iterator[Token]:
    """Every inline piece, code among them."""
    for token in tokens(text):
        yield from token.children or ()


def tables(text: str) -> list[list[int]]:
    """How many cells the rows of each table have."""
    found: list[list[int]] = []
    for token in tokens(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append(0)
        elif token.type in {"td_open", "th_open"}:
            found[-1][-1] += 1
    return found


def bare(text: str) -> list[str]:
    """What stands outside of code, where platforms look for links and mentions."""
    return [token.content for token in inline(text) if token.type == "text"]


def linked(text: str) -> list[str]:
    """What a platform would make a link, a mention or a picture of."""
    found = [row for row in bare(text) if _LINK.search(row)]
    return found + [
        token.type for token in inline(text) if token.type in {"link_open", "image", "s_open"}
    ]


def html(text: str) -> list[str]:
    """The HTML that is let through, tag by tag."""
    blocks = [token.content for token in tokens(text) if token.type == "html_block"]
    spans = [token.content for token in inline(text) if token.type == "html_inline"]
    return re.findall(r"<!--.*?-->|</?\w+[^>]*>|<[^>]*>?", "\n".join([*blocks, *spans]))
