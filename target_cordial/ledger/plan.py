"""The plan of a run: what is pending, fixed in the order in which it goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, func, insert, or_, select

from target_cordial.core.import_counts import Kind
from target_cordial.core.plan import (
    RETRY_REJECTED_SECONDS,
    Change,
    Entry,
    Operation,
    Sent,
    change_for,
)
from target_cordial.ledger.schema import confirmed, entry, job, pending, planned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy import BindParameter, Connection, Row, Select

    from target_cordial.core.isolation import Range
    from target_cordial.ledger.store import Ledger

PAGE: Final = 2_000


class Part(NamedTuple):
    """The changes of one list in one direction: they stand together in a plan by list.

    Attributes:
        cohort: The cohort's key.
        operation: The direction.
        numbers: Their numbers in the plan.
        changes: How many there are.
    """

    cohort: int
    operation: Operation
    numbers: Range
    changes: int


class Plan:
    """What this run sends."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._now = 0

    def contacts(self, additions: Iterable[int], removals: Iterable[int], *, now: int) -> int:
        """Count the contacts that a plan would change.

        Args:
            additions: Keys of the cohorts whose additions go out.
            removals: Keys of the cohorts whose removals go out.
            now: Seconds since the epoch.
        """
        query = select(func.count(entry.c.identifier.distinct())).where(
            pending, retried(now), _due(additions, removals)
        )
        with self._ledger.write():
            return int(self._connection.execute(query).scalar_one())

    def fix(
        self,
        additions: Iterable[int],
        removals: Iterable[int],
        *,
        now: int,
        by_contact: bool,
        busy: Iterable[int] = (),
    ) -> int:
        """Fix what this run sends.

        Args:
            additions: Keys of the cohorts whose additions go out.
            removals: Keys of the cohorts whose removals go out.
            now: Seconds since the epoch.
            by_contact: Order the plan by contact, so that all changes of one come together;
                else by list and operation.
            busy: Numbers of imports that still run: their contacts are left alone, on all lists.

        Returns:
            The number of changes.
        """
        adding, removing = list(additions), list(removals)
        due = and_(pending, retried(now), _due(adding, removing))
        if running := list(busy):
            due = and_(due, entry.c.identifier.not_in(_held(running)))
        rows = select(entry.c.cohort, entry.c.identifier, entry.c.wanted, entry.c.sent).where(due)
        by_list = rows.order_by(entry.c.cohort, entry.c.identifier)  # as the index has them
        parts = (
            [rows.order_by(entry.c.identifier, entry.c.cohort)]
            if by_contact
            else [
                by_list.where(entry.c.wanted == wanted)
                for wanted, cohorts in ((1, adding), (0, removing))
                if cohorts
            ]
        )
        self._now = now
        with self._ledger.write():
            hint = pending_hint(self._connection, [*adding, *removing])
            self._ledger.place.clear(self._connection, planned)
            for part in (part.with_hint(entry, hint, "sqlite") for part in parts):
                self._connection.execute(
                    insert(planned).from_select(["cohort", "identifier", "wanted", "sent"], part)
                )
            count = select(func.count()).select_from(planned)
            return int(self._connection.execute(count).scalar_one())

    def parts(self) -> list[Part]:
        """Cut a plan by list into its parts, in its order: additions first."""
        number = planned.c.number
        query = (
            select(
                planned.c.cohort,
                planned.c.wanted,
                func.min(number).label("first"),
                func.max(number).label("last"),
                func.count().label("changes"),
            )
            .group_by(planned.c.wanted, planned.c.cohort)
            .order_by(func.min(number))
        )
        with self._ledger.write():
            return [
                Part(
                    row.cohort,
                    Operation.ADD if row.wanted else Operation.REMOVE,
                    (row.first, row.last + 1),
                    row.changes,
                )
                for row in self._connection.execute(query)
            ]

    def changes(self) -> Iterator[Change]:
        """Walk the plan, page by page."""
        return (change for _, change in self.numbered([(0, None)]))

    def numbered(self, ranges: Iterable[tuple[int, int | None]]) -> Iterator[tuple[int, Change]]:
        """Walk some ranges of the plan, page by page, with the changes' numbers.

        Args:
            ranges: From a number up to another, without that; None for the end.
        """
        for first, end in ranges:
            last = first - 1
            while rows := self._page(last, end):
                for row in rows:
                    last = row.number
                    known = Entry(row.cohort, row.identifier, bool(row.wanted), Sent(row.sent))
                    change = change_for(known, self._now)
                    if change is not None:
                        yield row.number, change

    def _page(self, after: int, end: int | None) -> list[Row[Any]]:
        query = select(planned).where(planned.c.number > after)
        if end is not None:
            query = query.where(planned.c.number < end)
        with self._ledger.write():
            return list(self._connection.execute(query.order_by(planned.c.number).limit(PAGE)))


def retried(now: int | BindParameter[int]) -> ColumnElement[bool]:
    """What Cordial rejected rests for a while; the rule itself is ``core.plan.change_for``."""
    return or_(entry.c.rejected_at.is_(None), entry.c.rejected_at <= now - RETRY_REJECTED_SECONDS)


FEW_PENDING: Final = "INDEXED BY entry_pending"
MOST_PENDING: Final = "NOT INDEXED"


def pending_hint(connection: Connection, cohorts: Collection[int]) -> str:
    """Say how SQLite finds what is pending; by itself it may choose the slower way.

    By its index, as a rule. Where nothing is confirmed yet, nearly everything is pending, and to
    look for it row by row takes three times as long as to read the table.
    """
    known = select(entry.c.cohort).where(confirmed, entry.c.cohort.in_(cohorts)).limit(1)
    return MOST_PENDING if connection.execute(known).first() is None else FEW_PENDING


def _held(imports: list[int]) -> Select[tuple[str]]:
    """Contacts of imports that still run.

    One that makes contacts sends no change, and so stands at no entry: anybody whom its list waits
    for may be among them.
    """
    held = entry.alias("held")
    making = select(job.c.cohort).where(job.c.number.in_(imports), job.c.kind == Kind.CREATE.value)
    waits = and_(held.c.cohort.in_(making), held.c.sent != int(Sent.ON))
    return select(held.c.identifier).where(or_(held.c.job.in_(imports), waits))


def _due(additions: Iterable[int], removals: Iterable[int]) -> ColumnElement[bool]:
    return or_(
        and_(entry.c.wanted == 1, entry.c.cohort.in_(list(additions))),
        and_(entry.c.wanted == 0, entry.c.cohort.in_(list(removals))),
    )
