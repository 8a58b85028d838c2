"""Each report is, to the byte, the one that was looked at; `script/golden` renews them."""

from __future__ import annotations

import pytest

from tests.golden.reports import FOLDER, reports, stored

REPORTS = dict(reports())


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_the_report_is_the_one_that_was_looked_at(name: str) -> None:
    kept = (FOLDER / name).read_bytes().decode()
    assert stored(REPORTS[name]) == kept, "if this is meant, run script/golden"


def test_there_is_no_file_that_nothing_makes() -> None:
    files = {file.name for file in FOLDER.iterdir() if file.is_file() and file.suffix != ".py"}
    assert files == set(REPORTS)
