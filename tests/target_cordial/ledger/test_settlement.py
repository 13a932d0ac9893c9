from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_cordial.core.identifier import IDENTIFIER_LOST, UNRESOLVED_MAPPING
from target_cordial.core.outcome import Result
from target_cordial.core.plan import Sent
from target_cordial.ledger import stage as module
from target_cordial.ledger.settlement import Sealed, Settled
from target_cordial.ledger.stage import Stage
from tests.target_cordial.ledger.rows import (
    DAY,
    NOW,
    adopt,
    deliver,
    entries,
    members,
    row,
    settle,
    snapshot,
)

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger


def test_a_first_snapshot_wants_everybody_and_has_sent_nothing(ledger: Ledger) -> None:
    assert snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"}) == Settled(2, {})
    assert members(ledger, 1) == {"a:1": "ana", "a:2": "bo"}
    assert entries(ledger, 1) == {"ana": (1, Sent.OFF), "bo": (1, Sent.OFF)}
    assert entries(ledger, 2) == {}


def test_the_same_snapshot_again_changes_nothing(ledger: Ledger, book: Entries) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    assert len(deliver(book, 1)) == 1
    snapshot(ledger, 1, {"a:1": "ana"})
    assert deliver(book, 1) == []


def test_a_cohort_is_settled_apart_from_the_others(ledger: Ledger, book: Entries) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    snapshot(ledger, 2, {"a:1": "ana", "a:2": "bo"})
    deliver(book, 1)
    deliver(book, 2)
    snapshot(ledger, 1, {})
    assert entries(ledger, 1) == {"ana": (0, Sent.ON)}
    assert entries(ledger, 2) == {"ana": (1, Sent.ON), "bo": (1, Sent.ON)}


def test_absence_without_proof_removes_nobody(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    settle(ledger, 1, [row(1, "a:3", "cy", snapshot=0)])
    assert set(members(ledger, 1)) == {"a:1", "a:2", "a:3"}


def test_a_shared_identifier_stays_until_its_last_user_leaves(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "ana"})
    settle(ledger, 1, [row(1, "a:1", None, present=False)])
    assert entries(ledger, 1)["ana"][0] == 1
    settle(ledger, 1, [row(1, "a:2", "ana", present=False)])
    assert entries(ledger, 1)["ana"][0] == 0


def test_a_changed_identifier_moves(ledger: Ledger, book: Entries) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    deliver(book, 1)
    snapshot(ledger, 1, {"a:1": "anna", "a:2": "bo"})
    assert entries(ledger, 1) == {
        "ana": (0, Sent.ON),
        "anna": (1, Sent.OFF),
        "bo": (1, Sent.ON),
    }


def test_two_users_may_change_places(ledger: Ledger, book: Entries) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    deliver(book, 1)
    snapshot(ledger, 1, {"a:1": "bo", "a:2": "ana"})
    assert members(ledger, 1) == {"a:1": "bo", "a:2": "ana"}
    assert deliver(book, 1) == []


def test_an_unproven_change_of_identifier_keeps_the_old_one_for_now(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "a:1", "anna", snapshot=0)])
    assert {name: wanted for name, (wanted, _) in entries(ledger, 1).items()} == {
        "ana": 1,
        "anna": 1,
    }
    snapshot(ledger, 1, {"a:1": "anna"})
    assert entries(ledger, 1)["ana"][0] == 0


def test_the_removal_of_its_user_ends_what_was_kept_for_now(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "a:1", "anna", snapshot=0)])
    settle(ledger, 1, [row(1, "a:1", None, present=False)])
    assert {wanted for wanted, _ in entries(ledger, 1).values()} == {0}


def test_it_ends_too_when_the_user_is_known_by_a_better_id_meanwhile(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"u:x": "ana"})
    settle(ledger, 1, [row(1, "u:x", "anna", snapshot=0)])
    settle(ledger, 1, [row(1, "a:1", None, user_id="x", present=False)])
    assert members(ledger, 1) == {}
    assert {wanted for wanted, _ in entries(ledger, 1).values()} == {0}


def test_what_was_kept_for_now_goes_with_the_user_to_the_better_id(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"u:x": "ana", "u:y": "bo"})
    settle(ledger, 1, [row(1, "u:x", "anna", snapshot=0), row(2, "u:y", "bob", snapshot=0)])
    settle(ledger, 1, [row(1, "a:1", "anna", user_id="x")])
    assert members(ledger, 1) == {"a:1": "anna", "u:y": "bob"}
    assert {wanted for wanted, _ in entries(ledger, 1).values()} == {1}
    settle(ledger, 1, [row(1, "a:1", None, user_id="x", present=False)])
    wanted = {name for name, (wanted, _) in entries(ledger, 1).items() if wanted}
    assert wanted == {"bo", "bob"}


