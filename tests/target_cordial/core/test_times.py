from __future__ import annotations

from typing import Any

import pytest

from target_cordial.core.times import source_time, written_time

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


FORMS = [
    ("2026-11-23T10-00", TEN),
    ("2026-11-23T10:00", TEN),
    ("2026-11-23T10-00-05", TEN + 5000),
    ("2026-11-23T10:00:05Z", TEN + 5000),
    ("2026-11-23t10:00:05z", TEN + 5000),
    ("2026-11-23T1000", TEN),
    ("2026-11-23_10-00", TEN),
    ("2026-11-23 10:00:00", TEN),
    ("2026-11-23-10-00-00", TEN),
    ("20261123T100000Z", TEN),
    ("20261123T1000", TEN),
    ("20261123_1000", TEN),
    ("20261123-100000", TEN),
    ("202611231000", TEN),
    ("20261123100000", TEN),
    ("20261123100005Z", TEN + 5000),
    ("1795428000", TEN),
    ("1795428000000", TEN),
    ("1795428000007", TEN + 7),
    ("2026-11-23T10:00:00.123Z", TEN + 123),
    ("2026-11-23T10-00-00.123", TEN + 123),
    ("20261123T100000,5", TEN + 500),
    ("2026-11-23T10:00:00+00:00", TEN),
    ("2026-11-23T11:00:00+0100", TEN),
    ("2026-11-23T05:00:00.001-05", TEN + 1),
    ("20261123T043000-0530", TEN),
    ("2026-11-24T00:00:00.25+14:00", TEN + 250),
    ("2026-11-23", TEN - 36_000_000),
    ("20261123", TEN - 36_000_000),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_a_written_time_is_read_in_each_form_that_means_one_moment(
    text: str, expected: int
) -> None:
    assert written_time(text) == expected
    assert source_time(f" {text} ") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "2026-13-45T10-00",
        "2026-11-23T25-00",
        "2026-02-29",
        "20261399",
        "20261123T1060",
        "20260230100000",
        "00001123",
        "2026-1123",
        "202611-23",
        "2026-11-23T10",
        "2026-11-23T10:00-05:00:00",
        "2026-11-23T10:0005",
        "2026-11-23T10:00.5",
        "2026-11-23T10:00:00.",
        "2026-11-23T10:00:00+24:00",
        "2026-11-23T10:00:00+01:60",
        "2026-11-23T10-00 ",
        "2026-11-23T10-00ZZ",
        "123",
        "179542800",
        "17954280000",
        "179542800000",
        "17954280000000",
        "1795428000.5",
        "-795428000",
        "0000000000",
        "1969-12-31",
        "\u0661\u0667\u0669\u0665\u0664\u0662\u0668\u0660\u0660\u0660",
    ],
)
def test_another_word_is_no_written_time(text: str) -> None:
    assert written_time(text) is None
