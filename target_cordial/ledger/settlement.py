"""Settling a cohort: from the rows that were received to who is in.

When the input has ended, each cohort is settled in one transaction: the last word on each user is
found, ``member`` is brought up to date by the difference only, and every identifier whose users
changed gets its ``wanted`` anew. All of it is set arithmetic in the database, so that two million
members never sit in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    CompoundSelect,
    Connection,
    ScalarSelect,
    Select,
    Subquery,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
    union,
    update,
)

from target_cordial.core.identifier import IDENTIFIER_LOST
from target_cordial.core.plan import Operation, Sent
from target_cordial.ledger.schema import entry, member, skipped, touched, winner

if TYPE_CHECKING:
    from collections.abc import Sequence


ONE: Final[ColumnClause[int]] = literal_column("1")
"""What an EXISTS selects: with ``*`` SQLite passes over the index that would answer it alone."""

USER_ID_KEYS: Final = ("u:", "u;")
"""Half-open range of the keys of users known by their user id alone."""

IDENTIFIER_KEYS: Final = ("i:", "i;")
"""Those known by nothing but their identifier."""

AMPLITUDE_KEYS: Final = ("a:", "a;")


@dataclass(frozen=True)
class Sealed:
    """A snapshot that is proven complete.

    Attributes:
        snapshot: Its number in this run; None where it has no rows (an empty cohort).
        first: The position of its first row.
    """

    snapshot: int | None
    first: int


@dataclass(frozen=True)
class Settled:
    """What settling a cohort found.

    Attributes:
        present: Users that the run's rows say are in.
        skipped: Users without a usable identifier, by reason.
        resolves: False where no present user at all has an identifier: then nothing was changed.
    """

    present: int
    skipped: dict[str, int]
    resolves: bool = True


class Settlement:
    """One cohort's transaction, step by step."""

    def __init__(
        self, connection: Connection, rows: Table, cohort: int, sealed: Sealed | None
    ) -> None:
        self._connection = connection
        self._rows = rows
        self._cohort = cohort
        self._sealed = sealed

    def settle(self) -> Settled:
        """Take every step. See :meth:`target_cordial.ledger.stage.Stage.settle`."""
        self._spread_user_ids()
        self._spread_identifiers()
        self._find_winners()
        present, flagless, resolved = self._count()
        if present and not resolved and (flagless or not self._has_members()):
            return Settled(present, self._note_skipped(), resolves=False)
        self._connection.execute(delete(touched))
        self._absorb_user_ids()
        reasons = self._note_skipped()
        self._take_out_leavers()
        self._note_unknown_removals()
        if self._sealed is None:
            self._hold_former_identifiers()
        self._take_in_changes()
        self._renew_wanted()
        return Settled(present, reasons)

    # -- who is meant ----------------------------------------------------------------------------

    def _spread_user_ids(self) -> None:
        """A row that knows only a user id concerns every user with it."""
        rows = self._rows
        by_user_id = _between(rows.c.user_key, USER_ID_KEYS)
        if not self._any(select(rows.c.user_key).where(by_user_id)):
            return
        known = self._known_users().subquery()
        self._copy_to(known, and_(by_user_id, known.c.user_id == rows.c.user_id))
        self._connection.execute(
            delete(rows).where(by_user_id, rows.c.user_id.in_(select(known.c.user_id)))
        )

    def _known_users(self) -> CompoundSelect[tuple[str, str]]:
        rows = self._rows
        return union(
            select(member.c.user_key, member.c.user_id).where(
                member.c.cohort == self._cohort,
                _between(member.c.user_key, AMPLITUDE_KEYS),
                member.c.user_id.is_not(None),
            ),
            select(rows.c.user_key, rows.c.user_id).where(
                _between(rows.c.user_key, AMPLITUDE_KEYS), rows.c.user_id.is_not(None)
            ),
        )

    def _spread_identifiers(self) -> None:
        """A removal that knows only an identifier concerns every user with it."""
        rows = self._rows
        alone = and_(_between(rows.c.user_key, IDENTIFIER_KEYS), rows.c.present == 0)
        if not self._any(select(rows.c.user_key).where(alone)):
            return
        known = union(
            select(member.c.user_key, member.c.identifier).where(
                member.c.cohort == self._cohort,
                ~_between(member.c.user_key, IDENTIFIER_KEYS),
            ),
            select(rows.c.user_key, rows.c.identifier).where(
                ~_between(rows.c.user_key, IDENTIFIER_KEYS), rows.c.identifier.is_not(None)
            ),
        ).subquery()
        self._copy_to(known, and_(alone, known.c.identifier == rows.c.identifier))

    def _copy_to(self, known: Subquery, condition: ColumnElement[bool]) -> None:
        """Let rows stand for the known users whom they concern, where they stood themselves."""
        rows = self._rows
        columns = [known.c.user_key if c.name == "user_key" else c for c in rows.columns]
        self._connection.execute(
            insert(rows).from_select(
                [column.name for column in rows.columns],
                select(*columns).join_from(rows, known, condition),
            )
        )

    def _find_winners(self) -> None:
        """Of several rows about one user, the last one in the input counts."""
        rows = self._rows
        counted: ColumnElement[bool] = true()
        if self._sealed is not None:
            # Rows of snapshots that the sealed one replaces don't count, nor additions that
            # came before it: it speaks of everybody.
            counted = and_(
                rows.c.snapshot.is_(None),
                or_(rows.c.present == 0, rows.c.position > self._sealed.first),
            )
            if self._sealed.snapshot is not None:
                counted = or_(counted, rows.c.snapshot == self._sealed.snapshot)
        ranked = (
            select(
                rows,
                func.row_number()
                .over(partition_by=rows.c.user_key, order_by=rows.c.position.desc())
                .label("rank"),
            )
            .where(counted)
            .subquery()
        )
        self._connection.execute(delete(winner))
        columns = [column.name for column in winner.columns]
        last = (
            select(*(ranked.c[name] for name in columns))
            .where(ranked.c.rank == 1)
            .order_by(ranked.c.user_key)
        )
        self._connection.execute(insert(winner).from_select(columns, last))

    def _count(self) -> tuple[int, int, int]:
        """Count users that are present; of them in a snapshot; of them with an identifier."""
        row = self._connection.execute(
            select(
                func.count(), func.count(winner.c.snapshot), func.count(winner.c.identifier)
            ).where(winner.c.present == 1)
        ).one()
        return row[0], row[1], row[2]

    def _has_members(self) -> bool:
        return self._any(select(member.c.user_key).where(member.c.cohort == self._cohort))

    def _absorb_user_ids(self) -> None:
        """A user known by user id alone, and now by Amplitude id too, is one user."""
        alone = and_(member.c.cohort == self._cohort, _between(member.c.user_key, USER_ID_KEYS))
        if not self._any(select(member.c.user_key).where(alone)):
            return
        found = (
            select(
                func.min(winner.c.user_key).label("user_key"),
                member.c.user_id,
                member.c.identifier,
                member.c.user_key.label("old_key"),
            )
            .join(winner, winner.c.user_id == member.c.user_id)
            .where(alone, _between(winner.c.user_key, AMPLITUDE_KEYS))
            .group_by(member.c.user_key, member.c.user_id, member.c.identifier)
        ).subquery()
        self._touch(select(found.c.identifier))
        self._pass_on_held(found)
        other = member.alias()
        self._connection.execute(
            insert(member).from_select(
                ["cohort", "user_key", "user_id", "identifier"],
                select(
                    literal(self._cohort), found.c.user_key, found.c.user_id, found.c.identifier
                ).where(
                    ~exists(ONE).where(
                        other.c.cohort == self._cohort, other.c.user_key == found.c.user_key
                    )
                ),
            )
        )
        self._connection.execute(
            delete(member).where(
                alone,
                member.c.user_id.in_(
                    select(winner.c.user_id).where(_between(winner.c.user_key, AMPLITUDE_KEYS))
                ),
            )
        )

    def _pass_on_held(self, found: Subquery) -> None:
        """Former identifiers that are held belong to the user's better id from now on."""
        mine = and_(member.c.cohort == self._cohort, member.c.held_of.in_(select(found.c.old_key)))
        new_key = (
            select(found.c.user_key)
            .where(found.c.old_key == member.c.held_of)
            .correlate(member)
            .scalar_subquery()
        )
        held = _held_key(member.c.identifier, new_key)
        other = member.alias()
        held_already = exists(ONE).where(other.c.cohort == self._cohort, other.c.user_key == held)
        self._connection.execute(delete(member).where(mine, held_already))
        self._connection.execute(update(member).where(mine).values(user_key=held, held_of=new_key))

    # -- what changes ----------------------------------------------------------------------------

    def _note_skipped(self) -> dict[str, int]:
        """Keep who has no usable identifier; a known user who lost it is still a member."""
        known = exists(ONE).where(
            member.c.cohort == self._cohort,
            or_(
                member.c.user_key == winner.c.user_key,
                member.c.user_key == literal(USER_ID_KEYS[0]) + winner.c.user_id,
            ),
        )
        reason = case((and_(winner.c.present == 1, known), IDENTIFIER_LOST), else_=winner.c.reason)
        operation = case((winner.c.present == 1, Operation.ADD.value), else_=Operation.REMOVE.value)
        rows = select(literal(self._cohort), winner.c.user_key, operation, reason).where(
            winner.c.identifier.is_(None), or_(winner.c.present == 1, ~known)
        )
        self._connection.execute(
            insert(skipped).from_select(["cohort", "user_key", "operation", "reason"], rows)
        )
        counts = self._connection.execute(
            select(skipped.c.reason, func.count())
            .where(skipped.c.cohort == self._cohort)
            .group_by(skipped.c.reason)
        )
        return {reason: count for reason, count in counts}  # noqa: C416  a row is not a pair

    def _take_out_leavers(self) -> None:
        """Who was removed by a row of its own, and who is absent from a sealed snapshot."""
        said = exists(ONE).where(winner.c.user_key == member.c.user_key)
        removed = select(winner.c.user_key).where(winner.c.present == 0)
        left = or_(member.c.user_key.in_(removed), member.c.held_of.in_(removed))
        if self._sealed is not None:
            left = or_(left, ~said)
        who = and_(member.c.cohort == self._cohort, left)
        self._touch(select(member.c.identifier).where(who))
        self._connection.execute(delete(member).where(who))

    def _hold_former_identifiers(self) -> None:
        """A snapshot that proves nothing takes no address off the list, not even a changed one."""
        held = _held_key(member.c.identifier, member.c.user_key)
        other = member.alias()
        rows = (
            select(literal(self._cohort), held, member.c.identifier, member.c.user_key)
            .join(winner, winner.c.user_key == member.c.user_key)
            .where(
                member.c.cohort == self._cohort,
                winner.c.present == 1,
                winner.c.snapshot.is_not(None),
                winner.c.identifier != member.c.identifier,
                ~exists(ONE).where(other.c.cohort == self._cohort, other.c.user_key == held),
            )
        )
        self._connection.execute(
            insert(member).from_select(["cohort", "user_key", "identifier", "held_of"], rows)
        )

    def _note_unknown_removals(self) -> None:
        """An explicit removal of an identifier that the ledger knows nothing of is sent."""
        known = exists(ONE).where(
            entry.c.cohort == self._cohort, entry.c.identifier == winner.c.identifier
        )
        self._connection.execute(
            insert(entry).from_select(
                ["cohort", "identifier", "wanted", "sent"],
                select(
                    literal(self._cohort),
                    winner.c.identifier,
                    literal(0),
                    literal(int(Sent.UNKNOWN)),
                )
                .where(winner.c.present == 0, winner.c.identifier.is_not(None), ~known)
                .distinct(),
            )
        )
        self._touch(
            select(winner.c.identifier).where(
                winner.c.present == 0, winner.c.identifier.is_not(None)
            )
        )

    def _take_in_changes(self) -> None:
        """Who is new, and whose identifier or user id changed."""
        same_user = and_(member.c.cohort == self._cohort, member.c.user_key == winner.c.user_key)
        differs = or_(
            member.c.user_key.is_(None),
            member.c.identifier != winner.c.identifier,
            func.coalesce(member.c.user_id, "") != func.coalesce(winner.c.user_id, ""),
        )
        changed = (
            select(
                winner.c.user_key,
                winner.c.user_id,
                winner.c.identifier,
                member.c.identifier.label("old_identifier"),
            )
            .join_from(winner, member, same_user, isouter=True)
            .where(winner.c.present == 1, winner.c.identifier.is_not(None), differs)
        )
        found = changed.subquery()
        self._touch(select(found.c.identifier))
        self._touch(select(found.c.old_identifier).where(found.c.old_identifier.is_not(None)))
        stale = exists(ONE).where(
            winner.c.user_key == member.c.user_key,
            winner.c.present == 1,
            winner.c.identifier.is_not(None),
            or_(
                member.c.identifier != winner.c.identifier,
                func.coalesce(member.c.user_id, "") != func.coalesce(winner.c.user_id, ""),
            ),
        )
        self._connection.execute(delete(member).where(member.c.cohort == self._cohort, stale))
        missing = (
            select(literal(self._cohort), winner.c.user_key, winner.c.user_id, winner.c.identifier)
            .join_from(winner, member, same_user, isouter=True)
            .where(
                winner.c.present == 1,
                winner.c.identifier.is_not(None),
                member.c.user_key.is_(None),
            )
            .order_by(winner.c.user_key)
        )
        self._connection.execute(
            insert(member).from_select(["cohort", "user_key", "user_id", "identifier"], missing)
        )

    def _renew_wanted(self) -> None:
        """An identifier is wanted while any present user resolves to it."""
        wanted_now = exists(ONE).where(
            member.c.cohort == self._cohort, member.c.identifier == entry.c.identifier
        )
        self._connection.execute(
            update(entry)
            .where(
                entry.c.cohort == self._cohort,
                entry.c.identifier.in_(select(touched.c.identifier)),
                (entry.c.wanted == 1) != wanted_now,
            )
            .values(
                wanted=1 - entry.c.wanted,
                rejected_at=None,
                rejected_reason=None,
                rejected_message=None,
            )
        )
        wanted = exists(ONE).where(
            member.c.cohort == self._cohort, member.c.identifier == touched.c.identifier
        )
        known = exists(ONE).where(
            entry.c.cohort == self._cohort, entry.c.identifier == touched.c.identifier
        )
        self._connection.execute(
            insert(entry).from_select(
                ["cohort", "identifier", "wanted", "sent"],
                select(
                    literal(self._cohort), touched.c.identifier, literal(1), literal(int(Sent.OFF))
                )
                .where(wanted, ~known)
                .distinct()
                .order_by(touched.c.identifier),
            )
        )

    # -- helpers ---------------------------------------------------------------------------------

    def _touch(self, identifiers: Select[tuple[str]]) -> None:
        self._connection.execute(insert(touched).from_select(["identifier"], identifiers))

    def _any(self, query: Select[tuple[str]]) -> bool:
        return self._connection.execute(query.limit(1)).first() is not None


def _held_key(
    identifier: ColumnElement[str], owner: ColumnElement[str] | ScalarSelect[str]
) -> ColumnElement[str]:
    """Make the key of a row that holds a user's former identifier."""
    return literal("h:") + identifier + ":" + owner


def _between(column: ColumnElement[str], bounds: Sequence[str]) -> ColumnElement[bool]:
    return and_(column >= bounds[0], column < bounds[1])
