from __future__ import annotations

import pytest

from target_cordial.core.source_file import SourceFile, read_source_file

TEN = 1_795_428_000_000


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "187520_9zx41kq_2026-11-23T10-00_entering.csv",
            SourceFile("9zx41kq", present=True, time=TEN),
        ),
        (
            "s3://bucket/exports/187520_9zx41kq_2026-11-23T10:00_exiting.csv",
            SourceFile("9zx41kq", present=False, time=TEN),
        ),
        (
            "out/187520_9zx41kq_2026-11-23T10-00_existing.csv.gz",
            SourceFile("9zx41kq", present=True, time=TEN - 1),
        ),
        (
            "187520_9zx41kq_2026-11-23T10-00_ENTERING_Active_Users.csv",
            SourceFile("9zx41kq", present=True, time=TEN),
        ),
        (
            "187520_9zx41kq_2026-11-23T10-00_exiting_existing_customers.CSV",
            SourceFile("9zx41kq", present=False, time=TEN),
        ),
        (
            "daily_187520_9zx41kq_2026-11-23_10-00_exiting.csv",
            SourceFile("9zx41kq", present=False, time=TEN),
        ),
        (
            "out/187520_9zx41kq_2026-11-23_1000_entering_existing_customers.csv",
            SourceFile("9zx41kq", present=True, time=TEN),
        ),
        (
            "out.csv.gz/187520_9zx41kq_2026-11-23T10-00_exiting.csv",
            SourceFile("9zx41kq", present=False, time=TEN),
        ),
        (
            "daily_187520_9zx41kq_latest_existing.csv",
            SourceFile("9zx41kq", present=True, time=None),
        ),
        (
            "daily_187520_9zx41kq_20261123_1000_exiting.csv",
            SourceFile("9zx41kq", present=False, time=TEN),
        ),
        (
            "daily_187520_20261110_20261123T100000Z_entering.csv",
            SourceFile("20261110", present=True, time=TEN),
        ),
        (
            "187520_9zx41kq_2026-11-23T11:00:00.000+01:00_exiting.csv",
            SourceFile("9zx41kq", present=False, time=TEN),
        ),
        (
            "187520_9zx41kq_1795428000_exiting.csv",
            SourceFile("9zx41kq", present=False, time=TEN),
        ),
        (
            "187520_9zx41kq_2026-11-23_exiting_existing_customers.csv",
            SourceFile("9zx41kq", present=False, time=TEN - 36_000_000),
        ),
        (
            "187520_9zx41kq_20261123_exiting_existing_customers.csv",
            SourceFile("9zx41kq", present=False, time=TEN - 36_000_000),
        ),
        (
            r"C:\exports\187520_9zx41kq_2026-11-23T10-00_entering.csv",
            SourceFile("9zx41kq", present=True, time=TEN),
        ),
    ],
)
def test_the_name_says_cohort_time_and_direction(path: str, expected: SourceFile) -> None:
    assert read_source_file(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        None,
        7,
        "",
        "customers.csv",
        "187520_9zx41kq_2026-11-23T10-00.csv",
        "187520_9zx41kq_2026-11-23T10-00_left.csv",
        "9zx41kq_2026-11-23T10-00_entering.csv",
        "187520_9zx41kq_2026-11-23T10-00_entering.json",
        "187520_9zx41kq_2026-11-23T10-00_entering.csv/part-1",
        "187520_9zx41kq_2026-11-23T10-00_enteringActive.csv",
    ],
)
def test_another_name_says_nothing(path: object) -> None:
    assert read_source_file(path) is None
