"""Any sequence of snapshots, changes, messages, failures and decisions, over all deliveries.

A short profile runs with all tests; ``make soak`` runs the long one: 10,000 examples in six parts.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.ledgers import POSTGRES
from tests.machine.imports import ImportMachine
from tests.machine.machine import EndpointMachine, Machine
from tests.profiles import SHORT, SOAK, is_soak

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ledgers import LedgerPlace
    from tests.staging import StagingStore

LONG = is_soak()
PROFILE = settings.get_profile(SOAK) if LONG else SHORT
A_FEW = settings(PROFILE, max_examples=PROFILE.max_examples // 4)
"""Of the same examples: what differs with another ledger is how it is kept, not what is said."""

MEMORY = Path("/dev/shm")  # noqa: S108  a ledger in a file that no disk has to wait for

PARTS = pytest.mark.parametrize("part", [1, 2] if LONG else [1])


@PARTS
@pytest.mark.parametrize("machine", [Machine, EndpointMachine], ids=["contacts", "endpoint"])
def test_every_list_is_what_the_contract_says(machine: type[Machine], part: int) -> None:
    _run(machine, part)


@PARTS
def test_every_list_is_what_the_contract_says_by_imports(
    part: int, staging_store: StagingStore
) -> None:
    _run(ImportMachine, part, store=staging_store)


@pytest.mark.parametrize("machine", [Machine, EndpointMachine], ids=["contacts", "endpoint"])
def test_every_list_is_what_the_contract_says_with_a_ledger_in_postgres(
    machine: type[Machine], make_place: Callable[[str], LedgerPlace]
) -> None:
    _run(machine, 1, A_FEW, new_ledger=staticmethod(partial(make_place, POSTGRES)))


def test_every_list_is_what_the_contract_says_by_imports_with_a_ledger_in_postgres(
    staging_store: StagingStore, make_place: Callable[[str], LedgerPlace]
) -> None:
    new_ledger = staticmethod(partial(make_place, POSTGRES))
    _run(ImportMachine, 1, A_FEW, store=staging_store, new_ledger=new_ledger)


def _run(
    machine: type[Machine], part: int, profile: settings = PROFILE, **attributes: object
) -> None:
    folder = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=folder) as place:
        name = f"{machine.__name__}_{part}"
        one = type(name, (machine,), {"folder": Path(place), **attributes})
        run_state_machine_as_test(one, settings=profile)
