"""Every error becomes text and an exit code in one place, and never holds a key."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli import edge
from reconciler.cli.exits import Exit, gravest
from reconciler.cli.secrets import redacted
from reconciler.errors import (
    ApiError,
    ConfigurationError,
    PlanFileError,
    ReconcilerError,
    RefusedError,
    UsageError,
)
from reconciler.model.source import Problem, Source


def dressed(cause: BaseException) -> RuntimeError:
    error = RuntimeError("Error calling __set_name__")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (
            ConfigurationError(
                [Problem(Source("b.yaml", 2, 1), "second"), Problem(Source("a.yaml"), "first")],
                hint="look at docs/files.md",
            ),
            3,
            ["a.yaml:1:1: first", "b.yaml:2:1: second", "hint: look at docs/files.md"],
        ),
        (PlanFileError("no plan"), 3, ["error: no plan"]),
        (RefusedError("no", hint="ask"), 4, ["error: no", "hint: ask"]),
        (UsageError("odd"), 64, ["error: odd"]),
        (ApiError("down"), 1, ["error: down"]),
        (FileNotFoundError(2, "No such file", "x.yaml"), 1, ["error: x.yaml: No such file"]),
        (OSError("odd"), 1, ["error: odd"]),
        (KeyboardInterrupt(), 1, ["error: interrupted"]),
        (click.Abort(), 1, ["error: interrupted"]),
        (dressed(KeyboardInterrupt()), 1, ["error: interrupted"]),
        (MemoryError(), 1, ["error: the input is too large (MemoryError)"]),
        (click.ClickException("odd"), 1, ["error: odd"]),
        (
            click.UsageError("odd"),
            64,
            ["error: odd", "hint: `reconciler --help` shows how it is used"],
        ),
        (
            ZeroDivisionError("by zero"),
            1,
            [
                "error: ZeroDivisionError: by zero",
                "hint: this is a bug; run it again with --debug and report what it prints",
            ],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_is_told_in_lines_and_ends_with_its_code(
    error: BaseException, code: int, lines: list[str]
) -> None:
    assert list(edge.lines_of(error)) == lines
    assert edge.exit_code_of(error) == code


def test_no_error_shows_a_key_even_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "hunter2-hunter2"
    sent = base64.b64encode(f":{key}".encode()).decode()
    monkeypatch.setenv("RECONCILER_KEY_OF_ACME", key)

    def fail(**_: object) -> None:
        raise ReconcilerError(f"the header was Basic {sent}, from {key}\x1b[2J")

    monkeypatch.setattr(edge.commands, "main", fail)
    assert edge.main(["--debug", "plan"]) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert key not in told
    assert sent not in told
    assert "[RECONCILER_KEY_OF_ACME]\\x1b[2J" in told


def test_only_keys_are_taken_out_of_a_text() -> None:
    environ = {
        "RECONCILER_API_URL": "http://127.0.0.1:8080",
        "RECONCILER_DEBUG": "debug-value",
        "RECONCILER_SHORT": "abc",
        "HOME": "/home/ada",
        "RECONCILER_API_KEY": " secret-key ",
    }
    text = "http://127.0.0.1:8080 debug-value abc /home/ada secret-key"
    assert redacted(text, environ) == (
        "http://127.0.0.1:8080 debug-value abc /home/ada [RECONCILER_API_KEY]"
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], Exit.DONE),
        ([Exit.PENDING], Exit.PENDING),
        ([Exit.PENDING, Exit.REFUSED], Exit.REFUSED),
        ([Exit.REFUSED, Exit.FAILURE, Exit.PENDING], Exit.FAILURE),
        ([Exit.FAILURE, Exit.INVALID], Exit.INVALID),
    ],
)
def test_the_gravest_code_wins(found: list[Exit], code: Exit) -> None:
    assert gravest(found) is code


def test_a_reader_that_has_gone_before_the_last_line_is_met_in_silence() -> None:
    # The command leaves its text in the buffer, so that the pipe is found broken at the end.
    code = (
        "import sys\n"
        "from reconciler.cli import edge\n"
        "edge.commands.main = lambda **_: sys.stdout.write('text') and None\n"
        "sys.exit(edge.main(['plan']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_what_was_written_to_the_api_is_told_by_5_even_if_the_output_fails_at_the_end() -> None:
    code = (
        "import sys\n"
        "from reconciler.cli import edge\n"
        "edge.commands.main = lambda **_: sys.stdout.write('text') and int(sys.argv[1])\n"
        "sys.exit(edge.main(['plan']))\n"
    )
    for given, expected in (("5", 5), ("2", 1), ("4", 1)):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-c", code, given],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        assert (done.returncode, done.stderr) == (expected, "error: No space left on device\n")
