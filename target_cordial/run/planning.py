"""From the ledger to this run's plan: what is due, what the guard withholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from target_cordial.core.guard import WINDOW_SECONDS, Limit, Verdict, judge
from target_cordial.core.plan import Operation
from target_cordial.run.remedy import ledger_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_cordial.ledger.counts import Counts
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import CohortRow, Ledger

WORDS: Final = {Operation.REMOVE: ("removals", "from"), Operation.ADD: ("additions", "to")}
"""How messages, and the option ``--only``, speak of the two directions."""

NO_LIMIT: Final = Limit(0, None)

WAITS: Final = Verdict(withheld=True, uses_approval=False)


@dataclass(frozen=True)
class Direction:
    """One direction of a cohort's plan.

    Attributes:
        operation: Which.
        limit: What the guard lets pass.
        due: Changes that wait to be sent.
        recent: Changes of the guard's window.
        before: Confirmed members before those.
        verdict: Whether they go out.
    """

    operation: Operation
    limit: Limit
    due: int
    recent: int
    before: int
    verdict: Verdict

    @property
    def withheld(self) -> int:
        """Changes that are kept back."""
        return self.due if self.verdict.withheld else 0

    @property
    def going(self) -> int:
        """Changes that go out."""
        return self.due - self.withheld

    def problem(self, list_name: str | None) -> str:
        """Say what the guard withholds, and why."""
        noun, preposition = WORDS[self.operation]
        return (
            f"{self.withheld} {noun} {preposition} list '{list_name}' are withheld: with "
            f"{self.recent} in the last 24 hours they exceed both {self.limit.count} and "
            f"{self.limit.percent} % of the {self.before} members that it had before"
        )

    def approval(self, cohort_id: str) -> str:
        """Name the command that lets this direction alone pass."""
        noun, _ = WORDS[self.operation]
        return ledger_command("approve", cohort_id, "--up-to", str(self.withheld), "--only", noun)


@dataclass(frozen=True)
class CohortPlan:
    """What one cohort's list is due.

    Attributes:
        cohort: The cohort.
        members: Confirmed members.
        additions: People to be added.
        removals: People to be taken off.
    """

    cohort: CohortRow
    members: int
    additions: Direction
    removals: Direction

    @property
    def withheld(self) -> int:
        """Changes that are kept back, in both directions."""
        return self.additions.withheld + self.removals.withheld

    @property
    def going(self) -> int:
        """Changes that go out."""
        return self.additions.going + self.removals.going

    def uses_up(self, left: Counts) -> bool:
        """Say whether an approval was needed, and has done its work.

        Args:
            left: What waits after the delivery.
        """
        needed = [way for way in (self.additions, self.removals) if way.verdict.uses_approval]
        return bool(needed) and not any(left.due(way.operation) for way in needed)

    def problem(self) -> str:
        """Say what the guard withholds, why, and how to let it pass; empty if it does not."""
        held = [
            way
            for way in (self.removals, self.additions)
            if way.withheld and not self.waits_for_adoption(way)
        ]
        if not held:
            return ""
        cohort_id = self.cohort.cohort_id
        alone = " or ".join(way.approval(cohort_id) for way in held)
        text = "; ".join(way.problem(self.cohort.list_name) for way in held)
        if len(held) == 1:
            return f"Cohort {self.cohort.label}: {text}. If that is right: {alone}"
        most = max(way.withheld for way in held)
        both = ledger_command("approve", cohort_id, "--up-to", str(most))
        return f"Cohort {self.cohort.label}: {text}. If both are right: {both} (one alone: {alone})"

    def waits_for_adoption(self, way: Direction) -> bool:
        """Say whether removals wait until somebody says whose the members are.

        They are told of with the adoption, and no approval helps.
        """
        return way.operation is Operation.REMOVE and self.cohort.found is not None


Plans = dict[int, CohortPlan]
"""What each list is due, by the cohort's key."""


class Planner:
    """Plans a run.

    Args:
        ledger: The ledger.
        entries: Its entries.
        limits: Tells what the guard lets pass, by a cohort's id and name.
    """

    def __init__(
        self,
        ledger: Ledger,
        entries: Entries,
        limits: Callable[[str, str | None], Mapping[Operation, Limit]],
    ) -> None:
        self._ledger = ledger
        self._entries = entries
        self._limits = limits

    def plan(self, cohort: CohortRow, now: int) -> CohortPlan:
        """Look at one cohort.

        Args:
            cohort: The cohort.
            now: Seconds since the epoch.
        """
        since = now - WINDOW_SECONDS
        counts = self._entries.counts(cohort.key, now=now, window_since=since)
        ways = {
            operation: self._direction(cohort, counts, operation, now) for operation in Operation
        }
        return CohortPlan(cohort, counts.confirmed, ways[Operation.ADD], ways[Operation.REMOVE])

    def _direction(
        self, cohort: CohortRow, counts: Counts, operation: Operation, now: int
    ) -> Direction:
        limit = self._limits(cohort.cohort_id, cohort.name)[operation]
        if operation is Operation.ADD and cohort.first_synced_at is None:
            limit = NO_LIMIT  # everyone is new to a new list
        due, recent, before = (
            counts.due(operation),
            counts.recent(operation),
            counts.before(operation),
        )
        if operation is Operation.REMOVE and cohort.found is not None:
            # Who was there before may be anybody's: nobody is removed until somebody says whose.
            verdict = WAITS
        else:
            verdict = judge(
                limit,
                planned=due,
                recent=recent,
                confirmed=before,
                approved=self._approved(cohort.key, operation, now),
            )
        return Direction(operation, limit, due, recent, before, verdict)

    def _approved(self, key: int, operation: Operation, now: int) -> int | None:
        """What is left of an approval: a run that died may have carried out a part of it."""
        approval = self._ledger.approved(key)
        if approval is None or not approval.covers(operation, now):
            return None
        return approval.up_to - self._entries.done_since(key, operation, approval.approved_at)
