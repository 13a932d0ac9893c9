"""Cells: a ledger in trouble."""

from __future__ import annotations

import contextlib
import os
import resource
from typing import TYPE_CHECKING, Any
from unittest import mock

from target_cordial.ledger.store import Ledger
from tests.faults import ledger as rows
from tests.faults.calls import lists
from tests.faults.matrix import cells, told
from tests.faults.people import ACTIVE, DAY_1, VIPS
from tests.faults.service import Wire
from tests.ledgers import POSTGRES, SQLITE, PostgresPlace, SQLitePlace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.matrix import Column, Fault
    from tests.faults.scene import Scene
    from tests.ledgers import LedgerPlace

SMALL = 16 * 1024
"""Bytes: a file that has as many grows no more. Reports are smaller, a ledger is not."""

POWERLESS = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search,-fowner",
    "--inh-caps=-all",
)
"""Without what lets root write files that nobody may write."""


@cells([rows.LOCKED])
def test_a_ledger_that_another_run_holds(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    other = Ledger(scene.place.url, exclusive=True)
    with (
        contextlib.closing(other),
        mock.patch("target_cordial.ledger.postgres.HOLD_SECONDS", 0.05),
    ):
        ended = scene.run(*messages)
    assert "Another run is using the ledger" in ended.last_line
    told(fault, column, course(scene, messages, ended))


# -- a ledger that can't be written ---------------------------------------------------------------


@cells([rows.READ_ONLY], ledgers=[SQLITE])
def test_a_file_that_can_not_be_written(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    file = file_of(scene.place)
    file.chmod(0o400)
    file.parent.chmod(0o500)
    scene.commands.under = POWERLESS if os.geteuid() == 0 else ()
    ended = scene.run(*messages, started=True)
    assert "Make its folder writable or choose another ledger_url" in ended.last_line
    file.parent.chmod(0o700)
    file.chmod(0o600)
    told(fault, column, course(scene, messages, ended))


@cells([rows.READ_ONLY], ledgers=[POSTGRES])
def test_a_database_that_can_not_be_written(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    name = database_of(scene.place)
    scene.place.write(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    ended = scene.run(*messages)
    assert "read only" in ended.last_line
    scene.place.write(
        "SET transaction_read_only = off",
        f"ALTER DATABASE {name} RESET default_transaction_read_only",
    )
    told(fault, column, course(scene, messages, ended))


@cells([rows.FULL_SEALING])
def test_a_disk_that_is_full_before_the_sealing(fault: Fault, column: Column, scene: Scene) -> None:
    full_at(scene, Wire(lists, times=1), fault, column)


@cells([rows.FULL_PLANNING])
def test_a_disk_that_is_full_before_the_plan(fault: Fault, column: Column, scene: Scene) -> None:
    full_at(scene, Wire(lists, skip=1, times=1), fault, column)


@cells([rows.FULL_RECORDING])
def test_a_disk_that_is_full_before_an_outcome(fault: Fault, column: Column, scene: Scene) -> None:
    full_at(scene, Wire(scene.writes, times=1), fault, column)


def full_at(scene: Scene, wire: Wire, fault: Fault, column: Column) -> None:
    """Let the disk be full from a call on, until the run has ended."""
    messages = scene.changed()
    with contextlib.ExitStack() as stack:
        wire.meanwhile = lambda: stack.enter_context(full_disk(scene.place))
        scene.service.wires = [wire]
        ended = scene.run(*messages, max_concurrency=1)
    assert "disk" in ended.last_line
    told(fault, column, course(scene, messages, ended))


@contextlib.contextmanager
def full_disk(place: LedgerPlace) -> Iterator[None]:
    """Let no file grow in this process, or no table take rows."""
    if isinstance(place, SQLitePlace):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        return
    tables = list(place.tables())
    place.write(
        "CREATE FUNCTION ledger.full() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'zq7mark: no space'; END $$",
        *(
            f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON ledger.{table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger.full()"
            for table in tables
        ),
    )
    try:
        yield
    finally:
        place.write("DROP FUNCTION ledger.full() CASCADE")


# -- a ledger that is not what it was -------------------------------------------------------------


@cells([rows.GARBAGE], ledgers=[SQLITE])
def test_a_file_full_of_garbage(fault: Fault, column: Column, scene: Scene) -> None:
    spoiled(scene, fault, column, lambda content: b"zq7mark garbage " * (len(content) // 16))


@cells([rows.TRUNCATED], ledgers=[SQLITE])
def test_a_file_cut_off(fault: Fault, column: Column, scene: Scene) -> None:
    spoiled(scene, fault, column, lambda content: content[: len(content) // 2])


def spoiled(scene: Scene, fault: Fault, column: Column, spoil: Callable[[bytes], bytes]) -> None:
    messages = scene.changed()
    file = file_of(scene.place)
    content = file.read_bytes()
    file.write_bytes(spoil(content))
    ended = scene.run(*messages)
    assert "ledger" in ended.last_line
    for suffix in ("-wal", "-shm"):
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
    file.write_bytes(content)
    told(fault, column, course(scene, messages, ended, "ledger restored: "))


@cells([rows.TABLE_DROPPED])
def test_a_table_that_is_gone(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    scene.place.write("ALTER TABLE entry RENAME TO entry_away")
    ended = scene.run(*messages)
    assert "ledger" in ended.last_line
    scene.place.write("ALTER TABLE entry_away RENAME TO entry")
    told(fault, column, course(scene, messages, ended, "ledger restored: "))


@cells([rows.NEWER])
def test_a_ledger_of_a_newer_version(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    scene.place.write("UPDATE meta SET value = value || '0' WHERE name = 'version'")
    ended = scene.run(*messages)
    assert "newer target-cordial" in ended.last_line
    scene.place.write("UPDATE meta SET value = rtrim(value, '0') WHERE name = 'version'")
    told(fault, column, course(scene, messages, ended, "with the newer one: "))


@cells([rows.REMOVED])
def test_a_ledger_that_was_removed(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    scene.place.remove()
    ended = scene.run(*messages)
    assert "cordial-ledger adopt" in ended.last_line
    seen = scene.seen(ended)
    for cohort in (ACTIVE, VIPS):
        ours = scene.commands.folder / f"{cohort}.csv"
        ours.write_text("email\n" + "".join(f"{email}\n" for _, email in DAY_1[cohort]))
        scene.ledger_command("adopt", cohort, "--file", str(ours))
    scene.converge(*messages, state=False)  # who is adopted is taken off by a whole snapshot
    told(fault, column, f"{seen}; converges after `cordial-ledger adopt` and a full run")


@cells([rows.ACCOUNT, rows.IDENTIFIER, rows.MAPPING])
def test_a_ledger_that_belongs_elsewhere(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    elsewhere = scene.service.url.replace("127.0.0.1", "localhost")
    other: dict[str, Any] = {
        "other_account": {"api_url": f"{elsewhere}/v2"},
        "other_identifier": {"contact_identifier_name": "channels.sms.address"},
        "other_mapping": {"contact_identifier_mapping": "city"},
    }[fault.name]
    if fault is rows.ACCOUNT and column.delivery == "endpoint":
        other["endpoint"] = elsewhere
    ended = scene.run(*messages, **other)
    assert "Nothing was written" in ended.last_line
    assert "cordial-ledger rebind" in ended.last_line
    told(fault, column, course(scene, messages, ended, "setting put back: "))


# -- a server that is gone ------------------------------------------------------------------------


@cells([rows.NO_SERVER], ledgers=[POSTGRES])
def test_a_server_that_is_not_there(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    nowhere = "postgresql://zq7mark:zq7mark@127.0.0.1:9/zq7mark"
    ended = scene.run(*messages, ledger_url=nowhere)
    assert "server" in ended.last_line
    told(fault, column, course(scene, messages, ended))


@cells([rows.GONE_READING], ledgers=[POSTGRES])
def test_a_server_that_goes_while_the_run_reads(fault: Fault, column: Column, scene: Scene) -> None:
    gone_at(scene, Wire(lists, times=1), fault, column)


@cells([rows.GONE_WRITING], ledgers=[POSTGRES])
def test_a_server_that_goes_while_the_run_delivers(
    fault: Fault, column: Column, scene: Scene
) -> None:
    gone_at(scene, Wire(scene.writes, times=1), fault, column)


def gone_at(scene: Scene, wire: Wire, fault: Fault, column: Column) -> None:
    """Let the server end the ledger's connection when a call comes."""
    messages = scene.changed()
    wire.meanwhile = lambda: scene.place.write(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'target-cordial'"
    )
    scene.service.wires = [wire]
    ended = scene.run(*messages, max_concurrency=1)
    assert "server" in ended.last_line
    told(fault, column, course(scene, messages, ended))


# -- what they have in common ---------------------------------------------------------------------


def course(scene: Scene, messages: list[Any], ended: Any, mended: str = "") -> str:
    """Say what was seen, and let the next run mend it."""
    seen = scene.seen(ended)
    return f"{seen}; {mended}{scene.converge(*messages, state=bool(ended.states))}"


def file_of(place: LedgerPlace) -> Any:
    assert isinstance(place, SQLitePlace)
    return place.path


def database_of(place: LedgerPlace) -> str:
    assert isinstance(place, PostgresPlace)
    return str(place.database.database)
