"""Who is meant: a user is one by Amplitude id, else by user id, else by identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Subquery,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union,
    update,
)

from target_cordial.core.plan import Sent
from target_cordial.ledger.schema import ADOPTED, entry, leaver, member, winner
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
    from sqlalchemy import Column, Table


_USER: Final = ("user_key", "user_id")
"""The columns that say who is meant."""


def spread_identifiers(this: Case) -> None:
    """A removal that knows only an identifier concerns every user with it.

    User ids of Amplitude users are left to be learned: member and row may know different ones.
    """
    rows = this.rows
    alone = and_(between(rows.c.user_key, IDENTIFIER_KEYS), rows.c.present == 0)
    if not this.any(select(rows.c.user_key).where(alone)):
        return
    known = union(
        select(member.c.user_key, _user_id_alone(member), member.c.identifier).where(
            member.c.cohort == this.cohort,
            ~between(member.c.user_key, IDENTIFIER_KEYS),
        ),
        select(rows.c.user_key, _user_id_alone(rows), rows.c.identifier).where(
            ~between(rows.c.user_key, IDENTIFIER_KEYS),
            rows.c.identifier.is_not(None),
            or_(this.time.is_(None), ~overtaken(this)),
        ),
    ).subquery()
    _copy_to(this, known, and_(alone, known.c.identifier == rows.c.identifier))


def spread_user_ids(this: Case) -> None:
    """A row that knows only a user id concerns every user with it."""
    rows = this.rows
    by_user_id = between(rows.c.user_key, USER_ID_KEYS)
    if not this.any(select(rows.c.user_key).where(by_user_id)):
        return
    known = _known_users(this).subquery()
    _copy_to(this, known, and_(by_user_id, known.c.user_id == rows.c.user_id))
    this.run(delete(rows).where(by_user_id, rows.c.user_id.in_(select(known.c.user_id))))


def absorb_user_ids(this: Case) -> None:
    """A user known by user id alone, and now by Amplitude id too, is one user."""
    alone = and_(member.c.cohort == this.cohort, between(member.c.user_key, USER_ID_KEYS))
    if not this.any(select(member.c.user_key).where(alone)):
        return
    found = (
        select(
            func.min(winner.c.user_key).label("user_key"),
            member.c.user_id,
            member.c.identifier,
            member.c.time,
            member.c.user_key.label("old_key"),
        )
        .join(winner, winner.c.user_id == member.c.user_id)
        .where(alone, between(winner.c.user_key, AMPLITUDE_KEYS))
        .group_by(member.c.user_key, member.c.user_id, member.c.identifier, member.c.time)
    ).subquery()
    this.touch(select(found.c.identifier))
    _pass_on_held(this, found)
    other = member.alias()
    this.run(
        insert(member).from_select(
            ["cohort", "user_key", "user_id", "identifier", "time"],
            select(
                literal(this.cohort),
                found.c.user_key,
                found.c.user_id,
                found.c.identifier,
                found.c.time,
            ).where(
                ~exists(ONE).where(
                    other.c.cohort == this.cohort, other.c.user_key == found.c.user_key
                )
            ),
        )
    )
    better = select(winner.c.user_id).where(between(winner.c.user_key, AMPLITUDE_KEYS))
    this.run(delete(member).where(alone, member.c.user_id.in_(better)))


def absorb_adopted(this: Case) -> None:
    """Who was adopted with a list is the user who now comes with the same identifier."""
    adopted = and_(member.c.cohort == this.cohort, member.c.held_of == ADOPTED)
    if not this.any(select(member.c.user_key).where(adopted)):
        return
    said = select(winner.c.identifier).where(winner.c.identifier.is_not(None))
    who = and_(adopted, member.c.identifier.in_(said))
    this.touch(select(member.c.identifier).where(who))
    doubt_adopted(this, who)
    this.run(delete(member).where(who))


def doubt_adopted(this: Case, ending: ColumnElement[bool]) -> None:
    """A file's word is no confirmation: where the source speaks, what it wants is sent once.

    Unless a run has sent it since: that is one.

    Args:
        this: The cohort.
        ending: The rows of members that are about to go.
    """
    claimed = select(member.c.identifier).where(ending, member.c.held_of == ADOPTED)
    this.run(
        update(entry)
        .where(
            entry.c.cohort == this.cohort,
            entry.c.identifier.in_(claimed),
            entry.c.sent == int(Sent.ON),
            entry.c.run.is_(None),
        )
        .values(sent=int(Sent.UNKNOWN))
    )


def held_key(
    identifier: ColumnElement[str] | Column[str],
    owner: ColumnElement[str] | ScalarSelect[str],
) -> ColumnElement[str]:
    """Make the key of a row that holds a user's former identifier."""
    return literal("h:") + identifier + ":" + owner


def _user_id_alone(table: Table) -> ColumnElement[str]:
    by_user_id = between(table.c.user_key, USER_ID_KEYS)
    return case((by_user_id, table.c.user_id)).label("user_id")


def _known_users(this: Case) -> CompoundSelect[tuple[str, str]]:
    rows = this.rows
    return union(
        *(
            select(table.c.user_key, table.c.user_id).where(
                table.c.cohort == this.cohort,
                between(table.c.user_key, AMPLITUDE_KEYS),
                table.c.user_id.is_not(None),
            )
            for table in (member, leaver)
        ),
        select(rows.c.user_key, rows.c.user_id).where(
            between(rows.c.user_key, AMPLITUDE_KEYS), rows.c.user_id.is_not(None)
        ),
    )


def _copy_to(this: Case, known: Subquery, condition: ColumnElement[bool]) -> None:
    """Let rows stand for the known users whom they concern, where they stood themselves."""
    rows = this.rows
    other: dict[str, ColumnElement[Any]] = {name: known.c[name] for name in _USER}
    other["digest"] = cast(null(), BigInteger)  # it is of a row that spoke of somebody else
    columns = [other.get(column.name, column) for column in rows.c]
    this.run(
        insert(rows).from_select(
            [column.name for column in rows.columns],
            select(*columns).join_from(rows, known, condition),
        )
    )


def _pass_on_held(this: Case, found: Subquery) -> None:
    """Former identifiers that are held belong to the user's better id from now on."""
    mine = and_(member.c.cohort == this.cohort, member.c.held_of.in_(select(found.c.old_key)))
    new_key = (
        select(found.c.user_key)
        .where(found.c.old_key == member.c.held_of)
        .correlate(member)
        .scalar_subquery()
    )
    held = held_key(member.c.identifier, new_key)
    other = member.alias()
    held_already = exists(ONE).where(other.c.cohort == this.cohort, other.c.user_key == held)
    this.run(delete(member).where(mine, held_already))
    this.run(update(member).where(mine).values(user_key=held, held_of=new_key))
