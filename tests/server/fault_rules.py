"""Generated rules for faults files: what can go wrong, wherever it can."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from reconciler.schema import problems

ENTITIES = (
    "UserOrganizationFeature",
    "Machine",
    "LicenseKey",
    "KsSession",
    "UserOrganization",
    "UserInvitation",
)
READS = ("users_me", "search", "search_info", "reads")
WRITES = ("grant_users", "remove_users", "grant_machines", "remove_machine", "issue_offline")

_WHEN = st.sampled_from(["before", "after"])

_HARMFUL: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"fault": st.just("drop"), "when": _WHEN}),
    st.fixed_dictionaries(
        {
            "fault": st.just("error"),
            "status": st.sampled_from([500, 502, 503, 504]),
            "when": _WHEN,
        },
        optional={"retry_after": st.just(0)},
    ),
    st.fixed_dictionaries(
        {"fault": st.just("error"), "status": st.just(429)},
        optional={
            "retry_after": st.just(0),
        },
    ),
    st.sampled_from(
        ["half_answer", "other_request", "other_subject", "page_missing", "page_twice"]
    ).map(lambda fault: {"fault": fault}),
    st.fixed_dictionaries(
        {
            "fault": st.just("wrong_total"),
            "by": st.sampled_from([-4, -3, -2, -1, 1, 2, 3, 4]),
        }
    ),
)

_LATENCY = st.just({"fault": "latency", "ms": 5})

_SEARCHES = st.fixed_dictionaries(
    {"operation": st.just("search"), "entity": st.sampled_from(ENTITIES)},
    optional={"page": st.integers(0, 3)},
)


def _matches(operations: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    named = st.fixed_dictionaries({"operation": st.sampled_from(operations)})
    which = named | _SEARCHES | st.just({})
    how_often = st.one_of(
        st.just({}),
        st.fixed_dictionaries({"nth": st.lists(st.integers(1, 8), min_size=1, max_size=4)}),
        st.fixed_dictionaries({"probability": st.sampled_from([0.05, 0.2, 0.5])}),
    )
    return st.tuples(which, how_often).map(lambda both: both[0] | both[1])


def rules(
    *operations: str, most: int = 3, bounded: bool = False
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rules for these operations, for searches and for all; `bounded` ones come to an end."""
    times = st.integers(1, 4) if bounded else st.none() | st.integers(1, 4)

    def rule(parts: tuple[dict[str, Any], dict[str, Any], int | None]) -> dict[str, Any]:
        fault, match, often = parts
        return fault | {"match": match} | ({} if often is None else {"times": often})

    one = st.tuples(_HARMFUL | _LATENCY, _matches(operations), times).map(rule)
    return st.lists(one, min_size=1, max_size=most).filter(_legal)


def _legal(found: list[dict[str, Any]]) -> bool:
    """A generator that makes what the schema refuses would test nothing real."""
    wrong = problems("faults", {"version": 1, "rules": found})
    assert wrong == (), wrong
    return True


def heavy_rules(*operations: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Several rules whose faults come often."""
    which = st.sampled_from(operations).map(lambda name: {"operation": name})
    how_often = st.one_of(
        st.sampled_from([0.7, 0.4, 0.2]).map(lambda value: {"probability": value}),
        st.sampled_from([1, 2, 3]).map(lambda number: {"nth": number}),
    )
    one = st.tuples(_HARMFUL, which, how_often).map(
        lambda parts: parts[0] | {"match": parts[1] | parts[2]}
    )
    return st.lists(one, min_size=2, max_size=4).filter(_legal)
