"""Adoption: members that a list had before its cohort become ours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from target_cordial.core.plan import Sent
from target_cordial.core.user_key import IDENTIFIER_KIND
from target_cordial.ledger.schema import ADOPTED, claimed, cohort, entry, member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cordial.ledger.store import Ledger

BLOCK: Final = 2_000
"""Identifiers that are taken at once: a list may have millions of members."""


@dataclass(frozen=True)
class Adopted:
    """What an adoption found.

    Attributes:
        adopted: Identifiers that are ours from now on.
        known: Those that were ours before, or are being taken off.
    """

    adopted: int
    known: int


class Adoption:
    """Takes the members of one cohort's list, in one transaction at its end.

    Whoever is adopted counts as wanted and as sent, so nobody is removed by it: the next proven
    snapshot takes those off who are not in it, under the guard.

    Args:
        ledger: The ledger.
        key: The cohort's key.
    """

    def __init__(self, ledger: Ledger, key: int) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._key = key

    def claim(self, identifiers: Iterable[str]) -> int:
        """Stage identifiers, block by block.

        Returns:
            How many, repeated ones too.
        """
        rest = iter(identifiers)
        count = 0
        with self._ledger.write():
            self._connection.execute(delete(claimed))
        while block := [{"identifier": identifier} for identifier in islice(rest, BLOCK)]:
            with self._ledger.write():
                self._connection.execute(insert(claimed), block)
            count += len(block)
        return count

    def take(self) -> Adopted:
        """Take what was claimed; from now on the list has no member whom nobody has claimed."""
        with self._ledger.write():
            everyone = self._connection.execute(
                select(func.count(claimed.c.identifier.distinct()))
            ).scalar_one()
            self._know_members()
            adopted = self._renew_entries() + self._make_entries()
            release(self._ledger, self._key)
        return Adopted(adopted, everyone - adopted)

    def _ours(self) -> Select[tuple[str]]:
        """What was claimed, less those whose removal waits: the source says that they left."""
        leaving = exists().where(
            self._entry_of(claimed.c.identifier),
            entry.c.wanted == 0,
            entry.c.sent != int(Sent.OFF),
        )
        return select(claimed.c.identifier).where(~leaving).distinct()

    def _know_members(self) -> None:
        ours = self._ours().subquery()
        known = exists().where(
            member.c.cohort == self._key, member.c.identifier == ours.c.identifier
        )
        self._connection.execute(
            insert(member).from_select(
                ["cohort", "user_key", "identifier", "held_of"],
                select(
                    literal(self._key),
                    literal(IDENTIFIER_KIND) + ours.c.identifier,
                    ours.c.identifier,
                    literal(ADOPTED),
                ).where(~known),
            )
        )

    def _renew_entries(self) -> int:
        """Who left before is there again; who is wanted and unconfirmed is sent once more."""
        return self._connection.execute(
            update(entry)
            .where(
                entry.c.cohort == self._key,
                entry.c.identifier.in_(self._ours()),
                entry.c.sent != int(Sent.ON),
            )
            .values(
                wanted=1,
                sent=case((entry.c.wanted == 1, int(Sent.UNKNOWN)), else_=int(Sent.ON)),
                run=None,
                before=int(Sent.ON),
                rejected_at=None,
                rejected_reason=None,
                rejected_message=None,
            )
        ).rowcount

    def _make_entries(self) -> int:
        ours = self._ours().subquery()
        known = exists().where(self._entry_of(ours.c.identifier))
        return self._connection.execute(
            insert(entry).from_select(
                ["cohort", "identifier", "wanted", "sent"],
                select(
                    literal(self._key), ours.c.identifier, literal(1), literal(int(Sent.ON))
                ).where(~known),
            ),
            execution_options={"preserve_rowcount": True},
        ).rowcount

    def _entry_of(self, identifier: ColumnElement[str]) -> ColumnElement[bool]:
        return and_(entry.c.cohort == self._key, entry.c.identifier == identifier)


def release(ledger: Ledger, key: int) -> None:
    """Note, inside a transaction, that a list has no member whom nobody has answered for."""
    answered = update(cohort).where(cohort.c.key == key).values(found=None, remapped_at=None)
    ledger.connection.execute(answered)
