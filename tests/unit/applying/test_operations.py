from datetime import date

import pytest

from reconciler.applying.operations import Effect, Verb, effects_of, operation_for, write_for
from reconciler.backends.protocol import (
    GrantMachines,
    GrantUsers,
    IssueOffline,
    RemoveMachine,
    RemoveUsers,
    Write,
)
from reconciler.model.identity import machine, user
from tests.unit.applying.fake import offline, pair

LAST = date(2027, 3, 31)


@pytest.mark.parametrize(
    ("effect", "operation", "write", "words"),
    [
        (
            Effect(Verb.GRANT, "kse", user("a@x.io")),
            GrantUsers(101, "kse", ("a@x.io",)),
            Write.GRANT_USERS,
            "grant kse to a@x.io",
        ),
        (
            Effect(Verb.REMOVE, "kse", user("a@x.io")),
            RemoveUsers(101, "kse", ("a@x.io",)),
            Write.REMOVE_USERS,
            "remove kse from a@x.io",
        ),
        (
            Effect(Verb.GRANT, "kre-node-locked", machine("m1")),
            GrantMachines(101, "kre-node-locked", ("m1",)),
            Write.GRANT_MACHINES,
            "grant kre-node-locked to m1",
        ),
        (
            Effect(Verb.REMOVE, "kse", machine("m1")),
            RemoveMachine(101, "kse", "m1"),
            Write.REMOVE_MACHINE,
            "remove kse from m1",
        ),
        (
            Effect(Verb.ISSUE_OFFLINE, "kse", machine("m1"), LAST),
            IssueOffline(101, "kse", "m1", LAST),
            Write.ISSUE_OFFLINE,
            "issue an offline license of kse to m1",
        ),
    ],
)
def test_each_effect_is_one_call_of_the_write_that_it_needs(
    effect: Effect, operation: object, write: Write, words: str
) -> None:
    assert operation_for(101, [effect]) == operation
    assert write_for(effect) is write
    assert str(effect) == words


def test_a_reassign_of_machines_removes_one_and_grants_the_other() -> None:
    assert effects_of(pair("m1", "m2", product="kre-node-locked")) == (
        Effect(Verb.REMOVE, "kre-node-locked", machine("m1")),
        Effect(Verb.GRANT, "kre-node-locked", machine("m2")),
    )


def test_an_offline_license_keeps_its_last_day_and_needs_one() -> None:
    (effect,) = effects_of(offline("m1", LAST))
    assert effect.expires == LAST
    with pytest.raises(ValueError, match="no last day"):
        operation_for(101, [Effect(Verb.ISSUE_OFFLINE, "kse", machine("m1"))])
