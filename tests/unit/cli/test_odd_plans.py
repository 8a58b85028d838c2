"""A plan or a journal with odd values: a value, or an error that names the place; never a bug."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.applying.audit import audit, audited
from reconciler.applying.chain import START, JournalError, OddJournalError, seal
from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin
from reconciler.cli.plan_files import load_plan
from reconciler.cli.rendering import look_of
from reconciler.errors import PlanFileError, ReconcilerError
from reconciler.model.plan_document import changes_digest, document_digest, from_document
from reconciler.reports import audit_formats, formats
from reconciler.reports.json_text import json_text

GOLDEN = Path(__file__).parents[2] / "golden" / "plan.json"
PLAN: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
ODD = [
    None, True, -1, 0, 2**63 - 1, 2**63, 10**30, 1.5, 5.0, 1e300, "", "x", "\ud800", "a\u202eb",
    [], {}, [[]], {"a": 1}, "2026-02-30", "0000-01-01", "10000-01-01", "2026-11-24t09:00:00z",
    "2026-11-24T09:00:60Z", "2026-11-24T24:00:00Z", "2026-02-30T09:00:00Z", "2026-11-24T09:00:00",
    "2026-11-24T09:00:00+99:00", float("nan"), float("inf"), "kse", "user", "grant", "declared",
]  # fmt: skip


def paths(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [above, *(path for key, child in children for path in paths(child, (*above, key)))]


def mutated(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    result = copy.deepcopy(document)
    *above, last = path
    holder = result
    for step in above:
        holder = holder[step]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return result


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the plan with the digests that it would have, as one who forges it would."""
    try:
        document = {**document, "changes_digest": changes_digest(from_document(document))}
    except Exception:  # noqa: BLE001 - what cannot be read has none
        return document
    return {**document, "digest": document_digest(document)}


@given(st.sampled_from([path for path in paths(PLAN) if path]), st.sampled_from([..., *ODD]))
@settings(max_examples=150, deadline=None)
def test_a_plan_with_an_odd_value_is_read_or_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[str | int, ...], value: Any
) -> None:
    file = tmp_path_factory.getbasetemp() / "odd.json"
    file.write_text(json.dumps(sealed(mutated(PLAN, path, value)), indent=2))
    refusal = None
    try:
        document = load_plan(str(file))
    except PlanFileError as error:
        refusal = error.message
    if refusal is not None:
        placed = re.match(r".*odd\.json:\d+:\d+: is not (?:JSON|a valid plan): ", refusal)
        known = re.search(r"there is no `format|its format is|was edited after", refusal)
        assert placed or known, refusal
        assert len(refusal) < 1000
    else:
        look = look_of("-")
        for render in formats.RENDERERS.values():
            render([document], look)


PLACES = [
    ("2026-11-24t09:00:00z", "created_at", "expected a date and time with its offset"),
    ("2026-11-24T09:00:60Z", "valid_until", "expected a date and time with its offset"),
    ("2026-11-24T24:00:00Z", "created_at", "expected a date and time with its offset"),
    ("2026-02-30T09:00:00Z", "created_at", "date-time"),
    ("\ud800", "tool", "half a character"),
    (float("nan"), "tool", "NaN is no number of JSON"),
    (2**64, "tool", "a number beyond all bounds"),
]


@pytest.mark.parametrize(("value", "key", "told"), PLACES, ids=str)
def test_an_odd_value_of_a_plan_is_named_with_its_line(
    tmp_path: Path, value: Any, key: str, told: str
) -> None:
    file = tmp_path / "plan.json"
    text = json.dumps({**PLAN, key: value}, indent=1)
    file.write_text(text)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith(f' "{key}"'))
    with pytest.raises(PlanFileError) as caught:
        load_plan(str(file))
    assert re.match(rf".*plan\.json:{line}:\d+: .*", caught.value.message)
    assert told in caught.value.message


def test_a_key_that_is_there_twice_is_named_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    text = json.dumps(PLAN, indent=1)
    file.write_text(text.replace('"name":', '"id": 1,\n   "name":', 1))
    with pytest.raises(PlanFileError, match="at organizations/0: the key 'id' is there already"):
        load_plan(str(file))


