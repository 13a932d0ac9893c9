"""The last word on each user: of several records about one, which counts.

Only source times are compared. A record that is older than what was applied to its user is
ignored; where there are no times, the last record counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    and_,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from target_cordial.core.user_key import USER_ID_KIND
from target_cordial.ledger.schema import cohort, heard, leaver, member, message, winner
from target_cordial.ledger.settlement.case import ONE, Case

if TYPE_CHECKING:
    from sqlalchemy import Connection, Subquery

    from target_cordial.ledger.settlement.case import Sealed


COLUMNS: Final = tuple(column.name for column in winner.columns)


def drop_repeated_messages(this: Case) -> None:
    """A message that was applied already, or came before in this run, says nothing new."""
    rows = this.rows
    if not this.any(select(rows.c.message).where(rows.c.message.is_not(None))):
        return
    this.run(
        delete(rows).where(
            exists(ONE).where(message.c.cohort == this.cohort, message.c.digest == rows.c.message)
        )
    )
    ranked = (
        select(
            rows.c.position,
            func.row_number()
            .over(partition_by=(rows.c.message, rows.c.user_key), order_by=rows.c.position)
            .label("rank"),
        )
        .where(rows.c.message.is_not(None))
        .subquery()
    )
    again = select(ranked.c.position).where(ranked.c.rank > 1)
    this.run(delete(rows).where(rows.c.position.in_(again)))
    said = select(rows.c.message).where(rows.c.message.is_not(None)).distinct()
    this.run(insert(heard).from_select(["digest"], said))


def keep_messages(this: Case) -> None:
    """Remember the messages that were applied."""
    this.run(
        insert(message).from_select(
            ["cohort", "digest", "applied_at"],
            select(literal(this.cohort), heard.c.digest, literal(this.now)),
        )
    )


def drop_uncounted(this: Case) -> None:
    """A proven snapshot speaks of everybody.

    Other snapshots of the run say nothing beside it, nor do additions that came before it or are
    older. Removals stay: one of somebody that the ledger does not know has to be sent.
    """
    sealed = this.sealed
    if sealed is None:
        return
    rows = this.rows
    superseded = rows.c.position <= sealed.first
    if sealed.time is not None:
        comparable = and_(rows.c.time.is_not(None), rows.c.time != sealed.time)
        superseded = case((comparable, rows.c.time < sealed.time), else_=superseded)
    added_before = and_(rows.c.snapshot.is_(None), rows.c.present == 1, superseded)
    other = rows.c.snapshot != (-1 if sealed.snapshot is None else sealed.snapshot)
    this.run(delete(rows).where(or_(added_before, other)))


def drop_overtaken(this: Case) -> None:
    """Ignore what is older than what was applied, by the source's own times."""
    rows, time = this.rows, this.time
    oldest, newest = this.connection.execute(select(func.min(time), func.max(time))).one()
    if oldest is None:
        return
    this.run(delete(rows).where(time.is_not(None), overtaken(this)))
    if oldest < newest:
        before = func.max(time).over(
            partition_by=rows.c.user_key, order_by=(rows.c.position, time), rows=(None, -1)
        )
        ordered: Subquery = select(
            rows.c.position, rows.c.user_key, time.label("time"), before.label("before")
        ).subquery()
        late = select(ordered.c.position, ordered.c.user_key).where(
            ordered.c.time < ordered.c.before
        )
        this.run(delete(rows).where(tuple_(rows.c.position, rows.c.user_key).in_(late)))


def overtaken(this: Case) -> ColumnElement[bool]:
    """Say of a row with a time that what was applied to its user, or to all, is newer."""
    rows, time = this.rows, this.time
    newer: list[ColumnElement[bool]] = []
    known = _snapshot_time(this.connection, this.cohort)
    if known is not None:
        newer.append(time < known)
    for table in (member, leaver):
        mine = table.c.cohort == this.cohort
        timed = select(func.max(table.c.time)).where(mine, table.c.time.is_not(None))
        newest = this.connection.execute(timed).scalar()
        if newest is not None:
            applied = exists(ONE).where(mine, _same_user(table, rows), table.c.time > time)
            newer.append(and_(time < newest, applied))
    return or_(false(), *newer)


