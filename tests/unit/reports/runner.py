"""What GitHub's runner makes of a line of a log: its commands, in both spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEW = re.compile(r"^\s*::(?P<name>[^\s:]+)(?: (?P<properties>.*?))?::(?P<data>.*)$")
_OLD = re.compile(r"##\[(?P<name>[^\s\]]+)(?: (?P<properties>[^\]]*))?\](?P<data>.*)$")


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    properties: dict[str, str]
    data: str


def command(line: str) -> Command | None:
    """The command that a line holds; the older spelling is looked for anywhere in it."""
    found = _NEW.match(line) or _OLD.search(line)
    if found is None:
        return None
    pairs = (pair.partition("=") for pair in (found["properties"] or "").split(",") if pair)
    properties = {key.strip(): _property(value) for key, _, value in pairs}
    return Command(found["name"], properties, _data(found["data"]))


def commands(log: str) -> list[Command]:
    """The commands of a log, whatever ends its lines."""
    rows = (command(line) for line in re.split(r"\r\n|\r|\n", log))
    return [row for row in rows if row is not None]


def _data(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _property(text: str) -> str:
    text = text.replace("%3A", ":").replace("%2C", ",")
    return _data(text)