ENTRIES: list[dict[str, Any]] = [
    {
        "at": "2026-11-24T09:00:00.000Z", "kind": "begin", "format": "license-journal/1",
        "target": "https://licenses.example", "tool": "t", "plan_digest": None,
        "changes_digest": None, "revision": None, "dirty": False, "via": "api",
        "writing": {"writes": "api", "routes": {"grant_users": "POST /seats/{organization}"}},
    },
    {
        "at": "2026-11-24T09:00:01.000Z", "kind": "intent", "call": "c", "organization": 101,
        "action": "issue_offline", "product": "kse",
        "items": [{"kind": "machine", "id": "m1", "change": None}],
        "expires": "2027-03-31", "successor": None,
    },
    {
        "at": "2026-11-24T09:00:02.000Z", "kind": "outcome", "call": "c",
        "results": [{"id": "m1", "ending": "done", "code": None, "message": None}],
        "settled": False,
    },
    {
        "at": "2026-11-24T09:00:03.000Z", "kind": "end", "exit_code": 0, "writes": 1,
        "interrupted": False,
    },
]  # fmt: skip


def chained(path: Path, entries: list[Any]) -> None:
    digest, lines = START, []
    for entry in entries:
        line, digest = seal(entry, digest)
        lines.append(line)
    path.write_bytes(b"".join(lines))


@given(
    st.sampled_from([path for path in paths(ENTRIES) if len(path) > 1]),
    st.sampled_from([..., *ODD]),
)
@settings(max_examples=250, deadline=None)
def test_a_sealed_journal_with_an_odd_value_is_read_or_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[str | int, ...], value: Any
) -> None:
    file = tmp_path_factory.getbasetemp() / "odd.jsonl"
    chained(file, mutated(ENTRIES, path, value))
    begin = Begin("https://licenses.example", "t")
    for read in (audit, lambda file: Journal.open(file, begin).close()):
        refusal = None
        try:
            document = read(file)
        except JournalError as error:
            refusal = error.message
        if refusal is not None:
            place = r"odd\.jsonl:\d+(?::\d+)?: the journal is damaged at this line: |odd\.jsonl: "
            assert re.search(place, refusal), refusal
        elif document is not None:
            with audited(file) as account:
                shown = {
                    name: "".join(render(account, look_of("-")))
                    for name, render in audit_formats.FORMATS.items()
                }
            assert shown["json"] == json_text(document)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ((1, "organization"), "101", r"j\.jsonl:2:76: .* at organization: expected a whole number"),
        ((0, "writing"), [], "1:.* at writing: expected a mapping"),
        ((0, "writing", "writes"), "both", "at writing/writes: expected one of api, checklist"),
        ((0, "writing", "routes"), "POST /x", "at writing/routes: expected a mapping"),
        (
            (0, "writing", "routes", "grant_users"),
            5,
            "at writing/routes/grant_users: expected text",
        ),
        ((1, "action"), "take", "at action: expected one of grant, remove"),
        ((1, "product"), "kxe", "at product: expected one of kse"),
        ((1, "items", 0, "kind"), "robot", "at items/0/kind: expected one of user, machine"),
        ((1, "expires"), "20270331", "at expires: expected a date that exists"),
        ((2, "results", 0, "ending"), 5, "3:.* at results/0/ending: expected one of done"),
        ((3, "kind"), "finish", "4:.* at kind: expected one of begin, intent"),
        ((3, "writes"), float("nan"), "4:.* NaN is no number of JSON"),
        ((3, "writes"), ..., "4:1: .* the field 'writes' is missing"),
    ],
)
def test_what_no_apply_writes_ends_with_3_and_is_named(
    tmp_path: Path, path: tuple[str | int, ...], value: Any, told: str
) -> None:
    file = tmp_path / "j.jsonl"
    chained(file, mutated(ENTRIES, path, value))
    with pytest.raises(OddJournalError, match=told) as caught:
        audit(file)
    assert caught.value.exit_code == 3
    assert isinstance(caught.value, ReconcilerError)


def test_a_sealed_line_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    import hashlib

    file = tmp_path / "j.jsonl"
    line, _ = seal(ENTRIES[0], START)
    body = line[: line.rindex(b',"digest"')] + b',"via":"sessions"}'
    digest = hashlib.sha256(body).hexdigest().encode()
    file.write_bytes(body[:-1] + b',"digest":"' + digest + b'"}\n')
    with pytest.raises(OddJournalError, match="the key 'via' is there already"):
        audit(file)
