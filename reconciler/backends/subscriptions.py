"""The quotas of an organization out of the API's OrganizationResource."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.backends.days import last_day
from reconciler.errors import MalformedAnswerError
from reconciler.model.state import Role, Subscription
from reconciler.products import PRODUCTS, Product


def subscriptions(
    resource: Mapping[str, Any], zone: ZoneInfo, where: str
) -> tuple[Subscription, ...] | None:
    """Return a row for each product of which the API gives a quota or an expiry.

    A product without any is taken as not subscribed, but for one whose field of the quota is only
    assumed to be named so and is not there: of that one, what was bought is unknown, and so says
    its row. None where nothing is told of any product: then the API does not tell, and the
    subscriptions are unknown.
    """
    rows = {p.key: _subscription(resource, p, zone, where) for p in PRODUCTS.values()}
    if not any(rows.values()):
        return None
    return tuple(
        row or Subscription(key)
        for key, row in rows.items()
        if row or (PRODUCTS[key].assumed and PRODUCTS[key].quota_field not in resource)
    )


def role(resource: Mapping[str, Any]) -> Role | None:
    """Return the role of the key's owner; None where it is not given, USER where not known."""
    text = resource.get("role")
    if text is None:
        return None
    try:
        return Role(str(text).lower())
    except ValueError:
        return Role.USER


def _subscription(
    resource: Mapping[str, Any], product: Product, zone: ZoneInfo, where: str
) -> Subscription | None:
    quota = _count(resource, product.quota_field, where)
    used = _count(resource, product.used_field, where)
    machines = _count(resource, product.machine_quota_field, where)
    expires = _day(resource, product.expiry_field, zone, where)
    # A number in use alone is no subscription: a license can outlive the one it came from.
    if quota is None and machines is None and expires is None:
        return None
    offline = _flag(resource, product.offline_field, where)
    return Subscription(product.key, quota, used, machines, expires, offline)


def _count(resource: Mapping[str, Any], name: str | None, where: str) -> int | None:
    value = None if name is None else resource.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedAnswerError(f"{where}: {name} is not a count")
    return value


def _day(resource: Mapping[str, Any], name: str, zone: ZoneInfo, where: str) -> date | None:
    value = resource.get(name)
    if value is None:
        return None
    try:
        return last_day(value, zone)
    except (ValueError, TypeError) as error:
        raise MalformedAnswerError(f"{where}: {name} is not a date-time") from error


def _flag(resource: Mapping[str, Any], name: str | None, where: str) -> bool | None:
    value = None if name is None else resource.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise MalformedAnswerError(f"{where}: {name} is neither true nor false")
