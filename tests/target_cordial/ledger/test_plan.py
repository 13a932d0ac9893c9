"""The plan of a run, cut into parts, and what imports that still run hold back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_cordial.core.import_counts import Kind
from target_cordial.core.plan import Change, Operation, Sent
from target_cordial.ledger import plan as module
from target_cordial.ledger.jobs import Jobs
from target_cordial.ledger.plan import Part
from tests.target_cordial.ledger.rows import NOW, deliver, snapshot

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger

ADD, REMOVE = Operation.ADD, Operation.REMOVE


@pytest.fixture
def swapped(ledger: Ledger, book: Entries) -> Entries:
    """Cohort 1 loses a and b and gets c; cohort 2 gets a, b and c."""
    snapshot(ledger, 1, {"a:a": "a", "a:b": "b"})
    deliver(book, 1)
    snapshot(ledger, 1, {"a:c": "c"})
    snapshot(ledger, 2, {"a:a": "a", "a:b": "b", "a:c": "c"})
    return book


def fixed(book: Entries, *busy: int) -> list[tuple[int, str, Operation]]:
    book.plan.fix([1, 2], [1, 2], now=NOW, by_contact=False, busy=busy)
    return [(each.cohort, each.identifier, each.operation) for each in book.plan.changes()]


def test_contacts_are_counted_once_however_many_lists_they_change(swapped: Entries) -> None:
    assert swapped.plan.contacts([1, 2], [1, 2], now=NOW) == 3
    assert swapped.plan.contacts([1], [], now=NOW) == 1
    assert swapped.plan.contacts([], [1], now=NOW) == 2
    assert swapped.plan.contacts([], [], now=NOW) == 0


def test_a_plan_by_list_has_its_additions_first_and_knows_its_parts(swapped: Entries) -> None:
    assert fixed(swapped) == [
        (1, "c", ADD),
        (2, "a", ADD),
        (2, "b", ADD),
        (2, "c", ADD),
        (1, "a", REMOVE),
        (1, "b", REMOVE),
    ]
    assert swapped.plan.parts() == [
        Part(1, ADD, (1, 2), 1),
        Part(2, ADD, (2, 5), 3),
        Part(1, REMOVE, (5, 7), 2),
    ]


def test_ranges_of_a_plan_are_walked_page_by_page(
    swapped: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    fixed(swapped)
    walked = list(swapped.plan.numbered([(5, None), (2, 5)]))
    assert [(number, change.identifier) for number, change in walked] == [
        (5, "a"),
        (6, "b"),
        (2, "a"),
        (3, "b"),
        (4, "c"),
    ]
    assert list(swapped.plan.numbered([(3, 3)])) == []


def test_contacts_of_an_import_that_still_runs_wait_on_every_list(
    ledger: Ledger, swapped: Entries
) -> None:
    jobs = Jobs(ledger)
    running = jobs.begin(1, Kind.REMOVE, name="n1", file="f", now=NOW)
    over = jobs.begin(2, Kind.ADD, name="n2", file="f", now=NOW)
    swapped.intend([Change(1, "a", REMOVE, Sent.ON)], running)
    swapped.intend([Change(2, "b", ADD, Sent.OFF)], over)
    assert fixed(swapped, running) == [
        (1, "c", ADD),
        (2, "b", ADD),
        (2, "c", ADD),
        (1, "b", REMOVE),
    ]


def test_contacts_that_an_import_may_still_be_making_wait_on_every_list(
    ledger: Ledger, swapped: Entries
) -> None:
    """It stands at no entry; who is on its list already has long been made."""
    snapshot(ledger, 1, {"a:a": "a", "a:c": "c"})
    running = Jobs(ledger).begin(1, Kind.CREATE, name="n1", file="f", now=NOW)
    assert fixed(swapped, running) == [(2, "a", ADD), (2, "b", ADD), (1, "b", REMOVE)]


def test_an_import_that_only_adds_holds_no_more_than_it_carries(
    ledger: Ledger, swapped: Entries
) -> None:
    running = Jobs(ledger).begin(1, Kind.ADD, name="n1", file="f", now=NOW)
    assert len(fixed(swapped, running)) == 6
