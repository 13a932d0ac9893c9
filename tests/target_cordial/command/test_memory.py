"""Members are never held in memory by the million: a run takes as much for few as for many."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.measure import run
from benchmarks.rows import Snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

FEW = 10_000
MANY = 80_000

GROWTH = 1.3
"""The bar of ``docs/benchmarks.md``, which is taken with far more rows."""


@pytest.mark.ledger("sqlite")
def test_memory_does_not_grow_with_the_members(
    commands: Commands, sandbox: Running, tmp_path: Path
) -> None:
    """A first sync is planned: all members are new, so all of them go through every step."""
    assert commands.target().code == 0  # makes the ledger: without one it would be in memory
    config = commands.config(dry_run=True, endpoint=sandbox.url, delivery="endpoint")
    assert json.loads(config.read_text())["ledger_url"].endswith(".db")
    peaks = []
    for members in (FEW, MANY):
        given = tmp_path / "given"
        Snapshot(members).write(given)
        target = Path(sys.executable).parent / "target-cordial"
        taken = run([target, "--config", config, "--input", given], cwd=tmp_path)
        assert f"{members} memberships would be added" in taken.output, taken.output[-500:]
        peaks.append(taken.peak)
    assert peaks[1] <= GROWTH * peaks[0], peaks
