"""How a cohort's list stands, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from target_cordial.core.plan import Operation


@dataclass(frozen=True)
class Counts:
    """How a cohort's list stands.

    Attributes:
        confirmed: Members that Cordial has confirmed.
        additions: Additions waiting to be sent.
        removals: Removals waiting to be sent.
        unknown: Entries of which nothing is certain.
        rejected: Additions and removals that Cordial rejected, by reason.
        recent_additions: Additions since the guard's window began, less those of the first sync.
        recent_removals: Confirmed removals since the guard's window began.
        unknown_removals: Removals that were sent and not confirmed.
        rejected_removals: Of the rejected, the removals: people who are still on the list.
    """

    confirmed: int
    additions: int
    removals: int
    unknown: int
    rejected: dict[str, int]
    recent_additions: int
    recent_removals: int
    unknown_removals: int
    rejected_removals: int = 0

    def due(self, operation: Operation) -> int:
        """Count the changes waiting in one direction."""
        return self.additions if operation is Operation.ADD else self.removals

    def recent(self, operation: Operation) -> int:
        """Count the changes of the guard's window in one direction."""
        return self.recent_additions if operation is Operation.ADD else self.recent_removals

    def before(self, operation: Operation) -> int:
        """Count the confirmed members before the window's changes in one direction.

        The guard's share is taken of these: a plan that it let pass must not be withheld half
        done, because a run died and its first half has made the list shorter; nor may a list that
        swells run by run raise its own limit.
        """
        if operation is Operation.ADD:
            return self.confirmed - self.recent_additions
        return self.confirmed + self.recent_removals + self.unknown_removals
