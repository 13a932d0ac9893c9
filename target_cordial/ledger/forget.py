"""Forgetting a cohort: the ledger knows nothing of it any more; its list stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.ledger import schema

if TYPE_CHECKING:
    from target_cordial.ledger.store import Ledger

_TABLES = (
    schema.member,
    schema.leaver,
    schema.message,
    schema.entry,
    schema.approval,
    schema.tally,
)


def forget_cohort(ledger: Ledger, key: int) -> None:
    """Delete a cohort and all that is kept of it.

    Args:
        ledger: The ledger.
        key: The cohort's key.
    """
    with ledger.write():
        for table in _TABLES:
            ledger.connection.execute(table.delete().where(table.c.cohort == key))
        ledger.connection.execute(schema.cohort.delete().where(schema.cohort.c.key == key))
