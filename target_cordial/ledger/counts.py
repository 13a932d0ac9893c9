"""How a cohort's list stands, in numbers, and how they are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Integer, and_, bindparam, case, func, select

from target_cordial.core.plan import Operation, Sent
from target_cordial.ledger.plan import FEW_PENDING, pending_hint, retried
from target_cordial.ledger.schema import Seconds, confirmed, entry, gone, pending
from target_cordial.ledger.schema import cohort as cohorts

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Counts:
    """How a cohort's list stands.

    Attributes:
        confirmed: Members that Cordial has confirmed.
        additions: Additions waiting to be sent.
        removals: Removals waiting to be sent.
        unknown: Entries of which nothing is certain.
        rejected: Additions and removals that Cordial rejected, by reason.
        recent_additions: Additions since the guard's window began, less those of the first sync.
        recent_removals: Confirmed removals since the guard's window began.
        unknown_removals: Removals that were sent and not confirmed.
        rejected_removals: Of the rejected, the removals: people who are still on the list.
    """

    confirmed: int
    additions: int
    removals: int
    unknown: int
    rejected: dict[str, int]
    recent_additions: int
    recent_removals: int
    unknown_removals: int
    rejected_removals: int = 0

    def due(self, operation: Operation) -> int:
        """Count the changes waiting in one direction."""
        return self.additions if operation is Operation.ADD else self.removals

    def recent(self, operation: Operation) -> int:
        """Count the changes of the guard's window in one direction."""
        return self.recent_additions if operation is Operation.ADD else self.recent_removals

    def before(self, operation: Operation) -> int:
        """Count the confirmed members before the window's changes in one direction.

        The guard's share is taken of these: a plan that it let pass must not be withheld half
        done, because a run died and its first half has made the list shorter; nor may a list that
        swells run by run raise its own limit.
        """
        if operation is Operation.ADD:
            return self.confirmed - self.recent_additions
        return self.confirmed + self.recent_removals + self.unknown_removals


def count(connection: Connection, cohort: int, *, now: int, window_since: int) -> Counts:
    """Count a cohort's entries.

    Args:
        connection: The ledger, in a transaction.
        cohort: The cohort's key.
        now: Seconds since the epoch.
        window_since: Changes confirmed after this are recent.
    """
    given = {"of_cohort": cohort, "now": now, "since": window_since}
    members, added = connection.execute(_CONFIRMED, given).one()
    hint = pending_hint(connection, [cohort])
    waiting = connection.execute(_WAITING.with_hint(entry, hint, "sqlite"), given).all()
    return Counts(
        confirmed=members,
        additions=sum(row.additions for row in waiting),
        removals=sum(row.removals for row in waiting),
        unknown=sum(row.unknown for row in waiting),
        rejected={row.rejected_reason: row.resting for row in waiting if row.resting},
        recent_additions=added,
        recent_removals=connection.execute(_LEFT_LATELY, given).scalar_one(),
        unknown_removals=sum(row.unknown_removals for row in waiting),
        rejected_removals=sum(row.resting_removals for row in waiting),
    )


COHORT: Final = bindparam("of_cohort", type_=Integer)

MINE: Final = entry.c.cohort == COHORT

FIRST_SYNC: Final = (
    select(cohorts.c.first_synced_at).where(cohorts.c.key == COHORT).scalar_subquery()
)

_SINCE: Final = bindparam("since", type_=Seconds)

COUNTED: Final = entry.c.added_at > FIRST_SYNC
"""Additions that count for the guard: those after the first sync, if that is over."""

_LATELY: Final = and_(COUNTED, entry.c.added_at > _SINCE)

MEMBERS: Final = select(func.count()).where(MINE, confirmed)

_CONFIRMED: Final = select(func.count(), func.count(case((_LATELY, 1)))).where(MINE, confirmed)

_RETRIED: Final = retried(bindparam("now", type_=Seconds))

DUE: Final = (
    select(entry.c.identifier)
    .where(MINE, pending, _RETRIED)
    .with_hint(entry, FEW_PENDING, "sqlite")
    .limit(1)
)
"""Any change that waits to be sent."""

_IN_DOUBT: Final = entry.c.sent == int(Sent.UNKNOWN)
_REMOVAL: Final = entry.c.wanted == 0


def _times(name: str, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((and_(*conditions), 1))).label(name)


_WAITING: Final = (
    select(
        entry.c.rejected_reason,
        _times("additions", _RETRIED, entry.c.wanted == 1),
        _times("removals", _RETRIED, _REMOVAL),
        _times("unknown", _IN_DOUBT),
        _times("unknown_removals", _IN_DOUBT, _REMOVAL),
        _times("resting", ~_RETRIED),
        _times("resting_removals", ~_RETRIED, _REMOVAL),
    )
    .where(MINE, pending)
    .group_by(entry.c.rejected_reason)
)
"""One look at the entries that are pending, instead of one for each of the numbers."""

_LEFT_LATELY: Final = select(func.count()).where(MINE, gone, entry.c.removed_at > _SINCE)
