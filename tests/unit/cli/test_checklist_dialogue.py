"""The steps of a checklist on the terminal of a person."""

from __future__ import annotations

import pytest

from reconciler.cli import checklist_dialogue
from reconciler.cli.checklist_dialogue import Terminal
from reconciler.reports.spans import Look


def test_a_line_that_is_wider_than_the_terminal_goes_on_at_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checklist_dialogue, "look_of", lambda target: Look(width=60))
    Terminal().welcome("https://testops.katalon.io")
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 60
    monkeypatch.setattr(checklist_dialogue, "look_of", lambda target: Look())
    Terminal().welcome("https://testops.katalon.io")
    whole = capsys.readouterr().err.splitlines()
    assert " ".join(row.strip() for row in lines) == " ".join(whole)
