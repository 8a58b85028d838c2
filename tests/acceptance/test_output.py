"""Where output goes, and how it looks there."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import COMMAND, Cli, environment, without_progress

STATE = ("--state", "snapshot.yaml")


def on_terminal(cli: Cli, *arguments: str, typed: str = "", **env: str) -> tuple[int, str]:
    """Run a command on a terminal of its own, type something there, return what it showed."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cli.folder,
        env=environment(TERM="xterm", **{**cli.env, **env}),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        os.write(leader, typed.encode())
        shown = _read_all(leader)
    os.close(leader)
    return process.returncode, re.sub(r"[a-z ]*…?\r\x1b\[K", "", shown)


def _read_all(leader: int) -> str:
    shown, end = b"", time.monotonic() + 60
    while time.monotonic() < end and select.select([leader], [], [], 60)[0]:
        try:
            part = os.read(leader, 65536)
        except OSError:  # what Linux says once the other side is closed
            break
        if not part:
            break
        shown += part
    return shown.decode()


def test_colours_are_for_terminals_without_no_color(examples: Cli) -> None:
    assert "\x1b[" not in examples.ok("plan", *STATE)
    code, shown = on_terminal(examples, "plan", *STATE)
    assert code == 0
    assert "\x1b[1m" in shown
    _, plain = on_terminal(examples, "plan", *STATE, NO_COLOR="1")
    assert "\x1b[" not in plain
    assert "carol@acme.example -> bob@acme.example" in plain


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 4)])
def test_apply_asks_on_a_terminal_and_takes_no_for_an_answer(
    embedded: Cli, typed: str, code: int
) -> None:
    found, shown = on_terminal(embedded, "apply", typed=typed)
    assert found == code, shown
    assert "Apply 10 change(s)?" in shown
    assert embedded("plan", "--detailed-exitcode").code == (0 if code == 0 else 2)


def test_json_is_the_same_bytes_on_standard_output_and_in_a_file(examples: Cli) -> None:
    shown = examples.ok("plan", *STATE, "--format", "json", "--out", "a.json", "--output", "b.json")
    assert shown == ""
    a, b = (json.loads((examples.folder / name).read_text()) for name in ("a.json", "b.json"))
    assert a == b
    assert (examples.folder / "a.json").read_bytes() == (examples.folder / "b.json").read_bytes()


def test_two_plans_of_the_same_input_differ_in_their_times_alone(examples: Cli) -> None:
    plans = [json.loads(examples.ok("plan", *STATE, "--format", "json")) for _ in range(2)]
    for plan in plans:
        for name in ("created_at", "valid_until", "digest"):
            del plan[name]
    assert json.dumps(plans[0]) == json.dumps(plans[1])


def test_report_renders_what_plan_showed(examples: Cli) -> None:
    shown = examples.ok("plan", *STATE, "--out", "plan.json")
    assert examples.ok("report", "plan.json") == shown
    json_text = (examples.folder / "plan.json").read_text()
    assert examples.ok("report", "plan.json", "--format", "json") == json_text
    both = json.loads(examples.ok("report", "plan.json", "plan.json", "--format", "json"))
    assert both == [json.loads(json_text)] * 2


def test_the_shards_together_hold_each_organization_once(examples: Cli) -> None:
    found: list[int] = []
    for index in (1, 2):
        text = examples.ok("plan", *STATE, "--shard", f"{index}/2", "--format", "json")
        found += [row["id"] for row in json.loads(text)["organizations"]]
    assert sorted(found) == [101, 202, 303]
    only = json.loads(examples.ok("plan", *STATE, "--org", "303", "--format", "json"))
    assert [row["id"] for row in only["organizations"]] == [303]


@pytest.mark.parametrize(
    ("target", "said"),
    [("missing/plan.json", "its folder missing does not exist"), ("orgs", "is a folder")],
)
def test_a_target_that_cannot_be_written_is_told_before_the_work(
    examples: Cli, target: str, said: str
) -> None:
    for option in ("--out", "--output"):
        result = examples("plan", *STATE, option, target)
        assert result.code == 1
        assert said in result.err


