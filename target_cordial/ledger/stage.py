"""Collecting a run's rows: appended as they come, to an unlinked database beside the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_cordial.ledger.schema import staged
from target_cordial.ledger.settlement import Sealed, Settled, Settlement

if TYPE_CHECKING:
    from target_cordial.ledger.store import Ledger

StagedRow = tuple[int, int | None, str, str | None, str | None, int, str | None]
"""Position, snapshot number, user key, user id, identifier, present, reason."""

BLOCK: Final = 2_000
"""Rows that are appended at once."""


class Stage:
    """The rows of one run, by cohort."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._blocks: dict[int, list[StagedRow]] = {}

    def append(self, number: int, row: StagedRow) -> None:
        """Take one row of the cohort with this number."""
        block = self._blocks.setdefault(number, [])
        block.append(row)
        if len(block) >= BLOCK:
            self._flush(number)

    def settle(self, number: int, cohort: int, sealed: Sealed | None) -> Settled:
        """Bring a cohort's members up to date.

        Args:
            number: The cohort's number in this run.
            cohort: Its key in the ledger.
            sealed: The snapshot that is proven complete; None removes nobody for being absent.

        Returns:
            What was found. Where nobody resolves, the ledger is as it was.
        """
        self._flush(number)
        with self._ledger.write():
            settlement = Settlement(self._connection, staged(number), cohort, sealed)
            return settlement.settle()

    def _flush(self, number: int) -> None:
        table = staged(number)
        block = self._blocks.get(number, [])
        with self._ledger.write():
            table.create(self._connection, checkfirst=True)
            if block:
                columns = ", ".join(column.name for column in table.columns)
                marks = ", ".join("?" for _ in table.columns)
                # Core's own insert builds a dictionary a row, which costs three times as much.
                self._connection.exec_driver_sql(
                    f"INSERT INTO {table.fullname} ({columns}) VALUES ({marks})",  # noqa: S608  names of ours
                    block,
                )
        self._blocks[number] = []
