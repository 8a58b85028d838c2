"""The person at this terminal who does the steps of a checklist."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

import click

from reconciler.applying.checklist import LINKS, WHO, NumberedStep, Section, has_page, title
from reconciler.applying.checklist_text import step_lines
from reconciler.applying.person import Reply
from reconciler.applying.wording import Words, plain
from reconciler.cli.notes import note
from reconciler.cli.output import STANDARD_OUTPUT
from reconciler.cli.progress import working
from reconciler.cli.rendering import look_of
from reconciler.reports.spans import Look, line, text_of

_REPLIES = {
    "": Reply.CHECK,
    "d": Reply.CHECK,
    "done": Reply.CHECK,
    "s": Reply.SKIP,
    "skip": Reply.SKIP,
    "q": Reply.QUIT,
    "quit": Reply.QUIT,
}
_FIRST = "Enter when it is done, s to skip it, q to quit: "
_AGAIN = "Enter to check again, s to skip it, q to quit: "


class Terminal:
    """Shows steps on standard error and reads answers from standard input."""

    def welcome(self, target: str) -> None:
        """Say once what is going to happen."""
        self.tell(WHO)
        if has_page(target):
            self.tell(LINKS)
        self.tell(("Each step is checked by reading the licensing system.",))

    def begin(self, section: Section) -> None:
        """Show which organization comes next."""
        note("")
        steps = "1 step" if len(section.steps) == 1 else f"{len(section.steps)} steps"
        self.tell((*title(section.id, section.name), f": {steps}"))

    def step(self, row: NumberedStep, total: int) -> None:
        """Show a step."""
        note("")
        for text in step_lines(row, total):
            _show(text)

    def reply(self, *, again: bool) -> Reply:
        """Ask until the answer is one; the end of the input means to quit."""
        while True:
            click.echo(_AGAIN if again else _FIRST, nl=False, err=True)
            answer = sys.stdin.readline()
            if not answer:
                click.echo(err=True)
                return Reply.QUIT
            reply = _REPLIES.get(answer.strip().lower())
            if reply is not None:
                return reply

    def tell(self, words: Words) -> None:
        """Show a line."""
        _show(plain(words))

    def checking(self) -> AbstractContextManager[None]:
        """Say that the licensing system is being read, where that takes a while."""
        return working("reading it back")


def _show(text: str) -> None:
    """Print a line, which goes on in the next where the terminal is too narrow for it."""
    for row in text_of([line(text)], Look(width=look_of(STANDARD_OUTPUT).width)).splitlines():
        note(row)
