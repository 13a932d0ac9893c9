from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from target_cordial.core.plan import Operation, Sent
from target_cordial.ledger.adoption import BLOCK, Adopted, Adoption
from target_cordial.ledger.schema import entry, member
from tests.target_cordial.ledger.rows import (
    NOW,
    deliver,
    entries,
    members,
    row,
    settle,
    snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger


def adopt(ledger: Ledger, *identifiers: str) -> Adopted:
    adoption = Adoption(ledger, 1)
    adoption.claim(identifiers)
    return adoption.take()


def found(ledger: Ledger) -> int | None:
    return ledger.cohorts()[0].found


def put(ledger: Ledger, name: str, wanted: int, sent: Sent) -> None:
    with ledger.write():
        ledger.connection.execute(
            insert(entry).values(
                cohort=1, identifier=name, wanted=wanted, sent=int(sent), removed_at=NOW
            )
        )


def known_by(ledger: Ledger, name: str) -> list[str]:
    query = select(member.c.user_key).where(member.c.identifier == name)
    with ledger.write():
        return sorted(ledger.connection.execute(query).scalars())


def test_who_is_adopted_is_wanted_and_on_the_list(ledger: Ledger, book: Entries) -> None:
    ledger.update_cohort(1, found=2)
    assert adopt(ledger, "ana", "bo", "ana") == Adopted(adopted=2, known=0)
    assert entries(ledger, 1) == {"ana": (1, Sent.ON), "bo": (1, Sent.ON)}
    assert entries(ledger, 2) == {}
    assert known_by(ledger, "ana") == ["i:ana"]
    assert found(ledger) is None
    assert book.plan.fix([1], [1], now=NOW, by_contact=True) == 0


@pytest.mark.parametrize(
    ("wanted", "sent", "expected", "adopted"),
    [
        (1, Sent.ON, (1, Sent.ON), 0),
        (1, Sent.OFF, (1, Sent.UNKNOWN), 1),  # waits to be added: a file's word ends no wait
        (1, Sent.UNKNOWN, (1, Sent.UNKNOWN), 1),
        (0, Sent.OFF, (1, Sent.ON), 1),  # left long ago, and is there again
        (0, Sent.ON, (0, Sent.ON), 0),  # being taken off: the source says so
        (0, Sent.UNKNOWN, (0, Sent.UNKNOWN), 0),
    ],
)
def test_what_the_ledger_knows_already(
    ledger: Ledger, wanted: int, sent: Sent, expected: tuple[int, Sent], adopted: int
) -> None:
    if wanted:
        snapshot(ledger, 1, {"a:1": "ana"})
        with ledger.write():
            ledger.connection.execute(entry.update().values(sent=int(sent)))
    else:
        put(ledger, "ana", 0, sent)
    assert adopt(ledger, "ana") == Adopted(adopted, 1 - adopted)
    assert entries(ledger, 1) == {"ana": expected}
    assert known_by(ledger, "ana") == {1: ["a:1"], 0: ["i:ana"] if adopted else []}[wanted]


def test_a_rejected_addition_of_somebody_adopted_is_tried_again(
    ledger: Ledger, book: Entries
) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    with ledger.write():
        ledger.connection.execute(entry.update().values(rejected_at=NOW, rejected_reason="x"))
    adopt(ledger, "ana")
    assert list(book.rejected()) == []
    assert book.counts(1, now=NOW, window_since=0).rejected == {}


def test_the_adopted_are_no_additions_of_the_day(ledger: Ledger, book: Entries) -> None:
    ledger.update_cohort(1, first_synced_at=NOW - 100)
    adopt(ledger, "ana", "bo")
    counts = book.counts(1, now=NOW, window_since=0)
    assert (counts.confirmed, counts.recent_additions) == (2, 0)


def test_only_a_proven_snapshot_takes_the_adopted_off(ledger: Ledger, book: Entries) -> None:
    adopt(ledger, "ana", "bo", "cy")
    settle(ledger, 1, [row(1, "a:1", "ana", snapshot=0)])  # its marker is missing
    assert {name: wanted for name, (wanted, _) in entries(ledger, 1).items()} == {
        "ana": 1,
        "bo": 1,
        "cy": 1,
    }
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    assert members(ledger, 1) == {"a:1": "ana", "a:2": "bo"}
    changes = {c.identifier: c.operation for c in deliver(book, 1)}
    assert changes == {"ana": Operation.ADD, "bo": Operation.ADD, "cy": Operation.REMOVE}


def test_the_users_own_removal_takes_an_adopted_identifier_off(ledger: Ledger) -> None:
    adopt(ledger, "ana", "bo")
    settle(ledger, 1, [row(1, "a:1", "ana", present=False)])
    settle(ledger, 1, [row(1, "i:bo", "bo", present=False)])
    assert entries(ledger, 1) == {"ana": (0, Sent.UNKNOWN), "bo": (0, Sent.UNKNOWN)}


@pytest.mark.parametrize("count", [0, 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_identifiers_are_taken_block_by_block(ledger: Ledger, count: int) -> None:
    adoption = Adoption(ledger, 1)
    walked = 0

    def source() -> Iterable[str]:
        nonlocal walked
        for number in range(count):
            walked = number + 1
            yield f"p{number}"

    assert adoption.claim(source()) == count == walked
    assert entries(ledger, 1) == {}  # nothing is kept before the end
    assert adoption.take() == Adopted(count, 0)
    assert len(entries(ledger, 1)) == count


def test_an_adoption_that_ends_early_leaves_nothing_behind(ledger: Ledger) -> None:
    ledger.update_cohort(1, found=2)
    Adoption(ledger, 1).claim(["ana"])
    assert adopt(ledger, "bo") == Adopted(1, 0)
    assert set(entries(ledger, 1)) == {"bo"}


def test_who_is_on_another_list_is_adopted_all_the_same(ledger: Ledger) -> None:
    snapshot(ledger, 2, {"a:1": "ana", "a:2": "bo"})
    snapshot(ledger, 2, {"a:1": "ana"})
    assert adopt(ledger, "ana", "bo") == Adopted(2, 0)
    assert entries(ledger, 1) == {"ana": (1, Sent.ON), "bo": (1, Sent.ON)}
    assert entries(ledger, 2) == {"ana": (1, Sent.OFF), "bo": (0, Sent.OFF)}
