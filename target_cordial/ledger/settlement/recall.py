"""What was said of a user under a lesser id, before a better one was known.

A user who was known by user id alone, or by an identifier alone, may come back with an Amplitude
id in a record that is older than what was said of them meanwhile. That record is ignored, but not
what it tells of who is who: else the next old record, with the Amplitude id alone, would bring
back somebody who has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, and_, exists, func, insert, literal, null, or_, select, update

from target_cordial.core.user_key import IDENTIFIER_KIND, USER_ID_KIND
from target_cordial.ledger.schema import leaver, member
from target_cordial.ledger.settlement.case import (
    AMPLITUDE_KEYS,
    IDENTIFIER_KEYS,
    ONE,
    USER_ID_KEYS,
    Case,
    between,
)
from target_cordial.ledger.settlement.words import overtaken

if TYPE_CHECKING:
    from sqlalchemy import Subquery, Table

_BY_IDENTIFIER: Final = -1
_BY_USER_ID: Final = 0
"""Positions before every row of the input: the user id, the better one, has the later word."""


def learn_user_ids(this: Case) -> None:
    """A record with the Amplitude id alone is of the user whose user id is known."""
    rows = this.rows
    nameless = and_(between(rows.c.user_key, AMPLITUDE_KEYS), rows.c.user_id.is_(None))
    if not this.any(select(rows.c.user_key).where(nameless)):
        return
    last = (
        func.row_number()
        .over(partition_by=rows.c.user_key, order_by=rows.c.position.desc())
        .label("rank")
    )
    said = (
        select(rows.c.user_key, rows.c.user_id, last)
        .where(between(rows.c.user_key, AMPLITUDE_KEYS), rows.c.user_id.is_not(None))
        .subquery()
    )
    this.run(
        update(rows)
        .where(nameless, said.c.user_key == rows.c.user_key, said.c.rank == 1)
        .values(user_id=said.c.user_id)
    )
    for table in (member, leaver):
        known = and_(
            table.c.cohort == this.cohort,
            table.c.user_key == rows.c.user_key,
            table.c.user_id.is_not(None),
        )
        user_id = select(table.c.user_id).where(known).scalar_subquery()
        this.run(update(rows).where(nameless, exists(ONE).where(known)).values(user_id=user_id))


def recall(this: Case) -> None:
    """Say again, of the better id and before all rows, what is known of the lesser one.

    Only what has a time: without times the last record counts, and that is in the input.
    """
    rows = this.rows
    by_user_id = (
        select(rows.c.user_key, rows.c.user_id)
        .where(between(rows.c.user_key, AMPLITUDE_KEYS), rows.c.user_id.is_not(None))
        .distinct()
        .subquery()
    )
    named = literal(USER_ID_KIND) + by_user_id.c.user_id
    for table in (member, leaver):
        if _has_timed(this, table, USER_ID_KEYS):
            _say(this, table, by_user_id, named, _BY_USER_ID)
    if not _has_timed(this, leaver, IDENTIFIER_KEYS):
        return
    by_identifier = (
        select(rows.c.user_key, rows.c.user_id, rows.c.identifier)
        .where(
            rows.c.identifier.is_not(None),
            ~between(rows.c.user_key, IDENTIFIER_KEYS),
            rows.c.position > _BY_USER_ID,
            or_(this.time.is_(None), ~overtaken(this)),
        )
        .distinct()
        .subquery()
    )
    named = literal(IDENTIFIER_KIND) + by_identifier.c.identifier
    _say(this, leaver, by_identifier, named, _BY_IDENTIFIER)


def _has_timed(this: Case, table: Table, keys: tuple[str, str]) -> bool:
    timed = and_(table.c.cohort == this.cohort, table.c.time.is_not(None))
    return this.any(select(table.c.user_key).where(timed, between(table.c.user_key, keys)))


def _say(
    this: Case, table: Table, users: Subquery, lesser: ColumnElement[str], position: int
) -> None:
    """Stage what a table has of lesser ids, unless as much is known of the users themselves."""
    known = [
        exists(ONE).where(
            own.c.cohort == this.cohort,
            own.c.user_key == users.c.user_key,
            own.c.time >= table.c.time,
        )
        for own in (member.alias(), leaver.alias())
    ]
    present = table is member
    said = select(
        literal(position),
        users.c.user_key,
        users.c.user_id,
        table.c.identifier if present else null(),
        literal(int(present)),
        table.c.time,
    ).join_from(
        users,
        table,
        and_(table.c.cohort == this.cohort, table.c.user_key == lesser, table.c.time.is_not(None)),
    )
    this.run(
        insert(this.rows).from_select(
            ["position", "user_key", "user_id", "identifier", "present", "time"],
            said.where(*(~each for each in known)),
        )
    )
