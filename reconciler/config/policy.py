"""Policies out of the files: the workspace's, and what an organization may tighten of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from reconciler.config.document import Document
from reconciler.model.desired import (
    MaxRemovals,
    NotAMember,
    OnShortage,
    Policy,
    UnlicensedMembers,
    UnlistedMachines,
)
from reconciler.model.identity import email_key
from reconciler.model.source import Problem, Source

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class PolicyLayer:
    """The policy keys that one file sets, as they stand there, and where."""

    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a key's text becomes a value, and which of two values is looser.

    `combine` makes the effective value out of the workspace's (or the default) and the
    organization's own.
    """

    read: Callable[[Any], Any]
    looser: Callable[[Any, Any], bool]
    combine: Callable[[Any, Any], Any] = lambda _base, own: own


def read_policy(document: Document) -> PolicyLayer:
    """Return the policy of an organization or a workspace file that fits its schema."""
    section = document.data.get("policy", {})
    return PolicyLayer(
        MappingProxyType(dict(section)),
        MappingProxyType({key: document.child_key_source(section, key) for key in section}),
    )


def effective_policy(workspace: PolicyLayer, organization: PolicyLayer) -> Policy:
    """Return the policy of an organization: its own keys where it has them."""
    values: dict[str, Any] = {}
    for key, rule in _RULES.items():
        for layer in (workspace, organization):
            if key in layer.values:
                base = values.get(key, getattr(_DEFAULTS, key))
                values[key] = rule.combine(base, rule.read(layer.values[key]))
    sources = {**workspace.sources, **organization.sources}
    return Policy(**values, sources=MappingProxyType(sources))


def looser_keys(workspace: PolicyLayer, organization: PolicyLayer) -> Iterator[Problem]:
    """Yield a problem for every key that an organization sets looser than its workspace."""
    for key, value in organization.values.items():
        if key not in workspace.values:
            continue
        rule = _RULES[key]
        base = rule.combine(getattr(_DEFAULTS, key), rule.read(workspace.values[key]))
        if rule.looser(rule.combine(base, rule.read(value)), base):
            message = (
                f"{key} is looser than in {workspace.sources[key]}: "
                f"an organization may only tighten what the workspace sets"
            )
            yield Problem(organization.sources[key], message)


def subject_key(text: str) -> str:
    """Return the compared form of an email, or a machine ID as it is."""
    return email_key(text) if "@" in text else text


def _duration(text: str) -> timedelta:
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def _removals(base: MaxRemovals, own: Mapping[str, float]) -> MaxRemovals:
    return MaxRemovals(int(own.get("count", base.count)), own.get("percent", base.percent))


def _ordered(*loosest_first: Any) -> Callable[[Any, Any], bool]:
    return lambda own, base: loosest_first.index(own) < loosest_first.index(base)


_DEFAULTS = Policy()
_RULES: Mapping[str, _Rule] = {
    "max_removals": _Rule(
        read=lambda section: section,
        looser=lambda own, base: own.count > base.count or own.percent > base.percent,
        combine=_removals,
    ),
    "protected": _Rule(
        read=lambda texts: frozenset(map(subject_key, texts)),
        looser=lambda _own, _base: False,
        combine=lambda base, own: base | own,
    ),
    "allowed_domains": _Rule(
        read=lambda texts: frozenset(map(email_key, texts)),
        looser=lambda own, base: not own <= base,
    ),
    "on_shortage": _Rule(OnShortage, _ordered(OnShortage.WAITLIST, OnShortage.FAIL)),
    "not_a_member": _Rule(NotAMember, _ordered(NotAMember.DEFER, NotAMember.FAIL)),
    "unlicensed_members": _Rule(UnlicensedMembers, _ordered(*UnlicensedMembers)),
    "unlisted_machines": _Rule(
        UnlistedMachines, _ordered(UnlistedMachines.REMOVE, UnlistedMachines.REPORT)
    ),
    "allow_irrevocable": _Rule(bool, lambda own, base: own and not base),
    "max_plan_age": _Rule(_duration, lambda own, base: own > base),
}
