"""Rows that know their cohort by its name only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MARKER_PROPERTIES,
    MEMBER_PROPERTIES,
    MEMBERS,
    NAME,
    SNAPSHOTS,
    addresses,
    change,
    marker,
    member,
    people,
    record,
    schema,
    snapshot,
    state,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

NAMES = schema("names", {**MEMBER_PROPERTIES, "cohort_id": {}, "operation": {}, "in_cohort": {}})


def named(number: int, name: str = NAME, **values: Any) -> dict[str, Any]:
    row = {**member(number)["record"], "cohort_name": name, **values}
    del row["cohort_id"]
    return record("names", row)


def test_a_name_is_the_cohort_that_has_it_before_and_after(
    either: Commands, sandbox: Running
) -> None:
    whole = snapshot(*people(4))
    ended = either.target(
        NAMES,
        FLAGGED,
        named(7, operation="add", snapshot_id=None),
        *whole,
        named(1, operation="remove", snapshot_id=None),
        change(8, in_cohort=True),
    )
    assert ended.code == 0
    assert [cohort["cohort_id"] for cohort in ended.report["cohorts"]] == [COHORT]
    # user 7 was added before the snapshot, and is not in it
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3, 4, 8)}
    later = either.target(NAMES, named(2, in_cohort=False, snapshot_id=None), named(9, in_cohort=1))
    assert later.code == 0
    assert [cohort["cohort_id"] for cohort in later.report["cohorts"]] == [COHORT]
    assert sandbox.control.lists() == {"activeusers": addresses(3, 4, 8, 9)}


@pytest.mark.parametrize("first", ["name", "id"])
def test_a_snapshot_may_come_partly_by_name(either: Commands, sandbox: Running, first: str) -> None:
    either.target(*snapshot(*people(3)))
    rows = [named(1), member(2)]
    ended = either.target(
        MEMBERS, SNAPSHOTS, NAMES, *(rows if first == "name" else reversed(rows)), marker(2)
    )
    assert ended.code == 0
    assert ended.cohort(COHORT)["received"] == 2
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


def test_a_marker_speaks_for_rows_that_have_the_name_only(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(3)))
    ended = either.target(SNAPSHOTS, NAMES, named(1), named(2), marker(2))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


def test_a_cohort_of_a_name_only_has_a_list_and_takes_its_id_later(
    either: Commands, sandbox: Running
) -> None:
    first = either.target(NAMES, *(named(number, operation="add") for number in (1, 2, 3)))
    assert first.code == 0
    assert first.cohort(NAME)["list_name"] == "activeusers"
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}

    second = either.target(*snapshot(member(2), member(3), member(4)))
    assert second.code == 0
    assert [cohort["cohort_id"] for cohort in second.report["cohorts"]] == [COHORT]
    assert second.cohort(COHORT)["list_id"] == first.cohort(NAME)["list_id"]
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3, 4)}

    # by its name, and by its id under another name: it is one cohort from now on
    third = either.target(NAMES, named(4, operation="remove"))
    assert [cohort["cohort_id"] for cohort in third.report["cohorts"]] == [COHORT]
    either.target(*snapshot(member(3), member(5), cohort_name="renamed"))
    assert sandbox.control.lists() == {"activeusers": addresses(3, 5)}


def test_a_cohort_of_a_name_only_takes_its_id_from_a_changed_row_too(
    either: Commands, sandbox: Running
) -> None:
    either.target(NAMES, named(1, operation="add"), named(2, operation="add"))
    ended = either.target(FLAGGED, NAMES, change(1, in_cohort=False), named(3, operation="add"))
    assert ended.code == 0
    assert [cohort["cohort_id"] for cohort in ended.report["cohorts"]] == [COHORT]
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3)}


def test_a_dry_run_gives_no_cohort_its_id(commands: Commands, sandbox: Running) -> None:
    commands.target(NAMES, named(1, operation="add"))
    assert commands.target(*snapshot(member(1)), dry_run=True).code == 0
    assert commands.target().cohort(NAME)["list_name"] == "activeusers"
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


def test_a_name_that_two_ids_have_stays_a_cohort_of_its_own(
    either: Commands, sandbox: Running
) -> None:
    either.target(NAMES, named(1, operation="add"))
    ended = either.target(
        *snapshot(member(2)),
        *snapshot(member(3), cohort_id="7khm89c", snapshot_id="2"),
        NAMES,
        named(4, operation="add"),
        state({"n": 1}),
    )
    assert ended.code == 3
    assert f"'{NAME}' ({COHORT})" in ended.last_line
    assert f"'{NAME}' (7khm89c)" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 4)}


def test_a_cohort_that_the_ledger_knows_by_its_id_takes_no_other_ones_place(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(member(5), cohort_name="before"))
    either.target(NAMES, named(1, operation="add"))
    ended = either.target(*snapshot(member(5), member(6)), NAMES, named(2, operation="add"))
    assert ended.code == 0
    assert sandbox.control.lists() == {"before": addresses(5, 6), "activeusers": addresses(1, 2)}


def test_an_unreadable_row_of_a_name_makes_its_cohorts_snapshot_incomplete(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(3)))
    ended = either.target(NAMES, named(3, operation="SECRET"), *snapshot(*people(2)))
    assert ended.code == 3
    assert ended.states == []
    assert ended.cohort(COHORT)["snapshot"] == "incomplete"
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


def test_a_marker_by_name_is_none(commands: Commands, sandbox: Running) -> None:
    """A marker is recognised by a cohort's id; a stream with the name alone says nothing."""
    commands.target(*snapshot(*people(3)))
    columns = {key: of for key, of in MARKER_PROPERTIES.items() if key != "cohort_id"}
    row = marker(2)["record"]
    del row["cohort_id"]
    ended = commands.target(MEMBERS, schema("m", columns), *people(2), record("m", row))
    assert ended.code == 3
    assert "no marker came" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}
