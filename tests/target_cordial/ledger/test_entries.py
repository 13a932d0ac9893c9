from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, insert, select, text

from target_cordial.core.outcome import CONTACT_NOT_FOUND, REJECTED_BY_CORDIAL, Outcome, Result
from target_cordial.core.plan import RETRY_REJECTED_SECONDS, Operation, Sent
from target_cordial.ledger.counts import Counts
from target_cordial.ledger.entries import AT_ONCE, RETENTION_SECONDS
from target_cordial.ledger.plan import PAGE
from target_cordial.ledger.schema import entry
from tests.ledgers import SQLITE
from tests.target_cordial.ledger.rows import (
    DAY,
    NOW,
    change,
    deliver,
    entries,
    snapshot,
)

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger


def put(ledger: Ledger, cohort: int, *rows: tuple[str, int, Sent], **more: object) -> None:
    """Put entries into the ledger: identifier, wanted, sent."""
    values = [
        {"cohort": cohort, "identifier": name, "wanted": wanted, "sent": int(sent), **more}
        for name, wanted, sent in rows
    ]
    with ledger.write():
        ledger.connection.execute(insert(entry), values)


def kept(ledger: Ledger, identifier: str) -> dict[str, object]:
    with ledger.write():
        query = select(entry).where(entry.c.identifier == identifier)
        return dict(ledger.connection.execute(query).mappings().one())


ALL_STATES = (
    ("settled on", 1, Sent.ON),
    ("settled off", 0, Sent.OFF),
    ("to add", 1, Sent.OFF),
    ("to add, perhaps there", 1, Sent.UNKNOWN),
    ("to remove", 0, Sent.ON),
    ("to remove, perhaps gone", 0, Sent.UNKNOWN),
)


def test_the_counts_of_every_state(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, *ALL_STATES)
    put(ledger, 2, ("other", 1, Sent.OFF))
    counts = book.counts(1, now=NOW, window_since=0)
    assert counts == Counts(
        confirmed=2,
        additions=2,
        removals=2,
        unknown=2,
        rejected={},
        recent_additions=0,
        recent_removals=0,
        unknown_removals=1,
    )
    assert [counts.before(way) for way in Operation] == [2, 3]
    assert [counts.due(way) for way in Operation] == [2, 2]


def test_what_was_rejected_is_counted_by_its_reason_and_not_as_due(
    ledger: Ledger, book: Entries
) -> None:
    put(ledger, 1, ("a", 1, Sent.OFF), ("b", 0, Sent.ON), rejected_at=NOW, rejected_reason="x")
    put(ledger, 1, ("c", 1, Sent.OFF), rejected_at=NOW, rejected_reason="y")
    put(ledger, 1, ("d", 1, Sent.OFF))
    counts = book.counts(1, now=NOW, window_since=0)
    assert (counts.additions, counts.removals, counts.rejected) == (1, 0, {"x": 2, "y": 1})


def test_recent_removals_are_those_confirmed_after_the_window_began(
    ledger: Ledger, book: Entries
) -> None:
    for number, moment in enumerate((NOW - 10, NOW - 9, NOW - 8, NOW, NOW, NOW + 10)):
        put(ledger, 1, (f"p{number}", 0, Sent.OFF), removed_at=moment)
    put(ledger, 1, ("back", 1, Sent.ON), removed_at=NOW + 10)
    put(ledger, 1, ("leaving again", 0, Sent.ON), removed_at=NOW + 10)
    assert book.counts(1, now=NOW, window_since=NOW).recent(Operation.REMOVE) == 1
    assert book.done_since(1, Operation.REMOVE, NOW) == 3
    assert book.done_since(2, Operation.REMOVE, NOW) == 0


