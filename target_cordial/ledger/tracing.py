"""Tracing a person: on which lists they are, through whom, since when, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from target_cordial.core.plan import RETRY_REJECTED_SECONDS, Sent
from target_cordial.ledger.person import left
from target_cordial.ledger.schema import ADOPTED, entry, leaver, member, run

if TYPE_CHECKING:
    from sqlalchemy import Row

    from target_cordial.ledger.person import Person
    from target_cordial.ledger.store import Ledger


class State(str, Enum):
    """How somebody stands on a list.

    ``ON``, ``OFF``: as the source says, and confirmed. ``ADDITION_WAITS``, ``REMOVAL_WAITS``: the
    next run sends it, if the guard lets it. ``ADDITION_UNKNOWN``, ``REMOVAL_UNKNOWN``: it was sent
    and not confirmed; the next run sends it again. ``ADDITION_REJECTED``, ``REMOVAL_REJECTED``:
    Cordial refused it. ``LEFT``: the user left, and by which identifier is not known any more.
    """

    ON = "on"
    OFF = "off"
    ADDITION_WAITS = "addition_waits"
    ADDITION_UNKNOWN = "addition_unknown"
    ADDITION_REJECTED = "addition_rejected"
    REMOVAL_WAITS = "removal_waits"
    REMOVAL_UNKNOWN = "removal_unknown"
    REMOVAL_REJECTED = "removal_rejected"
    LEFT = "left"


@dataclass(frozen=True)
class Trace:
    """What a ledger knows of a person on one list, under one identifier.

    Times are in whole seconds since the epoch.

    Attributes:
        cohort: The cohort's key.
        state: How they stand.
        identifier: The identifier; None where only ids are known.
        users: Ids of the users of the cohort who have it, as Amplitude has them.
        formerly: Ids of users who had it, and whose change no complete snapshot has proven yet.
        adopted: It is held as ours, by somebody's word, until a snapshot proves what it is.
        run_id: The run that sent its last change.
        added_at: When its addition was confirmed last.
        removed_at: When its removal was confirmed last, or the user left.
        rejected_at: When Cordial rejected the change.
        retried_at: From when on it is sent again.
        reason: Why it was rejected.
        message: Cordial's own words. They may hold an identifier.
    """

    cohort: int
    state: State
    identifier: str | None = None
    users: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()
    adopted: bool = False
    run_id: str | None = None
    added_at: int | None = None
    removed_at: int | None = None
    rejected_at: int | None = None
    retried_at: int | None = None
    reason: str | None = None
    message: str | None = None


def trace(ledger: Ledger, person: Person) -> list[Trace]:
    """Trace a person through all lists.

    Args:
        ledger: The ledger, in a transaction.
        person: Whom.

    Returns:
        A trace for each list and identifier, in the order of the cohorts' keys.
    """
    connection = ledger.connection
    entries = connection.execute(
        select(entry, run.c.run_id)
        .outerjoin(run, run.c.number == entry.c.run)
        .where(entry.c.identifier.in_(person.identifiers))
        .order_by(entry.c.cohort, entry.c.identifier)
    )
    traces = [_of_entry(row, _holders(ledger, row)) for row in entries.all()]
    lists = {one.cohort for one in traces}
    gone = connection.execute(
        select(leaver).where(left(person), leaver.c.cohort.not_in(lists)).order_by(leaver.c.cohort)
    )
    traces += [
        Trace(row.cohort, State.LEFT, users=(_id(row.user_key),), removed_at=row.left_at)
        for row in gone
    ]
    return sorted(traces, key=lambda one: one.cohort)


def _holders(ledger: Ledger, row: Row[Any]) -> list[Row[Any]]:
    """Read the users of a cohort who have an identifier."""
    query = select(member.c.user_key, member.c.held_of).where(
        member.c.cohort == row.cohort, member.c.identifier == row.identifier
    )
    return list(ledger.connection.execute(query.order_by(member.c.user_key)))


def _of_entry(row: Row[Any], holders: list[Row[Any]]) -> Trace:
    rejected = row.rejected_at
    return Trace(
        row.cohort,
        _state(row),
        identifier=row.identifier,
        users=tuple(_id(one.user_key) for one in holders if one.held_of is None),
        formerly=tuple(_id(one.held_of) for one in holders if one.held_of),
        adopted=any(one.held_of == ADOPTED for one in holders),
        run_id=row.run_id,
        added_at=row.added_at or None,
        removed_at=row.removed_at,
        rejected_at=rejected,
        retried_at=None if rejected is None else rejected + RETRY_REJECTED_SECONDS,
        reason=row.rejected_reason,
        message=row.rejected_message,
    )


def _state(row: Row[Any]) -> State:
    wanted, sent = bool(row.wanted), Sent(row.sent)
    if sent is (Sent.ON if wanted else Sent.OFF):
        return State.ON if wanted else State.OFF
    if row.rejected_at is not None:
        return State.ADDITION_REJECTED if wanted else State.REMOVAL_REJECTED
    if sent is Sent.UNKNOWN:
        return State.ADDITION_UNKNOWN if wanted else State.REMOVAL_UNKNOWN
    return State.ADDITION_WAITS if wanted else State.REMOVAL_WAITS


def _id(user_key: str) -> str:
    return user_key.partition(":")[2]
