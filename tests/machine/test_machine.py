"""Any sequence of snapshots, changes, messages, failures and decisions, over both deliveries.

A short profile runs with all tests; ``make soak`` runs the long one: 10,000 examples in four parts.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Machine

LONG = settings.get_current_profile_name() == "soak"
PROFILE = settings.get_profile("soak" if LONG else "short")

MEMORY = Path("/dev/shm")  # noqa: S108  a ledger in a file that no disk has to wait for


@pytest.mark.parametrize("part", [1, 2] if LONG else [1])
@pytest.mark.parametrize("delivery", ["contacts", "endpoint"])
def test_every_list_is_what_the_contract_says(delivery: str, part: int) -> None:
    folder = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=folder) as place:
        attributes = {"delivery": delivery, "folder": Path(place)}
        machine = type(f"Machine_{delivery}_{part}", (Machine,), attributes)
        run_state_machine_as_test(machine, settings=PROFILE)
