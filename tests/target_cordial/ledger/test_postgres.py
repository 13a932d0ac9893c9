"""A ledger in a real PostgreSQL server."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import NullPool, create_engine, select, text

from target_cordial.errors import LedgerError, LedgerLockedError
from target_cordial.ledger import postgres
from target_cordial.ledger.places import ledger_exists, place_of
from target_cordial.ledger.postgres import DRIVER
from target_cordial.ledger.schema import ledger_metadata, meta
from target_cordial.ledger.stage import Stage
from target_cordial.ledger.store import Ledger
from tests.ledgers import POSTGRES, PostgresPlace
from tests.target_cordial.ledger.rows import row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL, Connection

    from tests.ledgers import LedgerPlace

HOLDER = """
import sys
from target_cordial.ledger.store import Ledger
ledger = Ledger(sys.argv[1], exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(make_place: Callable[[str], LedgerPlace]) -> PostgresPlace:
    made = make_place(POSTGRES)
    assert isinstance(made, PostgresPlace)
    return made


@pytest.fixture
def ledger(place: PostgresPlace) -> Iterator[Ledger]:
    made = Ledger(place.url, exclusive=True)
    yield made
    made.close()


@pytest.fixture
def server(postgres_database: URL) -> Iterator[Connection]:
    """The server's administrator."""
    url = postgres_database.set(drivername=DRIVER)
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def setting(ledger: Ledger, name: str) -> str:
    with ledger.write():
        return str(ledger.connection.execute(text(f"SHOW {name}")).scalar())


def pid(ledger: Ledger) -> int:
    with ledger.write():
        return int(ledger.connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


# -- its place ------------------------------------------------------------------------------------


def test_a_schema_that_is_missing_is_made(place: PostgresPlace) -> None:
    assert not ledger_exists(place.url)
    Ledger(place.url, exclusive=True).close()
    assert ledger_exists(place.url)
    assert set(place.tables()) == set(ledger_metadata.tables)


def test_ledgers_in_two_schemas_know_nothing_of_each_other(
    make_place: Callable[[str], LedgerPlace],
) -> None:
    one, two = (Ledger(make_place(POSTGRES).url, exclusive=True) for _ in range(2))
    one.ensure_cohort("c1", "active users")
    assert [row.cohort_id for row in one.cohorts()] == ["c1"]
    assert two.cohorts() == []
    one.close()
    two.close()


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg2", "postgresql+pg8000"])
def test_the_driver_of_the_url_does_not_matter(place: PostgresPlace, driver: str) -> None:
    url = place.url.replace("postgresql://", f"{driver}://", 1)
    Ledger(url, exclusive=True).close()
    assert ledger_exists(place.url)


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"pip install 'target-cordial\[postgres\]'"):
        place_of("postgresql://somebody@somewhere/ledgers")


def test_a_search_path_without_a_schema_is_refused(postgres_database: URL) -> None:
    url = postgres_database.update_query_dict({"options": '-csearch_path="$user"'})
    with pytest.raises(LedgerError, match="no such schema"):
        Ledger(url.render_as_string(hide_password=False), exclusive=True)


def test_a_database_that_does_not_hold_every_name_is_refused(
    server: Connection, postgres_database: URL
) -> None:
    server.exec_driver_sql("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'SQL_ASCII'")
    try:
        url = postgres_database.set(database="narrow").render_as_string(hide_password=False)
        with pytest.raises(LedgerError, match="is in SQL_ASCII, which does not hold every name"):
            Ledger(url, exclusive=True)
    finally:
        server.exec_driver_sql("DROP DATABASE narrow")


@pytest.mark.parametrize(
    "wrong", [{"database": "nowhere"}, {"username": "nobody"}, {"host": "127.0.0.1", "port": 1}]
)
def test_what_can_not_be_reached_is_told_without_the_url(
    postgres_database: URL, wrong: dict[str, str]
) -> None:
    url = postgres_database.set(password="s3cret", **wrong)  # type: ignore[arg-type]  # a table
    if "host" in wrong:
        url = url.set(query={})
    for look in (ledger_exists, lambda found: Ledger(found, exclusive=True)):
        with pytest.raises(LedgerError, match="can't be opened: the server can't be") as refused:
            look(url.render_as_string(hide_password=False))
        told = str(refused.value)
        assert not [word for word in ("s3cret", "nowhere", "nobody", "127.0.0.1") if word in told]
        assert refused.value.__suppress_context__


# -- its tables -----------------------------------------------------------------------------------


def test_all_texts_sort_by_their_bytes(ledger: Ledger, place: PostgresPlace) -> None:
    """Keys are compared by ranges ('u:' to 'u;'), which no language's order keeps."""
    assert ledger.cohorts() == []
    query = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = ? AND data_type = 'character varying'"
    )
    texts = place.read(query, place.schema)
    assert len(texts) > 10
    assert {found["collation_name"] for found in texts} == {"C"}


