"""Which identifiers are wanted on the list, after the members have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, literal, select, update

from target_cordial.core.plan import Sent
from target_cordial.ledger.schema import entry, member, touched, winner
from target_cordial.ledger.settlement.case import ONE, Case

if TYPE_CHECKING:
    from sqlalchemy import Select


def note_unknown_removals(this: Case) -> None:
    """An explicit removal of an identifier that the ledger knows nothing of is sent."""
    known = exists(ONE).where(
        entry.c.cohort == this.cohort, entry.c.identifier == winner.c.identifier
    )
    removed = (winner.c.present == 0, winner.c.identifier.is_not(None))
    this.run(
        insert(entry).from_select(
            ["cohort", "identifier", "wanted", "sent", "added_at"],
            select(
                literal(this.cohort),
                winner.c.identifier,
                literal(0),
                literal(int(Sent.UNKNOWN)),
                literal(0),
            )
            .where(*removed, ~known)
            .distinct(),
        )
    )
    this.touch(select(winner.c.identifier).where(*removed))


def renew_wanted(this: Case) -> None:
    """An identifier is wanted while any present user resolves to it."""
    if not this.any(select(entry.c.identifier).where(entry.c.cohort == this.cohort)):
        # Nothing was ever wanted, so all that is now is new; grouped, it comes in an index's order.
        every = select(member.c.identifier).where(member.c.cohort == this.cohort)
        _want(this, every.group_by(member.c.identifier))
        return
    _renew_known(this)
    # In their order, in which they are looked up far quicker than in none.
    names = select(touched.c.identifier).distinct().order_by(touched.c.identifier).subquery()
    wanted = exists(ONE).where(
        member.c.cohort == this.cohort, member.c.identifier == names.c.identifier
    )
    known = exists(ONE).where(
        entry.c.cohort == this.cohort, entry.c.identifier == names.c.identifier
    )
    _want(this, select(names.c.identifier).where(wanted, ~known))


def _want(this: Case, identifiers: Select[tuple[str]]) -> None:
    """Make entries for identifiers that have none."""
    new = identifiers.add_columns(literal(this.cohort), literal(1), literal(int(Sent.OFF)))
    this.run(insert(entry).from_select(["identifier", "cohort", "wanted", "sent"], new))


def _renew_known(this: Case) -> None:
    wanted_now = exists(ONE).where(
        member.c.cohort == this.cohort, member.c.identifier == entry.c.identifier
    )
    this.run(
        update(entry)
        .where(
            entry.c.cohort == this.cohort,
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