def test_what_is_kept_for_two_users_of_one_former_key_is_kept_apart(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"u:x": "ana"})
    settle(ledger, 1, [row(1, "u:x", "anna", snapshot=0)])
    settle(ledger, 1, [row(1, "a:1", "anna", user_id="x")])
    settle(ledger, 1, [row(1, "a:1", "anna", user_id="y")])
    settle(ledger, 1, [row(1, "u:x", "ana")])
    settle(ledger, 1, [row(1, "u:x", "hanna", snapshot=0)])
    settle(ledger, 1, [row(1, "a:1", None, present=False)])
    wanted = {name for name, (wanted, _) in entries(ledger, 1).items() if wanted}
    assert wanted == {"ana", "hanna"}


# -- explicit rows --------------------------------------------------------------------------------


def test_an_unknown_identifier_that_is_removed_explicitly_is_sent(
    ledger: Ledger, book: Entries
) -> None:
    settle(ledger, 1, [row(1, "a:9", "zoe", present=False)])
    assert entries(ledger, 1) == {"zoe": (0, Sent.UNKNOWN)}
    [change] = deliver(book, 1)
    assert (change.identifier, change.operation.value) == ("zoe", "remove")
    assert entries(ledger, 1) == {"zoe": (0, Sent.OFF)}
    settle(ledger, 1, [row(1, "a:9", "zoe", present=False)])
    assert deliver(book, 1) == []


def test_an_explicit_removal_leaves_an_identifier_that_another_user_has(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "a:9", "ana", present=False)])
    assert entries(ledger, 1)["ana"][0] == 1


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_the_last_record_wins(ledger: Ledger, first: bool, second: bool) -> None:  # noqa: FBT001  columns of the table
    rows = [row(1, "a:1", "ana", present=first), row(2, "a:1", "ana", present=second)]
    settle(ledger, 1, rows)
    assert bool(members(ledger, 1)) is second


def test_an_explicit_row_wins_over_an_earlier_row_of_the_snapshot(ledger: Ledger) -> None:
    rows = [
        row(1, "a:1", "ana", snapshot=0),
        row(2, "a:1", "ana", present=False),
        row(3, "a:2", "bo"),
        row(4, "a:3", "cy", snapshot=0),
    ]
    settle(ledger, 1, rows, Sealed(0, 1))
    assert set(members(ledger, 1)) == {"a:2", "a:3"}


def test_a_proven_snapshot_wins_over_what_came_before_it(ledger: Ledger) -> None:
    rows = [
        row(1, "a:1", "ana"),
        row(2, "a:2", "bo", present=False),
        row(3, "a:2", "bo", snapshot=0),
        row(4, "a:3", "cy", snapshot=0),
    ]
    settle(ledger, 1, rows, Sealed(0, 3))
    assert set(members(ledger, 1)) == {"a:2", "a:3"}


def test_an_unknown_removal_before_a_proven_snapshot_is_sent_all_the_same(ledger: Ledger) -> None:
    rows = [row(1, "a:9", "zoe", present=False), row(2, "a:1", "ana", snapshot=0)]
    settle(ledger, 1, rows, Sealed(0, 2))
    assert entries(ledger, 1) == {"ana": (1, Sent.OFF), "zoe": (0, Sent.UNKNOWN)}


def test_a_replaced_snapshot_of_the_same_run_says_nothing(ledger: Ledger) -> None:
    rows = [row(1, "a:1", "ana", snapshot=0), row(2, "a:2", "bo", snapshot=1)]
    settle(ledger, 1, rows, Sealed(1, 2))
    assert set(members(ledger, 1)) == {"a:2"}


def test_an_empty_proven_snapshot_takes_everybody_out(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "i:bo": "bo"})
    assert snapshot(ledger, 1, {}) == Settled(0, {})
    assert members(ledger, 1) == {}
    assert {wanted for wanted, _ in entries(ledger, 1).values()} == {0}


def test_an_empty_proven_snapshot_wins_over_what_came_before_it(ledger: Ledger) -> None:
    rows = [
        row(1, "a:1", "ana"),
        row(2, "a:2", "bo", snapshot=0),
        row(3, "a:9", "zoe", present=False),
        row(5, "a:3", "cy"),
        row(6, "a:4", "dee", snapshot=0),
    ]
    assert settle(ledger, 1, rows, Sealed(None, 4)) == Settled(1, {})
    assert members(ledger, 1) == {"a:3": "cy"}
    assert entries(ledger, 1) == {"cy": (1, Sent.OFF), "zoe": (0, Sent.UNKNOWN)}


