"""The record of what was sent: intents before the first byte, outcomes after."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from target_cordial.core.outcome import Outcome, Result
from target_cordial.core.plan import Change, Operation, Sent
from target_cordial.ledger.counts import COUNTED, DUE, FIRST_SYNC, MEMBERS, MINE, Counts, count
from target_cordial.ledger.plan import Plan
from target_cordial.ledger.schema import (
    Seconds,
    absent,
    confirmed,
    entry,
    gone,
    leaver,
    member,
    message,
    pending,
    skipped,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Executable

    from target_cordial.ledger.store import Ledger

RETENTION_SECONDS: Final = 30 * 24 * 3600
"""How long the identifier of somebody who left is kept after the removal was confirmed."""

AT_ONCE: Final = 500
"""Identifiers in one statement: SQLite took no more than 999 values for long."""

_BY_PAGE: Final = {"yield_per": 1_000}
"""A server would else send all rows at once, into this process."""


class Entries:
    """The entries of a ledger: the record of what was sent.

    Attributes:
        plan: What of it is to be sent.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self.plan = Plan(ledger)

    def check_hold(self) -> None:
        """See that the ledger is still this run's: see :meth:`Ledger.check_hold`."""
        self._ledger.check_hold()

    def counts(self, cohort: int, *, now: int, window_since: int) -> Counts:
        """Count a cohort's entries.

        Args:
            cohort: The cohort's key.
            now: Seconds since the epoch.
            window_since: Changes confirmed after this are recent.
        """
        with self._ledger.write():
            return count(self._connection, cohort, now=now, window_since=window_since)

    def members(self, cohort: int) -> int:
        """Count a cohort's confirmed members."""
        with self._ledger.write():
            return int(self._connection.execute(MEMBERS, {"of_cohort": cohort}).scalar_one())

    def waits(self, cohort: int, *, now: int) -> bool:
        """Say whether any change of a cohort's list is due."""
        with self._ledger.write():
            given = {"of_cohort": cohort, "now": now}
            return self._connection.execute(DUE, given).first() is not None

    def done_since(self, cohort: int, operation: Operation, moment: int) -> int:
        """Count the changes of a cohort's list that were confirmed at a moment or later."""
        if operation is Operation.ADD:
            done = and_(confirmed, COUNTED, entry.c.added_at >= moment)
        else:
            done = and_(gone, entry.c.removed_at >= moment)
        query = select(func.count()).where(MINE, done)
        with self._ledger.write():
            return self._connection.execute(query, {"of_cohort": cohort}).scalar_one()

    def intend(self, changes: Iterable[Change], job: int | None = None) -> None:
        """Record changes as sent and unconfirmed, before their first byte goes out.

        Args:
            changes: The changes.
            job: The number of the import that carries them, if one does.
        """
        given = {"carried_by": job, "sent_by": self._ledger.run}
        self._write(_INTEND, ((change, given) for change in changes))

    def doubt(self, changes: Iterable[Change]) -> None:
        """Take changes that were confirmed as sent and unconfirmed."""
        self._write(_DOUBT, ((change, {}) for change in changes))

    def record(self, outcomes: Iterable[Outcome], *, now: int) -> None:
        """Record how changes ended."""
        self._write(_RECORD, ((outcome.change, _recorded(outcome, now)) for outcome in outcomes))

    def _write(
        self, statement: Executable, changes: Iterable[tuple[Change, Mapping[str, Any]]]
    ) -> None:
        """Write what is the same of many changes with one statement.

        With one for each change, this thread would hand the interpreter to and fro as often, and
        the threads that wait for Cordial need it too.
        """
        alike: defaultdict[tuple[tuple[str, Any], ...], list[str]] = defaultdict(list)
        for change, values in changes:
            given = (("of_cohort", change.cohort), *values.items())
            alike[given].append(change.identifier)
        if not alike:
            return
        with self._ledger.write():
            for same, identifiers in alike.items():
                for at in range(0, len(identifiers), AT_ONCE):
                    some = {"identifiers": identifiers[at : at + AT_ONCE]}
                    self._connection.execute(statement, dict(same) | some)

    def note_absent(self, changes: Iterable[Change]) -> None:
        """Keep removals that Cordial answered with "not found" until the end of the run."""
        rows = [
            {
                "cohort": change.cohort,
                "identifier": change.identifier,
                "before": int(change.before),
            }
            for change in changes
        ]
        if rows:
            with self._ledger.write():
                self._connection.execute(insert(absent), rows)

    def absent_without_trace(self, cohort: int) -> int:
        """Count the "not found" of which nothing was ever confirmed but that they were sent."""
        query = (
            select(func.count())
            .select_from(absent)
            .join(
                entry,
                and_(entry.c.cohort == absent.c.cohort, entry.c.identifier == absent.c.identifier),
            )
            .where(
                absent.c.cohort == cohort,
                absent.c.before != int(Sent.ON),
                entry.c.added_at.is_(None),
            )
        )
        with self._ledger.write():
            return int(self._connection.execute(query).scalar_one())

    def believe_absent(self, cohort: int, now: int) -> None:
        """Take the removals of a cohort that were answered with "not found" as done."""
        found = select(absent.c.identifier).where(absent.c.cohort == cohort)
        with self._ledger.write():
            self._connection.execute(
                update(entry)
                .where(entry.c.cohort == cohort, entry.c.identifier.in_(found))
                .values(sent=int(Sent.OFF), removed_at=now)
            )

    def doubt_absent(self, cohort: int) -> None:
        """Take the removals of a cohort that were answered with "not found" as not done.

        Who was on the list is there still, as far as is known.
        """
        on = absent.c.before == int(Sent.ON)
        found = select(absent.c.identifier).where(absent.c.cohort == cohort, on)
        with self._ledger.write():
            self._connection.execute(
                update(entry)
                .where(entry.c.cohort == cohort, entry.c.identifier.in_(found))
                .values(sent=int(Sent.ON))
            )

    def retry_rejected(self, cohort: int | None = None) -> int:
        """Let what Cordial rejected be sent again.

        Args:
            cohort: The cohort's key; all cohorts without one.

        Returns:
            How many changes.
        """
        mine = and_(pending, entry.c.rejected_at.is_not(None))
        if cohort is not None:
            mine = and_(mine, entry.c.cohort == cohort)
        fresh = {"rejected_at": None, "rejected_reason": None, "rejected_message": None}
        with self._ledger.write():
            return self._connection.execute(update(entry).where(mine).values(fresh)).rowcount

    def sample(self, cohort: int, size: int) -> list[str]:
        """Choose some confirmed members of a cohort's list, at random."""
        query = (
            select(entry.c.identifier)
            .where(entry.c.cohort == cohort, confirmed)
            .order_by(func.random())
            .limit(size)
        )
        with self._ledger.write():
            return list(self._connection.execute(query).scalars())

    def rejected(self) -> Iterator[tuple[int, str | None, str, Operation, str, str | None]]:
        """Walk what Cordial rejected: cohort, user, identifier, operation, reason, its words."""
        user = (
            select(func.min(func.coalesce(member.c.held_of, member.c.user_key)))
            .where(member.c.cohort == entry.c.cohort, member.c.identifier == entry.c.identifier)
            .scalar_subquery()
            .label("user_key")
        )
        query = select(entry, user).where(pending, entry.c.rejected_reason.is_not(None))
        with self._ledger.write():
            for row in self._connection.execute(query, execution_options=_BY_PAGE):
                operation = Operation.ADD if row.wanted else Operation.REMOVE
                yield (
                    row.cohort,
                    row.user_key,
                    row.identifier,
                    operation,
                    row.rejected_reason,
                    row.rejected_message,
                )

    def skipped(self) -> Iterator[tuple[int, str, Operation, str]]:
        """Walk this run's users without identifier: cohort, user, operation, reason."""
        with self._ledger.write():
            for row in self._connection.execute(select(skipped), execution_options=_BY_PAGE):
                yield row.cohort, row.user_key, Operation(row.operation), row.reason

    def forget_leavers(self, now: int) -> None:
        """Delete who left and was confirmed removed 30 days ago, or was never on the list.

        The times of leavers and the messages that were applied go as late: by then no source
        sends anything of that age.
        """
        before = now - RETENTION_SECONDS
        with self._ledger.write():
            self._connection.execute(
                delete(entry).where(
                    gone, or_(entry.c.removed_at.is_(None), entry.c.removed_at < before)
                )
            )
            self._connection.execute(delete(leaver).where(leaver.c.left_at < before))
            self._connection.execute(delete(message).where(message.c.applied_at < before))


