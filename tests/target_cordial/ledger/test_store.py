from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.plan import Operation, Sent
from target_cordial.errors import LedgerError
from target_cordial.ledger.store import Approval, CohortRow, Ledger
from tests.ledgers import SQLITE
from tests.target_cordial.ledger.rows import DAY, NOW, entries, snapshot

if TYPE_CHECKING:
    from pathlib import Path


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_what_was_kept_is_there_the_next_time(tmp_path: Path) -> None:
    first = Ledger(url(tmp_path / "ledger.db"), exclusive=True)
    key = first.ensure_cohort("c1", "vip")
    snapshot(first, key, {"a:1": "ana"})
    first.put("binding", "b")
    first.put("binding", "c")
    first.update_cohort(key, list_name="vip", list_id="7")
    first.close()
    second = Ledger(url(tmp_path / "ledger.db"), exclusive=True)
    (kept,) = second.cohorts()
    assert kept == CohortRow(key, "c1", "vip", "vip", "7", None, None, known_since=kept.known_since)
    assert kept.known_since is not None
    assert entries(second, key) == {"ana": (1, Sent.OFF)}
    assert second.get("binding") == "c"
    assert second.get("nothing") is None
    second.close()


def test_a_dry_run_makes_no_file_at_all(tmp_path: Path) -> None:
    ledger = Ledger(url(tmp_path / "new" / "ledger.db"), exclusive=True, dry=True)
    key = ledger.ensure_cohort("c1", "vip")
    snapshot(ledger, key, {"a:1": "ana"})
    assert entries(ledger, key) == {"ana": (1, Sent.OFF)}
    ledger.close()
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_sees_what_is_there_and_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    real = Ledger(url(path), exclusive=True)
    key = real.ensure_cohort("c1", "vip")
    snapshot(real, key, {"a:1": "ana"})
    real.close()
    before = path.read_bytes()
    dry = Ledger(url(path), exclusive=True, dry=True)
    snapshot(dry, key, {"a:2": "bo"})
    dry.put("binding", "other")
    dry.ensure_cohort("c2", "new")
    dry.begin_run("r1", NOW)
    assert entries(dry, key) == {"ana": (0, Sent.OFF), "bo": (1, Sent.OFF)}
    dry.close()
    assert path.read_bytes() == before
    again = Ledger(url(path), exclusive=True)
    assert entries(again, key) == {"ana": (1, Sent.OFF)}
    assert [row.cohort_id for row in again.cohorts()] == ["c1"]
    assert again.get("binding") is None
    assert again.last_run() is None
    again.close()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no ledger, but a text that is long enough\n" * 40, id="text"),
        pytest.param(bytes(range(256)) * 16, id="bytes"),
    ],
)
@pytest.mark.parametrize("dry", [True, False])
def test_a_broken_file_is_an_error_that_says_so_and_lets_go(
    tmp_path: Path,
    content: bytes,
    dry: bool,  # noqa: FBT001  a column of the table
) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    for _ in range(2):  # the second time shows that the lock was given back
        with pytest.raises(LedgerError, match=r"can't be opened: .* restore a copy") as caught:
            Ledger(url(path), exclusive=True, dry=dry)
        assert type(caught.value) is LedgerError
    assert path.read_bytes() == content


@pytest.mark.parametrize("wrong", ["no url", "oracle://host/db", "mysql://host/db"])
def test_another_url_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(LedgerError, match="ledger_url"):
        Ledger(wrong, exclusive=True)


def test_a_transaction_is_kept_whole_or_not_at_all(ledger: Ledger) -> None:
    error = RuntimeError("in the middle")

    def fail() -> None:
        with ledger.write():
            ledger.connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")
            raise error

    with pytest.raises(RuntimeError):
        fail()
    assert ledger.get("a") is None


# -- cohorts, runs, approvals ---------------------------------------------------------------------


def test_a_cohort_keeps_its_key_and_takes_its_newest_name(ledger: Ledger) -> None:
    assert ledger.ensure_cohort("c1", "renamed") == 1
    assert ledger.ensure_cohort("c1", None) == 1
    row = ledger.cohort("c1")
    assert row is not None
    assert (row.name, row.label) == ("renamed", "'renamed' (c1)")
    key = ledger.ensure_cohort("c3", None)
    assert key not in (1, 2)
    nameless = ledger.cohort("c3")
    assert nameless is not None
    assert nameless.label == "c3"
    assert ledger.cohort("c4") is None


