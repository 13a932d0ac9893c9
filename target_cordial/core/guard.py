"""The guard against mass removal: when the removals of a list are withheld."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 24 * 3600
"""How long a removal counts against the limit: a leak of ten a run is a leak all the same."""

APPROVAL_SECONDS: Final = 7 * 24 * 3600
"""How long an approval waits to be used: it was given for a plan that somebody looked at."""

OFF_PERCENT: Final = 100


@dataclass(frozen=True)
class Limit:
    """What a list may lose without anyone's approval.

    Attributes:
        count: Removals up to this number always pass.
        percent: Removals up to this share of the confirmed members always pass; 100 is off.
    """

    count: int
    percent: int

    def exceeded_by(self, removals: int, confirmed: int) -> bool:
        """Say whether removals exceed BOTH numbers (contract 2.3).

        Args:
            removals: Those of the last 24 hours and of this run together.
            confirmed: The members of the list that Cordial had confirmed before them.
        """
        if self.percent >= OFF_PERCENT:
            return False
        return removals > self.count and removals * 100 > self.percent * confirmed


@dataclass(frozen=True)
class Verdict:
    """Whether a list's removals may go out.

    Attributes:
        withheld: They may not.
        uses_approval: They may, and only because somebody approved them.
    """

    withheld: bool
    uses_approval: bool


def judge(
    limit: Limit, *, planned: int, recent: int, confirmed: int, approved: int | None
) -> Verdict:
    """Decide about the removals that a run has planned for one list.

    Args:
        limit: The list's limit.
        planned: Removals in this run's plan.
        recent: Removals of the last 24 hours, approved ones too.
        confirmed: Members confirmed by Cordial before the removals of the last 24 hours.
        approved: The ceiling somebody approved, if any: a plan above it is withheld again.

    Returns:
        The verdict. An approval that was not needed is not used up.
    """
    if planned == 0 or not limit.exceeded_by(planned + recent, confirmed):
        return Verdict(withheld=False, uses_approval=False)
    if approved is not None and planned <= approved:
        return Verdict(withheld=False, uses_approval=True)
    return Verdict(withheld=True, uses_approval=False)