def test_recent_additions_are_those_after_the_first_sync(ledger: Ledger, book: Entries) -> None:
    for number, moment in enumerate((NOW - 10, NOW - 9, NOW, NOW, NOW + 1, NOW + 10)):
        put(ledger, 1, (f"p{number}", 1, Sent.ON), added_at=moment)
    put(ledger, 1, ("adopted", 1, Sent.ON), ("coming", 1, Sent.OFF))
    put(ledger, 1, ("left again", 0, Sent.OFF), added_at=NOW + 10)
    put(ledger, 1, ("leaving again", 0, Sent.ON), added_at=NOW + 10)
    assert book.counts(1, now=NOW, window_since=0).recent_additions == 0  # no first sync yet
    ledger.update_cohort(1, first_synced_at=NOW - 9)
    counts = book.counts(1, now=NOW, window_since=0)
    assert (counts.recent(Operation.ADD), counts.confirmed) == (5, 8)
    assert counts.before(Operation.ADD) == 3
    assert book.counts(1, now=NOW, window_since=NOW).recent_additions == 3
    assert book.done_since(1, Operation.ADD, NOW) == 5
    assert book.done_since(1, Operation.ADD, NOW - 100) == 5
    assert book.done_since(2, Operation.ADD, 0) == 0


def test_an_addition_after_the_first_sync_counts_in_its_very_second(
    ledger: Ledger, book: Entries
) -> None:
    snapshot(ledger, 1, {"a:1": "first"})
    deliver(book, 1, now=NOW)
    ledger.update_cohort(1, first_synced_at=NOW)
    snapshot(ledger, 1, {"a:1": "first", "a:2": "second"})
    deliver(book, 1, now=NOW)
    assert (kept(ledger, "first")["added_at"], kept(ledger, "second")["added_at"]) == (NOW, NOW + 1)
    assert book.counts(1, now=NOW, window_since=NOW - DAY).recent_additions == 1


def test_rejected_changes_can_be_sent_again(ledger: Ledger, book: Entries) -> None:
    for cohort in (1, 2):
        put(ledger, cohort, ("a", 1, Sent.OFF), ("b", 0, Sent.ON), rejected_at=NOW)
        put(ledger, cohort, ("c", 1, Sent.OFF), ("d", 1, Sent.ON))
    assert book.plan.fix([1, 2], [1, 2], now=NOW, by_contact=True) == 2
    assert book.retry_rejected(1) == 2
    assert book.plan.fix([1], [1], now=NOW, by_contact=True) == 3
    assert book.plan.fix([2], [2], now=NOW, by_contact=True) == 1
    assert book.retry_rejected() == 2
    assert book.plan.fix([2], [2], now=NOW, by_contact=True) == 3
    assert book.retry_rejected() == 0


# -- the plan -------------------------------------------------------------------------------------


def test_the_plan_is_the_difference(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, *ALL_STATES)
    assert book.plan.fix([1], [1], now=NOW, by_contact=True) == 4
    assert list(book.plan.changes()) == [
        change(1, "to add", Operation.ADD, Sent.OFF),
        change(1, "to add, perhaps there", Operation.ADD, Sent.UNKNOWN),
        change(1, "to remove", Operation.REMOVE, Sent.ON),
        change(1, "to remove, perhaps gone", Operation.REMOVE, Sent.UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("additions", "removals", "expected"),
    [
        ([1, 2], [1, 2], ["a1", "r1", "a2", "r2"]),
        ([1, 2], [], ["a1", "a2"]),
        ([], [2], ["r2"]),
        ([1], [2], ["a1", "r2"]),
        ([], [], []),
        ([3], [3], []),
    ],
)
def test_the_plan_holds_only_the_cohorts_and_directions_that_go_out(
    ledger: Ledger,
    book: Entries,
    additions: list[int],
    removals: list[int],
    expected: list[str],
) -> None:
    put(ledger, 1, ("a1", 1, Sent.OFF), ("r1", 0, Sent.ON))
    put(ledger, 2, ("a2", 1, Sent.OFF), ("r2", 0, Sent.ON))
    assert book.plan.fix(additions, removals, now=NOW, by_contact=False) == len(expected)
    assert sorted(c.identifier for c in book.plan.changes()) == sorted(expected)


def test_a_plan_by_contact_brings_all_changes_of_a_contact_together(
    ledger: Ledger, book: Entries
) -> None:
    put(ledger, 1, ("b", 1, Sent.OFF), ("a", 0, Sent.ON))
    put(ledger, 2, ("a", 1, Sent.OFF), ("b", 0, Sent.ON))
    book.plan.fix([1, 2], [1, 2], now=NOW, by_contact=True)
    order = [(c.identifier, c.cohort) for c in book.plan.changes()]
    assert order == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_another_plan_has_all_additions_first_and_each_list_together(
    ledger: Ledger, book: Entries
) -> None:
    put(ledger, 1, ("b", 1, Sent.OFF), ("a", 0, Sent.ON), ("c", 1, Sent.OFF))
    put(ledger, 2, ("a", 1, Sent.OFF), ("b", 0, Sent.ON))
    book.plan.fix([1, 2], [1, 2], now=NOW, by_contact=False)
    order = [(c.operation.value, c.cohort, c.identifier) for c in book.plan.changes()]
    assert order == [
        ("add", 1, "b"),
        ("add", 1, "c"),
        ("add", 2, "a"),
        ("remove", 1, "a"),
        ("remove", 2, "b"),
    ]


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 7])
def test_a_plan_of_several_pages_is_walked_once_and_in_order(
    ledger: Ledger, book: Entries, count: int
) -> None:
    names = [f"p{number:06}" for number in range(count)]
    put(ledger, 1, *((name, 1, Sent.OFF) for name in reversed(names)))
    assert book.plan.fix([1], [1], now=NOW, by_contact=True) == count
    assert [c.identifier for c in book.plan.changes()] == names


