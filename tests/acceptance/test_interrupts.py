"""Ctrl-C at every moment of a process: one line and the exit code, never a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.acceptance.conftest import Cli, environment

# The interpreter's own start, before the first line that is ours, is told by the pipe.
START = (
    "import os, sys; os.write(1, b'.'); sys.argv[0] = 'reconciler'; "
    "from reconciler.cli.main import run; run()"
)
STATE = ("--state", "snapshot.yaml")
STEP = 0.008


def interrupted(cli: Cli, delay: float, *arguments: str) -> tuple[int, str, str]:
    """Send SIGINT so many seconds after the process has begun; return code, output and errors."""
    with subprocess.Popen(
        [sys.executable, "-c", START, *arguments],
        cwd=cli.folder,
        env=environment(**cli.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        # From here on the next thing that runs is the import of our entry point.
        assert process.stdout.read(1) == b"."
        time.sleep(delay + STEP)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("part", range(4))
def test_ctrl_c_at_any_moment_is_one_line_and_no_traceback(examples: Cli, part: int) -> None:
    examples.ok("plan", *STATE)  # Later starts find the modules compiled.
    seen = set()
    for number in range(part, 48, 4):
        code, _, err = interrupted(examples, number * STEP, "plan", *STATE)
        assert "Traceback" not in err, err
        assert "bug" not in err, err
        assert (code, err.splitlines()[-1:]) in [(1, ["error: interrupted"]), (0, [])], (code, err)
        seen.add(code)
    assert 1 in seen


def test_ctrl_c_twice_is_no_traceback_either(examples: Cli) -> None:
    for number in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", START, "plan", *STATE],
            cwd=examples.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            for _ in range(2):
                time.sleep(0.005 + number * STEP)
                process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert b"Traceback" not in err, err
        assert process.returncode in {0, 1}


def test_where_ctrl_c_is_ignored_it_stays_so(examples: Cli) -> None:
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; "$@" & child=$!; sleep 0.1; kill -INT $child; wait $child',
         "sh", sys.executable, "-m", "reconciler", "validate"],
        cwd=examples.folder, env=environment(), capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_import_that_swallows_ctrl_c_does_not_lose_it(examples: Cli) -> None:
    # A callback of the import machinery cannot be ended by an exception: Python prints it and goes
    # on, as it does with that of `__del__` here.
    (examples.folder / "jsonschema_rs.py").write_text(
        "import os, signal, time\n"
        "class Deaf:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        time.sleep(0)\n"
        "Deaf()\n"
        "time.sleep(20)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate"],
        cwd=examples.folder,
        env=environment(PYTHONPATH=str(examples.folder)),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.endswith(b"\nerror: interrupted\n")
    assert b"Exception ignored" not in done.stderr
    assert time.monotonic() - began < 15
