from __future__ import annotations

from typing import Any

import pytest

from target_cordial.core.times import exported_time, source_time

TEN = 1_795_428_000_000
"""2026-11-23T10:00:00Z in milliseconds."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1795428000", TEN),
        (1795428000, TEN),
        (1795428000.5, TEN + 500),
        ("1795428000000", TEN),
        (1795428000000, TEN),
        (" 1795428000 ", TEN),
        ("2026-11-23T10:00:00Z", TEN),
        ("2026-11-23T10:00:00z", TEN),
        ("2026-11-23T10:00:00+00:00", TEN),
        ("2026-11-23T12:00:00+02:00", TEN),
        ("2026-11-23T10:00:00", TEN),
        ("2026-11-23 10:00:00", TEN),
        ("2026-11-23T10:00:00.1Z", TEN + 100),
        ("2026-11-23T10:00:00.123456789Z", TEN + 123),
        ("2026-11-23", TEN - 36_000_000),
    ],
    ids=repr,
)
def test_times_are_read_in_every_form(value: Any, expected: int) -> None:
    assert source_time(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Z",
        "yesterday",
        "2026-13-01T00:00:00Z",
        0,
        "0",
        -5,
        True,
        [1795428000],
        {},
        float("nan"),
        "nan",
        "inf",
        1e30,
        "1969-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
    ],
    ids=repr,
)
def test_what_is_no_time_is_none(value: Any) -> None:
    assert source_time(value) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T10-00", TEN),
        ("2026-11-23T10:00", TEN),
        ("2026-11-23T10-00-05", TEN + 5000),
        ("2026-11-23T10:00:05Z", TEN + 5000),
        ("2026-11-23T1000", TEN),
    ],
)
def test_the_time_in_a_file_name_is_read_loosely(text: str, expected: int) -> None:
    assert exported_time(text) == expected


@pytest.mark.parametrize(
    "text", ["", "latest", "2026-11-23", "2026-13-45T10-00", "2026-11-23T25-00"]
)
def test_another_word_in_a_file_name_is_no_time(text: str) -> None:
    assert exported_time(text) is None
