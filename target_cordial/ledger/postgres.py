"""A ledger in a schema of a PostgreSQL database: its lock, its session, its words for trouble.

The schema is the first of the connection's search path, so that one database holds as many
ledgers as there are groups of cohorts: ``postgresql://…/db?options=-csearch_path=group_a``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import Connection, create_engine, event, func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from target_cordial.errors import LedgerError, LedgerLockedError
from target_cordial.ledger.places import PATIENCE_SECONDS
from target_cordial.ledger.schema import STAGE, meta

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import URL, Engine, Table

# psycopg writes what it can't do, in the server's words, which may hold a row.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)

DRIVER: Final = "postgresql+psycopg"

TEMPORARY: Final = "pg_temp"
"""The schema of temporary tables, as every session calls its own."""

CONNECT_SECONDS: Final = 10

HOLD_SECONDS: Final = 3.0
"""A run that was killed holds its ledger until the server has noticed: look again for so long."""

_LOOK_AGAIN_SECONDS: Final = 0.1

SESSION: Final = {
    "lock_timeout": f"{PATIENCE_SECONDS}s",
    # Reading the input and delivering take as long as they take, with the connection idle.
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
    "transaction_timeout": "0",
    # A run that died in the midst of a statement lets go of the ledger within a second.
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "jit": "off",  # it takes longer to compile these statements than to carry them out
}
"""What a session is set to, as far as the server's version knows it."""

DEFAULTS: Final = {
    "connect_timeout": str(CONNECT_SECONDS),
    "application_name": "target-cordial",
    "client_encoding": "utf8",
}
"""What the connection has where the URL says nothing else."""

TROUBLE: Final = {
    "08": "the connection to the server was lost. See that the server is up, and run again",
    "25006": (
        "the server or the role is set to read only. Name a primary server, and a role that may "
        "write"
    ),
    "28": "the server does not accept the role. Check user and password in ledger_url",
    "3D000": "there is no such database. Make it, or name another in ledger_url",
    "3F000": "there is no such schema. Name one in ledger_url: …?options=-csearch_path=NAME",
    "42501": (
        "the role lacks a permission. It needs CREATE on the ledger's schema (on the database, "
        "for a schema that is to be made) and TEMPORARY on the database"
    ),
    "42703": "a column is missing: the ledger was changed by hand. Restore a copy of it",
    "42P07": (
        "its schema holds a table of something else by the name of one of the ledger's. Name a "
        "schema of its own in ledger_url: …?options=-csearch_path=NAME"
    ),
    "42P01": "a table is missing: the ledger was changed by hand. Restore a copy of it",
    "53100": "the server's disk is full. Make room there, and run again",
    "53300": "the server has no connection left. Raise its max_connections, or run later",
    "53": "the server lacks resources. Mend that, and run again",
    "54": "a limit of the server is exceeded. See the server's log",
    "55P03": "somebody else holds the ledger's rows. End what holds them, and run again",
    "57P03": "the server is starting or stopping. Run again when it is up",
    "57": "the server ended the connection. See that it is up, and run again",
    "58": "the server's system failed. See the server's log",
    "XX001": "the server's data is corrupted. Restore a copy of the ledger",
    "XX002": "an index of the server is corrupted. REINDEX it, and run again",
}
"""What a SQLSTATE means and what helps, by its code or its class; never the server's own words,
which may hold a row. Source: PostgreSQL's manual, appendix A."""


