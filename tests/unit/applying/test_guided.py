"""A scripted person walks through a checklist against a licensing system in memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.applying.chain import JournalError
from reconciler.applying.checklist import NumberedStep, Section
from reconciler.applying.guided import walk
from reconciler.applying.operations import Effect, effects_of, operation_for
from reconciler.applying.person import Reply
from reconciler.applying.record import Intent, Item, Result, Taken
from reconciler.applying.result import ApplyResult, ChangeStatus
from reconciler.applying.wording import Words, plain
from reconciler.errors import ApiError
from reconciler.model.plan import OrganizationPlan, Refusal, Scope
from tests.unit.applying.fake import (
    MACHINE_PRODUCT,
    TODAY,
    FakeBackend,
    grant,
    offline,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    remove,
    transfer,
)
from tests.unit.applying.test_resuming import World, worlds

Deed = Callable[[NumberedStep], Reply]


class Someone:
    """Answers each question by the next deed, the last one again and again."""

    def __init__(self, *deeds: Deed) -> None:
        self.deeds = list(deeds)
        self.shown: list[str] = []
        self.told: list[str] = []
        self.asked: list[bool] = []
        self._row: NumberedStep | None = None

    def begin(self, section: Section) -> None:
        self.told.append(f"begin {section.id}")

    def step(self, row: NumberedStep, total: int) -> None:
        self._row = row
        self.shown.append(f"{row.number}/{total} {row.step.title}")

    def reply(self, *, again: bool) -> Reply:
        self.asked.append(again)
        deed = self.deeds.pop(0) if len(self.deeds) > 1 else self.deeds[0]
        assert self._row is not None
        return deed(self._row)

    def tell(self, words: Words) -> None:
        self.told.append(plain(words))

    @contextmanager
    def checking(self) -> Iterator[None]:
        yield


@dataclass
class Notebook:
    """A record in memory: (organization, action, subjects) of intents, and words of outcomes."""

    open_intents: tuple[Intent, ...] = ()
    lines: list[tuple[str, ...]] = field(default_factory=list)
    taken: tuple[Taken, ...] = ()
    room: int = 99
    interrupts_at: int | None = None

    def _take(self) -> None:
        self.room -= 1
        if self.room < 0:
            raise JournalError("the disk is full", hint="make room")

    def intent(self, intent: Intent) -> None:
        self._take()
        self.lines.append(("intent", intent.action, *(item.id for item in intent.items)))

    def outcome(self, call: str, results: tuple[Result, ...], *, settled: bool = False) -> None:
        self._take()
        self.lines.append(("outcome", *(f"{row.id} {row.ending}" for row in results)))
        if len(self.lines) == self.interrupts_at:
            raise KeyboardInterrupt


def does(backend: FakeBackend, organization: int = 101, *, only: int | None = None) -> Deed:
    """Do what the step says, or only the first of its effects, and say that it is done."""

    def deed(row: NumberedStep) -> Reply:
        effects = [effect for change in row.step.changes for effect in effects_of(change)]
        carry_out(backend, organization, effects[:only])
        return Reply.CHECK

    return deed


def carry_out(backend: FakeBackend, organization: int, effects: Sequence[Effect]) -> None:
    for effect in effects:
        backend.write(operation_for(organization, (effect,)), idempotency_key=str(backend.calls))


def says(reply: Reply) -> Deed:
    return lambda row: reply


def interrupts(row: NumberedStep) -> Reply:
    raise KeyboardInterrupt


CHECK, SKIP, QUIT = (says(reply) for reply in Reply)


def full() -> FakeBackend:
    return FakeBackend(
        organization_state(
            quotas={"kse": 2, "testops": 2},
            users={"kse": ["ada@x.io", "carol@x.io"]},
            members=["bob@x.io", "dan@x.io"],
        )
    )


PLAN = organization_plan(
    transfer("carol@x.io", "bob@x.io"),
    grant("dan@x.io", product="testops"),
    grant("ada@x.io", product="testops"),
)


def walked(
    backend: FakeBackend, person: Someone, *plans: OrganizationPlan, book: Notebook | None = None
) -> ApplyResult:
    return walk(plan_of(*(plans or (PLAN,))), backend, person, today=TODAY, record=book)


def statuses(result: ApplyResult) -> list[ChangeStatus]:
    return [row.status for one in result.organizations for row in one.changes]


def test_each_step_is_shown_waited_for_and_seen_to_be_done() -> None:
    backend = full()
    person = Someone(does(backend))
    result = walked(backend, person)
    assert person.shown == ["1/2 transfer 1 seat", "2/2 grant to 2 users"]
    assert statuses(result) == [ChangeStatus.DONE] * 3
    assert (result.writes, result.exit_code) == (4, 0)
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]
    assert backend.peaks == []


def test_saying_that_it_is_done_does_not_make_it_so() -> None:
    backend = full()
    person = Someone(CHECK, does(backend, only=1), SKIP, QUIT)
    result = walked(backend, person)
    assert person.asked == [False, True, True, False]
    assert "Not seen yet: carol@x.io is still licensed" in person.told
    assert [line for line in person.told if "bob@x.io is not licensed yet" in line] == [
        "Not seen yet: bob@x.io is not licensed yet (no seat of kse is free: 2 of 2 are used)",
        "Not seen yet: bob@x.io is not licensed yet",
    ]
    half, *rest = result.organizations[0].changes
    assert (half.status, half.writes) == (ChangeStatus.FAILED, 1)
    assert half.message is not None
    assert "carol@x.io has lost the seat" in half.message
    assert [row.status for row in rest] == [ChangeStatus.NOT_ATTEMPTED] * 2


def test_the_next_walk_shows_only_what_is_left() -> None:
    backend = full()
    walked(backend, Someone(does(backend, only=1), SKIP, QUIT))
    person = Someone(does(backend))
    assert statuses(walked(backend, person)) == [ChangeStatus.DONE] * 3
    assert person.shown[0] == "1/2 grant to 1 user"
    nobody = Someone(interrupts)
    assert statuses(walked(backend, nobody)) == [ChangeStatus.SKIPPED] * 3
    assert nobody.shown == nobody.told == []


def test_of_a_bulk_step_what_is_there_counts_and_the_rest_is_left_out() -> None:
    backend = full()
    person = Someone(does(backend), does(backend, only=1), SKIP)
    result = walked(backend, person)
    assert statuses(result) == [ChangeStatus.DONE, ChangeStatus.DONE, ChangeStatus.NOT_ATTEMPTED]


def test_a_step_that_needs_the_seat_of_one_left_out_is_left_out_too() -> None:
    backend = full()
    plan = organization_plan(
        remove("carol@x.io"), grant("bob@x.io"), grant("dan@x.io", product="testops")
    )
    person = Someone(SKIP, does(backend))
    result = walked(backend, person, plan)
    assert person.shown == ["1/3 remove from 1 user", "3/3 grant to 1 user"]
    assert [line for line in person.told if line.startswith("Left out")] == [
        "Left out, as it cannot be done now: grant to 1 user: "
        "no seat of kse is free: 2 of 2 are used"
    ]
    assert result.organizations[0].stale == ()
    assert statuses(result) == [
        ChangeStatus.NOT_ATTEMPTED, ChangeStatus.NOT_ATTEMPTED, ChangeStatus.DONE,
    ]  # fmt: skip


def test_a_seat_that_an_outsider_took_in_the_middle_is_told_as_stale() -> None:
    backend = full()
    plan = organization_plan(remove("carol@x.io"), grant("bob@x.io"))

    def outsider(row: NumberedStep) -> Reply:
        does(backend)(row)
        backend.grant(101, "kse", "dan@x.io")
        return Reply.CHECK

    result = walked(backend, Someone(outsider), plan)
    assert [row.code for row in result.organizations[0].stale] == ["over_quota"]
    assert statuses(result) == [ChangeStatus.DONE, ChangeStatus.NOT_ATTEMPTED]


def test_a_plan_that_does_not_hold_from_the_start_shows_no_step() -> None:
    backend = full()
    backend.leave(101, "bob@x.io")
    person = Someone(interrupts)
    result = walked(backend, person)
    assert person.shown == []
    assert "  grant kse to bob@x.io: bob@x.io is not a member of the organization" in person.told
    assert result.exit_code == 4


def test_one_organization_that_cannot_be_read_does_not_stop_the_next() -> None:
    backend = full()
    person = Someone(does(backend))
    result = walked(backend, person, organization_plan(grant("a@x.io"), number=7), PLAN)
    assert result.organizations[0].error is not None
    assert statuses(result)[1:] == [ChangeStatus.DONE] * 3


def test_a_step_that_cannot_be_read_back_is_asked_for_again() -> None:
    backend = full()
    down = iter([False, True, False, False, False])

    def read(organization: int) -> None:
        if next(down):
            raise ApiError("no connection")

    backend.on_read = read
    person = Someone(does(backend), CHECK, does(backend))
    assert statuses(walked(backend, person)) == [ChangeStatus.DONE] * 3
    assert "It could not be read back: no connection" in person.told


def test_quitting_without_being_able_to_read_back_leaves_the_outcome_open() -> None:
    backend, book = full(), Notebook()

    def goes_down(row: NumberedStep) -> Reply:
        backend.states.clear()
        return Reply.QUIT

    result = walked(backend, Someone(goes_down), book=book)
    assert result.organizations[0].changes[0].unclear
    assert book.lines[-2:] == [
        ("outcome", "carol@x.io unclear"),
        ("outcome", "bob@x.io unclear"),
    ]


def test_what_was_done_before_quitting_counts() -> None:
    backend = full()

    def last(row: NumberedStep) -> Reply:
        does(backend)(row)
        return Reply.QUIT

    person = Someone(last)
    result = walked(backend, person, PLAN, organization_plan(grant("z@x.io"), number=102))
    assert statuses(result) == [ChangeStatus.DONE] + [ChangeStatus.NOT_ATTEMPTED] * 3
    assert "begin 102" not in person.told


def test_an_interrupt_says_of_the_step_that_was_shown_that_it_is_not_known() -> None:
    backend, book = full(), Notebook()
    later = organization_plan(grant("z@x.io"), number=102)
    result = walked(backend, Someone(does(backend), interrupts), PLAN, later, book=book)
    assert result.interrupted
    assert statuses(result) == [
        ChangeStatus.DONE, ChangeStatus.FAILED, ChangeStatus.FAILED, ChangeStatus.NOT_ATTEMPTED,
    ]  # fmt: skip
    assert result.exit_code == 5
    assert book.lines[-1] == ("outcome", "dan@x.io unclear", "ada@x.io unclear")


def test_an_interrupt_before_the_first_step_changes_nothing() -> None:
    backend = full()

    def stop(organization: int) -> None:
        raise KeyboardInterrupt

    backend.on_read = stop
    result = walked(backend, Someone(CHECK))
    assert (result.interrupted, result.writes, result.exit_code) == (True, 0, 1)


def test_every_step_is_written_down_before_it_is_shown_and_after_it_was_read_back() -> None:
    backend, book = full(), Notebook()
    seen: list[int] = []

    def deed(row: NumberedStep) -> Reply:
        seen.append(len(book.lines))
        return does(backend)(row)

    walked(backend, Someone(deed), book=book)
    assert seen == [2, 5]
    assert book.lines == [
        ("intent", "remove", "carol@x.io"),
        ("intent", "grant", "bob@x.io"),
        ("outcome", "carol@x.io done"),
        ("outcome", "bob@x.io done"),
        ("intent", "grant", "dan@x.io", "ada@x.io"),
        ("outcome", "dan@x.io done", "ada@x.io done"),
    ]


@pytest.mark.parametrize("room", [0, 1])
def test_nobody_is_asked_to_do_what_cannot_be_written_down(room: int) -> None:
    person = Someone(CHECK)
    later = organization_plan(grant("z@x.io"), number=102)
    result = walked(full(), person, PLAN, later, book=Notebook(room=room))
    assert (person.shown, result.exit_code, result.interrupted) == ([], 1, False)
    assert [row.error for row in result.organizations] == ["the disk is full (make room)", None]


@pytest.mark.parametrize("room", [2, 3, 4])
def test_what_was_seen_to_be_done_counts_though_it_cannot_be_written_down(room: int) -> None:
    backend = full()
    result = walked(backend, Someone(does(backend)), book=Notebook(room=room))
    assert statuses(result) == [ChangeStatus.DONE] + [ChangeStatus.NOT_ATTEMPTED] * 2
    assert (result.writes, result.exit_code) == (2, 5)
    assert result.organizations[0].error == "the disk is full (make room)"


def test_an_interrupt_with_a_full_disk_still_gives_an_account() -> None:
    backend = full()
    result = walked(backend, Someone(does(backend), interrupts), book=Notebook(room=5))
    assert (result.interrupted, result.exit_code) == (True, 5)
    assert statuses(result) == [ChangeStatus.DONE, ChangeStatus.FAILED, ChangeStatus.FAILED]


def test_an_interrupt_while_an_outcome_is_written_down_writes_none_twice() -> None:
    """The chain would be sound and yet tell of one call twice, which an audit takes for damage."""
    backend, book = full(), Notebook(interrupts_at=3)
    result = walked(backend, Someone(does(backend)), book=book)
    assert (result.interrupted, result.writes) == (True, 2)
    assert book.lines[2:] == [("outcome", "carol@x.io done")]


def test_a_machine_is_activated_by_its_host_and_an_offline_license_is_seen_by_its_end() -> None:
    backend = FakeBackend(
        organization_state(quotas={MACHINE_PRODUCT: 2}, machines={MACHINE_PRODUCT: ["a1", "b2"]})
    )
    plan = organization_plan(
        pair("a1", "c3", product=MACHINE_PRODUCT),
        offline("b2", date(2027, 3, 31), product=MACHINE_PRODUCT),
    )
    person = Someone(does(backend), CHECK, does(backend))
    assert walked(backend, person, plan).exit_code == 0
    assert "Not seen yet: b2 has no such offline license yet" in person.told


def test_a_step_that_others_did_meanwhile_is_not_shown() -> None:
    backend = full()

    def both(row: NumberedStep) -> Reply:
        backend.grant(101, "testops", "dan@x.io", "ada@x.io")
        return does(backend)(row)

    person = Someone(both)
    result = walked(backend, person)
    assert person.shown == ["1/2 transfer 1 seat"]
    assert statuses(result) == [ChangeStatus.DONE, ChangeStatus.SKIPPED, ChangeStatus.SKIPPED]


def test_many_missing_subjects_are_counted() -> None:
    names = [f"u{number}@x.io" for number in range(30)]
    backend = FakeBackend(organization_state(quotas={"kse": 40}, members=names))
    person = Someone(CHECK, QUIT)
    walked(backend, person, organization_plan(*map(grant, names)))
    assert len([line for line in person.told if line.startswith("Not seen yet")]) == 20
    assert person.told[-1] == "… and 10 more"


def left_open(number: int, action: str, *names: str) -> Intent:
    items = tuple(Item("user", name) for name in names)
    return Intent(f"call-{number}", number, action, "kse", items)


def test_what_an_earlier_run_left_open_is_settled_by_reading_first() -> None:
    backend = full()
    backend.states[102] = organization_state(102, quotas={"kse": 1}, users={"kse": ["z@x.io"]})
    book = Notebook(
        open_intents=(
            left_open(101, "remove", "carol@x.io"),
            left_open(102, "grant", "z@x.io"),
            left_open(103, "grant", "q@x.io"),
        )
    )
    person = Someone(QUIT)
    walked(backend, person, book=book)
    assert book.lines[:2] == [("outcome", "z@x.io done"), ("outcome", "carol@x.io failed")]
    assert person.told[1].startswith("Organization 103: could not be read")
    assert "Organization 102: left open by an earlier" in person.told[0]


def test_an_interrupt_while_settling_walks_no_further() -> None:
    backend = full()
    book = Notebook(open_intents=(left_open(7, "grant", "z@x.io"),))

    def stop(organization: int) -> None:
        raise KeyboardInterrupt

    backend.on_read = stop
    result = walked(backend, Someone(CHECK), book=book)
    assert (result.interrupted, backend.reads, book.lines) == (True, 1, [])


def test_the_plans_own_refusals_stay_in_the_result() -> None:
    plan = organization_plan(refusals=[Refusal("protected", Scope.CHANGE, "kept")])
    assert walked(full(), Someone(CHECK), plan).exit_code == 4


@given(world=worlds(), seed=st.integers(0, 2**16))
def test_whatever_a_person_does_the_account_is_true_and_going_on_completes_the_plan(
    world: World, seed: int
) -> None:
    backend = FakeBackend(*world.states)
    chance = random.Random(seed)  # noqa: S311 - a reproducible person
    where = [0]

    def deed(row: NumberedStep) -> Reply:
        effects = [effect for change in row.step.changes for effect in effects_of(change)]
        carry_out(backend, where[0], effects[: chance.randint(0, len(effects))])
        return chance.choice([Reply.CHECK, Reply.CHECK, Reply.SKIP, Reply.QUIT])

    class Person(Someone):
        def begin(self, section: Section) -> None:
            where[0] = section.id

    before = len(backend.history)
    first = walk(plan_of(*world.plans), backend, Person(deed), today=TODAY)
    assert first.writes == len(backend.history) - before

    def thorough(row: NumberedStep) -> Reply:
        return does(backend, where[0])(row)

    second = walk(plan_of(*world.plans), backend, Person(thorough), today=TODAY)
    assert second.exit_code == 0
    assert set(statuses(second)) <= {ChangeStatus.DONE, ChangeStatus.SKIPPED}
    assert backend.peaks == []
    assert len(set(backend.history)) == len(backend.history) == world.calls
