"""Erasing a person: the ledger knows nothing of them any more, and their bytes are gone.

A user is joined to an identifier only as long as they are a member. Of somebody who has left, the
entry keeps the identifier, the leaver's row the ids, and nothing says that the two are one person:
so an erasure by an address may leave ids, and one by an id the address, until both are forgotten
30 days later.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, case, delete, exists, null, or_, select, update

from target_cordial.core.identifier import Mapping, clean
from target_cordial.core.import_counts import Kind
from target_cordial.core.plan import Sent
from target_cordial.errors import LedgerError
from target_cordial.ledger.jobs import Jobs
from target_cordial.ledger.rebinding import BINDING, IDENTIFIER_NAME
from target_cordial.ledger.schema import ADOPTED, entry, leaver, member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection, Row

    from target_cordial.ledger.jobs import JobRow
    from target_cordial.ledger.store import Ledger

MOST_USERS: Final = 20
"""More users than this are no person: they share a placeholder, like an address for tests."""


_MOST_ROWS: Final = 1_000
"""Rows that are looked at: of a placeholder there can be millions."""


class By(str, Enum):
    """What a person is sought by."""

    IDENTIFIER = "identifier"
    USER_ID = "user-id"
    AMPLITUDE_ID = "amplitude-id"


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
class Person:
    """Whom a ledger knows by one word.

    Attributes:
        users: The keys of their users, with those that have no row.
        user_ids: Their user ids.
        identifiers: Their identifiers, present and former.
        known: How many users have a row.
    """

    users: set[str]
    user_ids: set[str] = field(default_factory=set)
    identifiers: set[str] = field(default_factory=set)
    known: int = 0

    @property
    def ids(self) -> set[str]:
        """The users' ids as Amplitude has them."""
        return {user.partition(":")[2] for user in self.users} | self.user_ids

    def is_also(self, other: Person) -> bool:
        """Say whether two words mean one person."""
        return bool(self.users & other.users or self.identifiers & other.identifiers)

    def join(self, other: Person) -> None:
        """Be both."""
        self.users |= other.users
        self.user_ids |= other.user_ids
        self.identifiers |= other.identifiers
        self.known = max(self.known, other.known)


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
    forms = _forms(ledger, word.strip())
    imports = Jobs(ledger).known()
    with ledger.write():
        person = _find(ledger.connection, word.strip(), forms, by)
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


# -- finding --------------------------------------------------------------------------------------


def _find(connection: Connection, word: str, forms: set[str], by: By | None) -> Person | None:
    found: dict[By, Person] = {}
    for kind in [by] if by is not None else By:
        person = _sought(connection, word, forms, kind)
        _follow(connection, person, alone=by is By.AMPLITUDE_ID)
        if _is_known(connection, person):
            found[kind] = person
    if not found:
        return None
    first, *others = found.values()
    if not all(first.is_also(other) for other in others):
        kinds = " and as ".join(kind.value for kind in found)
        raise LedgerError(
            f"This means different people as {kinds}. Say which it is, with --by. Nothing was "
            "erased."
        )
    for other in others:
        first.join(other)
    if first.known > MOST_USERS:
        raise LedgerError(
            f"{first.known} users have this in common, so it names no person: it looks like a "
            "placeholder. Erase each of them with --by amplitude-id. Nothing was erased."
        )
    return first


def _sought(connection: Connection, word: str, forms: set[str], kind: By) -> Person:
    """Begin with what the word itself says."""
    if kind is By.AMPLITUDE_ID:
        return Person({f"a:{word}"})
    if kind is By.USER_ID:
        return Person({f"u:{word}"}, {word})
    held = member.c.held_of.is_not(None) & (member.c.held_of != ADOPTED)
    holder = case((held, member.c.held_of), else_=member.c.user_key).label("holder")
    holders = select(holder).where(member.c.identifier.in_(forms)).distinct().limit(MOST_USERS + 1)
    users = set(connection.execute(holders).scalars())
    return Person(users | {f"i:{form}" for form in forms}, identifiers=set(forms))


def _forms(ledger: Ledger, word: str) -> set[str]:
    """Write an identifier as the ledger has it: by the rules of the key it was bound to."""
    binding = json.loads(ledger.get(BINDING) or "{}")
    name = binding.get(IDENTIFIER_NAME, "email")
    cleaned = clean(word, Mapping(name, ())).identifier
    return {word} | ({cleaned} if cleaned else set())


def _follow(connection: Connection, person: Person, *, alone: bool) -> None:
    """Add everything that the ledger says is the same person's."""
    before = -1
    while len(person.users) != before:
        before = len(person.users)
        rows = _rows_of(connection, person)
        person.known = len({row.user_key for row in rows if row.held_of is None})
        person.identifiers |= {row.identifier for row in rows if row.identifier is not None}
        person.users |= {f"i:{identifier}" for identifier in person.identifiers}
        if not alone:
            person.users |= {row.user_key for row in rows if row.held_of is None}
            person.user_ids |= {row.user_id for row in rows if row.user_id is not None}
            person.users |= {f"u:{user_id}" for user_id in person.user_ids}
        if person.known > MOST_USERS:
            return  # it ends with a refusal


def _rows_of(connection: Connection, person: Person) -> list[Row[Any]]:
    theirs = or_(
        member.c.user_key.in_(person.users),
        member.c.held_of.in_(person.users),
        member.c.user_id.in_(person.user_ids),
    )
    columns = (member.c.user_key, member.c.user_id, member.c.held_of, member.c.identifier)
    left = select(
        leaver.c.user_key,
        leaver.c.user_id,
        null().label("held_of"),
        null().label("identifier"),
    )
    return [
        row
        for query in (select(*columns).where(theirs), left.where(_left(person)))
        for row in connection.execute(query.distinct().limit(_MOST_ROWS))
    ]


def _left(person: Person) -> ColumnElement[bool]:
    return or_(leaver.c.user_key.in_(person.users), leaver.c.user_id.in_(person.user_ids))


def _is_known(connection: Connection, person: Person) -> bool:
    entries = select(entry.c.cohort).where(entry.c.identifier.in_(person.identifiers)).limit(1)
    return bool(_rows_of(connection, person)) or connection.execute(entries).first() is not None


# -- erasing --------------------------------------------------------------------------------------


def _erase_users(connection: Connection, erased: Erased) -> None:
    assert erased.person is not None  # noqa: S101  somebody was found
    users = erased.person.users
    theirs = or_(member.c.user_key.in_(users), member.c.held_of.in_(users))
    erased.rows += connection.execute(delete(member).where(theirs)).rowcount
    erased.rows += connection.execute(delete(leaver).where(_left(erased.person))).rowcount


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