class PostgresPlace:
    """See :class:`target_cordial.ledger.places.Place`.

    Args:
        url: A URL of PostgreSQL. Its driver does not matter: psycopg is the one that is used.

    Raises:
        LedgerError: The driver is not installed.
    """

    can_lose_hold: ClassVar[bool] = True  # with the connection

    def __init__(self, url: URL) -> None:
        try:
            import psycopg  # noqa: PLC0415  an extra
        except ImportError:
            raise LedgerError(
                "A ledger in PostgreSQL needs its driver: pip install 'target-cordial[postgres]'"
            ) from None
        self._psycopg = psycopg
        self._url = url.set(drivername=DRIVER, query={**DEFAULTS, **url.query})
        self._engine: Engine | None = None
        self._connection: Connection | None = None

    def exists(self) -> bool:
        """See the protocol."""
        engine = self._make_engine()
        try:
            with engine.connect() as connection:
                return inspect(connection).has_table(meta.name)
        except DBAPIError as error:
            raise self._refusal(error) from None
        finally:
            engine.dispose()

    def open(self, *, exclusive: bool, make: bool) -> Connection:
        """See the protocol."""
        self._engine = self._make_engine()
        try:
            self._connection = self._engine.connect()
            self._settle_session(self._connection)
            if exclusive:
                self.hold()
            if make:
                self._make_schema(self._connection)
        except DBAPIError as error:
            self.close()
            raise self._refusal(error) from None
        except LedgerError:
            self.close()
            raise
        return self._connection

    def hold(self) -> None:
        """See the protocol. The lock belongs to the connection, and ends with it."""
        assert self._connection is not None  # noqa: S101  it is open
        schema = self._schema(self._connection)
        digest = hashlib.blake2b(f"target-cordial ledger {schema}".encode(), digest_size=8)
        key = int.from_bytes(digest.digest(), "big", signed=True)
        deadline = time.monotonic() + HOLD_SECONDS
        while True:
            with self._connection.begin():
                got = self._connection.execute(select(func.pg_try_advisory_lock(key))).scalar()
            if got:
                return
            if time.monotonic() > deadline:
                raise LedgerLockedError(
                    f"Another run is using the ledger in schema '{schema}'. One run per ledger at "
                    "a time: wait for it to end, or give this pipeline a schema of its own "
                    "(ledger_url …?options=-csearch_path=NAME)."
                )
            time.sleep(_LOOK_AGAIN_SECONDS)

    def close(self) -> None:
        """See the protocol."""
        if self._engine is not None:
            self._engine.dispose()

    @property
    def folder(self) -> Path | None:
        """See the protocol."""
        return None

    def append(
        self,
        connection: Connection,
        table: Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        """See the protocol.

        Raises:
            LedgerError: The server does not take them.
        """
        statement = f"COPY {TEMPORARY}.{table.name} ({', '.join(columns)}) FROM STDIN"
        try:
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        except self._psycopg.Error as error:
            raise LedgerError(f"The ledger could not be used: {_meaning(error)}.") from None

    def clear(self, connection: Connection, table: Table) -> None:
        """See the protocol."""
        connection.exec_driver_sql(f"TRUNCATE {TEMPORARY}.{table.name} RESTART IDENTITY")

    def analyze(self, connection: Connection, table: Table) -> None:
        """See the protocol. Nobody looks at temporary tables for the planner but their owner."""
        connection.exec_driver_sql(f"ANALYZE {TEMPORARY}.{table.name}")

    def explain(self, error: DBAPIError) -> str:
        """See the protocol."""
        return _meaning(error.orig)

    def _make_engine(self) -> Engine:
        engine = create_engine(
            self._url,
            poolclass=StaticPool,
            hide_parameters=True,  # they are people
            isolation_level="READ COMMITTED",
            # The stage is gone with the session, as the unlinked database beside a file is.
            execution_options={"schema_translate_map": {STAGE: TEMPORARY}},
        )
        opened = False

        @event.listens_for(engine, "do_connect")
        def connect_once(*_: object) -> None:
            # A second connection would have neither the lock nor the stage of the first.
            nonlocal opened
            if opened:
                raise LedgerError(f"The ledger could not be used: {TROUBLE['08']}.")
            opened = True

        return engine

    def _settle_session(self, connection: Connection) -> None:
        with connection.begin():
            connection.execute(
                text(
                    "SELECT set_config(name, value, false) "
                    "FROM json_each_text(CAST(:session AS json)) AS session (name, value) "
                    "WHERE current_setting(name, true) IS NOT NULL"
                ),
                {"session": json.dumps(SESSION)},
            )
            # An intent is on disk before its first byte is sent.
            connection.execute(
                text(
                    "SELECT set_config('synchronous_commit', 'on', false) "
                    "WHERE current_setting('synchronous_commit') = 'off'"
                )
            )
            encoding = connection.execute(text("SHOW server_encoding")).scalar()
        if encoding != "UTF8":
            raise LedgerError(
                f"The ledger's database is in {encoding}, which does not hold every name. Make one "
                "in UTF8, and name it in ledger_url."
            )

    def _schema(self, connection: Connection) -> str:
        """Name the schema that the ledger is in, or is to be in."""
        with connection.begin():
            found = connection.execute(select(func.current_schema())).scalar()
            if found is not None:
                return str(found)
            path = str(connection.execute(text("SHOW search_path")).scalar())
        for name in (part.strip().strip('"') for part in path.split(",")):
            if name and name != "$user":
                return name
        raise LedgerError(f"The ledger can't be opened: {TROUBLE['3F000']}.")

    def _make_schema(self, connection: Connection) -> None:
        name = self._schema(connection)
        quoted = connection.dialect.identifier_preparer.quote(name)
        with connection.begin():
            if connection.execute(select(func.current_schema())).scalar() is None:
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")

    def _refusal(self, error: DBAPIError) -> LedgerError:
        if isinstance(error.orig, self._psycopg.ProgrammingError) and error.orig.sqlstate is None:
            return LedgerError(
                "The ledger can't be opened: ledger_url has a parameter that PostgreSQL's client "
                "does not know, or a value that it does not take."
            )
        return LedgerError(f"The ledger can't be opened: {self.explain(error)}.")


def _meaning(error: BaseException | None) -> str:
    """Say what a driver's error means, by its SQLSTATE alone."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        return (
            "the server can't be reached, or does not let this role in. Check host, port, user, "
            "password and database in ledger_url, and that the server is up"
            if _is_connection_trouble(error)
            else f"the server does not take what it was given ({type(error).__name__})"
        )
    words = TROUBLE.get(state) or TROUBLE.get(state[:2]) or "see the server's log"
    return f"{words} (SQLSTATE {state})"


def _is_connection_trouble(error: BaseException | None) -> bool:
    """A connection that is not made, or lost, has no SQLSTATE in this driver."""
    return type(error).__name__ in {"OperationalError", "ConnectionTimeout"}
