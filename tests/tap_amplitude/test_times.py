from __future__ import annotations

import pytest

from tap_amplitude import times


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1748869000, 1748869000000),
        (1748869000123, 1748869000123),
        (1748869000.5, 1748869000500),
        ("1748869001", 1748869001000),
        (None, None),
        (0, None),
        (-5, None),
        (True, None),
        ("yesterday", None),
        (10**18, None),
        (float("nan"), None),
    ],
)
def test_epoch_numbers_are_seconds_or_milliseconds(value: object, expected: int | None) -> None:
    assert times.epoch_milliseconds(value) == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (1767247200000, "2026-01-01T06:00:00Z"),
        (1767247200120, "2026-01-01T06:00:00.120Z"),
        (None, None),
    ],
)
def test_iso(milliseconds: int | None, expected: str | None) -> None:
    assert times.iso(milliseconds) == expected


def test_times_in_state_survive_the_round_trip() -> None:
    assert times.iso_of(1767247200.9) == "2026-01-01T06:00:00Z"
    assert times.epoch_seconds("2026-01-01T06:00:00Z") == 1767247200


@pytest.mark.parametrize("text", [None, 5, "", "2026-01-01", "2026-13-01T00:00:00Z"])
def test_other_texts_are_no_times(text: object) -> None:
    assert times.epoch_seconds(text) is None
