"""Short ways to stage rows and to read what the ledger holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from target_cordial.core.identifier import UNRESOLVED_MAPPING
from target_cordial.core.outcome import Outcome, Result
from target_cordial.core.plan import Change, Operation, Sent
from target_cordial.ledger.adoption import Adoption
from target_cordial.ledger.schema import entry, member, skipped, staged
from target_cordial.ledger.settlement import Sealed, Settled
from target_cordial.ledger.stage import Stage, StagedRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger

NOW = 1_800_000_000
DAY = 24 * 3600


def row(
    position: int,
    user: str,
    identifier: str | None,
    *,
    user_id: str | None = None,
    snapshot: int | None = None,
    present: bool = True,
    time: int | None = None,
    message: bytes | None = None,
) -> StagedRow:
    """A staged row; without a snapshot's number it is an explicit one."""
    if user.startswith("u:"):
        user_id = user.partition(":")[2]
    reason = UNRESOLVED_MAPPING if identifier is None else None
    return StagedRow(
        position, snapshot, user, user_id, identifier, int(present), reason, time, message
    )


def settle(
    ledger: Ledger,
    cohort: int,
    rows: Iterable[StagedRow],
    sealed: Sealed | None = None,
    times: Mapping[int, int] | None = None,
) -> Settled:
    """Do what one run does with the rows of one cohort, on a stage of its own."""
    stage = Stage(ledger)
    rows = list(rows)
    if sealed is not None:
        of_it = [each.user_key for each in rows if each.snapshot == sealed.snapshot]
        sealed = replace(sealed, users=len(set(of_it)))
    for staged_row in rows:
        stage.append(0, staged_row)
    try:
        return stage.settle(0, cohort, sealed, times)
    finally:
        with ledger.write():
            staged(0).drop(ledger.connection)
            ledger.connection.execute(delete(skipped))


def snapshot(ledger: Ledger, cohort: int, members: Mapping[str, str | None]) -> Settled:
    """Settle a complete snapshot of these users and their identifiers."""
    rows = [
        row(number, user, identifier, snapshot=0)
        for number, (user, identifier) in enumerate(members.items(), 1)
    ]
    return settle(ledger, cohort, rows, Sealed(0 if rows else None, 1))


def members(ledger: Ledger, cohort: int) -> dict[str, str]:
    """Users and their identifiers, without the former ones that are only kept for now."""
    query = select(member.c.user_key, member.c.identifier).where(
        member.c.cohort == cohort, member.c.held_of.is_(None)
    )
    with ledger.write():
        return {row.user_key: row.identifier for row in ledger.connection.execute(query)}


def entries(ledger: Ledger, cohort: int) -> dict[str, tuple[int, Sent]]:
    query = select(entry.c.identifier, entry.c.wanted, entry.c.sent).where(entry.c.cohort == cohort)
    with ledger.write():
        return {
            identifier: (wanted, Sent(sent))
            for identifier, wanted, sent in ledger.connection.execute(query)
        }


def change(cohort: int, identifier: str, operation: Operation, before: Sent = Sent.OFF) -> Change:
    return Change(cohort, identifier, operation, before)


def deliver(
    book: Entries,
    cohort: int,
    result: Result = Result.CONFIRMED,
    *,
    now: int = NOW,
    reason: str | None = None,
) -> list[Change]:
    """Plan everything that is due for a cohort and let all of it end in one way."""
    book.plan.fix([cohort], [cohort], now=now, by_contact=True)
    changes = list(book.plan.changes())
    book.intend(changes)
    book.record([Outcome(each, result, reason) for each in changes], now=now)
    return changes


def adopt(ledger: Ledger, cohort: int, identifiers: Iterable[str]) -> None:
    """Say of identifiers that they are on the cohort's list already, and ours."""
    adoption = Adoption(ledger, cohort)
    adoption.claim(identifiers)
    adoption.take()
