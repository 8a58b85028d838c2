"""The demo tells the whole story, fast, and fails when a step has no effect."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from reconciler.cli import demo
from reconciler.errors import ReconcilerError
from tests.acceptance.conftest import Cli


def test_every_step_has_its_effect_on_the_server_and_the_files_stay(cli: Cli) -> None:
    out = cli.ok("demo", TMPDIR=str(cli.folder))
    assert out.count("read back from the server") == 6
    found = re.search(r"The files are in (.*)", out)
    assert found is not None
    folder = Path(found.group(1))
    try:
        names = {path.name for path in folder.iterdir()}
        assert {"orgs", "reconciler.yaml", "snapshot.json", "licenses.db", "plan.json"} <= names
    finally:
        shutil.rmtree(folder)


def test_a_step_without_its_effect_fails_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ReconcilerError, match="the demo failed: a seat: found 1, wanted 2"):
        demo._check("a seat", found=1, wanted=2)
    assert capsys.readouterr().out == ""


def test_without_the_server_extra_the_demo_fails_and_says_what_to_install(cli: Cli) -> None:
    (cli.folder / "waitress.py").write_text("raise ImportError('gone', name='waitress')\n")
    result = cli("demo", PYTHONPATH=str(cli.folder), TMPDIR=str(cli.folder))
    assert result.code == 1
    assert "hint: Install what serve needs: pip install flask waitress" in result.err