def test_times_last_beyond_2038(ledger: Ledger, place: PostgresPlace) -> None:
    ledger.begin_run("r1", 2**31)
    ledger.end_run("r1", 2**31 + 5, "ok")
    assert place.read("SELECT finished_at FROM run") == [{"finished_at": 2**31 + 5}]


def test_what_a_run_has_received_is_gone_with_it(ledger: Ledger, place: PostgresPlace) -> None:
    stage = Stage(ledger)
    stage.append(1, row(1, "a:1", "ana@shop.example"))
    stage.settle(1, ledger.ensure_cohort("c1", None), None)
    assert set(place.tables()) == set(ledger_metadata.tables)
    count = "SELECT count(*) AS n FROM pg_class WHERE relpersistence = 't' AND relname LIKE ?"
    assert place.read(count, "staged_%")[0]["n"] > 0
    ledger.close()
    assert place.read(f"{count} AND pg_table_is_visible(oid)", "staged_%") == [{"n": 0}]


# -- one run at a time ----------------------------------------------------------------------------


def test_a_second_run_is_refused_and_another_schema_is_not(
    ledger: Ledger,
    place: PostgresPlace,
    make_place: Callable[[str], LedgerPlace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "HOLD_SECONDS", 0)
    with pytest.raises(LedgerLockedError, match=f"ledger in schema '{place.schema}'"):
        Ledger(place.url, exclusive=True)
    Ledger(place.url, exclusive=False).close()
    Ledger(make_place(POSTGRES).url, exclusive=True).close()
    ledger.close()
    Ledger(place.url, exclusive=True).close()


@pytest.mark.parametrize("busy", [False, True])
def test_the_lock_dies_with_its_process(
    place: PostgresPlace,
    server: Connection,
    busy: bool,  # noqa: FBT001  a column of the table
) -> None:
    work = "ledger.connection.exec_driver_sql('SELECT pg_sleep(60)')"
    holder = HOLDER.replace("sys.stdin.read()", work if busy else "sys.stdin.read()")
    process = subprocess.Popen(
        [sys.executable, "-c", holder, place.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"held\n"
    if busy:
        asked = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
        while not server.execute(asked).scalar():
            pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    Ledger(place.url, exclusive=True).close()
    process.stdin.close()
    process.stdout.close()


def test_a_ledger_whose_connection_is_lost_is_not_opened_again_behind_its_back(
    ledger: Ledger, server: Connection
) -> None:
    """Another connection would have neither the lock nor the rows that were received."""
    gone = pid(ledger)
    server.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": gone})
    for _ in range(3):
        with pytest.raises(LedgerError, match="ledger could not be used: the"):
            ledger.cohorts()
    with pytest.raises(LedgerError):
        ledger.put("a", "b")
    ledger.close()


def test_rows_that_come_when_the_connection_is_lost_are_an_error(
    ledger: Ledger, server: Connection
) -> None:
    stage = Stage(ledger)
    stage.append(1, row(1, "a:1", "ana@shop.example"))
    gone = pid(ledger)
    server.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": gone})
    with pytest.raises(LedgerError) as refused:
        stage.settle(1, 1, None)
    assert "ana@" not in str(refused.value)


# -- its session ----------------------------------------------------------------------------------


def test_an_intent_is_on_the_servers_disk_whatever_its_default_is(place: PostgresPlace) -> None:
    ledger = Ledger(f"{place.url}%20-csynchronous_commit%3Doff", exclusive=True)
    assert setting(ledger, "synchronous_commit") == "on"
    ledger.close()
    ledger = Ledger(f"{place.url}%20-csynchronous_commit%3Dremote_apply", exclusive=True)
    assert setting(ledger, "synchronous_commit") == "remote_apply"
    ledger.close()


def test_no_time_limit_of_the_server_ends_a_long_run(place: PostgresPlace) -> None:
    ledger = Ledger(f"{place.url}%20-cstatement_timeout%3D1s", exclusive=True)
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        assert setting(ledger, name) == "0"
    ledger.close()


def test_somebody_who_holds_a_row_is_not_waited_for_for_ever(
    ledger: Ledger, place: PostgresPlace
) -> None:
    ledger.ensure_cohort("c1", "active users")
    assert setting(ledger, "lock_timeout") == "30s"
    with ledger.write():
        ledger.connection.exec_driver_sql("SET lock_timeout = '1ms'")
    with place.connection() as other:
        other.exec_driver_sql("UPDATE cohort SET name = 'mine'")
        with pytest.raises(LedgerError, match=r"somebody else holds .*SQLSTATE 55P03"):
            ledger.ensure_cohort("c1", "lapsed")


# -- words for trouble ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("53100", "disk is full"),
        ("25006", "read only"),
        ("42501", "lacks a permission"),
        ("53400", "lacks resources"),
        ("58030", "system failed"),
        ("XX001", "corrupted"),
        ("P0001", "see the server's log"),
    ],
)
def test_what_is_wrong_is_told_by_its_code_and_never_in_the_servers_words(
    ledger: Ledger, state: str, words: str
) -> None:
    raised = f"DO $$ BEGIN RAISE 'ana@shop.example' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(LedgerError, match=words) as told, ledger.write():
        ledger.connection.exec_driver_sql(raised)
    assert "ana@" not in str(told.value)
    assert f"SQLSTATE {state}" in str(told.value)
    assert ledger.cohorts() == []  # the session goes on


def test_a_table_that_is_missing_is_told(ledger: Ledger, place: PostgresPlace) -> None:
    place.write("DROP TABLE cohort")
    with pytest.raises(LedgerError, match="a table is missing"):
        ledger.cohorts()


def test_a_text_that_the_server_does_not_take_is_told_without_it(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="does not take what it was given") as told:
        ledger.put("a", "ana\0@shop.example")
    assert "ana" not in str(told.value)
    stage = Stage(ledger)
    stage.append(1, row(1, "a:1", "ana\0@shop.example"))
    with pytest.raises(LedgerError, match="does not take what it was given") as told:
        stage.settle(1, 1, None)
    assert "ana" not in str(told.value)


def test_a_dry_run_keeps_nothing_in_the_database(place: PostgresPlace) -> None:
    dry = Ledger(place.url, exclusive=True, dry=True)
    dry.ensure_cohort("c1", None)
    dry.close()
    assert place.tables() == {}
    Ledger(place.url, exclusive=True).close()
    before = place.dump()
    dry = Ledger(place.url, exclusive=True, dry=True)
    dry.ensure_cohort("c1", None)
    with dry.write():
        kept = dry.connection.execute(select(meta.c.name).order_by(meta.c.name))
        assert kept.scalars().all() == ["salt", "version"]
    dry.close()
    assert place.dump() == before
