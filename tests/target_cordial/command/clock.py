"""Letting time pass for a ledger: every time of this machine in it is moved back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ledgers import LedgerPlace

HOUR = 3600
DAY = 24 * HOUR


def let_pass(place: LedgerPlace, seconds: int) -> None:
    for table, columns in place.tables().items():
        times = [name for name in columns if name.endswith("_at") or name == "known_since"]
        if times:
            moved = ", ".join(f"{name} = {name} - {seconds}" for name in times)
            place.write(f"UPDATE {table} SET {moved}")  # noqa: S608  names of the ledger's own
