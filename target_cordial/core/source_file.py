"""The names of Amplitude's exported cohort files, as file taps put them on every row.

``[path/]<project>_<cohort>_<time>_<entering|exiting|existing>[_<key>].csv``, documented by
Amplitude for its Amazon S3 cohort destination.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from target_cordial.core.times import written_time

_TIME: Final = (
    r"\d{4}-\d\d-\d\d_\d[^/\\_]*|\d{8}_(?:\d\d[-:]?){1,2}\d\d(?:[.Z+-][^/\\_]*)?|[^/\\_]+"
)
"""A ``_`` can stand between date and time of day: what follows must look like the latter, for a
cohort's id may look like the former."""

_NAME: Final = re.compile(
    rf"(?:^|[/\\_])[^/\\_]+_(?P<cohort>[^/\\_]+)_(?P<time>{_TIME})"
    r"_(?P<kind>entering|exiting|existing)(?:_[^/\\]*)?\.csv(?:\.gz)?$",
    re.IGNORECASE,
)

_EARLIER: Final = 1
"""Milliseconds by which ``existing`` is older than the other two files of its sync."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What an exported file's name says of its rows.

    Attributes:
        cohort_id: Their cohort.
        present: In it, or gone.
        time: When that was so, in milliseconds since the epoch; None where the name has no time
            that can be read, so that nobody can say whether the file is an old one.
    """

    cohort_id: str
    present: bool
    time: int | None


def read_source_file(path: object) -> SourceFile | None:
    """Read the name of an exported file.

    Args:
        path: As a file tap gives it.

    Returns:
        What it says; None where it is no such name. ``existing`` holds the members of the sync
        before, and ``exiting`` of the same time may have some of them: so it counts as a moment
        older, whichever file is read first.
    """
    found = _NAME.search(path) if isinstance(path, str) else None
    if found is None:
        return None
    kind = found["kind"].lower()
    time = written_time(found["time"])
    if time is not None and kind == "existing":
        time -= _EARLIER
    return SourceFile(found["cohort"], kind != "exiting", time)
