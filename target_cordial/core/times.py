"""Source times: when Amplitude computed what a record says.

They come as epoch seconds or milliseconds (a webhook sends a text of digits, against the loss of
digits in floats), as ISO 8601, and in the names of exported files.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Final

LARGEST_SECONDS: Final = 100_000_000_000
"""Numbers above this are milliseconds: as seconds they would lie after the year 5138."""

LARGEST_MILLISECONDS: Final = 253_402_300_799_999
"""The end of the year 9999: the last that a date can hold."""

FORMS: Final = "2026-11-23T10-00, 20261123T100000Z, 20261123, and epoch seconds or milliseconds"
"""How messages tell people which forms :func:`written_time` reads."""

_EPOCH: Final = re.compile(r"\d{10}|\d{13}", re.ASCII)

_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"(?:[T_ -]?(?P<hour>\d\d)(?P<colon>[-:]?)(?P<minute>\d\d)"
    r"(?:(?P=colon)(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[01]\d|2[0-3])(?::?(?P<minutes>[0-5]\d))?)?)?",
    re.ASCII | re.IGNORECASE,
)
"""A date, and a time of day in it: separators are all there, or all left out, in either.

Amplitude's documentation gives the time in an exported file's name as ``YYYY-MM-DDTHH-SS`` and as
``YYYY-MM-DDTHH:SS``; that its last two digits are minutes, and all of it UTC, is assumed.
"""


_NUMBERS: Final = ("year", "month", "day", "hour", "minute", "second", "hours", "minutes")


def source_time(value: Any) -> int | None:  # noqa: ANN401  JSON has any type
    """Read a record's time.

    Args:
        value: As it stands in the record. A text without a zone is UTC.

    Returns:
        Milliseconds since the epoch; None for null, zero and whatever is no time.
    """
    if isinstance(value, str):
        text = value.strip()
        written = written_time(text)
        if written is not None:
            return written
        try:
            value = float(text)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 < value <= LARGEST_MILLISECONDS:  # False for "nan" too
        return None
    return int(value) if value > LARGEST_SECONDS else int(value * 1000)


def written_time(text: str) -> int | None:
    """Read a time from a text, in each form that can mean one moment only.

    Args:
        text: A date, or a date and a time of day, with or without separators; epoch seconds (ten
            digits) or milliseconds (thirteen). So fourteen digits are a date with its time, and
            eight a date. Without a zone it is UTC.

    Returns:
        Milliseconds since the epoch; None where it is none of these, or no date of the calendar.
    """
    if _EPOCH.fullmatch(text):
        return source_time(int(text))
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, hours, minutes = (
        int(found[name] or 0) for name in _NUMBERS
    )
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
    ahead = (hours * 60 + minutes) * (-60 if found["sign"] == "-" else 60)
    fraction = int((found["fraction"] or "")[:3].ljust(3, "0"))
    milliseconds = (int(moment.timestamp()) - ahead) * 1000 + fraction
    return milliseconds if milliseconds > 0 else None