def test_a_plan_can_be_walked_while_it_is_carried_out(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, *((f"p{number:06}", 1, Sent.OFF) for number in range(PAGE + 1)))
    book.plan.fix([1], [1], now=NOW, by_contact=True)
    changes = book.plan.changes()
    seen = 0
    while block := list(islice(changes, 301)):
        seen += len(block)
        book.intend(block)
        book.record([Outcome(each, Result.CONFIRMED) for each in block], now=NOW)
    assert seen == PAGE + 1
    assert book.counts(1, now=NOW, window_since=0).confirmed == PAGE + 1


def test_a_new_plan_replaces_the_old_one(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, ("a", 1, Sent.OFF))
    book.plan.fix([1], [1], now=NOW, by_contact=True)
    assert book.plan.fix([], [], now=NOW, by_contact=True) == 0
    assert list(book.plan.changes()) == []


@pytest.mark.parametrize("ledger", [SQLITE], indirect=True)
def test_the_partial_indexes_are_there_under_the_names_the_queries_use(ledger: Ledger) -> None:
    """A query that names an index which does not cover it is refused by SQLite."""
    with ledger.write():
        for index, condition in (
            ("entry_pending", "wanted != sent"),
            ("entry_gone", "wanted = 0 AND sent = 0"),
        ):
            plan = ledger.connection.execute(
                text(
                    f"EXPLAIN QUERY PLAN SELECT * FROM entry INDEXED BY {index} "  # noqa: S608  names of ours
                    f"WHERE {condition} AND cohort = 1"
                )
            ).all()
            assert any(index in row.detail for row in plan)


# -- what was sent --------------------------------------------------------------------------------


def test_changes_that_are_alike_are_written_together(ledger: Ledger, book: Entries) -> None:
    names = [f"p{number:06}" for number in range(2 * AT_ONCE)]
    put(ledger, 1, *((name, 1, Sent.OFF) for name in names))
    put(ledger, 2, (names[0], 1, Sent.OFF))
    changes = [change(1, name, Operation.ADD) for name in names]
    changes.append(change(2, names[0], Operation.ADD))
    results = [Result.CONFIRMED] * (len(changes) - 1) + [Result.UNKNOWN]
    written: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("UPDATE"):
            written.append(statement)

    event.listen(ledger.connection, "before_cursor_execute", note)
    book.intend(changes)
    assert len(written) == 3
    book.record(map(Outcome, changes, results), now=NOW)
    assert len(written) == 6
    event.remove(ledger.connection, "before_cursor_execute", note)
    assert set(entries(ledger, 1).values()) == {(1, Sent.ON)}
    assert entries(ledger, 2) == {names[0]: (1, Sent.UNKNOWN)}


