"""From the ledger to this run's plan: what is due, what the guard withholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_cordial.core.guard import APPROVAL_SECONDS, WINDOW_SECONDS, Limit, Verdict, judge

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Counts, Entries
    from target_cordial.ledger.store import CohortRow, Ledger


@dataclass(frozen=True)
class CohortPlan:
    """What one cohort's list is due.

    Attributes:
        cohort: The cohort.
        counts: How its list stands.
        verdict: What the guard says of the removals.
    """

    cohort: CohortRow
    counts: Counts
    verdict: Verdict

    @property
    def withheld(self) -> int:
        """Removals that the guard keeps back."""
        return self.counts.removals if self.verdict.withheld else 0

    @property
    def removals(self) -> int:
        """Removals that go out."""
        return self.counts.removals - self.withheld

    def problem(self, limit: Limit) -> str:
        """Say what is withheld, why, and how to let it pass."""
        return (
            f"Cohort {self.cohort.label}: {self.withheld} removals from list "
            f"'{self.cohort.list_name}' are withheld: with {self.counts.recent_removals} in the "
            f"last 24 hours they exceed both {limit.count} and {limit.percent} % of its "
            f"{self.counts.guarded} confirmed members. If that is right: cordial-ledger "
            f"approve {self.cohort.cohort_id} --up-to {self.withheld}"
        )


class Planner:
    """Plans a run."""

    def __init__(self, ledger: Ledger, entries: Entries, limit: Limit) -> None:
        self._ledger = ledger
        self._entries = entries
        self._limit = limit

    def plan(self, cohort: CohortRow, now: int) -> CohortPlan:
        """Look at one cohort.

        Args:
            cohort: The cohort.
            now: Seconds since the epoch.
        """
        since = now - WINDOW_SECONDS
        counts = self._entries.counts(cohort.key, now=now, window_since=since)
        verdict = judge(
            self._limit,
            planned=counts.removals,
            recent=counts.recent_removals,
            confirmed=counts.guarded,
            approved=self._approved(cohort.key, now),
        )
        return CohortPlan(cohort, counts, verdict)

    def _approved(self, key: int, now: int) -> int | None:
        """What is left of an approval: a run that died may have carried out a part of it."""
        approval = self._ledger.approved(key)
        if approval is None or approval.approved_at < now - APPROVAL_SECONDS:
            return None
        return approval.up_to - self._entries.removed_since(key, approval.approved_at)