_THESE: Final = and_(MINE, entry.c.identifier.in_(bindparam("identifiers", expanding=True)))
"""The entries of one cohort's changes that are written alike."""

_INTEND: Final = (
    update(entry)
    .where(_THESE)
    .values(
        sent=int(Sent.UNKNOWN),
        job=bindparam("carried_by"),
        run=bindparam("sent_by"),
        # What a run that died has sent is not certain: it was before that run.
        before=case((entry.c.sent == int(Sent.UNKNOWN), entry.c.before), else_=entry.c.sent),
    )
)

_DOUBT: Final = update(entry).where(_THESE).values(sent=int(Sent.UNKNOWN))

_ADDED: Final = bindparam("added", type_=Seconds)

_RECORD: Final = (
    update(entry)
    .where(_THESE)
    .values(
        sent=bindparam("now_sent"),
        # An addition counts as later than the first sync, if only by a second, where that is over.
        added_at=case(
            (_ADDED.is_(None), entry.c.added_at),
            (_ADDED <= FIRST_SYNC, FIRST_SYNC + 1),
            else_=_ADDED,
        ),
        removed_at=func.coalesce(bindparam("removed", type_=Seconds), entry.c.removed_at),
        rejected_at=bindparam("rejected"),
        rejected_reason=bindparam("reason"),
        rejected_message=bindparam("message"),
    )
)


def _recorded(outcome: Outcome, now: int) -> dict[str, Any]:
    removal = outcome.change.operation is Operation.REMOVE
    done = outcome.result in (Result.CONFIRMED, Result.ALREADY_ABSENT)
    rejected = outcome.result is Result.REJECTED
    return {
        "now_sent": int(outcome.sent),
        "added": now if done and not removal else None,
        "removed": now if removal and done else None,
        "rejected": now if rejected else None,
        "reason": outcome.reason if rejected else None,
        "message": outcome.message if rejected else None,
    }
