"""The checks of `doctor`: each a row, told whether or not the next ones can run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from reconciler.backends.protocol import Backend, OrganizationRef, Write
from reconciler.errors import ApiError
from reconciler.model.state import LISTS, OrganizationState, Role
from reconciler.reports.write_notes import notes_now


class Grade(StrEnum):
    """How a check ended; only a failed one makes `doctor` fail."""

    GOOD = "ok"
    LIMITED = "limited"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Check:
    """One row: what was checked, how it ended, and what to do where it did not end well."""

    subject: str
    grade: Grade
    message: str
    hint: str | None = None


def checks_of(
    backend: Backend,
    organizations: tuple[int, ...],
    *,
    apart: Collection[int] = (),
    key: str | None = None,
) -> Iterator[Check]:
    """Run every check, on these organizations or on all that can be seen but those `apart`.

    `key` names the key that is checked, where there are several.
    """
    connection = f"connection and credentials{f' ({key})' if key else ''}"
    try:
        refs = backend.organizations()
    except ApiError as error:
        yield _failed(connection, error)
        return
    yield Check(
        connection,
        Grade.GOOD if refs else Grade.FAILED,
        f"{backend.target} answers; {len(refs)} organization(s) can be seen",
        None if refs else "the key's owner belongs to no organization; use another key",
    )
    try:
        capabilities = backend.capabilities()
    except ApiError as error:
        yield _failed("capabilities", error)
        return
    yield _writes(capabilities.writes)
    for told in notes_now(backend.target, capabilities.writing):
        yield Check("routes", Grade.LIMITED, f"{told.heading}: {'; '.join(told.lines)}")
    for number in organizations or tuple(ref.id for ref in refs if ref.id not in apart):
        yield from _organization(backend, number, refs)


def _writes(writes: frozenset[Write]) -> Check:
    if not writes:
        return Check(
            "writes",
            Grade.LIMITED,
            "none: changes go by checklist (`apply --via checklist`)",
            "the vendor publishes no API for license writes; `api: {writes: api}` in the "
            "workspace file (in CI: RECONCILER_API_WRITES) turns them on where the host has them",
        )
    missing = [write.value for write in Write if write not in writes]
    names = ", ".join(write.value for write in Write if write in writes)
    if missing:
        return Check("writes", Grade.LIMITED, f"{names}; missing: {', '.join(missing)}")
    return Check("writes", Grade.GOOD, names)


def _organization(
    backend: Backend, number: int, refs: tuple[OrganizationRef, ...]
) -> Iterator[Check]:
    ref = next((ref for ref in refs if ref.id == number), None)
    subject = f"organization {number}"
    if ref is not None:
        yield _role(subject, ref)
    try:
        state = backend.read(number)
    except ApiError as error:
        yield _failed(f"{subject}: lists", error)
        return
    yield _lists(subject, state)


def _role(subject: str, ref: OrganizationRef) -> Check:
    name = f" of {ref.name}" if ref.name else ""
    if ref.role is None:
        return Check(f"{subject}: role", Grade.LIMITED, f"not given{name}")
    if ref.role in {Role.OWNER, Role.ADMIN}:
        return Check(f"{subject}: role", Grade.GOOD, f"{ref.role.value}{name}")
    return Check(
        f"{subject}: role",
        Grade.FAILED,
        f"{ref.role.value}{name}",
        "only an Owner or Admin may read and manage licenses; use such a person's key",
    )


def _lists(subject: str, state: OrganizationState) -> Check:
    unknown = [name for name in LISTS if getattr(state, name) is None]
    subject = f"{subject}: lists"
    if not unknown:
        return Check(subject, Grade.GOOD, "all can be read")
    grade = Grade.FAILED if len(unknown) == len(LISTS) else Grade.LIMITED
    return Check(
        subject,
        grade,
        f"unknown: {', '.join(unknown)}",
        "a product whose files need an unknown list is refused, the others are planned",
    )


def _failed(subject: str, error: ApiError) -> Check:
    return Check(subject, Grade.FAILED, error.message, error.hint)
