"""What the files want: per organization, the lists of subjects with their dates, and the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from reconciler.model.calendar import day_after
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.source import Source


class OnShortage(StrEnum):
    """What happens to a pool's grants when not all of them fit."""

    FAIL = "fail"
    WAITLIST = "waitlist"


class NotAMember(StrEnum):
    """What happens to the grant of somebody who is no member."""

    FAIL = "fail"
    DEFER = "defer"


class UnlicensedMembers(StrEnum):
    """What is said of members who would hold no license."""

    IGNORE = "ignore"
    WARN = "warn"
    FAIL = "fail"


class UnlistedMachines(StrEnum):
    """What happens to registered machines that the files do not list."""

    REPORT = "report"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class MaxRemovals:
    """The most subjects that one plan may take from an organization: the larger of the two."""

    count: int = 5
    percent: float = 10

    def limit(self, subjects: int) -> int:
        """Return how many of `subjects` may lose something."""
        return max(self.count, int(self.percent * subjects // 100))


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one organization, the workspace's among them.

    `sources` tells where each key was set; a key that was not set is absent from it.
    `protected` holds compared forms (see `email_key`) of emails, and machine IDs.
    """

    max_removals: MaxRemovals = MaxRemovals()
    protected: frozenset[str] = frozenset()
    allowed_domains: frozenset[str] | None = None
    on_shortage: OnShortage = OnShortage.FAIL
    not_a_member: NotAMember = NotAMember.FAIL
    unlicensed_members: UnlicensedMembers = UnlicensedMembers.WARN
    unlisted_machines: UnlistedMachines = UnlistedMachines.REPORT
    allow_irrevocable: bool = False
    max_plan_age: timedelta = timedelta(days=7)
    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list, or one that a group brought: the days on which it wants its subject.

    `start` and `end` are the first and the last day, inclusive; None is open. Where the entry came
    through groups, `path` holds the places that led here, outermost first, and `groups` the name of
    the group that each of them refers to.
    """

    source: Source
    start: date | None = None
    end: date | None = None
    path: tuple[Source, ...] = ()
    groups: tuple[str, ...] = ()

    def wants(self, day: date) -> bool:
        """Tell whether the subject is wanted on this day."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One subject of one list, with every entry that wants it, the first in the files first.

    `order` is its place in the list after groups are expanded. `replaces` is the holder whose
    seat it takes. `offline_until` is the last day for which a machine wants an offline license.
    """

    subject: Subject
    entries: tuple[Entry, ...]
    order: int
    priority: int = 0
    replaces: Subject | None = None
    note: str | None = None
    name: str | None = None
    offline_until: date | None = None

    @property
    def source(self) -> Source:
        """The place of the first entry."""
        return self.entries[0].source

    def wanted_on(self, day: date) -> bool:
        """Tell whether any entry wants the subject on this day."""
        # A loop, not any(): it runs once for each of an organization's subjects.
        for entry in self.entries:  # noqa: SIM110
            if entry.wants(day):
                return True
        return False

    def wanted_until(self, day: date) -> date | None:
        """Return the last day of the unbroken time from `day` on, or None where it is open."""
        last = day
        for entry in sorted(self.entries, key=lambda e: e.start or date.min):
            goes_on = entry.start is not None and entry.start == day_after(last)
            if goes_on or entry.wants(last):
                if entry.end is None:
                    return None
                last = max(last, entry.end)
        return last

    def next_start(self, day: date) -> date | None:
        """Return the first day after `day` on which an entry begins, or None."""
        starts = [e.start for e in self.entries if e.start is not None and e.start > day]
        return min(starts, default=None)


@dataclass(frozen=True, slots=True)
class Everyone:
    """A line that wants every active member (`members: all`), but for those named in `excluded`.

    Who that is only the state can tell: `planning.everyone` puts the members in its place, but
    for those whom the list itself replaces. `excluded` are users with the place where each is
    named. `order` is the line's place.
    """

    entry: Entry
    order: int
    priority: int = 0
    note: str | None = None
    excluded: tuple[tuple[Subject, Source], ...] = ()


@dataclass(frozen=True, slots=True)
class WantedList:
    """A managed list of one kind of subjects; nothing in it at all means that nobody is wanted.

    `source` is the list's key in the file. A list that is not managed is None, not an empty one.
    `expanded` are the lines for everyone in whose place the members stand in `wanted` already.
    """

    kind: SubjectKind
    source: Source
    wanted: tuple[Wanted, ...] = ()
    everyone: tuple[Everyone, ...] = ()
    expanded: tuple[Everyone, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredProduct:
    """What a file says of one product; a list that is None is not managed."""

    product: str
    source: Source
    users: WantedList | None = None
    machines: WantedList | None = None


@dataclass(frozen=True, slots=True)
class DesiredOrganization:
    """One organization file, resolved; products are in the catalogue's order.

    `name` is what the file calls it, which may be anything; `name_source` is where it does.
    """

    id: int
    name: str | None
    source: Source
    products: tuple[DesiredProduct, ...] = ()
    policy: Policy = Policy()
    name_source: Source | None = None

    def called(self, name: str | None) -> str | None:
        """Return the organization's name for people: what the API calls it, where that is known."""
        return name or self.name


@dataclass(frozen=True, slots=True)
class Desired:
    """All the organizations of a workspace, sorted by ID, and where they came from.

    `digest` covers the bytes of every file read, as `sha256:` and 64 hex digits.
    """

    organizations: tuple[DesiredOrganization, ...]
    digest: str
    revision: str | None = None
    dirty: bool = False
