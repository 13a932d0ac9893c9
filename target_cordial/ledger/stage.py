"""Collecting a run's rows until the input has ended, and then bringing the ledger up to date.

Rows of snapshots that say who is in and nothing else wait in the spool; the others are appended to
the database as they come, to tables that are gone with the connection. A snapshot of which nothing
is open is compared by digests, and only what differs goes into the database; else all of it does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import case, insert, literal, select

from target_cordial.ledger.comparison import compare, is_comparable
from target_cordial.ledger.schema import staged
from target_cordial.ledger.settlement import Case, Sealed, Settled, settle
from target_cordial.ledger.spool import COLUMNS, Spool

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from target_cordial.core.plain_rows import Said
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


@dataclass
class _Received:
    """What there is of one cohort besides its plain rows.

    Attributes:
        block: Rows that are not appended yet.
        made: Its table is there.
        unresolved: Rows of snapshots that lack an identifier, and say nothing more.
        others: There are rows that do say more.
        snapshots: Of which snapshots there are rows.
        kinds: How the keys of all users begin.
    """

    block: list[StagedRow] = field(default_factory=list)
    made: bool = False
    unresolved: int = 0
    others: bool = False
    snapshots: set[int] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


class Stage:
    """The rows of one run, by cohort."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._spool = Spool(ledger.salt, ledger.temporary_file)
        self._received: dict[int, _Received] = {}

    def append(self, number: int, row: StagedRow) -> None:
        """Take one row of the cohort with this number."""
        received = self._of(number)
        if row.snapshot is not None and row.present and row.time is None and row.message is None:
            if row.identifier is not None:
                said = (row.user_key, row.user_id, row.identifier)
                self.extend(number, row.snapshot, row.position, [said], kind=row.user_key[:2])
                return
            received.unresolved += 1
            received.snapshots.add(row.snapshot)
        else:
            received.others = True
        received.kinds.add(row.user_key[:2])
        received.block.append(row)
        if len(received.block) >= BLOCK:
            self._flush(number)

    def extend(
        self, number: int, snapshot: int, position: int, rows: Sequence[Said], *, kind: str
    ) -> None:
        """Take plain rows that follow each other in the input.

        Args:
            number: The number of their cohort.
            snapshot: The number of their snapshot.
            position: The place of the first one in the input.
            rows: What they say: that these users are in.
            kind: How the keys of the users begin.
        """
        received = self._of(number)
        received.snapshots.add(snapshot)
        received.kinds.add(kind)
        self._spool.extend(number, snapshot, position, rows)

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
        self._spool.move(number, other, snapshots)
        self._of(number).others = True  # what is known of either is not known of both

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
        table = staged(number)
        with self._ledger.write():
            simple = sealed is not None and self._is_simple(number, cohort, sealed)
            found = compare(self._ledger, cohort, self._spool, number) if simple else None
            self._append_spooled(number, None if found is None else found.changed)
            self._ledger.place.analyze(self._connection, table)
            return settle(
                Case(
                    self._connection,
                    table,
                    cohort,
                    sealed,
                    now=int(time.time()),
                    times=times or {},
                    simple=simple,
                    difference=found,
                )
            )

    def _is_simple(self, number: int, cohort: int, sealed: Sealed) -> bool:
        """Say whether each row is of another user, and of the proven snapshot, and of one kind."""
        received = self._of(number)
        rows = self._spool.count(number) + received.unresolved
        alike = not received.others and received.snapshots == {sealed.snapshot}
        if not alike or rows != sealed.users:
            return False
        return is_comparable(self._connection, cohort, sealed, received.kinds)

    def _append_spooled(self, number: int, among: Container[int] | None = None) -> None:
        for rows in self._spool.rows(number, among):
            self._ledger.place.append(self._connection, staged(number), COLUMNS, rows)

    def _flush(self, number: int) -> None:
        table = staged(number)
        received = self._of(number)
        with self._ledger.write():
            if not received.made:
                table.create(self._connection, checkfirst=False)
            if received.block:
                self._ledger.place.append(
                    self._connection, table, StagedRow._fields, received.block
                )
        received.made = True
        received.block = []

    def _of(self, number: int) -> _Received:
        return self._received.setdefault(number, _Received())
