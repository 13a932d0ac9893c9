"""Scenes for cells: a service that can be broken, and a first day that was synced cleanly."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import NullPool, create_engine

from tests.faults import matrix
from tests.faults.privacy import API_KEY
from tests.faults.scene import Scene
from tests.faults.service import Service, serving_broken
from tests.ledgers import MEMORY, SQLITE, LedgerPlace, PostgresPlace, SQLitePlace
from tests.turns import EACH, TURNS, by_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import URL

    from cordial_sandbox.account import Account
    from tests.faults.matrix import Column, Fault

NUMBERS = itertools.count(1)
SCHEMA = "ledger"


@pytest.fixture(scope="session")
def broken_service() -> Iterator[Service]:
    with serving_broken(API_KEY) as service:
        yield service


@pytest.fixture(autouse=True)
def cell_is_told(request: pytest.FixtureRequest) -> Iterator[None]:
    """A cell's test that tells no result holds nothing."""
    yield
    named = getattr(request.node, "callspec", None)
    given = named.params if named is not None else {}
    if {"fault", "column"} <= given.keys() and request.node.stash.get(PASSED, False):
        assert (given["fault"].name, given["column"].id) in matrix.TOLD


PASSED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the cells that run: see the option ``--ways`` and ``matrix.APART``."""
    config.stash[matrix.COLLECTED] = [
        (cell[0].name, cell[1].id) for item in items if (cell := _cell(item))
    ]
    asked = config.getoption("--ways")
    if asked == TURNS:
        items[:] = by_turns(items, _row_of)
    elif asked != EACH:
        items[:] = [item for item in items if not (it := _cell(item)) or it[1].ledger == asked]


def _cell(item: pytest.Item) -> tuple[Fault, Column] | None:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return (given["fault"], given["column"]) if {"fault", "column"} <= given.keys() else None


def _row_of(item: pytest.Item) -> Any:
    """What cells have in common of which one is enough."""
    cell = _cell(item)
    if cell is None:
        return None
    fault, column = cell
    return fault.name, *(getattr(column, name) for name in matrix.APART.get(fault.group, ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if call.when == "call":
        item.stash[PASSED] = call.excinfo is None
    return report


class FirstDays:
    """The first day's run, done once a column; every scene begins with a copy of what it left."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._kept: dict[str, tuple[Account, Callable[[LedgerPlace], None]]] = {}

    def begin(self, scene: Scene) -> None:
        """Let a scene's first day be over."""
        column = scene.column.id
        if column not in self._kept:
            self._kept[column] = self._synced(scene)
            return
        account, fill = self._kept[column]
        self.service.reset(account)
        fill(scene.place)

    def _synced(self, scene: Scene) -> tuple[Account, Callable[[LedgerPlace], None]]:
        messages = scene.from_nothing()
        ended = scene.run(*messages)
        assert ended.code == 0, ended.stderr
        scene.strangers_come()
        scene.is_as_it_should_be()
        scene.before = scene.after
        self.service.writes()
        return self.service.kept(), keeper_of(scene.place)


def keeper_of(place: LedgerPlace) -> Callable[[LedgerPlace], None]:
    """Keep a ledger as it is.

    Returns:
        What puts it into another place.
    """
    if isinstance(place, SQLitePlace):
        content = place.path.read_bytes()

        def fill(other: LedgerPlace) -> None:
            assert isinstance(other, SQLitePlace)
            other.path.parent.mkdir(mode=0o700, parents=True)
            other.path.touch(0o600)
            other.path.write_bytes(content)

        return fill
    assert isinstance(place, PostgresPlace)
    template = f"{place.database.database}_kept"
    run_sql(
        place.database,
        f"CREATE DATABASE {template} TEMPLATE {place.database.database}",
    )

    def make(other: LedgerPlace) -> None:
        assert isinstance(other, PostgresPlace)
        run_sql(
            other.database,
            f"DROP DATABASE {other.database.database} WITH (FORCE)",
            f"CREATE DATABASE {other.database.database} TEMPLATE {template}",
        )

    return make


def run_sql(database: URL, *statements: str) -> None:
    """Run statements about databases, which no transaction may hold."""
    server = database.set(database="postgres", drivername="postgresql+psycopg")
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(scope="session")
def first_days(broken_service: Service) -> FirstDays:
    return FirstDays(broken_service)


@pytest.fixture
def place(column: Column, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerPlace]:
    """The column's ledger."""
    if column.ledger == SQLITE:
        memory = MEMORY if os.access(MEMORY, os.W_OK) else tmp_path
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            yield SQLitePlace(Path(folder, "state", "ledger.db"))
        return
    server: URL = request.getfixturevalue("postgres_database")
    name = f"cell_{os.getpid()}_{next(NUMBERS)}"
    run_sql(server, f"CREATE DATABASE {name}")
    yield PostgresPlace(server.set(database=name, password="zq7mark-password"), SCHEMA)
    run_sql(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def scene(  # noqa: PLR0917  these are fixtures
    column: Column,
    place: LedgerPlace,
    first_days: FirstDays,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    """A scene whose first day is over."""
    monkeypatch.setenv("LOGLEVEL", "DEBUG")
    by_imports = column.delivery == "imports"
    store = request.getfixturevalue("staging_store") if by_imports else None
    scene = Scene(column, first_days.service, place, tmp_path, store)
    first_days.begin(scene)
    return scene
