"""Standard streams that are closed or full: the work is the same, and so is the exit code."""

from __future__ import annotations

import subprocess

import pytest

from tests.acceptance.conftest import COMMAND, Cli, environment

STATE = ("--state", "snapshot.yaml")
WITHOUT_ERRORS = ("2>&-", "2>/dev/full", "<&- 2>&-", "<&-", "<&- 2>/dev/full")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("--version",),
    ("--help",),
    ("validate",),
    ("plan", *STATE),
    ("plan", *STATE, "--detailed-exitcode", "--format", "json"),
    ("show", *STATE),
    ("forecast", *STATE),
    ("why", "nobody@example.com", *STATE),
    ("nonsense",),
    ("plan", "missing.yaml"),
)


def with_streams(cli: Cli, redirections: str, *arguments: str) -> tuple[int, str]:
    """Run a command with redirections of the shell; return its code and what reached the output."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirections}', *COMMAND, *arguments],
        cwd=cli.folder,
        env=environment(**cli.env),
        capture_output=True,
        check=False,
        timeout=120,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize("redirections", WITHOUT_ERRORS)
def test_without_errors_or_input_a_command_does_the_same_and_ends_the_same(
    examples: Cli, redirections: str
) -> None:
    for arguments in COMMANDS:
        usual = examples(*arguments)
        code, out = with_streams(examples, redirections, *arguments)
        assert code == usual.code, arguments
        assert timeless(out) == timeless(usual.out), arguments


def timeless(text: str) -> list[str]:
    varying = ('"created_at"', '"valid_until"', '"digest"')
    return [line for line in text.splitlines() if not line.lstrip().startswith(varying)]


@pytest.mark.parametrize("errors", ["", "2>&-", "2>/dev/full", "<&- 2>&-"])
@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_output_that_cannot_be_written_is_a_failure_whatever_the_other_streams_are(
    examples: Cli, output: str, errors: str
) -> None:
    for arguments in COMMANDS[:6]:
        assert with_streams(examples, f"{output} {errors}", *arguments)[0] == 1, arguments
    assert with_streams(examples, f"{output} {errors}", "nonsense")[0] == 64
    code, _ = with_streams(examples, f"{output} {errors}", "plan", *STATE, "--output", "plan.txt")
    assert code == 0
    assert "Plan: " in (examples.folder / "plan.txt").read_text()


@pytest.mark.parametrize("redirections", ["2>&-", "<&- 2>&-"])
def test_no_file_that_a_command_opens_takes_the_place_of_a_closed_stream(
    embedded: Cli, redirections: str
) -> None:
    outputs = ("--journal", "j", "--out", "p", "--output", "o")
    assert with_streams(embedded, redirections, "apply", "--yes", *outputs)[0] == 0
    assert (embedded.folder / "o").read_text().endswith("Applied: 10 done; 14 writes.\n")
    embedded.ok("audit", "j")
    embedded.ok("report", "p")
    assert "no change" in embedded.ok("plan")


@pytest.mark.parametrize("redirections", [">&-", "<&- >&- 2>&-", ">/dev/full 2>&-"])
def test_a_plan_that_cannot_be_shown_is_not_applied(embedded: Cli, redirections: str) -> None:
    code, _ = with_streams(embedded, redirections, "apply", "--yes", "--output", "o")
    assert code == 1
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_a_question_that_nobody_can_answer_is_no(embedded: Cli) -> None:
    code, _ = with_streams(embedded, "<&-", "apply")
    assert code == embedded("apply").code
    assert embedded("plan", "--detailed-exitcode").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--debug", "plan", "missing.yaml"),
        ("plan", "--debug", "missing.yaml"),
        ("plan", "missing.yaml", "--debug"),
        ("sessions", "end", "--org", "0", "--debug"),
        ("sessions", "--debug", "end", "--org", "0"),
        ("github", "compare", "missing.json", "--expect", "x", "--debug"),
    ],
)
def test_debug_is_taken_anywhere(examples: Cli, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=examples.folder, env=environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert "Traceback" in done.stderr
    assert "no such option" not in done.stderr.lower()


def test_debug_after_two_dashes_is_a_name(examples: Cli) -> None:
    result = examples("why", *STATE, "--", "--debug")
    assert result.code == 1
    assert "know --debug" in result.err
