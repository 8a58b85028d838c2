"""An organization's present state as an organization file, so that managing it begins from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from reconciler import schema
from reconciler.model.identity import email_key
from reconciler.model.state import OrganizationState, Subscription
from reconciler.model.text import one_line, revealed
from reconciler.products import PRODUCTS, Product

SCHEMA_FILE = "organization.schema.json"
"""What the schema is called where it lies beside the file."""

# What is text to every reader of YAML without quotes: emails of the usual kind, machine IDs with a
# letter that no number holds, names with something in them that no word of YAML holds.
_UNQUOTED = re.compile(
    r"""[A-Za-z][A-Za-z0-9._+-]*@[A-Za-z0-9.-]*[A-Za-z0-9]
      | (?!0b)(?=[0-9e]*[a-df])[0-9a-f]{32}
      | [A-Za-z]+[0-9._-][A-Za-z0-9._-]*[A-Za-z0-9]
    """,
    re.VERBOSE,
)
# A log is a place too where a file is shown, and in one GitHub's runner takes `##[` for a command.
_ESCAPED = re.compile('["\\\\\x00-\x1f]|#(?=#\\[)')


def render_organization(
    state: OrganizationState, *, header: str | None = None, schema_beside: bool = False
) -> str:
    """Return the text of an organization file that wants exactly what there is.

    Every product with a subscription or a holder is named; one whose subscription is unknown, with
    a holder alone. A list that is not known, or that holds what no file can, is left out, which
    leaves it unmanaged, and a comment says so. `header` is put on top as a comment, and above it,
    what editors look for where the schema lies beside.
    """
    lines = [f"# yaml-language-server: $schema={SCHEMA_FILE}"] if schema_beside else []
    lines += [_comment(line) for line in (header or "").splitlines()]
    lines += ["version: 1", "organization:", f"  id: {state.id}"]
    name = one_line(state.name or "")
    if name:
        lines.append(f"  name: {_scalar(name)}")
    sections = [_Section(product, state) for product in PRODUCTS.values()]
    named = [section for section in sections if section.present]
    lines.append("products:" if named else "products: {}")
    for section in named:
        lines += section.lines()
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _MachineEntry:
    id: str
    name: str | None
    offline_until: date | None

    def data(self) -> dict[str, Any]:
        return {"id": self.id} | ({} if self.name is None else {"name": self.name})

    def lines(self) -> Iterator[str]:
        if self.name is None and self.offline_until is None:
            yield f"      - {_scalar(self.id)}"
            return
        yield f"      - id: {_scalar(self.id)}"
        if self.name is not None:
            yield f"        name: {_scalar(self.name)}"
        if self.offline_until is not None:
            yield f"        offline_until: {self.offline_until.isoformat()}"


class _Section:
    """What the state holds of one product."""

    def __init__(self, product: Product, state: OrganizationState) -> None:
        key = product.key
        self._product = product
        self._offline_known = state.offline_licenses is not None
        self._users: list[str] | None = None
        if state.licensed_users is not None:
            emails = (row.email for row in state.licensed_users if row.product == key)
            self._users = _distinct_emails(emails)
        self._machines: list[_MachineEntry] | None = None
        if state.machines is not None:
            self._machines = _machine_entries(key, state)
        row = state.subscription(key)
        # Of a product whose fields are only assumed, a row that tells nothing stands for just that.
        subscribed = row is not None and not (product.assumed and row == Subscription(key))
        self.present = subscribed or bool(self._users) or bool(self._machines)

    def lines(self) -> Iterator[str]:
        lists: list[str] = []
        if self._product.users:
            lists += self._user_lines()
        if self._product.machines:
            lists += self._machine_lines()
        managed = any(not line.lstrip().startswith("#") for line in lists)
        yield f"  {self._product.key}:" if managed else f"  {self._product.key}: {{}}"
        yield from lists

    def _user_lines(self) -> Iterator[str]:
        if self._users is None:
            yield _left_out("users", "the API does not list them")
        elif not self._fits("users", self._users):
            yield _left_out("users", "an email is none that a file can hold")
        else:
            yield "    users:" if self._users else "    users: []"
            yield from (f"      - {_scalar(email)}" for email in self._users)

    def _machine_lines(self) -> Iterator[str]:
        if self._machines is None:
            yield _left_out("machines", "the API does not list them")
            return
        if not self._fits("machines", [entry.data() for entry in self._machines]):
            yield _left_out("machines", "a machine ID is none that a file can hold")
            return
        if not self._offline_known:
            yield "    # offline licenses are not known, so no `offline_until` is written"
        yield "    machines:" if self._machines else "    machines: []"
        for entry in self._machines:
            yield from entry.lines()

    def _fits(self, key: str, items: list[Any]) -> bool:
        document = {
            "version": 1,
            "organization": {"id": 1},
            "products": {self._product.key: {key: items}},
        }
        try:
            json.dumps(items, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return False
        return not schema.problems("organization", document)


def _left_out(key: str, reason: str) -> str:
    return f"    # {key} are left out and so not managed: {reason}"


def _distinct_emails(emails: Iterable[str]) -> list[str]:
    by_key: dict[str, str] = {}
    for email in sorted(emails):
        by_key.setdefault(email_key(email), email)
    return [by_key[key] for key in sorted(by_key)]


def _machine_entries(product: str, state: OrganizationState) -> list[_MachineEntry]:
    names: dict[str, str | None] = {}
    for row in state.machines or ():
        if row.product == product and names.get(row.id) is None:
            names[row.id] = one_line(row.name) if row.name else None
    ends: dict[str, date] = {}
    for license_ in state.offline_licenses or ():
        if license_.product == product:
            names.setdefault(license_.machine, None)
            if license_.expires is not None:
                known = ends.get(license_.machine, license_.expires)
                ends[license_.machine] = max(known, license_.expires)
    return [_MachineEntry(key, names[key], ends.get(key)) for key in sorted(names)]


def _comment(text: str) -> str:
    # Nothing is an escape in a comment.
    return f"# {one_line(text)}".rstrip().replace("##[", "## [")


def _scalar(text: str) -> str:
    """Return text as YAML, in quotes unless it is safe without."""
    if _UNQUOTED.fullmatch(text):
        return text
    escaped = _ESCAPED.sub(lambda found: _escape(found[0]), text)
    return f'"{revealed(escaped, _escape)}"'


def _escape(character: str) -> str:
    return f"\\{character}" if character in '"\\' else f"\\U{ord(character):08x}"
