from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.ledger.forget import forget_cohort
from tests.target_cordial.ledger.rows import deliver, entries, members, snapshot

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger


def test_a_cohort_is_forgotten_and_nothing_of_another(ledger: Ledger, book: Entries) -> None:
    for cohort in (1, 2):
        snapshot(ledger, cohort, {"a:1": "ana", "a:2": "bob"})
        deliver(book, cohort)
        ledger.approve(cohort, 5)
    kept = members(ledger, 2), entries(ledger, 2), ledger.approved(2)
    forget_cohort(ledger, 1)
    assert (members(ledger, 1), entries(ledger, 1), ledger.approved(1)) == ({}, {}, None)
    assert (members(ledger, 2), entries(ledger, 2), ledger.approved(2)) == kept
    assert [cohort.cohort_id for cohort in ledger.cohorts()] == ["c2"]
