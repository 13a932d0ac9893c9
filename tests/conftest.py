"""Fixtures for all tests: a sandbox, one server a worker, put back before every test."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest import mock

import pytest

import tests.profiles  # noqa: F401  pytest has to know them before it chooses one
from cordial_sandbox.server import serving
from tests.compiled import engine_of
from tests.ledgers import KINDS, make_place, postgres_database
from tests.staging import no_clouds, staging_server, staging_store
from tests.turns import EACH, TURNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.server import Running


__all__ = [  # fixtures: importing is using
    "make_place",
    "no_clouds",
    "postgres_database",
    "staging_server",
    "staging_store",
]


LONG: Final = ("tests/whole/", "tests/faults/", "tests/machine/", "tests/fuzz/")
"""Where the long tests are. They come first: at the end a worker would be alone with one."""

MEMORY: Final = Path("/dev/shm")  # noqa: S108  a ledger in a file that no disk has to wait for

ENOUGH_BYTES: Final = 1 << 30


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    with (
        mock.patch("target_cordial.ledger.sqlite.create_engine", engine_of),
        mock.patch("target_cordial.ledger.postgres.create_engine", engine_of),
    ):
        yield


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Running]:
    with serving() as running:
        yield running


@pytest.fixture
def sandbox(sandbox_server: Running) -> Iterator[Running]:
    """A sandbox that holds every test to what no delivery may do: to subscribe anybody, say."""
    sandbox_server.control.reset(day=1)
    yield sandbox_server
    assert sandbox_server.control.violations() == []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ways",
        choices=[*KINDS, EACH, TURNS],
        default=TURNS,
        help="of tests that do the same with both kinds of ledger, or by every delivery: one by "
        "turns; each; or each with one kind of ledger",
    )


def pytest_configure(config: pytest.Config) -> None:
    # The SDK warns from half a year before an interpreter's end of life; that is no fault of ours.
    config.addinivalue_line("filterwarnings", "ignore:.*end of life.*:FutureWarning")
    if os.access(MEMORY, os.W_OK):
        memory = os.statvfs(MEMORY)
        if memory.f_bavail * memory.f_frsize >= ENOUGH_BYTES:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # the tests and all modules: to look through them again and again finds nothing
