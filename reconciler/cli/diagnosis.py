"""What `doctor` checks: the licensing system once for each key that is used for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from reconciler.backends.keys import DEFAULT_NAME
from reconciler.cli.checks import Check, Grade, checks_of
from reconciler.cli.opening import choose_address, open_source
from reconciler.cli.write_settings import WriteOptions
from reconciler.errors import ApiError
from reconciler.model.settings import Settings


@dataclass(frozen=True, slots=True)
class _Part:
    """The organizations that one key is for; none means all but those of the other keys."""

    settings: Settings
    organizations: tuple[int, ...]
    apart: frozenset[int] = frozenset()
    key: str | None = None


def diagnose(
    api: str | None, settings: Settings, organizations: tuple[int, ...], writing: WriteOptions
) -> list[Check]:
    """Return every check; a key or an organization that fails keeps none of the others back."""
    if choose_address(api, os.environ, settings).url.startswith("sqlite:"):
        settings = replace(settings, keys={})  # Its own process needs none.
    checks = [
        check for part in _parts(settings, organizations) for check in _checks(api, part, writing)
    ]
    return list(dict.fromkeys(checks))


def _checks(api: str | None, part: _Part, writing: WriteOptions) -> Iterator[Check]:
    try:
        with open_source(api=api, state=None, settings=part.settings, writing=writing) as backend:
            yield from checks_of(backend, part.organizations, apart=part.apart, key=part.key)
    except ApiError as error:
        subject = f"key {part.key}" if part.key else "address and key"
        yield Check(subject, Grade.FAILED, error.message, error.hint)


def _parts(settings: Settings, organizations: tuple[int, ...]) -> Iterator[_Part]:
    own = dict(settings.keys)
    if not own:
        yield _Part(settings, organizations)
        return
    default = settings.api.key_env or DEFAULT_NAME
    rest = tuple(number for number in organizations if number not in own)
    # Where each organization has a key of its own, nobody needs a common one.
    if rest or (not organizations and os.environ.get(default, "").strip()):
        yield _Part(_with_key(settings, default), rest, frozenset(own), default)
    for name in dict.fromkeys(own.values()):
        theirs = tuple(sorted(number for number, key in own.items() if key == name))
        chosen = tuple(number for number in theirs if not organizations or number in organizations)
        if chosen:
            yield _Part(_with_key(settings, name), chosen, key=name)


def _with_key(settings: Settings, name: str) -> Settings:
    return replace(settings, api=replace(settings.api, key_env=name), keys={})
