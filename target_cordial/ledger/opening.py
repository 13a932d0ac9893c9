"""From a ledger_url to an open database: its place, its pragmas, its transactions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from target_cordial.errors import LedgerError
from target_cordial.ledger.files import LedgerFile

if TYPE_CHECKING:
    import sqlite3

MEMORY: Final = "sqlite://"
"""A ledger that is gone with its process: what a dry run without a ledger works on."""

PATIENCE_SECONDS: Final = 30
"""How long to wait while somebody else writes: an approval beside a run, for instance."""


def ledger_exists(url: str) -> bool:
    """Say whether there is a ledger at a URL.

    Raises:
        LedgerError: The URL is none of a ledger.
    """
    file = file_of(url)
    return file is not None and file.exists()


def file_of(url: str) -> LedgerFile | None:
    """Find a ledger's place on disk; None for one in memory.

    Raises:
        LedgerError: The URL is none of a ledger.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerError("ledger_url is not a SQLAlchemy URL, like sqlite:///ledger.db.") from None
    if parsed.get_backend_name() != "sqlite":
        raise LedgerError("ledger_url must be a SQLite URL, like sqlite:///ledger.db.")
    if not parsed.database or parsed.database == ":memory:":
        return None
    # Meltano starts plugins in whatever folder it was called from; the ledger is the project's.
    return LedgerFile(Path(os.environ.get("MELTANO_PROJECT_ROOT", ""), parsed.database))


def engine_of(url: str, file: LedgerFile | None, *, exclusive: bool) -> Engine:
    """Make the engine of a ledger.

    Args:
        url: Its URL.
        file: Its place; None for one in memory.
        exclusive: Let every transaction hold the write lock from its beginning.
    """
    place = make_url(MEMORY)
    if file is not None:
        place = make_url(url).set(database=str(file.path))
        # SQLite's temporary files hold identifiers while a run lasts. They are unlinked as soon
        # as they are open; this keeps them inside the ledger's own folder all the same.
        os.environ["SQLITE_TMPDIR"] = str(file.folder)
    waiting = {"timeout": PATIENCE_SECONDS}
    engine = create_engine(place, poolclass=StaticPool, connect_args=waiting)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",  # an intent is on disk before its first byte is sent
            "PRAGMA cache_size = -8192",
            "ATTACH DATABASE '' AS stage",
            "PRAGMA stage.cache_size = -4096",
        ):
            connection.execute(statement)

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if exclusive else "BEGIN")

    return engine
