"""From options to a plan: load the files, read the organizations, plan the difference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from reconciler import __version__
from reconciler.backends.protocol import Backend
from reconciler.cli.clock import now, today
from reconciler.cli.exits import Exit, gravest
from reconciler.cli.notes import note
from reconciler.cli.opening import open_source
from reconciler.cli.progress import working
from reconciler.cli.reading import Reading, day_read, read_organizations
from reconciler.cli.write_settings import WriteOptions
from reconciler.config.document import collector_off
from reconciler.config.load import Workspace, load_workspace
from reconciler.config.revision import base_workspace, with_revision
from reconciler.errors import ApiError, UsageError
from reconciler.model.desired import DesiredOrganization
from reconciler.model.plan import Allowed, Cause, Configuration, Plan, Unread
from reconciler.model.settings import Settings
from reconciler.model.state import OrganizationState
from reconciler.planning.planner import PlanRequest
from reconciler.planning.sound import sound_plan


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The command line of `plan`, and the part of `apply` that plans."""

    paths: tuple[str, ...] = ()
    api: str | None = None
    state: str | None = None
    organizations: tuple[int, ...] = ()
    shard: tuple[int, int] | None = None
    as_of: date | None = None
    allow_removals: int | None = None
    allow_irrevocable: bool = False
    base: str | None = None
    parallel: int | None = None
    writes: str | None = None
    routes: tuple[str, ...] = ()

    @property
    def writing(self) -> WriteOptions:
        """What the command line says of how changes are written."""
        return WriteOptions(self.writes, self.routes)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what it was made from."""

    plan: Plan
    states: tuple[OrganizationState, ...]
    backend: Backend
    workspace: Workspace
    based: bool = False

    def exit_code(self, *, detailed: bool) -> Exit:
        """Return the code that planning alone ends with."""
        found = [Exit.FAILURE for _ in self.plan.unread]
        # With --base, what was refused before this change is not this change's fault.
        found += [
            Exit.REFUSED
            for row in self.plan.organizations
            for refusal in row.refusals
            if not self.based or refusal.cause is Cause.CHANGE
        ]
        if detailed:
            found += [Exit.PENDING for row in self.plan.organizations if row.changes]
        return gravest(found)


NotRead = Callable[[str, tuple[Unread, ...]], None]
"""What hears of the target and its organizations where none of them could be read."""


def _unheard(target: str, unread: tuple[Unread, ...]) -> None:
    """Say nothing more than the error does."""


@contextmanager
def planned(options: PlanOptions, *, not_read: NotRead = _unheard) -> Iterator[Planned]:
    """Make the plan that the options ask for; its backend stays open inside the block.

    Where there can be no plan at all, since no organization could be read, and all for one reason,
    or what the host offers could not, `not_read` is called before the `ApiError` is raised.
    """
    with working("loading the files"):
        loaded = load_workspace(options.paths)
        settings = with_parallel(loaded.settings, options.parallel)
        workspace = with_revision(replace(loaded, settings=settings))
        base = None if options.base is None else base_workspace(options.base, options.paths)
    for problem in workspace.warnings:
        note(f"warning: {problem}")
    chosen = select(workspace.desired.organizations, options.organizations, options.shard)
    # Hundreds of thousands of values are made and nothing of them is garbage.
    with (
        collector_off(),
        open_source(
            api=options.api, state=options.state, settings=settings, writing=options.writing
        ) as backend,
    ):
        reading = Reading((), ())
        try:
            reading = read_organizations(
                backend,
                [organization.id for organization in chosen],
                max_parallel=1 if options.state else settings.api.max_parallel,
            )
            reading.tell_failures()
            backend.capabilities()
        except ApiError as error:
            why = {row.organization: row.error.message for row in reading.failures}
            unread = (Unread(row.id, why.get(row.id, error.message)) for row in chosen)
            not_read(backend.target, tuple(unread))
            raise
        with working("planning"):
            plan = sound_plan(
                _request(options, workspace, chosen, reading, backend),
                base=None if base is None else base.desired.organizations,
            )
        yield Planned(plan, reading.states, backend, workspace, base is not None)


def _request(
    options: PlanOptions,
    workspace: Workspace,
    chosen: tuple[DesiredOrganization, ...],
    reading: Reading,
    backend: Backend,
) -> PlanRequest:
    """Return the request for a plan of what was read; its moment is now."""
    desired, timezone = workspace.desired, workspace.settings.timezone
    states = {state.id: state for state in reading.states}
    day = today(timezone)
    capabilities = backend.capabilities()
    return PlanRequest(
        desired=tuple(row for row in chosen if row.id in states),
        states=states,
        as_of=options.as_of or day,
        created_at=now(),
        tool=f"reconciler {__version__}",
        target=backend.target,
        configuration=Configuration(desired.digest, desired.revision, desired.dirty),
        allowed=Allowed(options.allow_removals, options.allow_irrevocable),
        live=capabilities.live and options.as_of in {None, day},
        timezone=ZoneInfo(timezone),
        unread=tuple(Unread(row.organization, row.error.message) for row in reading.failures),
        read_on=day_read(backend, timezone),
        writing=capabilities.writing,
    )


def with_parallel(settings: Settings, parallel: int | None) -> Settings:
    """Return the settings with another number of organizations at once, where one is given."""
    if parallel is None:
        return settings
    return replace(settings, api=replace(settings.api, max_parallel=parallel))


def select(
    declared: tuple[DesiredOrganization, ...],
    wanted: tuple[int, ...],
    shard: tuple[int, int] | None,
) -> tuple[DesiredOrganization, ...]:
    """Return the organizations that `--org` and `--shard` leave, in their order.

    Raises `UsageError` where `--org` names one that no file declares.
    """
    known = {row.id for row in declared}
    unknown = sorted(set(wanted) - known)
    if unknown:
        raise UsageError(
            f"no file declares organization {', '.join(map(str, unknown))}",
            hint=f"declared are {', '.join(map(str, sorted(known))) or 'none'}",
        )
    return tuple(
        row
        for row in declared
        if (not wanted or row.id in wanted) and (shard is None or in_shard(row.id, shard))
    )


def in_shard(organization: int, shard: tuple[int, int]) -> bool:
    """Tell whether an organization belongs to the I-th of N shares.

    A hash of the ID alone, so that an organization that comes or goes moves no other one.
    """
    index, count = shard
    digest = hashlib.sha256(str(organization).encode()).digest()
    return int.from_bytes(digest[:8], "big") % count == index - 1
