"""Versions of the ledger: an older one is brought up to date, a newer one is refused.

Every change of the tables in ``schema`` is a new version, with a step here that takes the version
before it there. A ledger is brought up to date when it is opened, in one transaction, by whoever
opens it first; nobody else may use it meanwhile.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, inspect, select

from target_cordial.errors import LedgerError, LedgerVersionError
from target_cordial.ledger.schema import ledger_metadata, meta
from target_cordial.ledger.spool import SALT_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

VERSION: Final = 4
"""The version that this package reads and writes."""

NAME: Final = "version"
"""Under which ``meta`` keeps it. The first version kept none."""

SALT: Final = "salt"
"""Under which ``meta`` keeps the salt of its digests."""

STEPS: Final[Mapping[int, Sequence[str]]] = {
    # Runs have numbers: their order was SQLite's own secret, and no other database has it.
    1: (
        "ALTER TABLE run RENAME TO run_before",
        """
        CREATE TABLE run (
            number INTEGER NOT NULL, run_id VARCHAR NOT NULL, started_at INTEGER NOT NULL,
            finished_at INTEGER, status VARCHAR, PRIMARY KEY (number), UNIQUE (run_id)
        )
        """,
        """
        INSERT INTO run (run_id, started_at, finished_at, status)
        SELECT run_id, started_at, finished_at, status FROM run_before ORDER BY rowid
        """,
        "DROP TABLE run_before",
    ),
    # What the rows of snapshots said is known by digests, so that most need no comparison; and
    # members are counted without a look at each.
    2: (
        "ALTER TABLE member ADD COLUMN digest BIGINT",
        "CREATE INDEX entry_confirmed ON entry (cohort, added_at) WHERE sent = 1",
    ),
    # What each run did is kept: in numbers for the history, by entry so that it can be undone.
    3: (
        "ALTER TABLE entry ADD COLUMN run INTEGER",
        "ALTER TABLE entry ADD COLUMN before SMALLINT",
        """
        CREATE TABLE tally (
            run INTEGER NOT NULL, cohort INTEGER NOT NULL, snapshot VARCHAR NOT NULL,
            members INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER NOT NULL,
            already_absent INTEGER NOT NULL, withheld INTEGER NOT NULL, pending INTEGER NOT NULL,
            skipped VARCHAR NOT NULL, rejected VARCHAR NOT NULL, PRIMARY KEY (run, cohort)
        )
        """,
    ),
}
"""What takes a ledger of a version to the next one. The first version knew SQLite alone."""


def version_of(connection: Connection) -> int | None:
    """Tell the version of a ledger; None where there is no ledger yet.

    Raises:
        LedgerError: It keeps a version that is none, or a file is something else's.
    """
    found = inspect(connection)
    if not found.has_table(meta.name):
        if connection.dialect.name == "sqlite" and found.get_table_names():
            raise LedgerError(
                "The file of ledger_url holds tables of something else, and no ledger. Nothing was "
                "written. Name another file."
            )
        return None
    kept = connection.execute(select(meta.c.value).where(meta.c.name == NAME)).scalar()
    if kept is None:
        return 1
    if not (kept.isascii() and kept.isdigit()):
        raise LedgerError("The ledger's version can't be read. Restore a copy from before.")
    return int(kept)


def make(connection: Connection) -> None:
    """Make the tables of a new ledger.

    One that is there already is something else's: there is no ledger.
    """
    ledger_metadata.create_all(connection, checkfirst=False)
    _keep(connection)


def bring_up_to_date(connection: Connection, known: int) -> None:
    """Take every step from a ledger's version to this package's.

    Args:
        connection: The ledger, in the transaction that keeps all of it or nothing.
        known: Its version.

    Raises:
        LedgerVersionError: It is newer than this package.
    """
    if known > VERSION:
        raise LedgerVersionError(
            f"The ledger was written by a newer target-cordial: it is of version {known}, and "
            f"this one knows versions up to {VERSION}. Nothing was written. Use the newer "
            "target-cordial, or another ledger_url."
        )
    for version in range(known, VERSION):
        for statement in STEPS[version]:
            connection.exec_driver_sql(statement)
    if known < VERSION:
        _keep(connection)


def salt_of(connection: Connection) -> bytes:
    """Read the salt of a ledger's digests: nobody can choose rows that will have equal ones."""
    kept = connection.execute(select(meta.c.value).where(meta.c.name == SALT)).scalar_one()
    return bytes.fromhex(kept)


def _keep(connection: Connection) -> None:
    connection.execute(delete(meta).where(meta.c.name.in_([NAME, SALT])))
    facts = {NAME: str(VERSION), SALT: secrets.token_hex(SALT_BYTES)}
    connection.execute(
        insert(meta), [{"name": name, "value": value} for name, value in facts.items()]
    )
