"""The guard against mass changes: when the removals or the additions of a list are withheld."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 24 * 3600
"""How long a change counts against the limit: a leak of ten a run is a leak all the same."""

APPROVAL_SECONDS: Final = 7 * 24 * 3600
"""How long an approval waits to be used: it was given for a plan that somebody looked at."""


@dataclass(frozen=True)
class Limit:
    """How much a list may change in one direction without anyone's approval.

    Attributes:
        count: Changes up to this number always pass.
        percent: Changes up to this share of the confirmed members always pass; None is off.
    """

    count: int
    percent: int | None

    def exceeded_by(self, changes: int, confirmed: int) -> bool:
        """Say whether changes exceed BOTH numbers (contract 2.3).

        Args:
            changes: Those of the last 24 hours and of this run together.
            confirmed: The members of the list that Cordial had confirmed before them.
        """
        if self.percent is None:
            return False
        return changes > self.count and changes * 100 > self.percent * confirmed


@dataclass(frozen=True)
class Verdict:
    """Whether a list's removals, or its additions, may go out.

    Attributes:
        withheld: They may not.
        uses_approval: They may, and only because somebody approved them.
    """

    withheld: bool
    uses_approval: bool


def judge(
    limit: Limit, *, planned: int, recent: int, confirmed: int, approved: int | None
) -> Verdict:
    """Decide about the changes in one direction that a run has planned for one list.

    Args:
        limit: The list's limit in that direction.
        planned: Changes in this run's plan.
        recent: Changes of the last 24 hours, approved ones too.
        confirmed: Members confirmed by Cordial before the changes of the last 24 hours.
        approved: The ceiling somebody approved, if any: a plan above it is withheld again.

    Returns:
        The verdict. An approval that was not needed is not used up.
    """
    if planned == 0 or not limit.exceeded_by(planned + recent, confirmed):
        return Verdict(withheld=False, uses_approval=False)
    if approved is not None and planned <= approved:
        return Verdict(withheld=False, uses_approval=True)
    return Verdict(withheld=True, uses_approval=False)
