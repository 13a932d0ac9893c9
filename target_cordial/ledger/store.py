"""Opening the ledger: one connection, explicit transactions, nothing kept from a dry run."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import Connection, Transaction, insert, select, update
from sqlalchemy.exc import DBAPIError

from target_cordial.core.guard import APPROVAL_SECONDS
from target_cordial.core.plan import Operation
from target_cordial.errors import LedgerError
from target_cordial.ledger import schema, versions
from target_cordial.ledger.places import MEMORY, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class CohortRow:
    """A cohort as the ledger knows it. See ``schema.cohort`` for the fields."""

    key: int
    cohort_id: str
    name: str | None
    list_name: str | None
    list_id: str | None
    first_synced_at: int | None
    last_complete_at: int | None
    known_since: int | None = None
    snapshot_time: int | None = None
    found: int | None = None
    by_name: int | None = None
    rest_id: str | None = None
    remapped_at: int | None = None

    @property
    def label(self) -> str:
        """How messages speak of the cohort."""
        return f"'{self.name}' ({self.cohort_id})" if self.name else self.cohort_id


@dataclass(frozen=True)
class Approval:
    """Somebody's word that the next mass change of a list is right.

    Attributes:
        up_to: The most removals, and the most additions.
        approved_at: Seconds since the epoch.
        only: The one direction that is meant, if not both.
    """

    up_to: int
    approved_at: int
    only: Operation | None = None

    def covers(self, operation: Operation, now: int) -> bool:
        """Say whether it speaks of a direction, and still does."""
        return self.only in (None, operation) and self.approved_at >= now - APPROVAL_SECONDS


class Ledger:
    """The open ledger.

    Args:
        url: A SQLAlchemy URL of SQLite or PostgreSQL.
        exclusive: Hold the ledger for a run; commands that look after it do not need that.
        dry: Keep nothing: all is rolled back at the end, and a ledger that is not there is not
            made.

    Raises:
        LedgerError: It can't be opened.
        LedgerLockedError: Another run holds it.
        LedgerVersionError: A newer version of this package wrote it.

    Attributes:
        place: Where it is kept.
        connection: To its database.
        salt: Of the digests of rows that it keeps.
        run: The number of the run that goes on, from :meth:`begin_run` on.
    """

    def __init__(self, url: str, *, exclusive: bool, dry: bool = False) -> None:
        self.place = place_of(url)
        if dry and not self.place.exists():
            self.place = place_of(MEMORY)
        self.run: int | None = None
        self._lost: LedgerError | None = None
        self._outer: Transaction | None = None
        self._files = ExitStack()
        try:
            self.connection: Connection = self.place.open(exclusive=exclusive, make=not dry)
            self._outer = self.connection.begin() if dry else None
            self._make_tables(exclusive=exclusive)
        except LedgerError:
            self.place.close()
            raise
        except DBAPIError as error:
            self.place.close()
            raise LedgerError(f"The ledger can't be opened: {self.place.explain(error)}.") from None

    def _make_tables(self, *, exclusive: bool) -> None:
        connection = self.connection
        with self._transaction():
            known = versions.version_of(connection)
        if known is not None and known < versions.VERSION and not exclusive:
            self.place.hold()  # no run of the older version may go on meanwhile
        with self._transaction():
            if known is None:
                versions.make(connection)
            else:
                versions.bring_up_to_date(connection, known)
            self.salt = versions.salt_of(connection)
            # It is new with every connection.
            schema.stage_metadata.create_all(
                connection, checkfirst=False, tables=schema.STAGE_TABLES
            )

    def _transaction(self) -> Transaction:
        return self.connection.begin() if self._outer is None else self.connection.begin_nested()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction: all of it is kept, or nothing.

        Raises:
            LedgerError: It can't be written, since the disk is full, somebody else writes, or the
                server is gone.
        """
        if self._lost is not None:
            raise self._lost
        try:
            with self._transaction():
                yield
        except DBAPIError as error:
            # The database's own words may name a value, and SQLAlchemy's do.
            failed = LedgerError(
                f"The ledger could not be used: {self.place.explain(error)}. Nothing of this step "
                "was kept; the next run goes on from what the ledger knows."
            )
            if error.connection_invalidated:
                self._lost = failed
            raise failed from None

    def check_hold(self) -> None:
        """See that the ledger is still held, where the hold may end before the process does.

        Raises:
            LedgerError: It is lost; somebody else may hold it.
        """
        if self.place.can_lose_hold:
            with self.write():
                self.connection.execute(select(1))

    def temporary_file(self) -> IO[bytes]:
        """Make a file that nobody else can open, and that is gone when the ledger is closed.

        Raises:
            OSError: There is no room for it.
        """
        return self._files.enter_context(tempfile.TemporaryFile(dir=self.place.folder))

    def close(self) -> None:
        """Let go of the ledger. What a dry run wrote is gone."""
        self._files.close()
        with suppress(DBAPIError):  # a server that is gone keeps nothing of it either
            if self._outer is not None:
                self._outer.rollback()
            self.connection.close()
        self.place.close()

    # -- facts about the ledger itself -----------------------------------------------------------

    def get(self, name: str) -> str | None:
        """Read one fact."""
        query = select(schema.meta.c.value).where(schema.meta.c.name == name)
        with self.write():
            return self.connection.execute(query).scalar()

    def put(self, name: str, value: str) -> None:
        """Keep one fact."""
        table = schema.meta
        with self.write():
            self.connection.execute(table.delete().where(table.c.name == name))
            self.connection.execute(insert(table).values(name=name, value=value))

    # -- runs ------------------------------------------------------------------------------------

    def begin_run(self, run_id: str, started_at: int) -> None:
        """Note that a run has begun to write."""
        begun = insert(schema.run).values(run_id=run_id, started_at=started_at)
        with self.write():
            self.run = self.connection.execute(begun.returning(schema.run.c.number)).scalar_one()

    def end_run(self, run_id: str, finished_at: int, status: str) -> None:
        """Note how a run ended."""
        with self.write():
            self.connection.execute(
                update(schema.run)
                .where(schema.run.c.run_id == run_id)
                .values(finished_at=finished_at, status=status)
            )

    def last_run(self) -> dict[str, Any] | None:
        """Read the newest run."""
        query = select(schema.run).order_by(schema.run.c.number.desc()).limit(1)
        with self.write():
            row = self.connection.execute(query).mappings().first()
        return dict(row) if row else None

    # -- cohorts ---------------------------------------------------------------------------------

    def cohorts(self) -> list[CohortRow]:
        """Read all cohorts, by id."""
        query = select(schema.cohort).order_by(schema.cohort.c.cohort_id)
        with self.write():
            return [CohortRow(**row) for row in self.connection.execute(query).mappings()]

    def cohort(self, cohort_id: str) -> CohortRow | None:
        """Read one cohort."""
        return next((row for row in self.cohorts() if row.cohort_id == cohort_id), None)

    def ensure_cohort(self, cohort_id: str, name: str | None, *, by_name: bool = False) -> int:
        """Know a cohort from now on, by its newest name.

        Args:
            cohort_id: Its id.
            name: Its name, where that came.
            by_name: Its id did not come, and is not known: its name stands for it.

        Returns:
            Its key.
        """
        table = schema.cohort
        with self.write():
            key = self.connection.execute(
                select(table.c.key).where(table.c.cohort_id == cohort_id)
            ).scalar()
            if key is None:
                key = self.connection.execute(
                    insert(table)
                    .values(
                        cohort_id=cohort_id,
                        name=name,
                        known_since=int(time.time()),
                        by_name=1 if by_name else None,
                    )
                    .returning(table.c.key)
                ).scalar_one()
            elif name is not None:
                self.connection.execute(update(table).where(table.c.key == key).values(name=name))
        return int(key)

    def identify_cohort(self, name: str, cohort_id: str) -> None:
        """Give a cohort of which only the name was known its id.

        It keeps its list, its members and what was said of it: all hang on its key.
        """
        table = schema.cohort
        with self.write():
            self.connection.execute(
                update(table)
                .where(table.c.cohort_id == name, table.c.by_name == 1)
                .values(cohort_id=cohort_id, by_name=None)
            )

    def update_cohort(self, key: int, **values: str | int | None) -> None:
        """Keep something about a cohort."""
        table = schema.cohort
        with self.write():
            self.connection.execute(update(table).where(table.c.key == key).values(**values))

    # -- approvals -------------------------------------------------------------------------------

    def approve(self, key: int, up_to: int, only: Operation | None = None) -> None:
        """Approve the next mass change of a cohort's list, up to a ceiling."""
        table = schema.approval
        values = {"cohort": key, "up_to": up_to, "approved_at": int(time.time())}
        with self.write():
            self.connection.execute(table.delete().where(table.c.cohort == key))
            self.connection.execute(
                insert(table).values(**values, operation=only.value if only else None)
            )

    def approved(self, key: int) -> Approval | None:
        """Read what was approved for a cohort and not used up yet."""
        table = schema.approval
        with self.write():
            row = self.connection.execute(select(table).where(table.c.cohort == key)).first()
        if row is None:
            return None
        only = Operation(row.operation) if row.operation is not None else None
        return Approval(row.up_to, row.approved_at, only)

    def use_approval(self, key: int) -> None:
        """Use up an approval."""
        with self.write():
            self.connection.execute(schema.approval.delete().where(schema.approval.c.cohort == key))
