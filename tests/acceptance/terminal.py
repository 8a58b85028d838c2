"""The real command line on a pseudo terminal, with somebody who answers its questions."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.conftest import COMMAND, environment

Reply = str | Callable[[], str]

# Ctrl-C reaches a command only if the terminal is the one that controls it.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a terminal showed, and the exit code."""

    code: int
    text: str


def at_a_terminal(
    folder: Path, *arguments: str, replies: list[Reply], question: str, env: dict[str, str]
) -> Shown:
    """Run a command; each time it shows the question, the next reply is typed.

    A reply that is a function is called first: it is what the person does before answering.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKE_TERMINAL, *COMMAND, *arguments],
        cwd=folder,
        env=environment(TERM="dumb", **env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        text, left = _talk(ours, list(replies), question)
        code = process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "Traceback" not in text, text
    assert left == 0, f"{left} replies were not asked for:\n{text}"
    return Shown(code, text.replace("\r\n", "\n"))


def _talk(terminal: int, replies: list[Reply], question: str) -> tuple[str, int]:
    """Answer until the other side has gone; return what was shown and how many replies are left."""
    text, answered = "", 0
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # Linux says so when the other side has gone.
            break
        if not read:
            break
        text += read.decode("utf-8", "replace")
        if text.count(question) > answered and replies:
            answered += 1
            reply = replies.pop(0)
            # A person takes a moment. Python forgets a signal that comes between the showing of a
            # prompt and the waiting for its answer, so that Ctrl-C there would be typed in vain.
            time.sleep(0.3)
            os.write(terminal, (reply if isinstance(reply, str) else reply()).encode())
    return text, len(replies)
