"""The history: every run that recorded something, and what it did to each list, in numbers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select

from target_cordial.ledger.schema import run, tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Row

    from target_cordial.ledger.store import Ledger

HISTORY_SECONDS: Final = 400 * 24 * 3600
"""How long runs are kept: a year can be compared with the one before at its turn."""

_BY_REASON: Final = ("skipped", "rejected")


@dataclass(frozen=True)
class Tally:
    """What one run did to one list, and how that stood at its end.

    Attributes:
        cohort: The cohort's key.
        snapshot: :class:`target_cordial.core.completeness.Completeness`, its value.
        members: Members that Cordial had confirmed.
        added: Members that the run added.
        removed: Members that the run took off.
        already_absent: Members that were to be taken off, and whom Cordial did not have.
        withheld: Changes that the guard kept back.
        pending: Changes that were left to the next run.
        skipped: Users without a usable identifier, by reason.
        rejected: Changes that Cordial rejected, by reason.
    """

    cohort: int
    snapshot: str
    members: int
    added: int
    removed: int
    already_absent: int
    withheld: int
    pending: int
    skipped: Mapping[str, int]
    rejected: Mapping[str, int]


@dataclass(frozen=True)
class PastRun:
    """A run of the past.

    Attributes:
        number: In the order in which runs began.
        run_id: Its name in reports.
        started_at: Seconds since the epoch.
        finished_at: The same; None where it died, or goes on.
        status: :class:`target_cordial.core.outcome.Status`, its value; None likewise.
        tallies: What it did, by the cohort's key; nothing where it did not come to its end.
    """

    number: int
    run_id: str
    started_at: int
    finished_at: int | None
    status: str | None
    tallies: Mapping[int, Tally]


def keep(ledger: Ledger, tallies: Iterable[Tally]) -> None:
    """Keep what the run that goes on did."""
    rows = [{**asdict(one), **_texts(one), "run": ledger.run} for one in tallies]
    if rows:
        with ledger.write():
            ledger.connection.execute(insert(tally), rows)


def forget(ledger: Ledger, now: int) -> None:
    """Forget the runs that are too long ago to be looked at.

    Args:
        ledger: The ledger.
        now: Seconds since the epoch.
    """
    old = select(run.c.number).where(run.c.started_at < now - HISTORY_SECONDS)
    with ledger.write():
        ledger.connection.execute(delete(tally).where(tally.c.run.in_(old)))
        ledger.connection.execute(delete(run).where(run.c.number.in_(old)))


def newest(ledger: Ledger, most: int) -> list[PastRun]:
    """Read the newest runs.

    Args:
        ledger: The ledger.
        most: How many.

    Returns:
        The oldest of them first.
    """
    recent = select(run).order_by(run.c.number.desc()).limit(most)
    with ledger.write():
        runs = ledger.connection.execute(recent).mappings().all()[::-1]
        first = runs[0]["number"] if runs else 0
        rows = ledger.connection.execute(select(tally).where(tally.c.run >= first)).all()
    done: dict[int, dict[int, Tally]] = {}
    for row in rows:
        done.setdefault(row.run, {})[row.cohort] = _tally(row)
    return [PastRun(**one, tallies=done.get(one["number"], {})) for one in runs]


def total(tallies: Iterable[Tally], name: str) -> int:
    """Add up one of the numbers of some lists; what is told by reason, over all reasons."""
    numbers = (getattr(one, name) for one in tallies)
    return sum(sum(one.values()) if isinstance(one, dict) else one for one in numbers)


def number_of(ledger: Ledger, run_id: str) -> int | None:
    """Find a run by its name in reports; None where the ledger does not know it."""
    query = select(run.c.number).where(run.c.run_id == run_id)
    with ledger.write():
        return ledger.connection.execute(query).scalar()


def _texts(one: Tally) -> dict[str, str]:
    return {name: json.dumps(dict(getattr(one, name))) for name in _BY_REASON}


def _tally(row: Row[Any]) -> Tally:
    values = {field.name: getattr(row, field.name) for field in fields(Tally)}
    return Tally(**values | {name: json.loads(values[name]) for name in _BY_REASON})
