"""Who is in: leavers out, joiners in, changed identifiers, by the difference only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
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
    update,
)

from target_cordial.core.identifier import IDENTIFIER_LOST
from target_cordial.core.plan import Operation
from target_cordial.core.user_key import IDENTIFIER_KIND, USER_ID_KIND
from target_cordial.ledger.schema import entry, leaver, leaving, member, skipped, vanished, winner
from target_cordial.ledger.settlement.case import ONE, Case, Sealed
from target_cordial.ledger.settlement.identity import doubt_adopted, held_key

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

COLUMNS = ("cohort", "user_key", "user_id", "identifier", "time", "digest")


def note_skipped(this: Case) -> dict[str, int]:
    """Keep who has no usable identifier; a known user who lost it is still a member."""
    known = exists(ONE).where(
        member.c.cohort == this.cohort,
        or_(
            member.c.user_key == winner.c.user_key,
            member.c.user_key == literal(USER_ID_KIND) + winner.c.user_id,
        ),
    )
    reason = case((and_(winner.c.present == 1, known), IDENTIFIER_LOST), else_=winner.c.reason)
    operation = case((winner.c.present == 1, Operation.ADD.value), else_=Operation.REMOVE.value)
    rows = select(literal(this.cohort), winner.c.user_key, operation, reason).where(
        winner.c.reason.is_not(None), or_(winner.c.present == 1, ~known)
    )
    this.run(insert(skipped).from_select(["cohort", "user_key", "operation", "reason"], rows))
    counts = this.connection.execute(
        select(skipped.c.reason, func.count())
        .where(skipped.c.cohort == this.cohort)
        .group_by(skipped.c.reason)
    )
    return {reason: count for reason, count in counts}  # noqa: C416  a row is not a pair


def take_out_leavers(this: Case) -> None:
    """Who was removed by a row of its own, and who is absent from a proven snapshot."""
    removed = select(winner.c.user_key).where(winner.c.present == 0)
    here = member.c.cohort == this.cohort
    this.run(delete(leaving))
    left: list[ColumnElement[bool]] = [
        member.c.user_key.in_(removed),
        member.c.held_of.in_(removed),
    ]
    if this.sealed is not None and (this.difference is None or this.difference.leaves):
        left.append(_absent(this, this.sealed))
    for why in left:
        this.run(
            insert(leaving).from_select(["user_key"], select(member.c.user_key).where(here, why))
        )
    who = and_(here, member.c.user_key.in_(select(leaving.c.user_key)))
    this.touch(select(member.c.identifier).where(who))
    _remember_times(this, who)
    doubt_adopted(this, who)
    this.run(delete(member).where(who))


def _absent(this: Case, sealed: Sealed) -> ColumnElement[bool]:
    """Say of a member that a proven snapshot does not have them.

    It does not speak of users with a newer record of their own.
    """
    absent = ~exists(ONE).where(winner.c.user_key == member.c.user_key)
    if sealed.time is not None:
        absent = and_(absent, func.coalesce(member.c.time, 0) <= sealed.time)
    if this.difference is not None:
        unheard = member.c.digest.in_(select(vanished.c.digest))
        absent = and_(or_(member.c.digest.is_(None), unheard), absent)
    return absent


def kept_addresses(this: Case) -> int:
    """Count removals by id whose address stays wanted though nobody can tell if it should.

    Either the cohort does not know the user who is removed, and another member has the address; or
    a member came with the address alone. These may be one person in records with other ids, or
    two. Where two members with ids share an address, all is clear, and it stays.
    """
    if this.sealed is not None:
        return 0  # the proven snapshot says who is in, by the ids that it has
    own, other, removed = member.alias(), member.alias(), winner.alias()
    itself = and_(own.c.cohort == this.cohort, own.c.user_key == winner.c.user_key)
    address = func.coalesce(winner.c.identifier, own.c.identifier)
    stays = exists(ONE).where(
        other.c.cohort == this.cohort,
        other.c.identifier == address,
        other.c.held_of.is_(None),
        or_(own.c.user_key.is_(None), other.c.user_key == literal(IDENTIFIER_KIND) + address),
        ~exists(ONE).where(removed.c.user_key == other.c.user_key, removed.c.present == 0),
    )
    query = (
        select(func.count())
        .select_from(winner.outerjoin(own, itself))
        .where(winner.c.present == 0, stays)
    )
    return int(this.connection.execute(query).scalar_one())


def hold_former_identifiers(this: Case) -> None:
    """A snapshot that proves nothing takes no address off the list, not even a changed one."""
    held = held_key(member.c.identifier, member.c.user_key)
    other = member.alias()
    rows = (
        select(literal(this.cohort), held, member.c.identifier, member.c.user_key)
        .join(winner, winner.c.user_key == member.c.user_key)
        .where(
            member.c.cohort == this.cohort,
            winner.c.present == 1,
            winner.c.snapshot.is_not(None),
            winner.c.identifier != member.c.identifier,
            ~exists(ONE).where(other.c.cohort == this.cohort, other.c.user_key == held),
        )
    )
    this.run(insert(member).from_select(["cohort", "user_key", "identifier", "held_of"], rows))


def take_in_all(this: Case) -> None:
    """Of a cohort of which nothing is known, whoever has an identifier is new."""
    rows = this.rows
    who = select(
        literal(this.cohort),
        rows.c.user_key,
        rows.c.user_id,
        rows.c.identifier,
        cast(null(), BigInteger),
        rows.c.digest,
    ).where(rows.c.identifier.is_not(None))
    this.run(insert(member).from_select(COLUMNS, who.order_by(rows.c.user_key)))


def take_in_changes(this: Case) -> None:
    """Who is new, and whose identifier, user id or newest time changed."""
    same_user = and_(member.c.cohort == this.cohort, member.c.user_key == winner.c.user_key)
    usable = and_(winner.c.present == 1, winner.c.identifier.is_not(None))
    if has_members(this):
        _take_out_stale(this, same_user, usable)
    missing = (
        select(
            literal(this.cohort),
            winner.c.user_key,
            winner.c.user_id,
            winner.c.identifier,
            winner.c.time,
            winner.c.digest,
        )
        .join_from(winner, member, same_user, isouter=True)
        .where(usable, member.c.user_key.is_(None))
    )
    new = missing.subquery()
    this.touch(select(new.c.identifier))
    this.run(insert(member).from_select(COLUMNS, missing.order_by(winner.c.user_key)))
    back = exists(ONE).where(winner.c.user_key == leaver.c.user_key, usable)
    this.run(delete(leaver).where(leaver.c.cohort == this.cohort, back))


def has_members(this: Case) -> bool:
    """Say whether anybody is in the cohort, as far as is known."""
    return this.any(select(member.c.user_key).where(member.c.cohort == this.cohort))


def knows_nothing(this: Case) -> bool:
    """Say whether nobody was ever in the cohort, or left it, or was sent for it."""
    return not any(
        this.any(select(table.c.cohort).where(table.c.cohort == this.cohort))
        for table in (member, leaver, entry)
    )


def _take_out_stale(
    this: Case, same_user: ColumnElement[bool], usable: ColumnElement[bool]
) -> None:
    """Take out what is known otherwise, and keep the digests of what is known as it was said."""
    stale = select(winner.c.user_key).where(usable, exists(ONE).where(same_user, _differs()))
    here = member.c.cohort == this.cohort
    who = and_(here, member.c.user_key.in_(stale))
    this.touch(select(member.c.identifier).where(who))
    this.run(delete(member).where(who))
    new = exists(ONE).where(same_user, member.c.digest.is_distinct_from(winner.c.digest))
    whose = select(winner.c.user_key).where(winner.c.digest.is_not(None), new)
    digest = select(winner.c.digest).where(winner.c.user_key == member.c.user_key).scalar_subquery()
    this.run(update(member).where(here, member.c.user_key.in_(whose)).values(digest=digest))


def _differs() -> ColumnElement[bool]:
    return or_(
        member.c.identifier != winner.c.identifier,
        func.coalesce(member.c.user_id, "") != func.coalesce(winner.c.user_id, ""),
        func.coalesce(member.c.time, 0) != func.coalesce(winner.c.time, 0),
    )


def _remember_times(this: Case, leaving: ColumnElement[bool]) -> None:
    """Keep the times of users that leave: an older record must not bring them back."""
    from_words = select(winner.c.user_key, winner.c.user_id, winner.c.time).where(
        winner.c.present == 0, winner.c.time.is_not(None)
    )
    said = exists(ONE).where(
        winner.c.user_key == member.c.user_key, winner.c.present == 0, winner.c.time.is_not(None)
    )
    from_members = select(member.c.user_key, member.c.user_id, member.c.time).where(
        leaving, member.c.time.is_not(None), ~said
    )
    for source in (from_words, from_members):
        if not this.any(source):
            continue
        left = source.subquery()
        mine = leaver.c.cohort == this.cohort
        known = exists(ONE).where(mine, leaver.c.user_key == left.c.user_key)
        newest = select(left.c.time).where(left.c.user_key == leaver.c.user_key).scalar_subquery()
        again = exists(ONE).where(left.c.user_key == leaver.c.user_key)
        this.run(update(leaver).where(mine, again).values(time=newest, left_at=this.now))
        this.run(
            insert(leaver).from_select(
                ["cohort", "user_key", "user_id", "time", "left_at"],
                select(
                    literal(this.cohort),
                    left.c.user_key,
                    left.c.user_id,
                    left.c.time,
                    literal(this.now),
                ).where(~known),
            )
        )
