"""Where a ledger is kept: in a file, in a server's database, or nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from target_cordial.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Table
    from sqlalchemy.exc import DBAPIError

MEMORY: Final = "sqlite://"
"""A ledger that is gone with its process: what a dry run without a ledger works on."""

PATIENCE_SECONDS: Final = 30
"""How long to wait while somebody else writes: an approval beside a run, for instance."""


class Place(Protocol):
    """A place for a ledger, and what is peculiar to databases of its kind.

    Attributes:
        can_lose_hold: Whether the hold may end before the process does.
    """

    can_lose_hold: ClassVar[bool]

    def exists(self) -> bool:
        """Say whether there is a ledger already.

        Raises:
            LedgerError: The place can't be looked at.
        """

    def open(self, *, exclusive: bool, make: bool) -> Connection:
        """Connect. The ledger's tables are not made here.

        Args:
            exclusive: Hold it for one run.
            make: Make the place itself, where it is not there.

        Raises:
            LedgerError: It can't be opened.
            LedgerLockedError: Another run holds it.
        """

    def hold(self) -> None:
        """Hold the ledger for one run, until it is closed. The hold dies with the process.

        Raises:
            LedgerLockedError: Another run holds it.
        """

    def close(self) -> None:
        """Let go of it."""

    @property
    def folder(self) -> Path | None:
        """Where a run's temporary files belong; None for the system's own folder for them."""

    def append(
        self,
        connection: Connection,
        table: Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        """Append rows to a table of the stage, the quickest way there is."""

    def clear(self, connection: Connection, table: Table) -> None:
        """Empty a table of the stage; its numbers begin at 1 again."""

    def analyze(self, connection: Connection, table: Table) -> None:
        """Let the database know what a table of the stage holds, where it needs that."""

    def explain(self, error: DBAPIError) -> str:
        """Say what went wrong and what helps, without any value out of the ledger."""


def place_of(url: str) -> Place:
    """Find the place that a ``ledger_url`` names.

    Raises:
        LedgerError: It names none.
    """
    from target_cordial.ledger.sqlite import SQLitePlace  # noqa: PLC0415  it knows this module

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise LedgerError(
            "ledger_url is not a SQLAlchemy URL, like sqlite:///ledger.db or "
            "postgresql://user@host/database. In a password, @ : and / are written %40, %3A and "
            "%2F."
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return SQLitePlace(parsed)
    if backend == "postgresql":
        from target_cordial.ledger.postgres import PostgresPlace  # noqa: PLC0415  an extra

        return PostgresPlace(parsed)
    raise LedgerError(
        "ledger_url must be a URL of SQLite, like sqlite:///ledger.db, or of PostgreSQL, like "
        "postgresql://user@host/database."
    )


def ledger_exists(url: str) -> bool:
    """Say whether there is a ledger at a URL.

    Raises:
        LedgerError: The URL is none of a ledger, or its place can't be looked at.
    """
    return place_of(url).exists()
