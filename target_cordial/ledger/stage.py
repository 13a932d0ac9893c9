"""Collecting a run's rows: appended as they come, to an unlinked database beside the ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import case, insert, literal, select

from target_cordial.ledger.schema import staged
from target_cordial.ledger.settlement import Case, Sealed, Settled, settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.ledger.store import Ledger


class StagedRow(NamedTuple):
    """What a record says of one user. See ``ledger.schema.staged`` for the fields."""

    position: int
    snapshot: int | None
    user_key: str
    user_id: str | None
    identifier: str | None
    present: int
    reason: str | None
    time: int | None = None
    message: bytes | None = None


BLOCK: Final = 2_000
"""Rows that are appended at once."""


class Stage:
    """The rows of one run, by cohort."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._blocks: dict[int, list[StagedRow]] = {}
        self._made: set[int] = set()

    def append(self, number: int, row: StagedRow) -> None:
        """Take one row of the cohort with this number."""
        block = self._blocks.setdefault(number, [])
        block.append(row)
        if len(block) >= BLOCK:
            self._flush(number)

    def merge(self, number: int, other: int, snapshots: Mapping[int, int]) -> None:
        """Give the rows of one number to another: both turned out to be one cohort.

        Args:
            number: The number that gets them.
            other: The number that they were staged with.
            snapshots: What their snapshots are called there.
        """
        self._flush(number)
        self._flush(other)
        rows = staged(other)
        snapshot = case(snapshots, value=rows.c.snapshot) if snapshots else literal(None)
        columns = [snapshot if c.name == "snapshot" else c for c in rows.columns]
        with self._ledger.write():
            self._connection.execute(
                insert(staged(number)).from_select([c.name for c in rows.columns], select(*columns))
            )

    def settle(
        self,
        number: int,
        cohort: int,
        sealed: Sealed | None,
        times: Mapping[int, int] | None = None,
    ) -> Settled:
        """Bring a cohort's members up to date.

        Args:
            number: The cohort's number in this run.
            cohort: Its key in the ledger.
            sealed: The snapshot that is proven complete; None removes nobody for being absent.
            times: Source times of its snapshots, in milliseconds, by their numbers in this run.

        Returns:
            What was found. Where nobody resolves, the ledger is as it was.
        """
        self._flush(number)
        with self._ledger.write():
            self._ledger.place.analyze(self._connection, staged(number))
            return settle(
                Case(
                    self._connection,
                    staged(number),
                    cohort,
                    sealed,
                    now=int(time.time()),
                    times=times or {},
                )
            )

    def _flush(self, number: int) -> None:
        table = staged(number)
        block = self._blocks.get(number, [])
        with self._ledger.write():
            if number not in self._made:
                table.create(self._connection, checkfirst=False)
            if block:
                self._ledger.place.append(self._connection, table, block)
        self._made.add(number)
        self._blocks[number] = []