def find_winners(this: Case) -> None:
    """Of the rows about one user that are left, the last one in the input counts."""
    rows = this.rows
    this.run(delete(winner))
    if this.simple:
        columns = [cast(null(), BigInteger) if n == "time" else rows.c[n] for n in COLUMNS]
        only = select(*columns).order_by(rows.c.user_key)
        if this.first:  # the others are taken in as they are
            only = only.where(rows.c.identifier.is_(None))
        this.run(insert(winner).from_select(COLUMNS, only))
        return
    ranked = select(
        *(rows.c[name] for name in COLUMNS if name != "time"),
        _newest(this).label("time"),
        func.row_number()
        .over(
            partition_by=rows.c.user_key,
            order_by=(rows.c.position.desc(), rows.c.time.desc()),
        )
        .label("rank"),
    ).subquery()
    last = (
        select(*(ranked.c[name] for name in COLUMNS))
        .where(ranked.c.rank == 1)
        .order_by(ranked.c.user_key)
    )
    this.run(insert(winner).from_select(COLUMNS, last))


def _newest(this: Case) -> ColumnElement[Any]:
    """The newest time of a user's rows; a proven snapshot's is kept once, with the cohort."""
    rows = this.rows
    time: ColumnElement[Any] = this.time
    if this.sealed is not None and this.sealed.snapshot is not None:
        time = case((rows.c.snapshot == this.sealed.snapshot, null()), else_=time)
    if not this.any(select(rows.c.position).where(time.is_not(None))):
        return cast(null(), BigInteger)
    return func.max(time).over(partition_by=rows.c.user_key)


def carry_times(this: Case) -> None:
    """Keep the time of a user's newest record through records that have none."""
    for table in (member, leaver):
        mine = table.c.cohort == this.cohort
        if not this.any(select(table.c.user_key).where(mine, table.c.time.is_not(None))):
            continue
        known = (
            select(func.max(table.c.time)).where(mine, _same_user(table, winner)).scalar_subquery()
        )
        newest = case(
            (known.is_(None), winner.c.time),
            (or_(winner.c.time.is_(None), winner.c.time < known), known),
            else_=winner.c.time,
        )
        timed = exists(ONE).where(mine, _same_user(table, winner), table.c.time.is_not(None))
        this.run(update(winner).where(timed).values(time=newest))


def keep_times(this: Case) -> None:
    """A known user's newest time is kept, also of a record that changes nothing else."""
    unusable = and_(
        winner.c.present == 1, winner.c.identifier.is_(None), winner.c.time.is_not(None)
    )
    if not this.any(select(winner.c.user_key).where(unusable)):
        return
    for table in (member, leaver):
        said = and_(winner.c.user_key == table.c.user_key, unusable)
        newest = select(winner.c.time).where(said).scalar_subquery()
        this.run(
            update(table)
            .where(table.c.cohort == this.cohort, exists(ONE).where(said))
            .values(time=newest)
        )


def is_outdated(connection: Connection, cohort_key: int, sealed: Sealed) -> bool:
    """Say whether a proven snapshot is older than the last one applied: then it is ignored."""
    known = _snapshot_time(connection, cohort_key)
    return sealed.time is not None and known is not None and sealed.time < known


def _snapshot_time(connection: Connection, cohort_key: int) -> int | None:
    """Read the source time of the last proven snapshot, in milliseconds."""
    query = select(cohort.c.snapshot_time).where(cohort.c.key == cohort_key)
    found: int | None = connection.execute(query).scalar()
    return found


def keep_snapshot_time(this: Case) -> None:
    """Remember of when the proven snapshot is."""
    if this.sealed is not None and this.sealed.time is not None:
        this.run(
            update(cohort).where(cohort.c.key == this.cohort).values(snapshot_time=this.sealed.time)
        )


def _same_user(table: Table, said: Table) -> ColumnElement[bool]:
    """The user of a row, by the best id or by the user id under which it was known before."""
    return or_(
        table.c.user_key == said.c.user_key,
        table.c.user_key == literal(USER_ID_KIND) + said.c.user_id,
    )
