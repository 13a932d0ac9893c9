"""What was said under a lesser id holds when a better one turns up in an older record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.ledger.settlement import Sealed
from tests.target_cordial.ledger.rows import entries, members, row, settle

if TYPE_CHECKING:
    from target_cordial.ledger.stage import StagedRow
    from target_cordial.ledger.store import Ledger

EARLY, NOON, LATE = 1_000, 2_000, 3_000


def proven(ledger: Ledger, time: int, *rows: StagedRow) -> None:
    taken = [each._replace(position=at, snapshot=0) for at, each in enumerate(rows, 1)]
    settle(ledger, 1, taken, Sealed(0, 1, time), {0: time})


def wanted(ledger: Ledger) -> set[str]:
    return {name for name, (is_wanted, _) in entries(ledger, 1).items() if is_wanted}


def test_who_left_by_user_id_is_not_brought_back_by_the_amplitude_id(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "u:x", "ana", time=LATE, present=False)])
    proven(ledger, EARLY, row(1, "a:1", "ana", user_id="x"), row(2, "a:2", "bob"))
    assert wanted(ledger) == {"bob"}
    proven(ledger, NOON, row(1, "a:1", "ana"), row(2, "a:2", "bob"))
    assert wanted(ledger) == {"bob"}
    proven(ledger, LATE + 1, row(1, "a:1", "ana"), row(2, "a:2", "bob"))
    assert wanted(ledger) == {"ana", "bob"}


def test_who_was_in_without_user_id_leaves_when_it_is_known(ledger: Ledger) -> None:
    proven(ledger, EARLY, row(1, "a:1", "ana"), row(2, "a:2", "bob"))
    settle(ledger, 1, [row(1, "u:x", "ana", time=LATE, present=False)])
    proven(ledger, NOON, row(1, "a:1", "ana", user_id="x"), row(2, "a:2", "bob"))
    assert wanted(ledger) == {"bob"}
    proven(ledger, NOON + 1, row(1, "a:1", "ana"), row(2, "a:2", "bob"))
    assert wanted(ledger) == {"bob"}


def test_who_left_by_address_is_not_brought_back_by_an_id(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "i:ana", "ana", time=LATE, present=False)])
    proven(ledger, EARLY, row(1, "a:1", "ana"), row(2, "a:2", "bob"))
    assert wanted(ledger) == {"bob"}
    # the word was on that user, whatever address an older record gives
    proven(ledger, NOON, row(1, "a:1", "new"), row(2, "a:2", "bob"))
    assert wanted(ledger) == {"bob"}


def test_a_removal_by_address_does_not_concern_who_had_it_before(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "a:1", "new", time=NOON)])
    settle(ledger, 1, [row(1, "i:old", "old", time=LATE, present=False)])
    settle(ledger, 1, [row(1, "a:1", "old", time=EARLY)])
    assert wanted(ledger) == {"new"}
    rows = [row(1, "a:1", "old", time=EARLY), row(2, "i:old", "old", time=LATE, present=False)]
    settle(ledger, 1, rows)
    assert wanted(ledger) == {"new"}


def test_a_changed_address_known_by_user_id_goes_over_to_the_better_id(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "a:1", "old", time=EARLY)])
    settle(ledger, 1, [row(1, "u:x", "new", time=LATE)])
    settle(ledger, 1, [row(1, "a:1", "old", user_id="x", time=NOON)])
    assert members(ledger, 1) == {"a:1": "new"}
    assert wanted(ledger) == {"new"}
    settle(ledger, 1, [row(1, "a:1", "old", time=NOON)])
    assert wanted(ledger) == {"new"}


def test_who_came_back_under_the_better_id_stays(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "u:x", "ana", time=NOON, present=False)])
    settle(ledger, 1, [row(1, "a:1", "ana", user_id="x", time=LATE)])
    settle(ledger, 1, [row(1, "a:1", "ana", user_id="x", time=EARLY)])
    assert wanted(ledger) == {"ana"}
    # also by a record without a time
    settle(ledger, 1, [row(1, "u:y", "bob", time=NOON, present=False)])
    settle(ledger, 1, [row(1, "a:2", "bob", user_id="y")])
    settle(ledger, 1, [row(1, "a:2", "bob", user_id="y", time=EARLY)])
    assert wanted(ledger) == {"ana", "bob"}


def test_a_user_id_stays_known_through_records_without_it(ledger: Ledger) -> None:
    proven(ledger, EARLY, row(1, "a:1", "ana", user_id="x"), row(2, "a:2", "bob"))
    proven(ledger, NOON, row(1, "a:1", "ana"), row(2, "a:2", "bob"))
    settle(ledger, 1, [row(1, "u:x", None, time=LATE, present=False)])
    assert wanted(ledger) == {"bob"}
    # and one that a record of this run has, for the others of the run
    rows = [
        row(1, "a:2", "bob", user_id="y"),
        row(2, "a:2", "bob"),
        row(3, "u:y", None, present=False),
    ]
    settle(ledger, 1, rows)
    assert wanted(ledger) == set()


def test_a_removal_by_address_leaves_its_users_the_ids_of_this_run(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "a:3", "ana"), row(2, "u:y", "bob", time=LATE)])
    rows = [
        row(1, "a:3", "ana", user_id="y", present=False),
        row(2, "i:ana", "ana", present=False),
    ]
    settle(ledger, 1, rows)
    assert members(ledger, 1) == {}


def test_a_removal_by_id_tells_of_an_address_that_stays_with_other_ids(
    ledger: Ledger,
) -> None:
    settle(ledger, 1, [row(1, "i:ana", "ana"), row(2, "a:2", "bob"), row(3, "a:3", "bob")])
    assert settle(ledger, 1, [row(1, "a:1", "ana", present=False)]).kept == 1
    assert settle(ledger, 1, [row(1, "a:2", "bob", present=False)]).kept == 0
    assert settle(ledger, 1, [row(1, "a:4", "bob", present=False)]).kept == 1
    gone = [row(1, "a:4", "bob", present=False), row(2, "a:3", "bob", present=False)]
    assert settle(ledger, 1, gone).kept == 0
    settle(ledger, 1, [row(1, "a:3", "bob"), row(2, "a:1", "ana")])
    assert settle(ledger, 1, [row(1, "a:1", None, present=False)]).kept == 1
    assert settle(ledger, 1, [row(1, "i:ana", "ana", present=False)]).kept == 0
    assert wanted(ledger) == {"bob"}


def test_what_is_recalled_is_not_counted_as_skipped(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "u:x", "ana", time=LATE, present=False)])
    rows = [row(1, "a:1", "ana", user_id="x", time=EARLY), row(2, "a:2", "bob")]
    assert settle(ledger, 1, rows).skipped == {}
