"""What became of a change that was sent: one vocabulary for every delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from target_cordial.core.plan import Change, Operation, Sent

REJECTED_BY_CORDIAL: Final = "rejected_by_cordial"
CONTACT_NOT_FOUND: Final = "contact_not_found"


MOST_TOLERATED: Final = 10
"""What goes wrong up to so many times never fails a run, whatever its share."""


def too_many(count: int, of: int, percent: int) -> bool:
    """Say whether what went wrong is more than is tolerated (contract sections 3 and 4).

    Args:
        count: How often it went wrong.
        of: Out of how many.
        percent: The tolerated share.
    """
    return count > MOST_TOLERATED and count * 100 > percent * of


class Result(str, Enum):
    """How a change ended.

    ``CONFIRMED``: Cordial says it is done (for ``endpoint``: has accepted it).
    ``ALREADY_ABSENT``: a removal of a contact that Cordial does not have.
    ``REJECTED``: Cordial refused this change for a reason of its own.
    ``NOT_SENT``: certainly not applied; it stays pending.
    ``UNKNOWN``: perhaps applied; it stays pending, and counts as ours.
    """

    CONFIRMED = "confirmed"
    ALREADY_ABSENT = "already_absent"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one change.

    Attributes:
        change: The change.
        result: How it ended.
        reason: For a rejected one, the reason as the report counts it.
        message: For a rejected one, Cordial's own words; may hold an identifier, so it goes to
            the ledger and the rejects file only.
    """

    change: Change
    result: Result
    reason: str | None = None
    message: str | None = None

    @property
    def sent(self) -> Sent:
        """What is known of the entry from now on."""
        if self.result is Result.CONFIRMED:
            return Sent.ON if self.change.operation is Operation.ADD else Sent.OFF
        if self.result is Result.ALREADY_ABSENT:
            return Sent.OFF
        if self.result is Result.UNKNOWN:
            return Sent.UNKNOWN
        return self.change.before

    @property
    def is_pending(self) -> bool:
        """Whether the next run has to send it again."""
        return self.result in (Result.NOT_SENT, Result.UNKNOWN)


class Status(str, Enum):
    """How a run ended; the report's ``status``."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""
        return {Status.OK: 0, Status.DEGRADED: 3, Status.FAILED: 1}[self]
