from __future__ import annotations

import json
import logging
import stat
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.completeness import Completeness
from target_cordial.core.outcome import Status
from target_cordial.errors import SettingsError
from target_cordial.run.report import RunReport, check_writable, iso, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def report(*, dry_run: bool = False) -> RunReport:
    return RunReport("r1", "2026-11-23T10:00:00Z", "contacts", dry_run)


def test_the_report_has_the_shape_that_was_agreed() -> None:
    made = report()
    made.finished_at = "2026-11-23T10:00:05Z"
    made.requests.update({"200": 3, "429": 1})
    made.cohort(1, "9zx41kq", "active users")
    assert made.as_dict() == {
        "run_id": "r1",
        "started_at": "2026-11-23T10:00:00Z",
        "finished_at": "2026-11-23T10:00:05Z",
        "status": "ok",
        "delivery": "contacts",
        "dry_run": False,
        "requests": {"total": 4, "by_status": {"200": 3, "429": 1}},
        "cohorts": [
            {
                "cohort_id": "9zx41kq",
                "cohort_name": "active users",
                "list_name": None,
                "list_id": None,
                "snapshot": "none",
                "last_complete_at": None,
                "received": 0,
                "members": 0,
                "added": 0,
                "removed": 0,
                "already_absent": 0,
                "withheld": 0,
                "pending": 0,
                "skipped": {},
                "rejected": {},
                "count_in_cordial": None,
                "drift": None,
            }
        ],
        "errors": [],
    }
    assert list(made.as_dict()["cohorts"][0])[:4] == [
        "cohort_id",
        "cohort_name",
        "list_name",
        "list_id",
    ]


@pytest.mark.parametrize("snapshot", list(Completeness))
def test_a_snapshot_is_one_of_three_words(snapshot: Completeness) -> None:
    part = report().cohort(1, "c1", None)
    part.snapshot = snapshot
    assert part.as_dict()["snapshot"] in ("complete", "incomplete", "none")
    assert part.as_dict()["snapshot"] == snapshot.value


def test_a_cohorts_part_is_one() -> None:
    made = report()
    made.cohort(1, "c1", "a").added = 3
    assert made.cohort(1, "c1", "a").added == 3
    assert len(made.as_dict()["cohorts"]) == 1


def test_a_run_is_as_bad_as_its_worst_problem() -> None:
    made = report()
    made.degrade("one")
    assert made.as_dict()["status"] == "degraded"
    made.fail("two")
    made.degrade("three")
    assert made.as_dict()["status"] == "failed"
    assert made.as_dict()["errors"] == ["two", "one", "three"]  # the gravest first
    assert [status.exit_code for status in Status] == [0, 3, 1]


def test_a_problem_is_told_once() -> None:
    made = report()
    for _ in range(3):
        made.degrade("one")
        made.fail("two")
    assert made.as_dict()["errors"] == ["two", "one"]


def test_the_last_line_says_what_happened_and_what_to_do() -> None:
    made = report()
    part = made.cohort(1, "c1", "a")
    part.added, part.removed, part.withheld = 2, 1, 4
    part.skipped = {"unresolved_mapping": 5, "identifier_lost": 1}
    part.rejected = {"contact_not_found": 7}
    made.cohort(2, "c2", "b").added = 10
    for number in range(7):
        made.degrade(f"problem {number}")
    made.notes.append("a note")
    line = made.last_line()
    assert line.startswith("Run degraded: 2 cohorts, 12 memberships added, 1 removed")
    assert all(text in line for text in ("4 withheld", "6 skipped", "7 rejected", "problem 4"))
    assert "pending" not in line
    assert "problem 5" not in line
    assert "3 more problems" in line
    assert "\n" not in line


def test_a_dry_run_says_would() -> None:
    made = report(dry_run=True)
    made.cohort(1, "c1", "a").added = 2
    assert "2 memberships would be added" in made.last_line()


@pytest.mark.parametrize(("problem", "level"), [(None, logging.INFO), ("oh", logging.ERROR)])
def test_the_last_line_of_the_log_is_the_runs(
    problem: str | None, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    made = report()
    made.cohort(1, "c1", "a")
    if problem is not None:
        made.degrade(problem)
    made.log(logging.getLogger("tests.report"))
    assert caplog.records[-1].getMessage() == made.last_line()
    assert caplog.records[-1].levelno == level


def test_the_report_is_written_as_json(tmp_path: Path) -> None:
    made = report()
    made.cohort(1, "c1", "Zoë's 🎉")
    made.write(str(tmp_path / "report.json"))
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text) == made.as_dict()
    assert "Zoë's 🎉" in text
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_file_is_replaced_with_its_mode_whatever_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text("old and much longer\n")
    path.chmod(0o666)
    replace_file(str(path), ["a\n", "b\n"], 0o600)
    assert path.read_text() == "a\nb\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_can_not_be_written_to_its_end_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old\n")

    def parts() -> Iterator[str]:
        yield "new\n"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_file(str(path), parts(), 0o600)
    assert path.read_text() == "old\n"


def test_a_folder_that_is_missing_is_named_by_its_setting(tmp_path: Path) -> None:
    check_writable({"report_path": str(tmp_path / "r.json"), "rejects_path": None})
    with pytest.raises(SettingsError, match="rejects_path") as caught:
        check_writable({"report_path": None, "rejects_path": str(tmp_path / "no" / "r.jsonl")})
    assert "report_path" not in str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, None), (0, "1970-01-01T00:00:00Z"), (1_763_892_000.9, "2025-11-23T10:00:00Z")],
)
def test_times_are_iso_8601_in_utc(seconds: float | None, text: str | None) -> None:
    assert iso(seconds) == text