# -- who a user is --------------------------------------------------------------------------------


def test_a_row_that_knows_only_a_user_id_concerns_every_user_with_it(ledger: Ledger) -> None:
    rows = [row(1, "a:1", "ana", user_id="x"), row(2, "a:2", "bo", user_id="x")]
    settle(ledger, 1, [*rows, row(3, "a:3", "cy", user_id="y")])
    settle(ledger, 1, [row(1, "u:x", None, present=False)])
    assert members(ledger, 1) == {"a:3": "cy"}


def test_a_user_known_by_user_id_is_the_same_one_when_the_better_id_comes(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "u:x", "ana")])
    settle(ledger, 1, [row(1, "a:1", "anna", user_id="x")])
    assert members(ledger, 1) == {"a:1": "anna"}
    assert {name: wanted for name, (wanted, _) in entries(ledger, 1).items()} == {
        "ana": 0,
        "anna": 1,
    }


def test_a_user_known_by_user_id_can_be_removed_by_the_better_id(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "u:x", "ana")])
    settle(ledger, 1, [row(1, "a:1", None, user_id="x", present=False)])
    assert members(ledger, 1) == {}
    assert entries(ledger, 1)["ana"][0] == 0


# -- users without an identifier ------------------------------------------------------------------


def test_a_skip_is_never_a_removal(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    settled = snapshot(ledger, 1, {"a:1": None, "a:2": "bo", "a:3": None})
    assert settled == Settled(3, {IDENTIFIER_LOST: 1, UNRESOLVED_MAPPING: 1})
    assert members(ledger, 1) == {"a:1": "ana", "a:2": "bo"}
    assert entries(ledger, 1)["ana"][0] == 1


def test_a_removal_needs_no_identifier_for_a_known_user(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    assert settle(ledger, 1, [row(1, "a:1", None, present=False)]) == Settled(0, {})
    settled = settle(ledger, 1, [row(1, "a:8", None, present=False)])
    assert settled == Settled(0, {UNRESOLVED_MAPPING: 1})


def test_skipped_users_can_be_walked(ledger: Ledger, book: Entries) -> None:
    stage = Stage(ledger)
    for each in (row(1, "a:1", "ana"), row(2, "a:2", None), row(3, "u:x", None, present=False)):
        stage.append(0, each)
    stage.settle(0, 1, None)
    told = sorted((c, user, op.value, reason) for c, user, op, reason in book.skipped())
    assert told == [
        (1, "a:2", "add", UNRESOLVED_MAPPING),
        (1, "u:x", "remove", UNRESOLVED_MAPPING),
    ]


@pytest.mark.parametrize("sealed", [None, Sealed(0, 1)])
@pytest.mark.parametrize("known", [True, False])
def test_a_cohort_of_whom_none_resolves_is_as_it_was(
    ledger: Ledger,
    sealed: Sealed | None,
    known: bool,  # noqa: FBT001  a column of the table
) -> None:
    if known:
        snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    before = (members(ledger, 1), entries(ledger, 1))
    rows = [
        row(1, "a:1", None, snapshot=0),
        row(2, "a:3", None, snapshot=0),
        row(3, "a:9", "zoe", present=False),
    ]
    reasons = {IDENTIFIER_LOST: 1, UNRESOLVED_MAPPING: 1} if known else {UNRESOLVED_MAPPING: 2}
    assert settle(ledger, 1, rows, sealed) == Settled(2, reasons, resolves=False)
    assert (members(ledger, 1), entries(ledger, 1)) == before


def test_a_change_of_one_user_without_identifier_is_no_mapping_gone_wrong(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    settled = settle(ledger, 1, [row(1, "a:3", None), row(2, "a:2", None, present=False)])
    assert settled == Settled(1, {UNRESOLVED_MAPPING: 1})
    assert members(ledger, 1) == {"a:1": "ana"}


# -- rejections and blocks ------------------------------------------------------------------------


def test_a_rejection_ends_when_the_opposite_is_wanted(ledger: Ledger, book: Entries) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    deliver(book, 1, Result.REJECTED, reason="rejected_by_cordial")
    assert deliver(book, 1, now=NOW + DAY) == []
    snapshot(ledger, 1, {})
    assert deliver(book, 1, now=NOW + DAY) == []
    snapshot(ledger, 1, {"a:1": "ana"})
    assert len(deliver(book, 1, now=NOW + DAY)) == 1


def test_rows_of_several_blocks_and_cohorts_all_arrive(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 3)
    stage = Stage(ledger)
    for number in range(10):
        stage.append(number % 2, row(number + 1, f"a:{number}", f"p{number}", snapshot=0))
    assert stage.settle(0, 1, Sealed(0, 1)).present == 5
    assert stage.settle(1, 2, Sealed(0, 2)).present == 5
    assert set(members(ledger, 1)) == {"a:0", "a:2", "a:4", "a:6", "a:8"}
    assert set(members(ledger, 2)) == {"a:1", "a:3", "a:5", "a:7", "a:9"}


# -- removals by identifier alone -----------------------------------------------------------------


def test_a_removal_by_identifier_alone_concerns_every_user_with_it(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "u:x": "ana", "a:2": "bo"})
    snapshot(ledger, 2, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "i:ana", "ana", present=False)])
    assert members(ledger, 1) == {"a:2": "bo"}
    assert entries(ledger, 1)["ana"] == (0, Sent.OFF)
    assert members(ledger, 2) == {"a:1": "ana"}


