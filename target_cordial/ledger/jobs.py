"""Imports in the ledger: known before their file is staged, until they are over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from target_cordial.core.import_counts import Kind
from target_cordial.core.plan import Change, Sent
from target_cordial.ledger.plan import PAGE
from target_cordial.ledger.schema import entry, job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_cordial.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class JobRow:
    """An import that is not known to be over. See ``ledger.schema.job`` for the fields."""

    number: int
    cohort: int
    kind: Kind
    name: str
    file: str
    rows: int | None
    job_id: str | None
    begun_at: int
    ended: bool


class Jobs:
    """The imports that a ledger knows of."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection = ledger.connection

    def begin(self, cohort: int, kind: Kind, *, name: str, file: str, now: int) -> int:
        """Know an import from now on, and the file that is going to be staged for it.

        Args:
            cohort: The cohort's key.
            kind: What it is for.
            name: The name under which Cordial's jobs show it.
            file: Its object in the store.
            now: Seconds since the epoch.

        Returns:
            Its number, which no other import ever has.
        """
        values = {"cohort": cohort, "kind": kind.value, "name": name, "file": file, "begun_at": now}
        with self._ledger.write():
            made = self._connection.execute(insert(job).values(values).returning(job.c.number))
            return int(made.scalar_one())

    def counted(self, number: int, rows: int) -> None:
        """Keep how many rows its file has."""
        self._update(number, rows=rows)

    def started(self, number: int, job_id: str) -> None:
        """Keep Cordial's id of its job."""
        self._update(number, job_id=job_id)

    def ended(self, number: int) -> None:
        """Know that it is over, and only its file is left."""
        self._update(number, ended=1)

    def close(self, number: int) -> None:
        """Forget it: it is over, and its file is deleted."""
        with self._ledger.write():
            self._connection.execute(delete(job).where(job.c.number == number))

    def known(self) -> list[JobRow]:
        """Read all of them, the oldest first."""
        with self._ledger.write():
            rows = self._connection.execute(select(job).order_by(job.c.number)).all()
        return [
            JobRow(
                row.number,
                row.cohort,
                Kind(row.kind),
                row.name,
                row.file,
                row.rows,
                row.job_id,
                row.begun_at,
                bool(row.ended),
            )
            for row in rows
        ]

    def running(self) -> list[JobRow]:
        """Read those that are not known to have ended, the oldest first."""
        return [row for row in self.known() if not row.ended]

    def carried(self, row: JobRow) -> Iterator[Change]:
        """Walk the changes that went with an import and were not recorded since."""
        operation = row.kind.operation
        if operation is None:
            return
        last = ""
        query = select(entry.c.identifier).where(
            entry.c.cohort == row.cohort,
            entry.c.job == row.number,
            entry.c.sent == int(Sent.UNKNOWN),
        )
        while True:
            page = query.where(entry.c.identifier > last).order_by(entry.c.identifier).limit(PAGE)
            with self._ledger.write():
                identifiers = list(self._connection.execute(page).scalars())
            for last in identifiers:
                yield Change(row.cohort, last, operation, Sent.UNKNOWN)
            if len(identifiers) < PAGE:
                return

    def _update(self, number: int, **values: int | str) -> None:
        with self._ledger.write():
            self._connection.execute(update(job).where(job.c.number == number).values(**values))
