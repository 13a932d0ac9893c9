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

_EXPORTED: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T_ ]?(\d\d)[-:]?(\d\d)(?:[-:]?(\d\d))?", re.ASCII
)


def source_time(value: Any) -> int | None:  # noqa: ANN401  JSON has any type
    """Read a record's time.

    Args:
        value: As it stands in the record. A text without a zone is UTC.

    Returns:
        Milliseconds since the epoch; None for null, zero and whatever is no time.
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            value = float(text)
        except ValueError:
            return _from_iso(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 < value <= LARGEST_MILLISECONDS:  # False for "nan" too
        return None
    return int(value) if value > LARGEST_SECONDS else int(value * 1000)


def exported_time(text: str) -> int | None:
    """Read the time in the name of an exported file.

    Amplitude's documentation gives it as ``YYYY-MM-DDTHH-SS`` and as ``YYYY-MM-DDTHH:SS``, so the
    separators are read loosely; that the last two digits are minutes, and all of it UTC, is
    assumed.
    """
    found = _EXPORTED.fullmatch(text.rstrip("Z"))
    if found is None:
        return None
    try:
        moment = datetime(*(int(part or 0) for part in found.groups()), tzinfo=timezone.utc)  # type: ignore[arg-type,misc]  # six numbers
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000


def _from_iso(text: str) -> int | None:
    text = text.removesuffix("Z").removesuffix("z") + "+00:00" if text[-1:] in "Zz" else text
    # Python 3.10 wants three or six digits after the point, and takes no other number of them.
    text = re.sub(r"\.(\d{1,6})\d*", lambda part: "." + part[1].ljust(6, "0"), text, count=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    try:
        milliseconds = int(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None
    return milliseconds if milliseconds > 0 else None
