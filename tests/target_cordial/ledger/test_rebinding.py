from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from target_cordial.core.plan import Sent
from target_cordial.ledger.adoption import Adoption
from target_cordial.ledger.rebinding import (
    BINDING,
    DESTINATION,
    IDENTIFIER_NAME,
    MAPPING,
    Rebound,
    rebind,
)
from target_cordial.ledger.schema import entry, leaver, member, message
from tests.target_cordial.ledger.rows import NOW, deliver, entries, members, row, settle, snapshot

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger

NEW = {DESTINATION: "d", IDENTIFIER_NAME: "n", MAPPING: "m"}


@pytest.fixture
def used(ledger: Ledger, book: Entries) -> Ledger:
    """Cohort 1: ana confirmed, bo waiting, cy leaving, di gone. Cohort 2: ana alone."""
    snapshot(ledger, 1, {"a:1": "ana", "a:3": "cy", "a:4": "di"})
    snapshot(ledger, 2, {"a:1": "ana"})
    deliver(book, 1)
    deliver(book, 2)
    snapshot(ledger, 1, {"a:1": "ana", "a:3": "cy"})
    deliver(book, 1)
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    for key in (1, 2):
        ledger.update_cohort(key, list_name=f"l{key}", list_id=str(key), first_synced_at=NOW)
        ledger.approve(key, 9)
    with ledger.write():
        ledger.connection.execute(insert(message).values(cohort=1, digest=b"m", applied_at=NOW))
        for user in ("a:9", "i:zoe"):
            ledger.connection.execute(
                insert(leaver).values(cohort=1, user_key=user, time=5, left_at=NOW)
            )
        ledger.connection.execute(
            entry.update().where(entry.c.identifier == "bo").values(rejected_at=NOW)
        )
    return ledger


def count(ledger: Ledger, table: object) -> int:
    with ledger.write():
        return len(ledger.connection.execute(select(table)).all())  # type: ignore[call-overload]  # any table


def test_before_rebinding(used: Ledger) -> None:
    assert entries(used, 1) == {
        "ana": (1, Sent.ON),
        "bo": (1, Sent.OFF),
        "cy": (0, Sent.ON),
        "di": (0, Sent.OFF),
    }


@pytest.mark.parametrize("changed", [[MAPPING], [DESTINATION], [IDENTIFIER_NAME], list(NEW)])
def test_the_binding_is_renewed_and_approvals_and_rests_end(
    used: Ledger, book: Entries, changed: list[str]
) -> None:
    rebind(used, NEW, changed)
    assert json.loads(used.get(BINDING) or "") == NEW
    assert used.approved(1) is None
    assert book.retry_rejected() == 0


def test_another_mapping_leaves_everything_to_the_next_snapshot(used: Ledger) -> None:
    before = (entries(used, 1), members(used, 1))
    assert rebind(used, NEW, [MAPPING]) == Rebound(to_add=1, to_adopt=[])
    assert (entries(used, 1), members(used, 1)) == before
    assert all(cohort.remapped_at for cohort in used.cohorts())
    assert count(used, message) == 0  # what is sent again counts again


def test_another_destination_has_everyone_to_be_added(used: Ledger) -> None:
    assert rebind(used, NEW, [DESTINATION]) == Rebound(to_add=3, to_adopt=[])
    assert entries(used, 1) == {"ana": (1, Sent.OFF), "bo": (1, Sent.OFF)}
    assert entries(used, 2) == {"ana": (1, Sent.OFF)}
    assert members(used, 1) == {"a:1": "ana", "a:2": "bo"}
    for cohort in used.cohorts():
        assert (cohort.list_id, cohort.first_synced_at, cohort.found) == (None, None, None)
        assert cohort.list_name == f"l{cohort.key}"
    assert count(used, message) == 1
    assert count(used, leaver) == 2


def test_an_identifier_that_is_only_kept_is_not_taken_along(used: Ledger) -> None:
    adoption = Adoption(used, 1)
    adoption.claim(["stranger"])
    adoption.take()
    settle(used, 1, [row(1, "a:1", "moved", snapshot=0)])  # unproven: "ana" is kept
    assert entries(used, 1)["ana"] == (1, Sent.ON)
    rebind(used, NEW, [DESTINATION])
    assert set(entries(used, 1)) == {"bo", "moved"}
    assert count(used, member) == 3


def test_another_identifier_name_forgets_identifiers_and_leaves_lists_to_be_adopted(
    used: Ledger,
) -> None:
    assert rebind(used, NEW, [IDENTIFIER_NAME]) == Rebound(to_add=0, to_adopt=["c1", "c2"])
    assert (count(used, entry), count(used, member), count(used, message)) == (0, 0, 0)
    with used.write():
        assert used.connection.execute(select(leaver.c.user_key)).scalars().all() == ["a:9"]
    assert [cohort.found for cohort in used.cohorts()] == [2, 1]  # ana and cy; ana
    assert [cohort.list_id for cohort in used.cohorts()] == ["1", "2"]
    assert all(cohort.first_synced_at for cohort in used.cohorts())


def test_who_may_be_on_the_list_has_to_be_adopted_as_well(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana", "a:2": "bo"})
    with ledger.write():
        ledger.connection.execute(
            entry.update().where(entry.c.identifier == "bo").values(sent=int(Sent.UNKNOWN))
        )
    ledger.update_cohort(2, found=4)
    assert rebind(ledger, NEW, [IDENTIFIER_NAME]).to_adopt == ["c1", "c2"]
    assert [cohort.found for cohort in ledger.cohorts()] == [1, 4]


def test_a_list_that_nobody_was_sent_to_has_nobody_to_adopt(ledger: Ledger) -> None:
    snapshot(ledger, 1, {"a:1": "ana"})
    assert rebind(ledger, NEW, [IDENTIFIER_NAME]) == Rebound(0, [])
    assert [cohort.found for cohort in ledger.cohorts()] == [None, None]


def test_at_another_destination_under_another_name_everything_begins_anew(used: Ledger) -> None:
    assert rebind(used, NEW, [DESTINATION, IDENTIFIER_NAME]) == Rebound(0, [])
    assert (count(used, entry), count(used, member)) == (0, 0)
    assert [(c.list_id, c.found) for c in used.cohorts()] == [(None, None)] * 2
