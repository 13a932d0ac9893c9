"""Finding a person in the ledger, by whatever they are known by.

A user is joined to an identifier only as long as they are a member. Of somebody who has left, the
entry keeps the identifier, the leaver's row the ids, and nothing says that the two are one person:
so who is sought by an address may be found without ids, and who is sought by an id without the
address, until both are forgotten 30 days later.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, null, or_, select

from target_cordial.core.identifier import Mapping, clean
from target_cordial.core.user_key import AMPLITUDE_KIND, IDENTIFIER_KIND, USER_ID_KIND
from target_cordial.errors import LedgerError
from target_cordial.ledger.rebinding import BINDING, IDENTIFIER_NAME
from target_cordial.ledger.schema import ADOPTED, entry, leaver, member

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

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


def find(connection: Connection, word: str, forms: set[str], by: By | None) -> Person | None:
    """Find a person.

    Args:
        connection: The ledger, in a transaction.
        word: An identifier as people write it, an Amplitude id or a user id.
        forms: The identifiers that it may be: see :func:`forms_of`.
        by: Which of them it is; any without it. By an Amplitude id, that one user is meant, and
            none who shares the user id.

    Returns:
        Whom the ledger knows by it; None where it knows nobody.

    Raises:
        LedgerError: The word means several people, or so many users that they are no person.
    """
    word = word.strip()
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
            f"This means different people as {kinds}. Say which it is, with --by. Nothing was done."
        )
    for other in others:
        first.join(other)
    if first.known > MOST_USERS:
        raise LedgerError(
            f"{first.known} users have this in common, so it names no person: it looks like a "
            "placeholder. Name each of them, with --by amplitude-id. Nothing was done."
        )
    return first


def _sought(connection: Connection, word: str, forms: set[str], kind: By) -> Person:
    """Begin with what the word itself says."""
    if kind is By.AMPLITUDE_ID:
        return Person({f"{AMPLITUDE_KIND}{word}"})
    if kind is By.USER_ID:
        return Person({f"{USER_ID_KIND}{word}"}, {word})
    held = member.c.held_of.is_not(None) & (member.c.held_of != ADOPTED)
    holder = case((held, member.c.held_of), else_=member.c.user_key).label("holder")
    holders = select(holder).where(member.c.identifier.in_(forms)).distinct().limit(MOST_USERS + 1)
    users = set(connection.execute(holders).scalars())
    return Person(users | {f"{IDENTIFIER_KIND}{form}" for form in forms}, identifiers=set(forms))


def forms_of(ledger: Ledger, word: str) -> set[str]:
    """Write an identifier as the ledger has it: by the rules of the key it was bound to."""
    word = word.strip()
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
        person.users |= {f"{IDENTIFIER_KIND}{identifier}" for identifier in person.identifiers}
        if not alone:
            person.users |= {row.user_key for row in rows if row.held_of is None}
            person.user_ids |= {row.user_id for row in rows if row.user_id is not None}
            person.users |= {f"{USER_ID_KIND}{user_id}" for user_id in person.user_ids}
        if person.known > MOST_USERS:
            return  # it ends with a refusal


def _rows_of(connection: Connection, person: Person) -> list[Row[Any]]:
    theirs = or_(
        member.c.user_key.in_(person.users),
        member.c.held_of.in_(person.users),
        member.c.user_id.in_(person.user_ids),
    )
    columns = (member.c.user_key, member.c.user_id, member.c.held_of, member.c.identifier)
    gone = select(
        leaver.c.user_key,
        leaver.c.user_id,
        null().label("held_of"),
        null().label("identifier"),
    )
    return [
        row
        for query in (select(*columns).where(theirs), gone.where(left(person)))
        for row in connection.execute(query.distinct().limit(_MOST_ROWS))
    ]


def left(person: Person) -> ColumnElement[bool]:
    """Pick out what is kept of somebody who left."""
    return or_(leaver.c.user_key.in_(person.users), leaver.c.user_id.in_(person.user_ids))


def _is_known(connection: Connection, person: Person) -> bool:
    entries = select(entry.c.cohort).where(entry.c.identifier.in_(person.identifiers)).limit(1)
    return bool(_rows_of(connection, person)) or connection.execute(entries).first() is not None
