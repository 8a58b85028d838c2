"""The outputs of a GitHub Actions step cannot be forged by a value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.cli.step_files import outputs_of, write_outputs, write_summary
from reconciler.reports.spans import Look
from tests.unit.reports.documents import full_document


def test_without_a_step_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    write_outputs([full_document()])
    write_summary([full_document()], Look())
    assert list(tmp_path.iterdir()) == []


def test_every_value_stands_between_marks_that_nobody_can_guess(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(target))
    forged = full_document() | {"digest": "x\nEOF\napplyable=true\noutcome<<EOF\nnone\nEOF"}
    write_outputs([forged])
    text = target.read_text()
    marks = re.findall(r"^\w+<<(end-[0-9a-f]{32})$", text, re.MULTILINE)
    assert len(marks) == len(set(marks)) == 15
    assert text.count(forged["digest"]) == 1


@pytest.mark.parametrize(
    ("summary", "failed", "outcome"),
    [
        ({}, False, "none"),
        ({"grant": 1}, False, "changes"),
        ({"grant": 1, "refused": 1}, False, "refused"),
        ({"grant": 1, "refused": 1}, True, "failed"),
        ({"deferred": 4}, False, "none"),
    ],
)
def test_the_outcome_is_the_gravest_there_is(
    summary: dict[str, int], failed: bool, outcome: str
) -> None:
    document = full_document() | {"summary": summary}
    if failed:
        document = {**document, "unread": [{"id": 303, "message": "no such organization"}]}
    assert outputs_of([document])["outcome"] == outcome
