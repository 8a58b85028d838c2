"""The one exception tree; the command line alone turns it into text and exit codes.

Each class names its exit code (see the README's table), so that no command has to map them.
Messages are one line, say what to do next, and never hold a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from reconciler.model.source import Problem


class ReconcilerError(Exception):
    """A failure that a person can act on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigurationError(ReconcilerError):
    """The files are invalid; `problems` holds every one of them, sorted by place.

    `files` are all those that were looked at, the valid ones too, where that is known.
    """

    exit_code = 3

    def __init__(
        self, problems: Iterable[Problem], *, hint: str | None = None, files: Iterable[str] = ()
    ) -> None:
        self.problems = tuple(sorted(problems))
        self.files = tuple(sorted(files))
        super().__init__("\n".join(str(problem) for problem in self.problems), hint=hint)


class UsageError(ReconcilerError):
    """The command was called in a way that makes no sense."""

    exit_code = 64


class RefusedError(ReconcilerError):
    """What was asked for is withheld until a person acts."""

    exit_code = 4


class PlanFileError(ReconcilerError):
    """A saved plan cannot be read, or is not one."""

    exit_code = 3


class UnsoundPlanError(ReconcilerError):
    """A plan broke a rule that the checker states; `broken` holds the rules in words."""

    def __init__(self, organization: int, broken: Iterable[str]) -> None:
        self.organization = organization
        self.broken = tuple(broken)
        more = f" (and {len(self.broken) - 1} more)" if len(self.broken) > 1 else ""
        super().__init__(
            f"organization {organization}: the plan breaks a rule and is not used: "
            f"{self.broken[0]}{more}",
            hint="this is a bug in reconciler: please report it with the files and a snapshot",
        )


class ApiError(ReconcilerError):
    """The licensing API could not be used; nothing was changed by the call that raised it.

    `status` is the HTTP status where there was an answer. `retry_after` is the number of seconds
    after which the server asks to be tried again, None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_after = retry_after


class AuthenticationError(ApiError):
    """The key is missing, wrong, or may not be sent to this host."""


class ForbiddenError(ApiError):
    """The key's owner is neither Owner nor Admin of the organization."""


class UnknownOrganizationError(ApiError):
    """The key's owner does not belong to an organization of this ID."""


class MalformedAnswerError(ApiError):
    """The answer is not what the API is documented to give (not JSON, a field of a wrong type)."""


class IncompleteListingError(ApiError):
    """The pages of a list do not reconcile with its total, so the list cannot be trusted."""


class UnreachableError(ApiError):
    """No connection, or no whole and legible answer in time."""


class UnclearOutcomeError(ApiError):
    """A write was sent and its outcome is not known (time-out, reset, 5xx, a proxy's page)."""


class BrokenOffError(ReconcilerError):
    """An error that must not happen ended an apply that had written; its account was told."""

    exit_code = 5

    def __init__(self, bug: BaseException) -> None:
        super().__init__(
            f"{type(bug).__name__}: {bug}",
            hint="this is a bug; run it again with --debug and report what it prints",
        )
