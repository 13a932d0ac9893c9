"""How long a fuzz goes on, and where its ledger is."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings

from tests.ledgers import MEMORY, SQLITE, SQLitePlace
from tests.profiles import SHORT, is_soak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ledgers import LedgerPlace

LONG = is_soak()


def examples(short: int, long: int) -> settings:
    """Say how many examples a fuzz has, in the profile that is in use."""
    if LONG:
        return settings(SHORT, max_examples=long, derandomize=False, print_blob=True)
    return settings(SHORT, max_examples=short)


@contextmanager
def in_memory(
    kind: str, make_place: Callable[[str], LedgerPlace]
) -> Iterator[tuple[LedgerPlace, Path]]:
    """Make a ledger that no disk has to wait for, and a folder beside it."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as name:
        folder = Path(name)
        sqlite = SQLitePlace(folder / "state" / "ledger.db")
        yield (sqlite if kind == SQLITE else make_place(kind)), folder
