"""Which fault befalls which request: rules out of a file, the same again for the same seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

from reconciler.server.asked import Asked


class Fault(StrEnum):
    """What may happen to a request or to its answer."""

    LATENCY = "latency"
    ERROR = "error"
    DROP = "drop"
    HALF_ANSWER = "half_answer"
    OTHER_REQUEST = "other_request"
    OTHER_SUBJECT = "other_subject"
    PAGE_MISSING = "page_missing"
    PAGE_TWICE = "page_twice"
    WRONG_TOTAL = "wrong_total"


_OF_PAGES = frozenset({Fault.PAGE_MISSING, Fault.PAGE_TWICE, Fault.WRONG_TOTAL})


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a rule is for; None stands for any.

    `nth` counts the requests to which all the rest applies, from 1; empty stands for all.
    """

    method: str | None = None
    path: str | None = None
    operation: str | None = None
    entity: str | None = None
    organization: int | None = None
    page: int | None = None
    nth: frozenset[int] = frozenset()
    probability: float = 1.0

    def fits(self, asked: Asked) -> bool:
        """Tell whether a request is one of those that are counted."""
        wanted = (self.method, self.entity, self.organization, self.page)
        found = (asked.method, asked.entity, asked.organization, asked.page)
        return (
            all(mine in {None, its} for mine, its in zip(wanted, found, strict=True))
            and (self.path is None or fnmatchcase(asked.path, self.path))
            and self._operation_fits(asked)
        )

    def _operation_fits(self, asked: Asked) -> bool:
        match self.operation:
            case None:
                return True
            case "reads":
                return asked.operation is not None and not asked.writes
            case "writes":
                return asked.writes
            case operation:
                return operation == asked.operation


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the file. `milliseconds` are the two ends of a range."""

    fault: Fault
    match: Match = field(default_factory=Match)
    times: int | None = None
    after: bool = False
    milliseconds: tuple[int, int] = (0, 0)
    status: int = 500
    retry_after: int | None = None
    retry_after_as_date: bool = False
    by: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What befalls one request: seconds of waiting before and after it, and at most one rule."""

    wait_before: float = 0.0
    wait_after: float = 0.0
    rule: Rule | None = None


class Faults:
    """The rules and how often each has happened; safe to ask from several threads."""

    def __init__(self, rules: tuple[Rule, ...], seed: int = 0) -> None:
        self._lock = Lock()
        self._states = [_State(rule, _random(seed, number)) for number, rule in enumerate(rules)]

    def verdict(self, asked: Asked) -> Verdict:
        """Count a request and tell what befalls it.

        Every rule counts every request that fits it, whether or not another rule's fault happens.
        """
        waits = {False: 0.0, True: 0.0}
        chosen: Rule | None = None
        with self._lock:
            for state in self._states:
                rule = state.rule
                if rule.fault is Fault.LATENCY:
                    if state.counts(asked) and state.happens():
                        waits[rule.after] += state.seconds()
                elif state.counts(asked) and chosen is None and state.happens():
                    chosen = rule
        return Verdict(waits[False], waits[True], chosen)


@dataclass(slots=True)
class _State:
    rule: Rule
    random: random.Random
    seen: int = 0
    happened: int = 0

    def counts(self, asked: Asked) -> bool:
        """Count the request if it fits, and tell whether it is one that the rule is for."""
        if not _can_befall(self.rule.fault, asked) or not self.rule.match.fits(asked):
            return False
        self.seen += 1
        # Drawn for every request that fits, so that one draw more does not shift all others.
        drawn = self.random.random() < self.rule.match.probability
        return drawn and (not self.rule.match.nth or self.seen in self.rule.match.nth)

    def happens(self) -> bool:
        """Count the fault, unless it has happened as often as it may."""
        if self.rule.times is not None and self.happened >= self.rule.times:
            return False
        self.happened += 1
        return True

    def seconds(self) -> float:
        return self.random.uniform(*self.rule.milliseconds) / 1000


def _can_befall(fault: Fault, asked: Asked) -> bool:
    if fault in _OF_PAGES:
        return asked.page is not None
    return fault is not Fault.OTHER_SUBJECT or asked.writes


def _random(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed}/{number}")  # noqa: S311 (faults that can be repeated, no secret)


def read_faults(data: Mapping[str, Any]) -> Faults:
    """Return the faults of a file that fits its schema."""
    return Faults(tuple(_rule(row) for row in data["rules"]), data.get("seed", 0))


def _rule(row: Mapping[str, Any]) -> Rule:
    ms = row.get("ms", 0)
    return Rule(
        Fault(row["fault"]),
        _match(row.get("match", {})),
        times=row.get("times"),
        after=row.get("when") == "after",
        milliseconds=(ms[0], ms[1]) if isinstance(ms, list) else (ms, ms),
        status=row.get("status", 500),
        retry_after=row.get("retry_after"),
        retry_after_as_date=row.get("retry_after_as") == "date",
        by=row.get("by", 0),
    )


def _match(row: Mapping[str, Any]) -> Match:
    nth = row.get("nth", [])
    return Match(
        method=row.get("method"),
        path=row.get("path"),
        operation=row.get("operation"),
        entity=row.get("entity"),
        organization=row.get("organization"),
        page=row.get("page"),
        nth=frozenset(nth if isinstance(nth, list) else [nth]),
        probability=row.get("probability", 1.0),
    )
