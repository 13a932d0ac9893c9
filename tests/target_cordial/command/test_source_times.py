"""Of two records about one user, the one that the source computed later counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.clock import HOUR, let_pass
from tests.target_cordial.command.messages import (
    COHORT,
    MEMBER_PROPERTIES,
    MEMBERS,
    SNAPSHOTS,
    addresses,
    change,
    marker,
    member,
    people,
    schema,
    snapshot,
    state,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

CHANGES = schema(
    "changes",
    {**MEMBER_PROPERTIES, "in_cohort": {}, "operation": {}, "computed_time": {}, "computed_at": {}},
)
TIMED = schema("cohort_members", {**MEMBER_PROPERTIES, "computed_at": {}})
TEN = 1795428000
"""2026-11-23T10:00:00Z in seconds."""


def enters(number: int, minutes: float | None, email: str | None = None) -> dict[str, Any]:
    """A record of its own, so many minutes after ten o'clock."""
    time = None if minutes is None else str(int(TEN + 60 * minutes))
    return change(number, email, in_cohort=True, computed_time=time)


def leaves(number: int, minutes: float | None) -> dict[str, Any]:
    row = enters(number, minutes)
    row["record"]["in_cohort"] = False
    return row


def whole(*numbers: int, minutes: int | None, snapshot_id: str = "S") -> list[dict[str, Any]]:
    """A complete snapshot, so many minutes after ten o'clock."""
    at = None if minutes is None else f"2026-11-23T10:{minutes:02}:00Z"
    rows = [member(number, snapshot_id=snapshot_id) for number in numbers]
    return [MEMBERS, SNAPSHOTS, *rows, marker(len(rows), computed_at=at, snapshot_id=snapshot_id)]


# -- records of their own -------------------------------------------------------------------------


@pytest.mark.parametrize("runs", ["in one run", "over runs"])
def test_an_older_record_is_ignored(either: Commands, sandbox: Running, runs: str) -> None:
    rows = [enters(1, 0), enters(2, 0), enters(3, 0), enters(4, 0)]
    newer = [leaves(1, 30), enters(2, 30, "new@shop.example"), enters(3, 30), leaves(4, 30)]
    older = [enters(1, 20), enters(2, 20, "old@shop.example"), leaves(3, 20), enters(4, 29)]
    if runs == "in one run":
        assert either.target(CHANGES, *rows, *newer, *older).code == 0
    else:
        for messages in (rows, newer, older):
            assert either.target(CHANGES, *messages).code == 0
    assert sandbox.control.lists() == {"activeusers": ["new@shop.example", *addresses(3)]}


def test_a_record_of_the_same_time_counts_as_the_later_one(
    either: Commands, sandbox: Running
) -> None:
    either.target(CHANGES, enters(1, 5), leaves(1, 5), leaves(2, 5), enters(2, 5))
    assert sandbox.control.lists() == {"activeusers": addresses(2)}
    either.target(CHANGES, enters(1, 5), leaves(2, 5))
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


def test_without_times_the_last_record_counts(either: Commands, sandbox: Running) -> None:
    either.target(CHANGES, enters(1, None), leaves(1, None), leaves(2, None), enters(2, None))
    assert sandbox.control.lists() == {"activeusers": addresses(2)}
    either.target(CHANGES, enters(1, 30), leaves(1, None))
    assert sandbox.control.lists() == {"activeusers": addresses(2)}
    # and opens no door for what is older than the last time there was
    either.target(CHANGES, enters(1, 20))
    assert sandbox.control.lists() == {"activeusers": addresses(2)}


def test_who_left_before_the_ledger_knew_of_it_is_not_brought_back(
    either: Commands, sandbox: Running
) -> None:
    either.target(CHANGES, enters(2, 0), leaves(1, 30))
    either.target(CHANGES, enters(1, 20))
    assert sandbox.control.lists() == {"activeusers": addresses(2)}
    either.target(CHANGES, enters(1, 31))
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


TIMES: list[tuple[str, Any]] = [
    ("computed_time", "1795428000"),
    ("computed_time", 1795428000),
    ("computed_time", "1795428000000"),
    ("computed_time", 1795428000000),
    ("computed_time", 1795428000.25),
    ("computed_time", "2026-11-23T10:00:00Z"),
    ("computed_at", "2026-11-23T12:00:00+02:00"),
    ("computed_at", "2026-11-23T10:00:00.123456789Z"),
    ("computed_at", "2026-11-23 10:00:00"),
    ("computedTime", "1795428000"),
    ("compute_time", "1795428000"),
]


@pytest.mark.parametrize(("column", "ten"), TIMES, ids=repr)
def test_times_of_every_form_are_compared(
    commands: Commands, sandbox: Running, column: str, ten: Any
) -> None:
    columns = schema("changes", {**CHANGES["schema"]["properties"], column: {}})

    def at_ten(number: int, *, enter: bool) -> dict[str, Any]:
        return change(number, **{"in_cohort": enter, column: ten})

    commands.target(columns, enters(1, 1), enters(2, -1), enters(3, 1))
    ended = commands.target(columns, at_ten(1, enter=False), at_ten(2, enter=False), leaves(3, 2))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


