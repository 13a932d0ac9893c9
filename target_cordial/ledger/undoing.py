"""Undoing a run: whom it added comes off the list again, whom it took off is put back.

Nothing is sent by it. The next run sends what it changes, as one plan, under the guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exists, func, insert, literal, select, update

from target_cordial.core.plan import Sent
from target_cordial.core.user_key import IDENTIFIER_KIND
from target_cordial.ledger.schema import ADOPTED, entry, leaver, member

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from target_cordial.ledger.store import Ledger


@dataclass(frozen=True)
class Undone:
    """What undoing a run changes in one cohort.

    Attributes:
        cohort: The cohort's key.
        to_remove: Members to be taken off again.
        to_add: Members to be put back.
    """

    cohort: int
    to_remove: int
    to_add: int


def undo(ledger: Ledger, number: int, cohort: int | None = None) -> list[Undone]:
    """Undo a run, in one transaction.

    Of each entry the last change counts: what a later run has changed again is left alone. So is
    what the run only tried: a change that was rejected, withheld or never sent.

    Whom the run added is no member any more. Whom it took off is held as adopted ones are: until
    a user comes with the identifier, or a proven snapshot without it.

    Args:
        ledger: The ledger, held as for a run.
        number: The run's number.
        cohort: The key of the one cohort that is meant; all of them without it.

    Returns:
        What it changes, by the cohort's key; nothing where there is nothing to undo.
    """
    of_run = entry.c.run == number
    if cohort is not None:
        of_run = and_(of_run, entry.c.cohort == cohort)
    added = and_(
        of_run,
        entry.c.wanted == 1,
        entry.c.sent != int(Sent.OFF),
        entry.c.before == int(Sent.OFF),
    )
    removed = and_(
        of_run,
        entry.c.wanted == 0,
        entry.c.sent != int(Sent.ON),
        entry.c.before == int(Sent.ON),
    )
    with ledger.write():
        connection = ledger.connection
        takes_off, puts_back = _by_cohort(connection, added), _by_cohort(connection, removed)
        _put_back(connection, removed)
        _take_off(connection, added)
    return [
        Undone(key, takes_off.get(key, 0), puts_back.get(key, 0))
        for key in sorted(takes_off.keys() | puts_back.keys())
    ]


def _by_cohort(connection: Connection, those: ColumnElement[bool]) -> dict[int, int]:
    query = select(entry.c.cohort, func.count()).where(those).group_by(entry.c.cohort)
    return {cohort: count for cohort, count in connection.execute(query)}  # noqa: C416  a row is not a pair


def _take_off(connection: Connection, added: ColumnElement[bool]) -> None:
    theirs = exists().where(
        entry.c.cohort == member.c.cohort, entry.c.identifier == member.c.identifier, added
    )
    connection.execute(delete(member).where(theirs))
    connection.execute(update(entry).where(added).values(wanted=0))


def _put_back(connection: Connection, removed: ColumnElement[bool]) -> None:
    key = literal(IDENTIFIER_KIND) + entry.c.identifier
    gone = exists().where(entry.c.cohort == leaver.c.cohort, key == leaver.c.user_key, removed)
    connection.execute(delete(leaver).where(gone))
    connection.execute(
        insert(member).from_select(
            ["cohort", "user_key", "identifier", "held_of"],
            select(
                entry.c.cohort,
                key,
                entry.c.identifier,
                literal(ADOPTED),
            ).where(removed),
        )
    )
    connection.execute(update(entry).where(removed).values(wanted=1))
