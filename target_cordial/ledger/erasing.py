"""Erasing a person: the ledger knows nothing of them any more, and their bytes are gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, or_, select, update

from target_cordial.core.import_counts import Kind
from target_cordial.core.plan import Sent
from target_cordial.errors import LedgerError
from target_cordial.ledger.jobs import Jobs
from target_cordial.ledger.person import find, forms_of, left
from target_cordial.ledger.schema import entry, leaver, member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from target_cordial.ledger.jobs import JobRow
    from target_cordial.ledger.person import By, Person
    from target_cordial.ledger.store import Ledger


class Standing(str, Enum):
    """Where somebody stands in Cordial, of whom the ledger now knows nothing.

    ``ON``: on the list. ``LEAVING``: on the list, and their removal had not been carried out.
    ``UNKNOWN``: a change was sent and not confirmed. ``SHARED``: the identifier stays in the
    ledger and on the list, since another user has it.
    """

    ON = "on"
    LEAVING = "removal_waiting"
    UNKNOWN = "unknown"
    SHARED = "shared"


@dataclass
class Erased:
    """What was erased, and what is left elsewhere.

    Attributes:
        person: Whom; None where the ledger did not know them.
        rows: How many rows of the ledger went.
        standings: Where they may be in Cordial: the cohort's key, and how.
        imports: Names of imports that may still carry them.
    """

    person: Person | None = None
    rows: int = 0
    standings: list[tuple[int, Standing]] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)


def erase(ledger: Ledger, word: str, by: By | None = None) -> Erased:
    """Erase a person, in one transaction.

    Args:
        ledger: The ledger, held as for a run.
        word: An identifier as people write it, an Amplitude id or a user id.
        by: Which of them it is; any without it. By an Amplitude id, that one user is meant, and
            none who shares the user id.

    Raises:
        LedgerError: The word means several people, or so many users that they are no person.
    """
    forms = forms_of(ledger, word)
    imports = Jobs(ledger).known()
    with ledger.write():
        person = find(ledger.connection, word, forms, by)
        if person is None:
            return Erased()
        erased = Erased(person)
        _erase_users(ledger.connection, erased)
        _erase_entries(ledger.connection, erased, imports)
        _erase_words(ledger.connection, person)
    return erased


def overwrite(ledger: Ledger) -> None:
    """Let no byte of what was deleted stay in the ledger's files, outside of a transaction.

    SQLite leaves what it deleted, or only moved, where it was until the place is needed: with
    ``secure_delete`` that is rare, and by writing the file anew it is over. PostgreSQL has its
    own time for that, and a write-ahead log and copies that are not the ledger's to change.

    Raises:
        LedgerError: The files could not be written anew.
    """
    connection = ledger.connection
    if connection.dialect.name != "sqlite":
        return
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101  it is open
    try:
        driver.execute("VACUUM")
        busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except driver.OperationalError as error:
        busy = error
    if busy:
        why = f"({busy})" if isinstance(busy, Exception) else "(somebody else reads it)"
        raise LedgerError(
            f"The rows are deleted, but the ledger's files could not be written anew {why}, so "
            "deleted bytes may still be in them. Make room on the disk, end what reads the "
            "ledger, and give the same command again."
        )


def _erase_users(connection: Connection, erased: Erased) -> None:
    assert erased.person is not None  # noqa: S101  somebody was found
    users = erased.person.users
    theirs = or_(member.c.user_key.in_(users), member.c.held_of.in_(users))
    erased.rows += connection.execute(delete(member).where(theirs)).rowcount
    erased.rows += connection.execute(delete(leaver).where(left(erased.person))).rowcount


def _erase_entries(connection: Connection, erased: Erased, imports: Iterable[JobRow]) -> None:
    assert erased.person is not None  # noqa: S101  somebody was found
    named = entry.c.identifier.in_(erased.person.identifiers)
    also = exists().where(
        member.c.cohort == entry.c.cohort, member.c.identifier == entry.c.identifier
    )
    rows = connection.execute(select(entry, also.label("shared")).where(named)).all()
    standings = [(row.cohort, _standing(row)) for row in rows]
    erased.standings = [(cohort, stands) for cohort, stands in standings if stands is not None]
    erased.imports = _carrying(imports, [row for row in rows if not row.shared])
    erased.rows += connection.execute(delete(entry).where(named, ~also)).rowcount


def _standing(row: Row[Any]) -> Standing | None:
    if row.shared:
        return Standing.SHARED
    if row.sent == int(Sent.UNKNOWN):
        return Standing.UNKNOWN
    if row.sent == int(Sent.ON):
        return Standing.ON if row.wanted else Standing.LEAVING
    return None


def _carrying(imports: Iterable[JobRow], rows: list[Row[Any]]) -> list[str]:
    """Name the imports that may carry somebody: one that makes contacts stands at no entry."""
    waiting = {row.cohort for row in rows if row.wanted and row.sent != int(Sent.ON)}
    numbers = {row.job for row in rows if row.sent == int(Sent.UNKNOWN)}
    return [
        job.name
        for job in imports
        if job.number in numbers or (job.kind is Kind.CREATE and job.cohort in waiting)
    ]


def _erase_words(connection: Connection, person: Person) -> None:
    """What Cordial said of others may name them too."""
    for identifier in person.identifiers:
        names = entry.c.rejected_message.icontains(identifier, autoescape=True)
        said = and_(entry.c.rejected_message.is_not(None), names)
        connection.execute(update(entry).where(said).values(rejected_message=None))