def test_the_newest_run_can_be_read(ledger: Ledger) -> None:
    assert ledger.last_run() is None
    ledger.begin_run("r1", NOW)
    ledger.end_run("r1", NOW + 5, "ok")
    ledger.begin_run("r2", NOW + 10)
    last = ledger.last_run()
    assert last is not None
    assert (last["run_id"], last["started_at"], last["status"]) == ("r2", NOW + 10, None)


def test_an_approval_is_replaced_by_the_next_and_used_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_cordial.ledger.store.time.time", lambda: float(NOW))
    ledger.approve(1, 10)
    ledger.approve(1, 20)
    assert ledger.approved(1) == Approval(20, NOW)
    assert ledger.approved(2) is None
    ledger.approve(2, 5)
    ledger.use_approval(1)
    assert ledger.approved(1) is None
    assert ledger.approved(2) == Approval(5, NOW)


def test_of_two_runs_in_one_second_the_later_is_the_newest(ledger: Ledger) -> None:
    for run_id in ("b", "c", "a"):
        ledger.begin_run(run_id, NOW)
    last = ledger.last_run()
    assert last is not None
    assert last["run_id"] == "a"


@pytest.mark.parametrize("only", [None, Operation.ADD, Operation.REMOVE])
def test_an_approval_covers_its_directions_for_a_week(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, only: Operation | None
) -> None:
    monkeypatch.setattr("target_cordial.ledger.store.time.time", lambda: float(NOW))
    ledger.approve(1, 10, only)
    approval = ledger.approved(1)
    assert approval == Approval(10, NOW, only)
    for operation in Operation:
        assert approval.covers(operation, NOW + 7 * DAY) is (only in (None, operation))
        assert not approval.covers(operation, NOW + 7 * DAY + 1)


def test_a_ledger_that_somebody_else_writes_is_waited_for_and_then_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_cordial.ledger.sqlite.PATIENCE_SECONDS", 0.01)
    path = tmp_path / "ledger.db"
    ledger = Ledger(url(path), exclusive=False)
    key = ledger.ensure_cohort("c1", "vip")
    with closing(sqlite3.connect(path, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="database is locked") as caught:
            ledger.approve(key, 4711)
        assert "4711" not in str(caught.value)
        assert [row.cohort_id for row in ledger.cohorts()] == ["c1"]  # reading waits for nobody
        with pytest.raises(LedgerError, match="locked"):
            Ledger(url(path), exclusive=True)
    ledger.approve(key, 4711)
    ledger.close()
    Ledger(url(path), exclusive=True).close()  # the lock was let go


@pytest.mark.parametrize("ledger", [SQLITE], indirect=True)
@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        ("DROP TABLE entry", "no such table: entry. .* changed by hand: restore a copy of it"),
        ("PRAGMA max_page_count = 1", "disk is full. Make room on its disk"),
        ("PRAGMA query_only = ON", "readonly database. Let the file and its folder be written to"),
        ("CREATE UNIQUE INDEX one ON entry (wanted)", "UNIQUE .* Restore a copy of it, or name"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_what_helps(
    ledger: Ledger, breaking: str, told: str
) -> None:
    with ledger.write():
        ledger.connection.exec_driver_sql(breaking)
    with pytest.raises(LedgerError, match=told) as caught, ledger.write():
        ledger.connection.exec_driver_sql(
            "INSERT INTO entry (cohort, identifier, wanted, sent) "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
            "SELECT 1, 'ana' || i || '@shop.example', 1, 0 FROM n"
        )
    assert "ana" not in str(caught.value)


def test_a_cohort_known_by_its_name_takes_its_id_and_any_other_keeps_its_own(
    ledger: Ledger,
) -> None:
    key = ledger.ensure_cohort("vip", "vip", by_name=True)
    same = ledger.ensure_cohort("twin", "twin")
    ledger.identify_cohort("vip", "9zx41kq")
    ledger.identify_cohort("twin", "other")
    ledger.identify_cohort("vip", "again")
    known = {row.key: (row.cohort_id, row.by_name) for row in ledger.cohorts()}
    assert known[key] == ("9zx41kq", None)
    assert known[same] == ("twin", None)
    assert ledger.ensure_cohort("9zx41kq", "vip") == key
