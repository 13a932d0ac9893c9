"""The course of a settlement, step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from target_cordial.ledger.schema import heard, touched, winner
from target_cordial.ledger.settlement.case import Case, Settled
from target_cordial.ledger.settlement.entries import note_unknown_removals, renew_wanted
from target_cordial.ledger.settlement.identity import (
    absorb_adopted,
    absorb_user_ids,
    spread_identifiers,
    spread_user_ids,
)
from target_cordial.ledger.settlement.members import (
    has_members,
    hold_former_identifiers,
    kept_addresses,
    knows_nothing,
    note_skipped,
    take_in_all,
    take_in_changes,
    take_out_leavers,
)
from target_cordial.ledger.settlement.recall import learn_user_ids, recall
from target_cordial.ledger.settlement.words import (
    carry_times,
    drop_overtaken,
    drop_repeated_messages,
    drop_uncounted,
    find_winners,
    is_outdated,
    keep_messages,
    keep_snapshot_time,
    keep_times,
)

if TYPE_CHECKING:
    from target_cordial.ledger.difference import Difference


def settle(this: Case) -> Settled:
    """Take every step.

    Args:
        this: The cohort and its rows.

    Returns:
        What was found. Where nobody resolves, the ledger is as it was.
    """
    outdated = this.sealed is not None and is_outdated(this.connection, this.cohort, this.sealed)
    if outdated:
        this = replace(this, sealed=None)
    if this.difference is not None and _says_nothing_new(this, this.difference):
        keep_snapshot_time(this)
        return Settled(this.difference.unchanged, {})
    this.run(delete(heard))
    this = replace(this, first=this.simple and knows_nothing(this))
    if not this.simple:
        drop_repeated_messages(this)
        learn_user_ids(this)
        recall(this)
        spread_identifiers(this)
        learn_user_ids(this)  # of the users whom the removals concern
        spread_user_ids(this)
        drop_uncounted(this)
    elif not this.first:
        learn_user_ids(this)
    if not this.first:
        drop_overtaken(this)
    find_winners(this)
    present, flagless, resolved = _count(this)
    if present and not resolved and (flagless or not has_members(this)):
        return Settled(present, note_skipped(this), resolves=False, outdated=outdated)
    this.run(delete(touched))
    carry_times(this)
    absorb_user_ids(this)
    absorb_adopted(this)
    reasons = note_skipped(this)
    kept = kept_addresses(this)
    take_out_leavers(this)
    note_unknown_removals(this)
    if this.sealed is None:
        hold_former_identifiers(this)
    if this.first:
        take_in_all(this)
    else:
        take_in_changes(this)
    keep_times(this)
    renew_wanted(this)
    keep_messages(this)
    keep_snapshot_time(this)
    return Settled(present, reasons, outdated=outdated, kept=kept)


def _says_nothing_new(this: Case, found: Difference) -> bool:
    """Say whether all is as it was: of many cohorts most are, and the steps take their time."""
    rows = select(this.rows.c.position)
    return not (found.changed or found.leaves or this.any(rows))


def _count(this: Case) -> tuple[int, int, int]:
    """Count users that are present; of them in a snapshot; of them with an identifier."""
    row = this.connection.execute(
        select(func.count(), func.count(winner.c.snapshot), func.count(winner.c.identifier)).where(
            winner.c.present == 1
        )
    ).one()
    others = this.difference.unchanged if this.difference else 0
    if this.first:
        others = this.connection.execute(select(func.count(this.rows.c.identifier))).scalar_one()
    return row[0] + others, row[1] + others, row[2] + others
