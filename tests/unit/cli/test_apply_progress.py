"""What is shown of an apply while it goes on."""

from __future__ import annotations

import io

import pytest

from reconciler.applying.events import Event, EventKind
from reconciler.applying.result import ChangeResult, ChangeStatus, OrganizationResult
from reconciler.cli.apply_progress import ApplyProgress, PlainProgress, apply_progress
from tests.unit.applying.fake import grant

CHANGE = grant("bob@x.io")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def changed(status: ChangeStatus, organization: int = 101) -> Event:
    return Event(
        EventKind.CHANGE_ENDED, organization, change=ChangeResult(CHANGE, status, message="no")
    )


def started(name: str | None = "Acme QA", organization: int = 101) -> Event:
    return Event(EventKind.ORGANIZATION_STARTED, organization, name=name, changes=3)


def ended(*statuses: ChangeStatus, organization: int = 101, error: str | None = None) -> Event:
    changes = tuple(ChangeResult(CHANGE, status) for status in statuses)
    result = OrganizationResult(organization, "Acme QA", changes, error=error)
    return Event(EventKind.ORGANIZATION_ENDED, organization, result=result)


def play(progress: ApplyProgress, *events: Event) -> None:
    with progress:
        for event in events:
            progress.hear(event)


STORY = (
    started(),
    started(None, 102),
    changed(ChangeStatus.DONE),
    changed(ChangeStatus.FAILED),
    ended(ChangeStatus.DONE, ChangeStatus.FAILED, ChangeStatus.NOT_ATTEMPTED),
    ended(organization=103),
)


def test_a_terminal_has_a_line_for_each_organization_under_way() -> None:
    out = Terminal()
    play(apply_progress(3, 9, quiet=False, stream=out), *STORY)
    shown = out.getvalue()
    assert "Acme QA (101)" in shown
    assert "organization 102" in shown
    assert "1 of 3 organizations, 1 waiting" in shown
    assert "1 failed" in shown


def test_a_name_cannot_drive_the_terminal_or_its_markup() -> None:
    out = Terminal()
    play(apply_progress(1, 3, quiet=False, stream=out), started("\x1b]0;x\x07[bold]a[/nope]"))
    assert "\x1b]0;" not in out.getvalue()
    assert "[bold]a[/nope]" in out.getvalue()


def test_a_log_has_a_line_for_each_organization_once_it_takes_long() -> None:
    out, now = io.StringIO(), [0.0]
    progress = PlainProgress(3, out, clock=lambda: now[0])
    progress.hear(ended(ChangeStatus.DONE))
    now[0] = 6.0
    play(progress, *STORY, ended(organization=104, error="no connection"))
    assert out.getvalue().splitlines() == [
        "applying changes: 1 of 3",
        "Acme QA (101): 1 done, 1 failed, 1 not attempted",
        "Acme QA (104): no connection",
    ]


def test_a_short_apply_leaves_nothing_in_a_log() -> None:
    out = io.StringIO()
    play(apply_progress(1, 3, quiet=False, stream=out), *STORY)
    assert out.getvalue() == ""


def test_quiet_is_quiet_on_a_terminal_too() -> None:
    out = Terminal()
    play(apply_progress(1, 3, quiet=True, stream=out), *STORY)
    assert out.getvalue() == ""


@pytest.mark.parametrize("quiet", [True, False])
def test_what_was_settled_is_told_all_the_same(
    quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    settled = Event(EventKind.SETTLED, 101, text="left open \x1b[2J")
    play(apply_progress(1, 3, quiet=quiet, stream=io.StringIO()), settled)
    assert capsys.readouterr().err == "note: organization 101: left open \\x1b[2J\n"
    out = Terminal()
    play(apply_progress(1, 3, quiet=False, stream=out), settled)
    assert "organization 101: left open \\x1b[2J" in out.getvalue()
