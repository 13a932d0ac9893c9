"""Only source times are compared; without them, the last record wins."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.identifier import UNRESOLVED_MAPPING
from target_cordial.ledger.settlement import Sealed, Settled
from tests.target_cordial.ledger.rows import DAY, entries, members, row, settle

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.stage import StagedRow
    from target_cordial.ledger.store import Ledger

EARLY, NOON, LATE = 1_000, 2_000, 3_000


def enters(time: int | None, at: int = 1, user: str = "a:1", **more: str) -> StagedRow:
    message = more["message"].encode() if "message" in more else None
    return row(at, user, more.get("identifier", "ana"), time=time, message=message)


def exits(time: int | None, at: int = 1, user: str = "a:1", **more: str) -> StagedRow:
    return enters(time, at, user, **more)._replace(present=0)


def whole(ledger: Ledger, time: int | None, **users: str) -> Settled:
    """Settle a proven snapshot of a time; its users are named ``a1="ana"``."""
    rows = [
        row(at, f"{key[0]}:{key[1:]}", identifier, snapshot=0)
        for at, (key, identifier) in enumerate(users.items(), 1)
    ]
    times = {0: time} if time is not None else {}
    return settle(ledger, 1, rows, Sealed(0 if rows else None, 1, time), times)


def wanted(ledger: Ledger) -> set[str]:
    return {name for name, (is_wanted, _) in entries(ledger, 1).items() if is_wanted}


# -- records of their own -------------------------------------------------------------------------


def test_a_record_older_than_the_one_applied_is_ignored(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE)])
    settle(ledger, 1, [exits(NOON)])
    assert wanted(ledger) == {"ana"}
    settle(ledger, 1, [exits(LATE)])
    assert wanted(ledger) == set()


def test_an_older_record_brings_nobody_back(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(EARLY)])
    settle(ledger, 1, [exits(LATE)])
    settle(ledger, 1, [enters(NOON)])
    assert wanted(ledger) == set()
    settle(ledger, 1, [enters(LATE + 1)])
    assert wanted(ledger) == {"ana"}
    settle(ledger, 1, [exits(LATE)])
    assert wanted(ledger) == {"ana"}


def test_the_removal_of_somebody_unknown_stands_against_an_older_addition(ledger: Ledger) -> None:
    settle(ledger, 1, [exits(LATE)])
    settle(ledger, 1, [enters(NOON)])
    assert wanted(ledger) == set()


def test_a_first_snapshot_does_not_override_a_newer_removal_without_an_address(
    ledger: Ledger,
) -> None:
    settle(ledger, 1, [exits(LATE)._replace(identifier=None, reason=UNRESOLVED_MAPPING)])
    whole(ledger, NOON, a1="ana", a2="ben")
    assert wanted(ledger) == {"ben"}


@pytest.mark.parametrize("last", [1, 2])
def test_in_one_run_the_newer_record_counts_wherever_it_stands(ledger: Ledger, last: int) -> None:
    settle(ledger, 1, [enters(NOON, at=3 - last), exits(LATE, at=last)])
    assert wanted(ledger) == set()


def test_without_times_the_last_record_counts(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE, at=1), exits(None, at=2)])
    assert wanted(ledger) == set()
    settle(ledger, 1, [enters(None)])
    assert wanted(ledger) == {"ana"}


def test_a_record_without_a_time_opens_no_door_for_older_ones(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE)])
    settle(ledger, 1, [enters(None)])
    settle(ledger, 1, [exits(NOON)])
    assert wanted(ledger) == {"ana"}
    settle(ledger, 1, [exits(None)])
    settle(ledger, 1, [enters(NOON)])
    assert wanted(ledger) == set()


def test_a_newer_record_without_identifier_is_the_newest_all_the_same(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(EARLY)])
    settle(ledger, 1, [row(1, "a:1", None, time=LATE)])
    settle(ledger, 1, [exits(NOON)])
    assert wanted(ledger) == {"ana"}


def test_an_older_record_changes_no_identifier(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE)])
    settle(ledger, 1, [enters(NOON, identifier="ana-before")])
    assert members(ledger, 1) == {"a:1": "ana"}


def test_a_record_by_user_id_is_compared_with_the_user_it_concerns(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE)._replace(user_id="x")])
    settle(ledger, 1, [exits(NOON, user="u:x")])
    assert wanted(ledger) == {"ana"}
    settle(ledger, 1, [exits(LATE, user="u:x")])
    assert wanted(ledger) == set()
    settle(ledger, 1, [enters(NOON, user="u:x")])
    assert wanted(ledger) == set()


def test_a_user_keeps_its_time_when_a_better_id_is_learned(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE, user="u:x")])
    settle(ledger, 1, [exits(NOON)._replace(user_id="x")])
    assert wanted(ledger) == {"ana"}


# -- snapshots ------------------------------------------------------------------------------------


def test_a_snapshot_never_overrides_a_newer_record(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE), exits(LATE, at=2, user="a:2", identifier="bo")])
    whole(ledger, NOON, a2="bo", a3="cy")
    assert wanted(ledger) == {"ana", "cy"}
    whole(ledger, LATE + 1, a2="bo")
    assert wanted(ledger) == {"bo"}


def test_a_record_older_than_the_last_snapshot_is_ignored(ledger: Ledger) -> None:
    whole(ledger, LATE, a1="ana")
    settle(ledger, 1, [exits(NOON), enters(NOON, at=2, user="a:2", identifier="bo")])
    assert wanted(ledger) == {"ana"}
    settle(ledger, 1, [exits(LATE + 1)])
    assert wanted(ledger) == set()


def test_a_snapshot_older_than_the_last_one_is_ignored(ledger: Ledger) -> None:
    assert not whole(ledger, LATE, a1="ana").outdated
    assert whole(ledger, NOON, a2="bo").outdated
    assert wanted(ledger) == {"ana"}
    assert whole(ledger, NOON).outdated
    assert wanted(ledger) == {"ana"}
    assert not whole(ledger, LATE, a2="bo").outdated
    assert wanted(ledger) == {"bo"}


def test_a_snapshot_without_a_time_is_as_good_as_any(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(LATE)])
    whole(ledger, LATE, a1="ana", a2="bo")
    assert not whole(ledger, None, a2="bo").outdated
    assert wanted(ledger) == {"bo"}
    settle(ledger, 1, [enters(NOON)])
    assert wanted(ledger) == {"bo"}


def test_rows_of_an_unproven_snapshot_have_its_time(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "a:1", "ana", snapshot=0)], None, {0: LATE})
    settle(ledger, 1, [exits(NOON)])
    assert wanted(ledger) == {"ana"}
    settle(ledger, 1, [row(1, "a:1", "anna", snapshot=0)], None, {0: NOON})
    assert members(ledger, 1) == {"a:1": "ana"}


@pytest.mark.parametrize("at", [1, 5])
def test_an_addition_newer_than_the_snapshot_of_its_run_stays(ledger: Ledger, at: int) -> None:
    rows = [row(3, "a:2", "bo", snapshot=0), enters(LATE, at=at)]
    settle(ledger, 1, rows, Sealed(0, 3, NOON), {0: NOON})
    assert wanted(ledger) == {"ana", "bo"}


@pytest.mark.parametrize("at", [1, 5])
def test_an_addition_older_than_the_snapshot_of_its_run_does_not(ledger: Ledger, at: int) -> None:
    rows = [row(3, "a:2", "bo", snapshot=0), enters(EARLY, at=at)]
    settle(ledger, 1, rows, Sealed(0, 3, NOON), {0: NOON})
    assert wanted(ledger) == {"bo"}


# -- messages -------------------------------------------------------------------------------------


def test_a_message_already_applied_is_ignored(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(None, message="m-1")])
    settle(ledger, 1, [exits(None, message="m-2")])
    settle(ledger, 1, [enters(None, message="m-1")])
    assert wanted(ledger) == set()
    settle(ledger, 1, [enters(None, message="m-3")])
    assert wanted(ledger) == {"ana"}


def test_a_message_that_comes_again_in_one_run_is_ignored(ledger: Ledger) -> None:
    first = enters(None, at=1, message="m-1")
    rows = [first, exits(None, at=2, message="m-2"), first._replace(position=3)]
    settle(ledger, 1, rows)
    assert wanted(ledger) == set()


def test_one_message_speaks_of_many_users(ledger: Ledger) -> None:
    rows = [
        enters(None, at=1, message="m-1"),
        enters(None, at=2, user="a:2", identifier="bo", message="m-1"),
    ]
    settle(ledger, 1, rows)
    assert wanted(ledger) == {"ana", "bo"}


def test_messages_of_one_cohort_are_not_those_of_another(ledger: Ledger) -> None:
    settle(ledger, 1, [enters(None, message="m-1")])
    settle(ledger, 2, [enters(None, message="m-1")])
    assert members(ledger, 2) == {"a:1": "ana"}


def test_the_messages_of_a_cohort_that_is_not_recorded_may_come_again(ledger: Ledger) -> None:
    nobody = enters(None, message="m-1")._replace(identifier=None, reason="unresolved_mapping")
    assert not settle(ledger, 1, [nobody]).resolves
    settle(ledger, 1, [enters(None, message="m-1")])
    assert wanted(ledger) == {"ana"}


def test_times_and_messages_are_kept_for_thirty_days(ledger: Ledger, book: Entries) -> None:
    settle(ledger, 1, [enters(EARLY, message="m-1")])
    settle(ledger, 1, [exits(LATE, message="m-2")])
    now = int(time.time())
    book.forget_leavers(now + 30 * DAY - 60)
    settle(ledger, 1, [enters(NOON), enters(None, at=2, message="m-1")])
    assert wanted(ledger) == set()
    book.forget_leavers(now + 30 * DAY + 60)
    settle(ledger, 1, [enters(NOON)])
    assert wanted(ledger) == {"ana"}
    settle(ledger, 1, [exits(None, message="m-2")])
    assert wanted(ledger) == set()
