"""The rows of the matrix about runs that are told to stop, and the signals that tell them."""

from __future__ import annotations

import signal
from typing import Final

import pytest

from tests.faults.matrix import COLUMNS, Fault

TERM: Final = signal.SIGTERM
INT: Final = signal.SIGINT

READING: Final = Fault("stop_reading", "while it reads, the input open", "signals")
DELIVERING: Final = Fault(
    "stop_delivering", "while it delivers, calls on their way that come to an end", "signals"
)
HANGING: Final = Fault(
    "stop_hanging", "while it delivers, calls on their way that come to none", "signals"
)
LIMITED: Final = Fault("stop_limited", "while it waits for `Retry-After`, an hour", "signals")
POLLING: Final = Fault(
    "stop_polling",
    "while it follows a job",
    "signals",
    not_applicable={"contacts": "there are no jobs", "endpoint": "there are no jobs"},
)
_BEFORE: Final = "it happens before any delivery is chosen: as with contacts"
LOCKED: Final = Fault(
    "stop_locked",
    "while it waits for a ledger that somebody else writes to",
    "signals",
    not_applicable={"imports": _BEFORE, "endpoint": _BEFORE},
)

ROWS: Final = (READING, DELIVERING, HANGING, LIMITED, POLLING, LOCKED)

Signals = tuple[signal.Signals, ...]

BOTH: Final[tuple[Signals, ...]] = ((TERM,), (TERM, TERM), (INT,), (INT, INT))
"""Both signals, once and twice: in one column, since no delivery knows which it was."""

ONE: Final[dict[str, Signals]] = {
    "contacts-sqlite": (TERM, INT),
    "contacts-postgres": (INT,),
    "imports-sqlite": (TERM,),
    "imports-postgres": (INT, INT),
    "endpoint-sqlite": (INT,),
    "endpoint-postgres": (TERM, TERM),
}
"""What the cells of a column are told with."""

by_both = pytest.mark.parametrize(
    ("column", "numbers"),
    [
        pytest.param(COLUMNS[0], numbers, id="-".join(number.name for number in numbers))
        for numbers in BOTH
    ],
)
"""Parametrises a test with ``column`` and ``numbers``, the signals."""
