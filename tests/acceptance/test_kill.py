"""A sample of `script/kill-test`: SIGKILL in the middle, then the same plan again."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from tests.acceptance.conftest import ROOT, environment
from tests.acceptance.killing.world import Truth, faults

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def test_killed_anywhere_the_same_plan_ends_as_wanted_with_and_without_the_journal() -> None:
    # Strides that have no divisor in common with the number of ways to be killed.
    command = [sys.executable, "-m", "tests.acceptance.killing", "--every", "10"]
    done = subprocess.run(
        [*command, "--servers-every", "9"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(
        line.rsplit(": ", 1) for line in done.stdout.splitlines() if line.startswith("kills: ")
    )
    ways = {name.removeprefix("kills: ") for name in counts}
    assert ways == {
        "apply, before",
        "apply, after",
        "apply, within a journal line",
        "server, before its commit",
        "server, after its commit",
    }
    assert sum(map(int, counts.values())) >= 20


ADA, BOB, EVE = ((1, "KSE", name) for name in ("ada", "bob", "eve"))
GAINED = (1, "KSE", "grant_user", "bob")
BEFORE = Truth(frozenset({ADA}), Counter(), 0)
WANTED = Truth(frozenset({ADA, BOB}), Counter([GAINED]), 0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (replace(WANTED, held=frozenset({ADA, BOB, EVE})), "held differs"),
        (replace(WANTED, held=frozenset({BOB})), "held differs"),
        (replace(WANTED, over_quota=1), "over quota"),
        (replace(WANTED, effects=Counter([GAINED, GAINED])), "done twice"),
        (
            replace(WANTED, effects=Counter([GAINED, (1, "KSE", "remove_user", "ada")])),
            "lost though it was to be kept",
        ),
    ],
)
def test_the_judge_of_end_states_finds_what_is_wrong(found: Truth, said: str) -> None:
    assert faults(BEFORE, WANTED, WANTED) == []
    assert said in " ".join(faults(BEFORE, WANTED, found))
