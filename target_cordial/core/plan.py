"""What a run has to do: the difference between what is wanted and what Cordial has.

Both sides are kept for every identifier of a list. Nothing else is remembered between runs: a
crash, a failed write or a withheld change needs no path of its own, since the next run sees the
same difference again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

RETRY_REJECTED_SECONDS: Final = 7 * 24 * 3600
"""After this long a rejected change is tried again: people and settings get mended."""


class Sent(IntEnum):
    """What is known of an identifier on a list in Cordial, out of what we sent.

    ``UNKNOWN`` is a change that was sent and not confirmed: it counts as ours, and whatever is
    wanted next is sent. An explicit removal of an identifier that was never sent is the same:
    nothing is known of it.
    """

    OFF = 0
    ON = 1
    UNKNOWN = 2


class Operation(str, Enum):
    """The two things that can happen to a contact on a list."""

    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Entry:
    """An identifier on the list of a cohort, as the ledger keeps it.

    Attributes:
        cohort: The cohort's key in the ledger.
        identifier: The contact identifier.
        wanted: Some present user of the cohort resolves to it.
        sent: What is known of it in Cordial.
        rejected_at: When Cordial rejected the change last, in seconds since the epoch.
    """

    cohort: int
    identifier: str
    wanted: bool
    sent: Sent
    rejected_at: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One membership to write.

    Attributes:
        cohort: The cohort's key in the ledger.
        identifier: The contact identifier.
        operation: Add or remove.
        before: What was known before it is sent: where the answer says that nothing was
            applied, that is known again.
    """

    cohort: int
    identifier: str
    operation: Operation
    before: Sent


def change_for(entry: Entry, now: int) -> Change | None:
    """Decide what to send for one entry.

    Args:
        entry: The entry.
        now: Seconds since the epoch.

    Returns:
        The change that makes Cordial equal to what is wanted; None where nothing is to be done,
        or where Cordial rejected the same change lately.
    """
    if entry.sent is (Sent.ON if entry.wanted else Sent.OFF):
        return None
    if entry.rejected_at is not None and now - entry.rejected_at < RETRY_REJECTED_SECONDS:
        return None
    operation = Operation.ADD if entry.wanted else Operation.REMOVE
    return Change(entry.cohort, entry.identifier, operation, entry.sent)
