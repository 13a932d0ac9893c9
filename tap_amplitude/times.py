"""Times: Amplitude's epoch numbers, and the ISO 8601 texts of records and state."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

# Amplitude's list gives epoch seconds; some of its samples show milliseconds. As seconds, numbers
# above this would lie after the year 5138.
_LARGEST_SECONDS = 100_000_000_000
_LARGEST_MILLISECONDS = 253_402_300_799_999  # 9999-12-31, the end of what datetime can hold
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def epoch_milliseconds(value: Any) -> int | None:  # noqa: ANN401 - any JSON value may stand there
    """Return a time of Amplitude's list in epoch milliseconds.

    Args:
        value: Epoch seconds or milliseconds, as a number or a text of digits.

    Returns:
        The time, or None for null, zero and anything that is not such a number.
    """
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 < value <= _LARGEST_MILLISECONDS:
        return None
    return int(value) if value > _LARGEST_SECONDS else int(value * 1000)


def iso(milliseconds: int | None) -> str | None:
    """Return epoch milliseconds as ISO 8601 in UTC, with a fraction only where there is one."""
    if milliseconds is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    precision = "milliseconds" if milliseconds % 1000 else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def iso_of(epoch_seconds: float) -> str:
    """Return a time of day in whole seconds as ISO 8601 in UTC."""
    return (_EPOCH + timedelta(seconds=int(epoch_seconds))).isoformat().replace("+00:00", "Z")


def epoch_seconds(text: Any) -> int | None:  # noqa: ANN401 - state may have been edited by hand
    """Return the epoch seconds of a text made by `iso_of`; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None
    return int(moment.replace(tzinfo=timezone.utc).timestamp())
