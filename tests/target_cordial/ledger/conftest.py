from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import MEMORY
from target_cordial.ledger.store import Ledger
from tests.ledgers import KINDS, SQLITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ledgers import LedgerPlace


@pytest.fixture(autouse=True)
def sqlite_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a ledger names a folder for SQLite's own files; that ends with the test."""
    monkeypatch.setenv("SQLITE_TMPDIR", os.environ.get("SQLITE_TMPDIR", "/tmp"))  # noqa: S108  the default place


@pytest.fixture(params=KINDS)
def ledger(
    request: pytest.FixtureRequest, make_place: Callable[[str], LedgerPlace]
) -> Iterator[Ledger]:
    """A ledger of either kind, with the cohorts 1 and 2; SQLite's in memory."""
    kind = request.param
    made = Ledger(MEMORY if kind == SQLITE else make_place(kind).url, exclusive=False)
    assert made.ensure_cohort("c1", "active users") == 1
    assert made.ensure_cohort("c2", "lapsed") == 2
    yield made
    made.close()


@pytest.fixture
def book(ledger: Ledger) -> Entries:
    return Entries(ledger)
