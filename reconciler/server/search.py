"""Running a search: rows that the key's owner may see, a page at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, assert_never

from reconciler.server.access import MANAGERS, Principal, require_manager, role_in, roles_of
from reconciler.server.messages import HttpError
from reconciler.server.resources import organization_resources
from reconciler.server.search_request import Condition, Operator, Pagination, SearchRequest


def search(
    connection: sqlite3.Connection, principal: Principal, request: SearchRequest, now: str
) -> dict[str, Any]:
    """Return the page asked for, else raise a 403 or 404 for organizations out of reach."""
    where, parameters = _where(connection, principal, request)
    parameters["now"] = now
    source, page_of = request.entity.source, request.pagination
    order = ", ".join(f"{column} {way}" for column, way in _order(page_of.sorts))
    # Every fragment comes from the table of entities or from this module; values are bound.
    count = f"SELECT COUNT(*) FROM ({source}) AS t WHERE {where}"  # noqa: S608
    page = f"SELECT * FROM ({source}) AS t WHERE {where} ORDER BY {order}"  # noqa: S608
    total = connection.execute(count, parameters).fetchone()[0]
    rows = connection.execute(
        f"{page} LIMIT :size OFFSET :offset",
        {**parameters, "size": page_of.size, "offset": page_of.page * page_of.size},
    )
    content = [request.entity.row(row) for row in rows]
    if request.entity.name == "Organization":
        content = organization_resources(connection, principal, [r["id"] for r in content], now)
    return _page(page_of, content, total)


def _order(sorts: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the sorts up to that by ID, which leaves no ties; else with the ID added."""
    for number, (column, _) in enumerate(sorts, 1):
        if column == "id":
            return sorts[:number]
    return (*sorts, ("id", "ASC"))


def _page(request: Pagination, content: list[dict[str, Any]], total: int) -> dict[str, Any]:
    pages = -(-total // request.size)
    return {
        "content": content,
        "totalElements": total,
        "totalPages": pages,
        "number": request.page,
        "size": request.size,
        "numberOfElements": len(content),
        "first": request.page == 0,
        "last": request.page + 1 >= pages,
        "empty": not content,
    }


def _where(
    connection: sqlite3.Connection, principal: Principal, request: SearchRequest
) -> tuple[str, dict[str, Any]]:
    clauses, parameters = ["1"], {}
    _check_reach(connection, principal, request)
    roles = roles_of(connection, principal)
    if roles is not None:
        seen = [o for o, role in roles.items() if not request.entity.managers or role in MANAGERS]
        clauses.append("organization_id IN (SELECT value FROM json_each(:visible))")
        parameters["visible"] = json.dumps(seen)
    for number, condition in enumerate(request.conditions):
        clause, values = _clause(condition, f"c{number}")
        clauses.append(clause)
        parameters.update(values)
    return " AND ".join(clauses), parameters


def _check_reach(
    connection: sqlite3.Connection, principal: Principal, request: SearchRequest
) -> None:
    """Refuse organizations that are named but out of reach, rather than find nothing in them."""
    check = require_manager if request.entity.managers else role_in
    named = [
        value
        for condition in request.conditions
        if condition.key.column == "organization_id"
        and condition.operator in (Operator.EQUAL, Operator.IN)
        for value in condition.values
        if value is not None
    ]
    for organization in dict.fromkeys(named):
        check(connection, principal, int(organization))
    roles = roles_of(connection, principal)
    if named or roles is None or not request.entity.managers:
        return
    if not MANAGERS.intersection(roles.values()):
        raise HttpError(403, "Only an Owner or Admin of an organization sees its licenses.")


def _clause(condition: Condition, name: str) -> tuple[str, Mapping[str, Any]]:
    column = condition.key.column
    if condition.values == (None,):
        return f"{column} IS {'NOT ' if condition.operator is Operator.UNEQUAL else ''}NULL", {}
    match condition.operator:
        case Operator.EQUAL:
            return f"{column} = :{name}", {name: condition.values[0]}
        case Operator.UNEQUAL:
            return f"{column} IS NOT :{name}", {name: condition.values[0]}
        case Operator.IN:
            return (
                f"{column} IN (SELECT value FROM json_each(:{name}))",  # noqa: S608
                {name: json.dumps(condition.values)},
            )
        case Operator.LIKE:
            return f"instr({column}, :{name}) > 0", {name: condition.values[0]}
        case operator:
            assert_never(operator)
