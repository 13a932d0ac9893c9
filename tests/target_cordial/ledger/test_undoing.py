"""Undoing a run: what it changed is reversed, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.core.outcome import Result
from target_cordial.core.plan import Operation, Sent
from target_cordial.ledger.undoing import Undone, undo
from tests.target_cordial.ledger.rows import (
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
    from collections.abc import Mapping

    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger

ON, OFF, UNKNOWN = Sent.ON, Sent.OFF, Sent.UNKNOWN


def run(
    ledger: Ledger,
    book: Entries,
    sent: Mapping[str, str | None],
    result: Result = Result.CONFIRMED,
    reason: str | None = None,
) -> int:
    """A run with a complete snapshot whose changes all end in one way: its number."""
    ledger.begin_run(f"run-{ledger.run}", NOW)
    snapshot(ledger, 1, sent)
    deliver(book, 1, result, reason=reason)
    assert ledger.run is not None
    return ledger.run


def due(book: Entries) -> list[tuple[str, Operation]]:
    book.plan.fix([1], [1], now=NOW, by_contact=True)
    return [(change.identifier, change.operation) for change in book.plan.changes()]


def test_whom_it_added_comes_off_and_whom_it_took_off_is_put_back(
    ledger: Ledger, book: Entries
) -> None:
    run(ledger, book, {"a:1": "ana", "a:2": "bo"})
    bad = run(ledger, book, {"a:2": "bo", "a:3": "cy", "a:4": "di"})
    assert undo(ledger, bad) == [Undone(1, to_remove=2, to_add=1)]
    assert members(ledger, 1) == {"a:2": "bo"}
    assert sorted(due(book)) == [
        ("ana", Operation.ADD),
        ("cy", Operation.REMOVE),
        ("di", Operation.REMOVE),
    ]
    deliver(book, 1)
    assert entries(ledger, 1) == {"ana": (1, ON), "bo": (1, ON), "cy": (0, OFF), "di": (0, OFF)}


def test_a_snapshot_that_was_mended_ends_what_is_held(ledger: Ledger, book: Entries) -> None:
    before = {"a:1": "ana", "a:2": "bo"}
    run(ledger, book, before)
    undo(ledger, run(ledger, book, {"a:3": "cy"}))
    deliver(book, 1)
    snapshot(ledger, 1, before)
    assert due(book) == []  # who was put back is there, as Cordial has confirmed
    assert members(ledger, 1) == before
    assert entries(ledger, 1) == {"ana": (1, ON), "bo": (1, ON), "cy": (0, OFF)}
    run(ledger, book, {"a:2": "bo"})
    assert entries(ledger, 1)["ana"] == (0, OFF)


def test_a_snapshot_that_says_the_same_again_does_the_same_again(
    ledger: Ledger, book: Entries
) -> None:
    run(ledger, book, {"a:1": "ana"})
    wrong = {"a:2": "bo"}
    undo(ledger, run(ledger, book, wrong))
    deliver(book, 1)
    run(ledger, book, wrong)
    assert entries(ledger, 1) == {"ana": (0, OFF), "bo": (1, ON)}


def test_an_address_that_was_changed_is_changed_back(ledger: Ledger, book: Entries) -> None:
    run(ledger, book, {"a:1": "old"})
    bad = run(ledger, book, {"a:1": "new"})
    assert undo(ledger, bad) == [Undone(1, to_remove=1, to_add=1)]
    deliver(book, 1)
    assert entries(ledger, 1) == {"old": (1, ON), "new": (0, OFF)}


def test_what_a_later_run_changed_again_is_left_alone(ledger: Ledger, book: Entries) -> None:
    run(ledger, book, {"a:1": "ana"})
    first = run(ledger, book, {"a:2": "bo"})
    run(ledger, book, {"a:1": "ana"})
    assert undo(ledger, first) == []
    assert entries(ledger, 1) == {"ana": (1, ON), "bo": (0, OFF)}


def test_what_never_came_about_is_not_undone(ledger: Ledger, book: Entries) -> None:
    run(ledger, book, {"a:1": "ana"})
    tried = run(ledger, book, {"a:2": "bo"}, Result.REJECTED, reason="rejected_by_cordial")
    before = entries(ledger, 1)
    assert undo(ledger, tried) == []
    assert entries(ledger, 1) == before


def test_who_was_never_known_on_the_list_is_not_put_there(ledger: Ledger, book: Entries) -> None:
    run(ledger, book, {"a:1": "ana"})
    ledger.begin_run("removes", NOW)
    settle(ledger, 1, [row(1, "a:9", "zoe", present=False)])
    deliver(book, 1)
    assert entries(ledger, 1)["zoe"] == (0, OFF)
    assert ledger.run is not None
    assert undo(ledger, ledger.run) == []


def test_a_run_that_died_is_undone_as_far_as_it_may_have_got(ledger: Ledger, book: Entries) -> None:
    run(ledger, book, {"a:1": "ana"})
    died = run(ledger, book, {"a:2": "bo"}, Result.UNKNOWN)
    assert undo(ledger, died) == [Undone(1, to_remove=1, to_add=1)]
    assert entries(ledger, 1) == {"ana": (1, UNKNOWN), "bo": (0, UNKNOWN)}
    assert undo(ledger, died) == []  # and not back again


def test_what_a_run_finished_for_one_that_died_is_undone_with_it(
    ledger: Ledger, book: Entries
) -> None:
    run(ledger, book, {"a:1": "ana"})
    died = run(ledger, book, {"a:2": "bo"}, Result.UNKNOWN)
    finished = run(ledger, book, {"a:2": "bo"})
    assert undo(ledger, died) == []
    assert undo(ledger, finished) == [Undone(1, to_remove=1, to_add=1)]


def test_one_cohort_alone_can_be_undone(ledger: Ledger, book: Entries) -> None:
    ledger.begin_run("both", NOW)
    for cohort in (1, 2):
        snapshot(ledger, cohort, {"a:1": "ana"})
        deliver(book, cohort)
    assert ledger.run is not None
    assert undo(ledger, ledger.run, 2) == [Undone(2, to_remove=1, to_add=0)]
    assert entries(ledger, 1) == {"ana": (1, ON)}
    assert entries(ledger, 2) == {"ana": (0, ON)}


def test_who_is_known_by_nothing_but_the_identifier_is_put_back_too(
    ledger: Ledger, book: Entries
) -> None:
    run(ledger, book, {"i:ana": "ana", "i:bo": "bo"})
    ledger.begin_run("removes", NOW)
    settle(ledger, 1, [row(1, "i:ana", "ana", present=False, time=5)])
    deliver(book, 1)
    assert ledger.run is not None
    assert undo(ledger, ledger.run) == [Undone(1, to_remove=0, to_add=1)]
    deliver(book, 1)
    assert entries(ledger, 1) == {"ana": (1, ON), "bo": (1, ON)}
    settle(ledger, 1, [row(1, "i:ana", "ana", present=False, time=6)])
    assert entries(ledger, 1)["ana"] == (0, ON)


def test_what_was_adopted_since_is_no_runs_any_more(ledger: Ledger, book: Entries) -> None:
    run(ledger, book, {"a:1": "ana"})
    bad = run(ledger, book, {})
    adopt(ledger, 1, ["ana"])
    assert undo(ledger, bad) == []
    assert entries(ledger, 1) == {"ana": (1, ON)}