def test_an_intent_makes_an_entry_unknown_and_nothing_else(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, ("a", 1, Sent.OFF), ("b", 0, Sent.ON), ("c", 1, Sent.OFF))
    put(ledger, 2, ("a", 1, Sent.OFF))
    book.intend([change(1, "a", Operation.ADD), change(1, "b", Operation.REMOVE, Sent.ON)])
    assert entries(ledger, 1) == {
        "a": (1, Sent.UNKNOWN),
        "b": (0, Sent.UNKNOWN),
        "c": (1, Sent.OFF),
    }
    assert entries(ledger, 2) == {"a": (1, Sent.OFF)}


@pytest.mark.parametrize(
    ("operation", "before", "result", "sent"),
    [
        (Operation.ADD, Sent.OFF, Result.CONFIRMED, Sent.ON),
        (Operation.REMOVE, Sent.ON, Result.CONFIRMED, Sent.OFF),
        (Operation.REMOVE, Sent.ON, Result.ALREADY_ABSENT, Sent.OFF),
        (Operation.ADD, Sent.OFF, Result.REJECTED, Sent.OFF),
        (Operation.REMOVE, Sent.ON, Result.REJECTED, Sent.ON),
        (Operation.ADD, Sent.UNKNOWN, Result.REJECTED, Sent.UNKNOWN),
        (Operation.ADD, Sent.OFF, Result.NOT_SENT, Sent.OFF),
        (Operation.REMOVE, Sent.ON, Result.NOT_SENT, Sent.ON),
        (Operation.REMOVE, Sent.UNKNOWN, Result.NOT_SENT, Sent.UNKNOWN),
        (Operation.ADD, Sent.OFF, Result.UNKNOWN, Sent.UNKNOWN),
        (Operation.REMOVE, Sent.ON, Result.UNKNOWN, Sent.UNKNOWN),
    ],
)
def test_an_outcome_says_what_is_known_from_now_on(  # noqa: PLR0917  columns of the table
    ledger: Ledger,
    book: Entries,
    operation: Operation,
    before: Sent,
    result: Result,
    sent: Sent,
) -> None:
    put(ledger, 1, ("a", int(operation is Operation.ADD), before))
    put(ledger, 2, ("a", 1, Sent.OFF))
    made = change(1, "a", operation, before)
    book.intend([made])
    assert entries(ledger, 1)["a"][1] is Sent.UNKNOWN
    reason = REJECTED_BY_CORDIAL if result is Result.REJECTED else None
    book.record([Outcome(made, result, reason, "why")], now=NOW)
    assert entries(ledger, 1)["a"][1] is sent
    assert entries(ledger, 2) == {"a": (1, Sent.OFF)}


@pytest.mark.parametrize("result", Result)
def test_a_confirmed_addition_keeps_its_time(ledger: Ledger, book: Entries, result: Result) -> None:
    put(ledger, 1, ("a", 1, Sent.OFF), ("b", 1, Sent.OFF), ("c", 0, Sent.ON), added_at=5)
    book.record([Outcome(change(1, "a", Operation.ADD), result, "r")], now=NOW)
    book.record([Outcome(change(1, "c", Operation.REMOVE, Sent.ON), result, "r")], now=NOW)
    done = result in (Result.CONFIRMED, Result.ALREADY_ABSENT)
    assert kept(ledger, "a")["added_at"] == (NOW if done else 5)
    assert kept(ledger, "c")["added_at"] == 5


def test_a_confirmed_removal_keeps_its_time(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, ("a", 0, Sent.ON), ("b", 0, Sent.UNKNOWN))
    book.record([Outcome(change(1, "a", Operation.REMOVE), Result.CONFIRMED)], now=NOW)
    book.record([Outcome(change(1, "b", Operation.REMOVE), Result.ALREADY_ABSENT)], now=NOW + 1)
    with ledger.write():
        query = select(entry.c.identifier, entry.c.removed_at).order_by(entry.c.identifier)
        assert [tuple(row) for row in ledger.connection.execute(query)] == [
            ("a", NOW),
            ("b", NOW + 1),
        ]