@pytest.mark.parametrize("value", [None, "", "yesterday", 0, -5, True, "0", [TEN], 1e30], ids=repr)
def test_what_is_no_time_is_none(commands: Commands, sandbox: Running, value: Any) -> None:
    commands.target(CHANGES, enters(1, 1), enters(2, 1))
    ended = commands.target(CHANGES, change(1, in_cohort=False, computed_time=value))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(2)}


# -- snapshots ------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", ["in one run", "over runs"])
@pytest.mark.parametrize("order", ["records first", "snapshot first"])
def test_a_snapshot_never_overrides_a_newer_record(
    either: Commands, sandbox: Running, order: str, runs: str
) -> None:
    """User 1 came after it was computed, user 2 left after it; 3 left before it."""
    either.target(*whole(2, 4, 5, minutes=0, snapshot_id="first"))
    records = [CHANGES, enters(1, 20), leaves(2, 20), leaves(3, 5), enters(5, 5)]
    taken = whole(2, 3, 4, minutes=10)
    messages = [records, taken] if order == "records first" else [taken, records]
    if runs == "in one run":
        assert either.target(*messages[0], *messages[1]).code == 0
    else:
        for part in messages:
            assert either.target(*part).code == 0
    # 3 is in the newer snapshot; of 5 that speaks by absence
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3, 4)}


def test_an_old_snapshot_is_ignored_and_the_run_says_so(either: Commands, sandbox: Running) -> None:
    either.target(*whole(1, 2, minutes=10))
    sandbox.control.clear_calls()
    let_pass(either.place, HOUR)
    before = either.target().cohort(COHORT)["last_complete_at"]
    ended = either.target(*whole(2, 3, minutes=9), state({"n": 1}))
    assert ended.code == 0
    assert ended.states == [{"n": 1}]  # the tap need not send it again
    assert "'active users' (9zx41kq): its snapshot is older than the last one" in ended.last_line
    assert ended.cohort(COHORT)["last_complete_at"] == before
    assert sandbox.control.write_calls() == []
    assert either.target(*whole(minutes=9)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}
    assert either.target(*whole(2, 3, minutes=11)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3)}


def test_of_two_snapshots_in_one_run_the_newer_one_counts(
    either: Commands, sandbox: Running
) -> None:
    newer = whole(1, 2, minutes=10, snapshot_id="B")
    older = whole(2, 3, minutes=9, snapshot_id="A")
    assert either.target(*newer, *older).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


def test_records_older_than_the_last_snapshot_are_ignored(
    either: Commands, sandbox: Running
) -> None:
    either.target(*whole(1, 2, minutes=10))
    ended = either.target(CHANGES, leaves(1, 9), enters(3, 9), leaves(2, 11))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


@pytest.mark.parametrize("timed", [None, 10])
def test_a_row_of_its_own_wins_over_a_snapshot_row_before_it(
    either: Commands, sandbox: Running, timed: int | None
) -> None:
    either.target(*whole(1, 2, 3, minutes=timed))
    ended = either.target(
        CHANGES,
        leaves(1, None),  # the snapshot comes later, and has it
        enters(7, None),  # ... and has not this one
        *whole(1, 2, 3, minutes=timed),
        leaves(2, None),
        enters(8, None),
    )
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3, 8)}


def test_a_snapshot_may_have_its_time_in_its_rows(either: Commands, sandbox: Running) -> None:
    def rows(*numbers: int, at: str) -> list[dict[str, Any]]:
        return [
            TIMED,
            SNAPSHOTS,
            *(member(number, computed_at=at) for number in numbers),
            marker(len(numbers), computed_at=None),
        ]

    either.target(*rows(1, 2, at="2026-11-23T10:10:00Z"))
    either.target(CHANGES, enters(3, 30), leaves(2, 30))
    ended = either.target(*rows(1, 2, at="2026-11-23T10:20:00Z"))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3)}
    ended = either.target(*rows(2, 4, at="2026-11-23T10:15:00Z"))
    assert "older than the last one" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3)}


def test_rows_of_different_times_are_all_of_a_snapshot_that_is_proven(
    either: Commands, sandbox: Running
) -> None:
    """Such times are of the users, not of the snapshot: an old one takes nobody off."""

    def rows(*numbers: int) -> list[dict[str, Any]]:
        timed = [member(number, computed_at=TEN + 60 * number) for number in numbers]
        return [TIMED, SNAPSHOTS, *timed, marker(len(timed), computed_at=None)]

    assert either.target(*rows(1, 2, 3)).code == 0
    assert either.target(*rows(1, 2)).code == 0
    assert either.target(*rows(1, 2)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


def test_an_unproven_snapshot_is_compared_by_its_time_too(
    either: Commands, sandbox: Running
) -> None:
    either.target(*whole(1, 2, minutes=10))
    either.target(CHANGES, leaves(2, 30))
    half = [MEMBERS, SNAPSHOTS, member(2), member(3), marker(9, computed_at="2026-11-23T10:20:00Z")]
    assert either.target(*half).code == 3
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3)}
    assert either.target(*half[:-1], member(4), marker(9, computed_at="2026-11-23T10:05:00Z")).code
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3)}


def test_people_of_a_first_snapshot_are_no_older_than_it(
    either: Commands, sandbox: Running
) -> None:
    assert either.target(*snapshot(*people(2))).code == 0
    assert either.target(CHANGES, leaves(1, -1), leaves(2, 1)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1)}
