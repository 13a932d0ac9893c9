"""Batches of users, as Amplitude's webhook, Kinesis and Pub/Sub carry them."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.messages import (
    COHORT,
    NAME,
    SNAPSHOT,
    SNAPSHOTS,
    TEXT,
    addresses,
    marker,
    people,
    record,
    schema,
    snapshot,
    state,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

BATCHES = schema(
    "amplitude",
    {
        "cohort_name": TEXT,
        "cohort_id": TEXT,
        "in_cohort": {"type": "boolean"},
        "computed_time": TEXT,
        "message_id": TEXT,
        "users": {"type": "array", "items": {"type": ["object", "null"]}},
    },
)
TEN = 1795428000
"""2026-11-23T10:00:00Z in seconds."""


def by_user_id(*numbers: int) -> list[dict[str, Any]]:
    """Users as webhooks name them: without an Amplitude id."""
    return [
        {"user_id": f"u-{number}", "user_properties": {"email": f"user{number}@shop.example"}}
        for number in numbers
    ]


def batch(
    number: int, users: list[Any], *, enter: bool, minutes: int = 0, **values: Any
) -> dict[str, Any]:
    """A message; ``minutes`` after ten o'clock."""
    return record(
        "amplitude",
        {
            "cohort_name": NAME,
            "cohort_id": COHORT,
            "in_cohort": enter,
            "computed_time": str(TEN + 60 * minutes),
            "message_id": f"6f0d::{'enter' if enter else 'exit'}::{number}",
            "users": users,
            **values,
        },
    )


def test_a_batch_says_the_same_of_all_its_users(either: Commands, sandbox: Running) -> None:
    first = either.target(
        BATCHES, batch(0, by_user_id(1, 2, 3), enter=True), batch(1, by_user_id(4), enter=True)
    )
    assert first.code == 0
    assert first.cohort(COHORT)["received"] == 4
    assert first.cohort(COHORT)["snapshot"] == "none"
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3, 4)}
    left = [{"user_id": "u-1"}, {"user_id": "u-3", "user_properties": None}]
    ended = either.target(BATCHES, batch(2, left, enter=False, minutes=1), state({"n": 1}))
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    assert sandbox.control.lists() == {"activeusers": addresses(2, 4)}


def test_batches_through_a_real_pipe(either: Commands, sandbox: Running) -> None:
    ended = either.pipe(
        BATCHES,
        batch(0, by_user_id(1, 2), enter=True),
        batch(1, by_user_id(2), enter=False, minutes=1),
        batch(0, by_user_id(1, 2), enter=True),
        state({"sequence": 7}),
    )
    assert ended.code == 0
    assert ended.states == [{"sequence": 7}]
    assert "@" not in ended.stderr
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


def test_a_user_id_concerns_the_users_of_a_snapshot_too(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    ended = either.target(BATCHES, batch(0, [{"user_id": "u-2"}], enter=False, minutes=1))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3)}


def test_a_message_that_is_sent_again_says_nothing_new(either: Commands, sandbox: Running) -> None:
    """Without times: with them, the repeated message would be older in any case."""
    untimed: dict[str, Any] = {"computed_time": None}
    enter = batch(0, by_user_id(1, 2), enter=True, **untimed)
    leave = batch(1, by_user_id(1), enter=False, **untimed)
    either.target(BATCHES, enter, leave, enter)
    assert sandbox.control.lists() == {"activeusers": addresses(2)}
    sandbox.control.clear_calls()
    assert either.target(BATCHES, enter, enter).code == 0
    assert either.target(BATCHES, leave, enter, leave).code == 0
    assert sandbox.control.write_calls() == []
    either.target(BATCHES, {**enter, "record": {**enter["record"], "message_id": "new"}})
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


@pytest.mark.parametrize("runs", ["in one run", "over runs"])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_newest_message_counts_in_whatever_order_they_come(
    commands: Commands, sandbox: Running, order: tuple[int, ...], runs: str
) -> None:
    messages = [
        batch(0, by_user_id(1, 2, 3), enter=True, minutes=0),
        batch(1, by_user_id(1, 2), enter=False, minutes=1),
        batch(2, by_user_id(2), enter=True, minutes=2),
    ]
    ordered = [messages[number] for number in order]
    if runs == "in one run":
        assert commands.target(BATCHES, *ordered).code == 0
    else:
        for message in ordered:
            assert commands.target(BATCHES, message).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3)}


def test_one_user_that_cannot_be_read_is_rejected_alone_and_may_come_again(
    either: Commands, sandbox: Running
) -> None:
    bad = batch(0, [*by_user_id(1), {"user_id": None}, *by_user_id(2)], enter=True)
    ended = either.target(BATCHES, bad, batch(1, by_user_id(4), enter=True), state({"n": 1}))
    assert ended.code == 3
    assert ended.states == []
    assert "stream 'amplitude', line 2, field 'users.1.amplitude_id'" in ended.stderr
    assert ended.cohort(COHORT)["received"] == 3
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 4)}
    mended = batch(0, by_user_id(1, 3, 2), enter=True)
    assert either.target(BATCHES, mended).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3, 4)}


def test_batches_without_a_flag_are_part_of_a_snapshot(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(4)))
    columns = schema("amplitude", {name: {} for name in ("cohort_id", "snapshot_id", "users")})
    parts = [
        record("amplitude", {"cohort_id": COHORT, "snapshot_id": SNAPSHOT, "users": users})
        for users in (by_user_id(1, 2), by_user_id(2, 3))
    ]
    assert either.target(columns, SNAPSHOTS, *parts, marker(4)).code == 3
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3, 4)}
    assert either.target(columns, SNAPSHOTS, *parts, marker(3)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


def test_a_batch_of_nobody_changes_nothing(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)))
    sandbox.control.clear_calls()
    for enter in (True, False):
        ended = either.target(BATCHES, batch(0, [], enter=enter, minutes=9), state({"n": 1}))
        assert ended.code == 0
        assert ended.states == [{"n": 1}]
    assert sandbox.control.write_calls() == []
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


def test_a_message_in_rows_of_its_own_is_applied_user_by_user(
    either: Commands, sandbox: Running
) -> None:
    rows = schema("rows", {**BATCHES["schema"]["properties"], "user_id": TEXT, "email": TEXT})

    def row(number: int, message: str, *, enter: bool) -> dict[str, Any]:
        said = batch(0, [], enter=enter, message_id=message, computed_time=None)["record"]
        del said["users"]
        email = f"user{number}@shop.example"
        return record("rows", {**said, "user_id": f"u-{number}", "email": email})

    entered = [row(number, "m-1", enter=True) for number in (1, 2)]
    either.target(rows, *entered, row(1, "m-2", enter=False), *entered)
    either.target(rows, *entered)
    assert sandbox.control.lists() == {"activeusers": addresses(2)}


def test_a_message_of_whom_nobody_resolves_may_come_again(
    either: Commands, sandbox: Running
) -> None:
    ids = [{"user_id": "u-1"}, {"user_id": "u-2"}]
    ended = either.target(BATCHES, batch(0, ids, enter=True))
    assert ended.code == 3
    assert "'email'" in ended.last_line
    assert either.target(BATCHES, batch(0, by_user_id(1, 2), enter=True)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}
