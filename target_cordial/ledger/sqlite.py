"""A ledger in a file of SQLite: its folder, its pragmas, its transactions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import Connection, Engine, create_engine, delete, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import StaticPool

from target_cordial.ledger.files import LedgerFile
from target_cordial.ledger.places import MEMORY, PATIENCE_SECONDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from sqlalchemy import URL, Table
    from sqlalchemy.exc import DBAPIError

REMEDIES: Final = (
    ("locked", "End what holds it, and run again"),
    ("full", "Make room on its disk, and run again"),
    ("I/O", "See that its disk is there and has room, and run again"),
    ("readonly", "Let the file and its folder be written to, and run again"),
    ("unable to open", "Let the file and its folder be read and written, and run again"),
    ("not a database", "It is no ledger, or damaged: restore a copy, or name another ledger_url"),
    ("malformed", "It is damaged: restore a copy of it, or name another ledger_url"),
    ("no such", "It is no ledger, or was changed by hand: restore a copy of it"),
)
"""What helps, by a word of SQLite's own; the codes of its errors are known from Python 3.11 on."""

OTHERWISE: Final = "Restore a copy of it, or name another ledger_url"


class SQLitePlace:
    """See :class:`target_cordial.ledger.places.Place`.

    Args:
        url: A URL of SQLite; one without a file is a ledger in memory.
    """

    can_lose_hold: ClassVar[bool] = False  # the lock is the process's own

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._file: LedgerFile | None = None
        if url.database and url.database != ":memory:":
            # Meltano starts plugins in whatever folder it was called from; the ledger is the
            # project's.
            place = Path(os.environ.get("MELTANO_PROJECT_ROOT", ""), url.database)
            self._file = LedgerFile(place)

    def exists(self) -> bool:
        """See the protocol."""
        return self._file is not None and self._file.exists()

    def open(self, *, exclusive: bool, make: bool) -> Connection:
        """See the protocol."""
        if self._file is not None:
            if make:
                self._file.prepare()
            if exclusive:
                self._file.lock()
        self._engine = self._make_engine(exclusive=exclusive)
        return self._engine.connect()

    def hold(self) -> None:
        """See the protocol."""
        if self._file is not None:
            self._file.lock()

    def close(self) -> None:
        """See the protocol."""
        if self._engine is not None:
            self._engine.dispose()
        if self._file is not None:
            self._file.unlock()

    @property
    def folder(self) -> Path | None:
        """See the protocol. What SQLite itself keeps for a while is there too."""
        return None if self._file is None else self._file.folder

    def append(
        self,
        connection: Connection,
        table: Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        """See the protocol."""
        names, marks = ", ".join(columns), ", ".join("?" for _ in columns)
        # Core's own insert builds a dictionary a row, which costs three times as much.
        connection.exec_driver_sql(
            f"INSERT INTO {table.fullname} ({names}) VALUES ({marks})",  # noqa: S608  names of ours
            list(rows),
        )

    def clear(self, connection: Connection, table: Table) -> None:
        """See the protocol. Of an empty table SQLite numbers the first row 1."""
        connection.execute(delete(table))

    def analyze(self, connection: Connection, table: Table) -> None:
        """See the protocol. SQLite's planner does without."""

    def explain(self, error: DBAPIError) -> str:
        """See the protocol. SQLite's own words name no value."""
        said = str(error.orig)
        return f"{said}. {next((do for what, do in REMEDIES if what in said), OTHERWISE)}"

    def _make_engine(self, *, exclusive: bool) -> Engine:
        """Make the engine; with ``exclusive``, transactions hold the write lock from the start."""
        url = make_url(MEMORY)
        if self._file is not None:
            url = self._url.set(database=str(self._file.path))
            # SQLite's temporary files hold identifiers while a run lasts. They are unlinked as
            # soon as they are open; this keeps them inside the ledger's own folder all the same.
            os.environ["SQLITE_TMPDIR"] = str(self._file.folder)
        waiting = {"timeout": PATIENCE_SECONDS}
        engine = create_engine(
            url,
            poolclass=StaticPool,
            connect_args=waiting,
            hide_parameters=True,  # they are people
        )

        @event.listens_for(engine, "connect")
        def configure(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # transactions are begun below, not by the driver
            for statement in (
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",  # an intent is on disk before its first byte is sent
                "PRAGMA main.secure_delete = ON",  # who is deleted is overwritten, too
                "PRAGMA cache_size = -8192",
                "ATTACH DATABASE '' AS stage",
                "PRAGMA stage.cache_size = -4096",
            ):
                connection.execute(statement)

        @event.listens_for(engine, "begin")
        def begin_transaction(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if exclusive else "BEGIN")

        return engine