def test_what_was_rejected_rests_for_seven_days(ledger: Ledger, book: Entries) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    deliver(book, 1, Result.REJECTED, reason=CONTACT_NOT_FOUND)
    assert RETRY_REJECTED_SECONDS == 7 * DAY
    for later, planned in ((1, 0), (7 * DAY - 1, 0), (7 * DAY, 1)):
        assert book.plan.fix([1], [1], now=NOW + later, by_contact=True) == planned
        counts = book.counts(1, now=NOW + later, window_since=0)
        assert counts.additions == planned
        assert counts.rejected == ({} if planned else {CONTACT_NOT_FOUND: 1})


def test_what_was_rejected_can_be_walked_with_its_user_and_its_words(
    ledger: Ledger, book: Entries
) -> None:
    snapshot(ledger, 1, {"a:7": "a", "a:3": "a"})
    snapshot(ledger, 2, {"a:1": "a", "a:9": "b"})
    put(ledger, 1, ("b", 0, Sent.ON), ("c", 1, Sent.OFF))
    book.record(
        [
            Outcome(change(1, "a", Operation.ADD), Result.REJECTED, "r1", "words"),
            Outcome(change(1, "b", Operation.REMOVE, Sent.ON), Result.REJECTED, "r2", None),
        ],
        now=NOW,
    )
    assert sorted(book.rejected(), key=lambda row: row[2]) == [
        (1, "a:3", "a", Operation.ADD, "r1", "words"),
        (1, None, "b", Operation.REMOVE, "r2", None),
    ]


def test_what_is_believed_absent_is_removed_of_that_list_alone(
    ledger: Ledger, book: Entries
) -> None:
    for cohort in (1, 2):
        put(ledger, cohort, ("a", 0, Sent.UNKNOWN), ("b", 0, Sent.UNKNOWN))
    book.note_absent([])
    book.note_absent([change(1, "a", Operation.REMOVE), change(2, "b", Operation.REMOVE)])
    assert entries(ledger, 1)["a"] == (0, Sent.UNKNOWN)
    book.believe_absent(1, NOW)
    assert entries(ledger, 1) == {"a": (0, Sent.OFF), "b": (0, Sent.UNKNOWN)}
    assert entries(ledger, 2) == {"a": (0, Sent.UNKNOWN), "b": (0, Sent.UNKNOWN)}
    assert book.counts(1, now=NOW, window_since=NOW - 1).recent_removals == 1


def test_a_later_confirmation_ends_a_rejection(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, ("a", 1, Sent.OFF))
    made = change(1, "a", Operation.ADD)
    book.record([Outcome(made, Result.REJECTED, "r1", "words")], now=NOW)
    book.record([Outcome(made, Result.CONFIRMED)], now=NOW + 8 * DAY)
    row = kept(ledger, "a")
    assert (row["rejected_at"], row["rejected_reason"], row["rejected_message"]) == (None,) * 3
    assert list(book.rejected()) == []


def test_nothing_intended_and_nothing_recorded_is_nothing(ledger: Ledger, book: Entries) -> None:
    put(ledger, 1, ("a", 1, Sent.OFF))
    book.intend([])
    book.record([], now=NOW)
    assert entries(ledger, 1) == {"a": (1, Sent.OFF)}


def test_leavers_are_forgotten_after_thirty_days(ledger: Ledger, book: Entries) -> None:
    assert RETENTION_SECONDS == 30 * DAY
    put(ledger, 1, ("long gone", 0, Sent.OFF), removed_at=NOW - 30 * DAY - 1)
    put(ledger, 1, ("just not yet", 0, Sent.OFF), removed_at=NOW - 30 * DAY)
    put(ledger, 1, ("never there", 0, Sent.OFF))
    long_ago = NOW - 90 * DAY
    put(
        ledger,
        2,
        ("back", 1, Sent.ON),
        ("coming", 1, Sent.OFF),
        ("leaving", 0, Sent.ON),
        ("perhaps", 0, Sent.UNKNOWN),
        removed_at=long_ago,
    )
    book.forget_leavers(NOW)
    assert set(entries(ledger, 1)) == {"just not yet"}
    assert set(entries(ledger, 2)) == {"back", "coming", "leaving", "perhaps"}
