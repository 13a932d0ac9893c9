"""Ledgers of other versions: older ones are brought up to date, newer ones are refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.errors import LedgerError, LedgerLockedError, LedgerVersionError
from target_cordial.ledger import versions
from target_cordial.ledger.schema import ledger_metadata
from target_cordial.ledger.store import Ledger
from tests.ledgers import KINDS, POSTGRES, PostgresPlace, SQLitePlace

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ledgers import LedgerPlace

FIRST = Path(__file__).with_name("version_1.sql")


def first_version(path: Path, destination: str = "https://api.usw1.cordial.io/v2") -> SQLitePlace:
    """Make a ledger as the first version left it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST.read_text("utf-8").replace("{destination}", destination))
    return SQLitePlace(path)


@pytest.fixture
def old(tmp_path: Path) -> SQLitePlace:
    return first_version(tmp_path / "old" / "ledger.db")


def shape(place: SQLitePlace) -> dict[str, Any]:
    """Tell how a ledger is built: columns, keys and indexes, whatever made them."""
    columns = {
        table: [tuple(c.values()) for c in place.read(f"PRAGMA table_info({table})")]
        for table in place.tables()
    }
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    return {"columns": columns, "indexes": {row["name"]: row["sql"] for row in place.read(query)}}


def as_kept(place: LedgerPlace) -> dict[str, list[dict[str, Any]]]:
    """Read what a ledger knows of the world, less what it knows of itself."""
    known = place.dump()
    of_itself = (versions.NAME, versions.SALT)
    known["meta"] = [row for row in known["meta"] if row["name"] not in of_itself]
    for row in known["run"]:
        row.pop("number", None)
    for row in known["member"]:
        row.pop("digest", None)
    for row in known["entry"]:
        row.pop("run", None)
        row.pop("before", None)
    known.pop("tally", None)
    return known


def test_an_older_ledger_knows_all_that_it_knew(old: SQLitePlace) -> None:
    before = as_kept(old)
    ledger = Ledger(old.url, exclusive=True)
    last = ledger.last_run()
    ledger.close()
    assert as_kept(old) == before
    assert last is not None
    assert last["run_id"] == "2026-11-25T10:00:00Z-e1f5ef"
    assert old.read("SELECT value FROM meta WHERE name = 'version'") == [
        {"value": str(versions.VERSION)}
    ]


def test_an_older_ledger_is_built_as_a_new_one_is(old: SQLitePlace, tmp_path: Path) -> None:
    new = SQLitePlace(tmp_path / "new" / "ledger.db")
    for place in (old, new):
        Ledger(place.url, exclusive=True).close()
    assert shape(old) == shape(new)
    assert set(new.tables()) == set(ledger_metadata.tables)


def test_there_is_a_step_from_every_older_version() -> None:
    assert sorted(versions.STEPS) == list(range(1, versions.VERSION))


def test_a_step_that_fails_leaves_the_ledger_as_it_was(
    old: SQLitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old.dump()
    steps = {1: (*versions.STEPS[1], "INSERT INTO nowhere VALUES (1)")}
    monkeypatch.setattr(versions, "STEPS", steps)
    with pytest.raises(LedgerError, match="can't be opened"):
        Ledger(old.url, exclusive=True)
    assert old.dump() == before
    monkeypatch.undo()
    Ledger(old.url, exclusive=True).close()  # nobody holds it


def test_a_dry_run_leaves_an_older_ledger_as_it_is(old: SQLitePlace) -> None:
    before = old.dump()
    dry = Ledger(old.url, exclusive=True, dry=True)
    assert len(dry.cohorts()) == 1
    dry.close()
    assert old.dump() == before


def test_a_command_brings_an_older_ledger_up_to_date_unless_a_run_holds_it(
    old: SQLitePlace,
) -> None:
    before = old.dump()
    file = Ledger(old.url, exclusive=True, dry=True)  # holds it, and changes nothing
    with pytest.raises(LedgerLockedError):
        Ledger(old.url, exclusive=False)
    file.close()
    assert old.dump() == before
    Ledger(old.url, exclusive=False).close()
    assert "number" in old.tables()["run"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("exclusive", "dry"), [(True, False), (False, False), (True, True)])
def test_a_newer_ledger_is_refused_and_left_alone(
    make_place: Callable[[str], LedgerPlace],
    kind: str,
    exclusive: bool,  # noqa: FBT001  a column of the table
    dry: bool,  # noqa: FBT001  likewise
) -> None:
    place = make_place(kind)
    Ledger(place.url, exclusive=True).close()
    place.write("UPDATE meta SET value = '99' WHERE name = 'version'")
    before = place.dump()
    with pytest.raises(LedgerVersionError, match=r"newer target-cordial: it is of version 99,"):
        Ledger(place.url, exclusive=exclusive, dry=dry)
    assert place.dump() == before


def test_a_version_that_is_none_is_no_version(tmp_path: Path) -> None:
    place = SQLitePlace(tmp_path / "state" / "ledger.db")
    Ledger(place.url, exclusive=True).close()
    place.write("UPDATE meta SET value = 'two' WHERE name = 'version'")
    with pytest.raises(LedgerError, match="version can't be read"):
        Ledger(place.url, exclusive=True)


def test_a_schema_with_a_table_of_something_else_is_no_ledger(
    make_place: Callable[[str], LedgerPlace],
) -> None:
    place = make_place(POSTGRES)
    assert isinstance(place, PostgresPlace)
    place.write(f"CREATE SCHEMA {place.schema}", f"CREATE TABLE {place.schema}.message (x integer)")
    for exclusive in (True, False):
        with pytest.raises(LedgerError, match="a table of something else"):
            Ledger(place.url, exclusive=exclusive)
    assert place.tables() == {"message": ["x"]}


def test_the_file_of_something_else_is_no_ledger(tmp_path: Path) -> None:
    place = SQLitePlace(tmp_path / "others.db")
    place.write("CREATE TABLE runs (x INTEGER)")
    for exclusive in (True, False):
        with pytest.raises(LedgerError, match="tables of something else"):
            Ledger(place.url, exclusive=exclusive)
    assert place.tables() == {"runs": ["x"]}
