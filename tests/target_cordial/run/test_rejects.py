from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.outcome import Result
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import MEMORY
from target_cordial.ledger.settlement import Sealed
from target_cordial.ledger.stage import Stage
from target_cordial.ledger.store import Ledger
from target_cordial.run.rejects import write_rejects
from target_cordial.run.report import CohortReport
from tests.target_cordial.ledger.rows import deliver, row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIELDS = [
    "cohort_id",
    "cohort_name",
    "user",
    "identifier",
    "kind",
    "operation",
    "reason",
    "message",
]
PARTS = {1: CohortReport("c1", "active users")}


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("SQLITE_TMPDIR", os.environ.get("SQLITE_TMPDIR", "/tmp"))  # noqa: S108  the default place
    made = Ledger(MEMORY, exclusive=False)
    made.ensure_cohort("c1", "active users")
    yield made
    made.close()


def test_one_line_for_each_skipped_and_each_rejected_member(ledger: Ledger, tmp_path: Path) -> None:
    stage = Stage(ledger)
    rows = [
        row(1, "a:17", None, snapshot=0),
        row(2, "a:18", "zoë@shop.example", snapshot=0),
        row(3, "u:a:b", None, present=False),
    ]
    for each in rows:
        stage.append(0, each)
    stage.settle(0, 1, Sealed(0, 1))
    book = Entries(ledger)
    deliver(book, 1, Result.REJECTED, reason="rejected_by_cordial")
    path = tmp_path / "rejects.jsonl"
    write_rejects(str(path), book, PARTS)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(list(line) == FIELDS for line in lines)
    assert {(line["cohort_id"], line["cohort_name"]) for line in lines} == {("c1", "active users")}
    told = [(line["kind"], line["user"], line["identifier"], line["operation"]) for line in lines]
    assert sorted(told, key=str) == [
        ("rejected", "18", "zoë@shop.example", "add"),
        ("skipped", "17", None, "add"),
        ("skipped", "a:b", None, "remove"),
    ]
    reasons = {line["kind"]: line["reason"] for line in lines}
    assert reasons == {"skipped": "unresolved_mapping", "rejected": "rejected_by_cordial"}
    assert all(line["message"] for line in lines if line["kind"] == "skipped")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_replaced_by_each_run_and_empty_after_a_clean_one(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text("of the last run\n")
    path.chmod(0o644)
    write_rejects(str(path), Entries(ledger), PARTS)
    assert path.read_text() == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
