"""When to try again, and how long to wait before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

TRIES: Final = 8
"""As Amplitude does towards its partners: eight, from one second to two minutes."""

FIRST_SECONDS: Final = 1.0
FACTOR: Final = 2.25
LONGEST_SECONDS: Final = 120.0
LONGEST_RETRY_AFTER_SECONDS: Final = 600.0


@dataclass(frozen=True)
class Failure:
    """One try that came to nothing.

    Attributes:
        retryable: Another try may help.
        retry_after: Seconds that the service asked for, if it did.
        for_all: It is about the pace of all calls, not about this one.
        may_be_applied: The service may have carried out the call all the same.
        problem: What went wrong, without any identifier.
    """

    retryable: bool
    retry_after: float | None
    for_all: bool
    may_be_applied: bool
    problem: str


def should_retry(
    failure: Failure, tries: int, *, repeatable: bool = True, most: int = TRIES
) -> bool:
    """The one place that decides whether a call is sent again.

    Nearly every call here can be repeated: setting a list to true or false for a contact twice is
    the same as once, and lists are looked up again before they are made again. An import is not:
    its job is looked up before it may be started again.

    Args:
        failure: How the last try failed.
        tries: How many there were.
        repeatable: Whether the call may be carried out twice.
        most: How many tries there may be.
    """
    certain = repeatable or not failure.may_be_applied
    return failure.retryable and certain and tries < most


def delay(failure: Failure, tries: int, chance: random.Random) -> float:
    """How many seconds to wait before the next try.

    Args:
        failure: How the last try failed; what it asks for is what is waited.
        tries: How many there were.
        chance: Spreads workers that failed together.
    """
    if failure.retry_after:
        return failure.retry_after
    backoff = FIRST_SECONDS * FACTOR ** (tries - 1) * chance.uniform(1.0, 1.25)
    return min(LONGEST_SECONDS, backoff)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header: seconds, or an HTTP date.

    Returns:
        Seconds to wait, within 0 and ten minutes; None where there is no usable header.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        seconds = (moment - (now or datetime.now(timezone.utc))).total_seconds()
    if seconds != seconds:  # noqa: PLR0124  "nan" is a float to Python
        return None
    return min(LONGEST_RETRY_AFTER_SECONDS, max(0.0, seconds))
