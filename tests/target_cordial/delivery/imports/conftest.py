from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from target_cordial.ledger.places import MEMORY
from target_cordial.ledger.store import Ledger
from tests.target_cordial.delivery.imports.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A ledger in memory, with the cohorts 1 and 2."""
    # Opening a ledger names a folder for SQLite's own files; that ends with the test.
    monkeypatch.setenv("SQLITE_TMPDIR", os.environ.get("SQLITE_TMPDIR", "/tmp"))  # noqa: S108  the default place
    made = Ledger(MEMORY, exclusive=False)
    made.ensure_cohort("c1", "active users")
    made.ensure_cohort("c2", "lapsed")
    yield made
    made.close()


@pytest.fixture
def scene(ledger: Ledger) -> Scene:
    return Scene(ledger)
