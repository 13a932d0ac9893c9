"""Imports in the ledger: what is known of them, and what they carried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_cordial.core.import_counts import Kind
from target_cordial.core.outcome import Outcome, Result
from target_cordial.core.plan import Change, Operation, Sent
from target_cordial.ledger import jobs as module
from target_cordial.ledger.jobs import JobRow, Jobs
from tests.target_cordial.ledger.rows import NOW, deliver, snapshot

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger


@pytest.fixture
def jobs(ledger: Ledger) -> Jobs:
    return Jobs(ledger)


def begun(jobs: Jobs, kind: Kind = Kind.ADD, cohort: int = 1, name: str = "n1") -> int:
    return jobs.begin(cohort, kind, name=name, file=f"{name}.csv", now=NOW)


def planned(book: Entries) -> list[Change]:
    book.plan.fix([1, 2], [1, 2], now=NOW, by_contact=False)
    return list(book.plan.changes())


def test_an_import_is_known_from_its_beginning_to_its_end(jobs: Jobs) -> None:
    number = begun(jobs)
    row = JobRow(number, 1, Kind.ADD, "n1", "n1.csv", None, None, NOW, ended=False)
    assert jobs.known() == [row]
    jobs.counted(number, 7)
    jobs.started(number, "f00")
    (row,) = jobs.known()
    assert (row.rows, row.job_id, row.ended) == (7, "f00", False)
    jobs.ended(number)
    (row,) = jobs.known()
    assert row.ended
    jobs.close(number)
    assert jobs.known() == []


def test_what_is_said_of_one_import_is_said_of_no_other(jobs: Jobs) -> None:
    first, second = begun(jobs), begun(jobs, Kind.REMOVE, 2, "n2")
    jobs.counted(second, 3)
    jobs.started(second, "f00")
    jobs.ended(second)
    assert [(row.number, row.rows, row.job_id, row.ended) for row in jobs.known()] == [
        (first, None, None, False),
        (second, 3, "f00", True),
    ]
    jobs.close(second)
    assert [row.number for row in jobs.known()] == [first]


def test_no_number_is_given_twice(jobs: Jobs) -> None:
    """Entries keep the numbers of imports that are over."""
    first = begun(jobs)
    jobs.close(first)
    assert begun(jobs) > first


def test_what_an_import_carried_and_nobody_recorded_is_walked(
    ledger: Ledger, book: Entries, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    snapshot(ledger, 1, {f"a:{name}": name for name in "abcdefg"})
    snapshot(ledger, 2, {"a:a": "a"})
    number, other = begun(jobs), begun(jobs, name="n2")
    changes = planned(book)
    book.intend([change for change in changes if change.identifier != "g"], number)
    book.intend([change for change in changes if change.identifier == "g"], other)
    book.record([Outcome(changes[0], Result.CONFIRMED)], now=NOW)
    (row, _) = jobs.known()
    assert list(jobs.carried(row)) == [
        Change(1, name, Operation.ADD, Sent.UNKNOWN) for name in "bcdef"
    ]


def test_a_removal_that_was_carried_is_one(ledger: Ledger, book: Entries, jobs: Jobs) -> None:
    snapshot(ledger, 1, {"a:a": "a"})
    deliver(book, 1)
    snapshot(ledger, 1, {})
    number = begun(jobs, Kind.REMOVE)
    book.intend(planned(book), number)
    (row,) = jobs.known()
    assert list(jobs.carried(row)) == [Change(1, "a", Operation.REMOVE, Sent.UNKNOWN)]


def test_what_was_sent_again_by_other_means_is_not_the_imports_any_more(
    ledger: Ledger, book: Entries, jobs: Jobs
) -> None:
    snapshot(ledger, 1, {"a:a": "a"})
    number = begun(jobs)
    book.intend(planned(book), number)
    book.intend(planned(book))
    (row,) = jobs.known()
    assert list(jobs.carried(row)) == []


def test_an_import_that_makes_contacts_carries_no_change(
    ledger: Ledger, book: Entries, jobs: Jobs
) -> None:
    snapshot(ledger, 1, {"a:a": "a"})
    number = begun(jobs, Kind.CREATE)
    book.intend(planned(book), number)
    (row,) = jobs.known()
    assert list(jobs.carried(row)) == []
