from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from target_cordial.core.outcome import Outcome, Result
from target_cordial.core.plan import Change, Operation, Sent
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import MEMORY
from target_cordial.ledger.schema import entry
from target_cordial.ledger.store import Ledger
from target_cordial.run.recorder import LedgerRecorder
from target_cordial.run.report import CohortReport
from target_cordial.run.sampling import Sample
from tests.target_cordial.ledger.rows import DAY, NOW, deliver, entries, row, settle, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

ADD, REMOVE = Operation.ADD, Operation.REMOVE


class Leaving:
    """Two cohorts whose members have all been confirmed, and then all leave."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.book = Entries(ledger)
        self.parts: dict[int, CohortReport] = {}
        for cohort_id in ("c1", "c2"):
            key = ledger.ensure_cohort(cohort_id, None)
            self.parts[key] = CohortReport(cohort_id, None)
        self.sample = Sample(1_000)
        self.recorder = LedgerRecorder(self.book, self.parts, self.sample)

    def leave(self, cohort: int, count: int) -> list[Change]:
        """Let so many members leave a list; their removals are planned and intended."""
        people = {f"a:{number}": f"p{number:03}" for number in range(count)}
        snapshot(self.ledger, cohort, people)
        deliver(self.book, cohort, now=NOW - DAY)
        snapshot(self.ledger, cohort, {})
        return self.planned(cohort)

    def leave_unconfirmed(self, cohort: int, count: int) -> list[Change]:
        """Let so many leave whose additions were intended by a run that was killed."""
        people = {f"a:k{number}": f"k{number:03}" for number in range(count)}
        snapshot(self.ledger, cohort, people)
        self.book.plan.fix([cohort], [], now=NOW - DAY, by_contact=True)
        self.book.intend(self.book.plan.changes())
        snapshot(self.ledger, cohort, {})
        return self.planned(cohort)

    def planned(self, cohort: int) -> list[Change]:
        self.book.plan.fix([], [cohort], now=NOW, by_contact=True)
        changes = list(self.book.plan.changes())
        self.recorder.intend(changes)
        return changes

    def record(self, changes: list[Change], result: Result) -> None:
        self.recorder.record([Outcome(change, result) for change in changes])

    def removed_at(self, cohort: int) -> list[int | None]:
        query = select(entry.c.removed_at).where(entry.c.cohort == cohort)
        with self.ledger.write():
            return [row.removed_at for row in self.ledger.connection.execute(query)]


@pytest.fixture
def leaving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Leaving]:
    monkeypatch.setattr("target_cordial.run.recorder.time.time", lambda: float(NOW))
    monkeypatch.setenv("SQLITE_TMPDIR", os.environ.get("SQLITE_TMPDIR", "/tmp"))  # noqa: S108  the default place
    ledger = Ledger(MEMORY, exclusive=False)
    yield Leaving(ledger)
    ledger.close()


def test_few_absent_contacts_are_taken_as_removed_at_the_end(leaving: Leaving) -> None:
    changes = leaving.leave(1, 10)
    leaving.record(changes, Result.ALREADY_ABSENT)
    assert set(entries(leaving.ledger, 1).values()) == {(0, Sent.UNKNOWN)}
    assert leaving.parts[1].already_absent == 0
    assert leaving.recorder.believe_absent(5) == []
    assert set(entries(leaving.ledger, 1).values()) == {(0, Sent.OFF)}
    assert leaving.removed_at(1) == [NOW] * 10
    assert (leaving.parts[1].already_absent, leaving.parts[1].removed) == (10, 0)
    assert leaving.recorder.ended == 10


def test_many_absent_contacts_stay_pending_and_have_not_ended(leaving: Leaving) -> None:
    leaving.record(leaving.leave(1, 11), Result.ALREADY_ABSENT)
    assert leaving.recorder.believe_absent(5) == [1]
    assert set(entries(leaving.ledger, 1).values()) == {(0, Sent.ON)}
    assert leaving.removed_at(1) == [None] * 11
    assert leaving.parts[1].already_absent == 0
    assert leaving.recorder.ended == 0
    assert leaving.book.counts(1, now=NOW, window_since=0).removals == 11


@pytest.mark.parametrize(("percent", "doubted"), [(49, [1]), (50, [])])
def test_the_share_is_that_of_the_lists_removals(
    leaving: Leaving, percent: int, doubted: list[int]
) -> None:
    """Whatever was confirmed, absent or rejected was answered; what is pending was not."""
    changes = leaving.leave(1, 30)
    leaving.record(changes[:12], Result.ALREADY_ABSENT)
    leaving.record(changes[12:18], Result.CONFIRMED)
    leaving.record(changes[18:24], Result.REJECTED)
    leaving.record(changes[24:27], Result.UNKNOWN)
    leaving.record(changes[27:], Result.NOT_SENT)
    assert leaving.recorder.believe_absent(percent) == doubted
    assert leaving.parts[1].removed == 6
    assert leaving.recorder.rejected == 6
    assert leaving.recorder.ended == (12 if doubted else 24)


def test_additions_are_no_part_of_the_share(leaving: Leaving) -> None:
    leaving.record(leaving.leave(1, 11), Result.ALREADY_ABSENT)
    joined = [Change(1, f"new{number}", ADD, Sent.OFF) for number in range(500)]
    leaving.record(joined, Result.CONFIRMED)
    assert leaving.parts[1].added == 500
    assert leaving.recorder.believe_absent(5) == [1]
    assert leaving.recorder.ended == 500


def test_one_lists_doubt_is_not_the_others(leaving: Leaving) -> None:
    many, few = leaving.leave(1, 12), leaving.leave(2, 3)
    leaving.record([*many, *few], Result.ALREADY_ABSENT)
    assert leaving.recorder.believe_absent(5) == [1]
    assert set(entries(leaving.ledger, 1).values()) == {(0, Sent.ON)}
    assert set(entries(leaving.ledger, 2).values()) == {(0, Sent.OFF)}
    assert leaving.parts[2].already_absent == 3
    assert leaving.recorder.ended == 3


@pytest.mark.parametrize("other", ["added", "removed", "listed"])
def test_of_who_was_never_confirmed_absence_is_no_sign_where_cordial_knows_others(
    leaving: Leaving, other: str
) -> None:
    """As after a run that was killed: the additions of its last block may not have arrived."""
    killed = leaving.leave_unconfirmed(1, 40)
    leaving.record(killed, Result.ALREADY_ABSENT)
    if other == "added":
        leaving.record([Change(1, "new", ADD, Sent.OFF)], Result.CONFIRMED)
    elif other == "removed":
        leaving.record([Change(1, "old", REMOVE, Sent.ON)], Result.CONFIRMED)
    else:
        snapshot(leaving.ledger, 1, {"a:x": "stays"})
        deliver(leaving.book, 1, now=NOW)
    assert leaving.recorder.believe_absent(5) == []
    assert leaving.parts[1].already_absent == 40


def test_of_who_was_never_confirmed_absence_is_a_sign_where_cordial_knows_nobody(
    leaving: Leaving,
) -> None:
    killed = leaving.leave_unconfirmed(1, 11)
    leaving.record(killed, Result.ALREADY_ABSENT)
    assert leaving.recorder.believe_absent(5) == [1]
    assert set(entries(leaving.ledger, 1).values()) == {(0, Sent.UNKNOWN)}


def test_who_was_never_confirmed_makes_no_share_smaller(leaving: Leaving) -> None:
    leaving.record(leaving.leave_unconfirmed(1, 400), Result.ALREADY_ABSENT)
    leaving.record(leaving.leave(1, 11), Result.ALREADY_ABSENT)
    leaving.record([Change(1, "new", ADD, Sent.OFF)], Result.CONFIRMED)
    assert leaving.recorder.believe_absent(5) == [1]


def test_who_is_removed_by_somebodys_word_alone_may_have_been_on_the_list(leaving: Leaving) -> None:
    gone = [row(number, f"a:{number}", f"old{number}", present=False) for number in range(11)]
    settle(leaving.ledger, 1, gone)
    leaving.record(leaving.planned(1), Result.ALREADY_ABSENT)
    leaving.record([Change(1, "new", ADD, Sent.OFF)], Result.CONFIRMED)
    assert leaving.recorder.believe_absent(5) == [1]


def test_absences_are_counted_over_the_whole_run(leaving: Leaving) -> None:
    for change in leaving.leave(1, 11):
        leaving.record([change], Result.ALREADY_ABSENT)
    assert leaving.recorder.believe_absent(5) == [1]


def test_the_doubted_are_sent_again_by_the_next_run_and_believed_by_their_answer(
    leaving: Leaving,
) -> None:
    leaving.record(leaving.leave(1, 11), Result.ALREADY_ABSENT)
    leaving.recorder.believe_absent(5)
    changes = deliver(leaving.book, 1, now=NOW)
    assert {(change.operation, change.before) for change in changes} == {(REMOVE, Sent.ON)}
    assert set(entries(leaving.ledger, 1).values()) == {(0, Sent.OFF)}


def test_a_problem_is_kept_once_in_the_order_of_their_coming(leaving: Leaving) -> None:
    for problem in ("lost", "down", "lost"):
        leaving.recorder.note(problem)
    assert list(leaving.recorder.problems) == ["lost", "down"]


def sampled(leaving: Leaving) -> list[tuple[int, str, Result]]:
    return [(out.change.cohort, out.change.identifier, out.result) for out in leaving.sample]


def test_only_what_was_confirmed_or_said_to_be_absent_may_be_read_back(leaving: Leaving) -> None:
    changes = leaving.leave(1, 5)
    for change, result in zip(changes, Result, strict=True):
        leaving.record([change], result)
    leaving.recorder.believe_absent(5)
    assert sampled(leaving) == [
        (1, "p000", Result.CONFIRMED),
        (1, "p001", Result.ALREADY_ABSENT),
    ]


def test_who_is_not_believed_to_be_absent_is_not_read_back(leaving: Leaving) -> None:
    """Nothing is taken as done of these, so there is nothing to be compared."""
    many, few = leaving.leave(1, 12), leaving.leave(2, 2)
    leaving.record(many[:1], Result.CONFIRMED)
    leaving.record([*many[1:], *few], Result.ALREADY_ABSENT)
    assert leaving.recorder.believe_absent(5) == [1]
    assert sampled(leaving) == [
        (1, "p000", Result.CONFIRMED),
        (2, "p000", Result.ALREADY_ABSENT),
        (2, "p001", Result.ALREADY_ABSENT),
    ]


def test_what_is_sent_again_is_not_read_back_as_it_was_before(leaving: Leaving) -> None:
    """An import that is followed may add somebody whom the same run then takes off."""
    changes = leaving.leave(1, 3)
    leaving.record(changes, Result.CONFIRMED)
    leaving.recorder.intend(changes[:1])
    assert [outcome.change for outcome in leaving.sample] == changes[1:]