def test_it_concerns_those_whom_rows_of_this_run_brought(ledger: Ledger) -> None:
    rows = [row(1, "a:1", "ana", snapshot=0), row(2, "a:2", "bo", snapshot=0)]
    settle(ledger, 1, [*rows, row(3, "i:ana", "ana", present=False)], Sealed(0, 1))
    assert members(ledger, 1) == {"a:2": "bo"}


def test_it_stands_at_its_own_place_in_the_input(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "ana"})
    settle(ledger, 1, [row(1, "i:ana", "ana", present=False), row(2, "a:1", "ana")])
    assert members(ledger, 1) == {"a:1": "ana"}
    assert entries(ledger, 1)["ana"][0] == 1


def test_a_removal_of_an_identifier_that_nobody_has_is_sent_all_the_same(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "i:bo", "bo", present=False)])
    assert members(ledger, 1) == {"a:1": "ana"}
    assert entries(ledger, 1)["bo"] == (0, Sent.UNKNOWN)


def test_a_present_row_by_identifier_alone_is_a_user_of_its_own(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "i:ana", "ana")])
    assert members(ledger, 1) == {"a:1": "ana", "i:ana": "ana"}
    settle(ledger, 1, [row(1, "a:1", "ana", present=False)])
    assert members(ledger, 1) == {"i:ana": "ana"}
    assert entries(ledger, 1)["ana"][0] == 1
    settle(ledger, 1, [row(1, "i:ana", "ana", present=False)])
    assert members(ledger, 1) == {}
    assert entries(ledger, 1)["ana"][0] == 0


def test_a_present_row_by_identifier_alone_brings_nobody_else_back(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "a:1", "ana", present=False), row(2, "i:ana", "ana")])
    assert members(ledger, 1) == {"i:ana": "ana"}


def test_a_removal_by_identifier_alone_ends_a_former_one_that_was_held(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    settle(ledger, 1, [row(1, "a:1", "anna", snapshot=0)])
    assert entries(ledger, 1)["ana"][0] == 1
    settle(ledger, 1, [row(1, "i:ana", "ana", present=False)])
    assert members(ledger, 1) == {"a:1": "anna"}
    assert entries(ledger, 1)["ana"][0] == 0


# -- adopted members ------------------------------------------------------------------------------


def test_who_was_adopted_stays_until_a_proven_snapshot_speaks(ledger: Ledger) -> None:
    adopt(ledger, 1, ["ana", "bo"])
    settle(ledger, 1, [row(1, "a:1", "cy", snapshot=0)])
    assert {name for name, (wanted, _) in entries(ledger, 1).items() if wanted} == {
        "ana",
        "bo",
        "cy",
    }
    snapshot(ledger, 1, {"a:1": "ana"})
    assert entries(ledger, 1) == {
        "ana": (1, Sent.UNKNOWN),
        "bo": (0, Sent.UNKNOWN),
        "cy": (0, Sent.OFF),
    }


@pytest.mark.parametrize("known", [True, False])
def test_who_was_adopted_leaves_as_the_user_who_has_the_identifier(
    ledger: Ledger,
    known: bool,  # noqa: FBT001  came with its identifier before
) -> None:
    adopt(ledger, 1, ["ana", "bo"])
    if known:
        settle(ledger, 1, [row(1, "a:1", "ana")])
        settle(ledger, 1, [row(1, "a:1", None, present=False)])
    else:
        settle(ledger, 1, [row(1, "a:1", "ana", present=False)])
    assert entries(ledger, 1) == {"ana": (0, Sent.UNKNOWN), "bo": (1, Sent.ON)}


def test_who_was_adopted_can_be_removed_by_identifier_alone(ledger: Ledger) -> None:
    adopt(ledger, 1, ["ana"])
    settle(ledger, 1, [row(1, "i:ana", "ana", present=False)])
    assert entries(ledger, 1) == {"ana": (0, Sent.UNKNOWN)}
