"""Reading the state of many organizations at once, each failing on its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from reconciler.backends.protocol import Backend, OrganizationRef
from reconciler.cli.clock import today
from reconciler.cli.notes import note
from reconciler.cli.progress import QUIET_SECONDS, Progress
from reconciler.errors import ApiError
from reconciler.model.calendar import in_zone
from reconciler.model.state import OrganizationState, Role

_MAY_READ = frozenset({Role.OWNER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Failure:
    """An organization that could not be read, and why."""

    organization: int
    error: ApiError


@dataclass(frozen=True, slots=True)
class Reading:
    """The states that were read, by ID, and the failures; both in the order of IDs."""

    states: tuple[OrganizationState, ...]
    failures: tuple[Failure, ...]

    def tell_failures(self) -> None:
        """Print each failure on standard error, with its organization and its advice."""
        for failure in self.failures:
            note(f"error: organization {failure.organization}: {failure.error.message}")
            if failure.error.hint:
                note(f"hint: {failure.error.hint}")


def read_organizations(
    backend: Backend, organizations: Iterable[int], *, max_parallel: int, each: bool = False
) -> Reading:
    """Read organizations, up to `max_parallel` of them at once.

    Raises the `ApiError` itself where every one of them fails for the same reason, which then
    lies in the connection or the key and is told once; with `each`, they are failures all the same.
    """
    wanted = sorted(set(organizations))
    if max_parallel > 1:
        results = _read_in_parallel(backend, wanted, max_parallel)
    else:
        results = [_read(backend, number) for number in wanted]
    reading = Reading(
        tuple(result for result in results if isinstance(result, OrganizationState)),
        tuple(result for result in results if isinstance(result, Failure)),
    )
    if not each:
        _raise_shared(reading)
    return reading


def day_read(backend: Backend, timezone: str) -> date:
    """Return the day on which what a backend reads was so: that of a snapshot, or today."""
    taken_at = backend.capabilities().taken_at
    return today(timezone) if taken_at is None else in_zone(taken_at, ZoneInfo(timezone)).date()


def visible_organizations(backend: Backend) -> tuple[int, ...]:
    """Return the organizations whose licenses the key's owner may read; tell of the others."""
    refs = backend.organizations()
    for ref in refs:
        if not _may_read(ref):
            role = ref.role.value if ref.role else "unknown"
            note(f"note: organization {ref.id} is left out: the key's owner is {role} there")
    return tuple(ref.id for ref in refs if _may_read(ref))


def _may_read(ref: OrganizationRef) -> bool:
    return ref.role is None or ref.role in _MAY_READ


def _read(backend: Backend, organization: int) -> OrganizationState | Failure:
    try:
        return backend.read(organization)
    except ApiError as error:
        return Failure(organization, error)


def _read_in_parallel(
    backend: Backend, wanted: list[int], max_parallel: int
) -> list[OrganizationState | Failure]:
    # Imported here: it costs a plan from a file a tenth of its time.
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    progress = Progress("reading organizations", len(wanted))
    executor = ThreadPoolExecutor(max(1, min(max_parallel, len(wanted))))
    try:
        futures = [executor.submit(_read, backend, number) for number in wanted]
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=QUIET_SECONDS, return_when=FIRST_COMPLETED)
            for _ in done:
                progress.advance()
            progress.tick()
    finally:
        progress.finish()
        executor.shutdown(cancel_futures=True)
    return [future.result() for future in futures]


def _raise_shared(reading: Reading) -> None:
    if reading.states or not reading.failures:
        return
    first = reading.failures[0].error
    if all(failure.error.message == first.message for failure in reading.failures):
        raise first
