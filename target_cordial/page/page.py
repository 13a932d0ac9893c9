"""Making the page: one file that asks nobody for anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from target_cordial.core.outcome import CONTACT_NOT_FOUND, REJECTED_BY_CORDIAL
from target_cordial.ledger.history import total
from target_cordial.page import figures
from target_cordial.run.rejects import MESSAGES
from target_cordial.run.report import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_cordial.ledger.history import PastRun, Tally
    from target_cordial.ledger.store import CohortRow
    from target_cordial.page.figures import Moves, Sizes

NEWEST: Final = 12
"""Runs that are told of one by one."""

MEANINGS: Final = {
    **MESSAGES,
    REJECTED_BY_CORDIAL: "Cordial refused the change.",
    CONTACT_NOT_FOUND: "Cordial does not have the contact, and it was not to be made.",
}
"""Why users are skipped and changes refused, in words."""


@dataclass(frozen=True)
class Waiting:
    """What waits on one list, by what the ledger says now.

    Attributes:
        additions: Members to be added.
        removals: Members to be taken off.
        unknown: Changes that were sent and not confirmed.
        found: Members that nobody has claimed, if there are any.
    """

    additions: int
    removals: int
    unknown: int
    found: int | None


@dataclass(frozen=True)
class Card:
    """What the page says of one cohort.

    Attributes:
        name: The cohort's name, or its id.
        cohort_id: Its id.
        list_name: Its list.
        members: Confirmed members.
        last_complete_at: When its last complete snapshot was recorded.
        waiting: What waits.
        since: When the first run of the figures began.
        until: When the last one did.
        sizes: How the list grew and shrank; None before the first run that is known.
        moves: Who joined and who left; None likewise.
    """

    name: str
    cohort_id: str
    list_name: str | None
    members: int
    last_complete_at: str | None
    waiting: Waiting
    since: str | None = None
    until: str | None = None
    sizes: Sizes | None = None
    moves: Moves | None = None


@dataclass(frozen=True)
class Line:
    """What the page says of one run."""

    run_id: str
    started_at: str
    status: str
    added: int
    removed: int
    withheld: int
    pending: int
    skipped: int
    rejected: int


def card(cohort: CohortRow, members: int, waiting: Waiting, past: Sequence[PastRun]) -> Card:
    """Put together what is known of one cohort.

    Args:
        cohort: The cohort.
        members: Its confirmed members.
        waiting: What waits on its list.
        past: The runs, the oldest first.
    """
    seen = [(run, run.tallies[cohort.key]) for run in past if cohort.key in run.tallies]
    known = Card(
        cohort.name or cohort.cohort_id,
        cohort.cohort_id,
        cohort.list_name,
        members,
        day(cohort.last_complete_at),
        waiting,
    )
    if not seen:
        return known
    tallies = [tally for _, tally in seen]
    joined = [tally.added for tally in tallies]
    if joined[0] == tallies[0].members:
        joined[0] = 0  # its first sync, beside which nothing else would be seen; the line has it
    return replace(
        known,
        since=day(seen[0][0].started_at),
        until=day(seen[-1][0].started_at),
        sizes=figures.sizes([tally.members for tally in tallies]),
        moves=figures.moves(
            joined,
            [tally.removed + tally.already_absent for tally in tallies],
        ),
    )


def line(run: PastRun) -> Line:
    """Put together what is known of one run."""
    tallies = run.tallies.values()
    return Line(
        run.run_id,
        day(run.started_at) or "",
        run.status or "did not end",
        total(tallies, "added"),
        total(tallies, "removed") + total(tallies, "already_absent"),
        total(tallies, "withheld"),
        total(tallies, "pending"),
        total(tallies, "skipped"),
        total(tallies, "rejected"),
    )


def reasons(tallies: Iterable[Tally]) -> list[tuple[str, str, int]]:
    """Count skipped users and refused changes, by reason: its name, what it means, how many."""
    counts: Counter[str] = Counter()
    for one in tallies:
        counts.update(one.skipped)
        counts.update(one.rejected)
    return [(name, MEANINGS[name], count) for name, count in counts.most_common()]


def render(cards: Sequence[Card], past: Sequence[PastRun], now: float) -> str:
    """Make the page.

    Args:
        cards: What it says of each cohort.
        past: The runs, the oldest first.
        now: Seconds since the epoch.
    """
    environment = Environment(
        loader=PackageLoader("target_cordial.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    return environment.get_template("page.html").render(
        cards=cards,
        lines=[line(run) for run in reversed(past[-NEWEST:])],
        reasons=reasons(past[-1].tallies.values()) if past else [],
        made_at=day(now),
        width=figures.WIDTH,
        height=figures.HEIGHT,
    )


def day(seconds: float | None) -> str | None:
    """Write a time as people read it, in UTC."""
    text = iso(seconds)
    return text and text[:16].replace("T", " ")