def test_a_file_is_replaced_as_a_whole_and_keeps_its_permissions(examples: Cli) -> None:
    target = examples.folder / "plan.json"
    target.write_text("old")
    target.chmod(0o640)
    examples.ok("plan", *STATE, "--out", "plan.json")
    assert json.loads(target.read_text())["format"] == "license-plan/1"
    assert target.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in target.parent.iterdir() if path.name.startswith(".plan")] == []


def with_output(cli: Cli, output: int | None, *arguments: str) -> tuple[int, str]:
    """Run a command with this descriptor as its standard output, or with a closed one."""
    closing = ("sh", "-c", 'exec "$0" "$@" >&-') if output is None else ()
    done = subprocess.run(
        [*closing, *COMMAND, *arguments],
        cwd=cli.folder,
        env=environment(**cli.env),
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, without_progress(done.stderr)


def without_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", *STATE, "--format", "json"), 0),
        (("plan", *STATE, "--detailed-exitcode"), 2),
        (("--help",), 0),
        (("--version",), 0),
        (("schema", "plan"), 0),
    ],
)
def test_a_reader_that_goes_away_changes_no_exit_code(
    examples: Cli, arguments: tuple[str, ...], code: int
) -> None:
    writing = without_reader()
    assert with_output(examples, writing, *arguments) == (code, "")
    os.close(writing)


def test_an_account_that_nobody_reads_ends_with_5_when_something_was_written(
    embedded: Cli,
) -> None:
    writing = without_reader()
    code, err = with_output(embedded, writing, "apply", "--yes")
    os.close(writing)
    assert code == 5
    assert "the account of 14 write(s) could not be written" in err
    embedded.ok("plan", "--detailed-exitcode")


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("validate",)])
def test_a_closed_output_ends_with_1_and_one_line(
    examples: Cli, arguments: tuple[str, ...]
) -> None:
    assert with_output(examples, None, *arguments) == (1, "error: Bad file descriptor\n")


def test_a_closed_output_does_not_matter_where_nothing_goes_there(examples: Cli) -> None:
    code, err = with_output(examples, None, "plan", *STATE, "--output", "p.txt")
    assert (code, err) == (0, "")
    assert "Plan: " in (examples.folder / "p.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", *STATE, "--out", "x.json", "--output", "orgs/../x.json"), "to orgs/../x.json"),
        (("plan", *STATE, "--out", "-"), "to standard output"),
        (("apply", "--out", "/dev/stdout"), "to standard output"),
        (("apply", "--journal", "j", "--output", "j"), "to j"),
    ],
)
def test_two_outputs_to_one_place_are_wrong_usage(
    examples: Cli, arguments: tuple[str, ...], said: str
) -> None:
    result = examples(*arguments)
    assert result.code == 64
    assert said in result.err
    assert not (examples.folder / "x.json").exists()


def test_outputs_that_replace_nothing_may_share_a_place(examples: Cli) -> None:
    examples.ok("plan", *STATE, "--out", "/dev/null", "--output", "/dev/null")
    examples.ok("plan", *STATE, "--out", "-", "--output", "p.txt")


def test_choices_are_told_in_one_line(examples: Cli) -> None:
    result = examples("schema")
    assert result.code == 64
    assert "Choose from: organization, workspace," in result.err
    assert "\\x0a" not in result.err


def test_dev_stderr_and_other_devices_can_be_named(examples: Cli) -> None:
    examples.ok("plan", *STATE, "--out", "/dev/null")
    assert not Path("/dev/null").is_file()


def test_what_goes_wrong_inside_is_called_a_bug_and_debug_shows_where(examples: Cli) -> None:
    # A workspace's file that turns into a folder while the command runs is hard to stage; a
    # package that is broken on purpose is not.
    broken = examples.folder / "jsonschema_rs.py"
    broken.write_text("raise RuntimeError('broken on purpose')\n")
    env = environment(PYTHONPATH=str(examples.folder))
    for more, traced in ((("validate",), False), (("--debug", "validate"), True)):
        done = subprocess.run(
            [*COMMAND, *more], cwd=examples.folder, env=env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "error: RuntimeError: broken on purpose" in done.stderr
        assert "this is a bug" in done.stderr
        assert ("Traceback" in done.stderr) is traced


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("show", *STATE)])
def test_output_that_cannot_be_written_ends_with_1_and_one_line(
    examples: Cli, arguments: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=examples.folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert without_progress(done.stderr) == "error: No space left on device\n"
