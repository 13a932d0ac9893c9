from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_amplitude import plan, state
from tap_amplitude.answers import Usage
from tap_amplitude.cohorts import Cohort
from tap_amplitude.state import Request

if TYPE_CHECKING:
    from tap_amplitude.settings import Settings

NOW = 1_800_000_000
HOUR = 3600
DAY = 24 * HOUR
COHORT = Cohort(id="a", last_computed=5_000, last_mod=3_000)


def request(settings: Settings, age: int) -> Request:
    return Request("Rk1", NOW - age, 5_000, 3_000, settings.properties_hash)


def delivered(settings: Settings, age: int) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    state.set_delivered(stored, request(settings, age), completed_at=NOW - age, member_count=1)
    return stored


def pending(settings: Settings, age: int) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    state.set_pending(stored, request(settings, age))
    return stored


def decide(cohort: Cohort, stored: dict[str, Any], settings: Settings) -> str:
    return plan.decide(cohort, stored, settings, NOW)


def test_a_cohort_never_delivered_is_requested(settings: Settings) -> None:
    assert decide(COHORT, {}, settings) == "request"


def test_an_unchanged_cohort_is_skipped_until_its_snapshot_is_too_old(settings: Settings) -> None:
    assert decide(COHORT, delivered(settings, 20 * HOUR - 1), settings) == "skip"
    assert decide(COHORT, delivered(settings, 20 * HOUR), settings) == "request"


@pytest.mark.parametrize(
    "change", [{"last_computed": 5_001}, {"last_mod": 3_001}, {"last_computed": None}]
)
def test_a_changed_cohort_is_requested(settings: Settings, change: dict[str, Any]) -> None:
    cohort = replace(COHORT, **change)
    assert decide(cohort, delivered(settings, HOUR), settings) == "request"
    assert decide(cohort, pending(settings, HOUR), settings) == "request"


def test_another_selection_of_properties_is_requested(settings: Settings) -> None:
    other = replace(settings, user_properties=("plan",))
    assert decide(COHORT, delivered(settings, HOUR), other) == "request"
    assert decide(COHORT, pending(settings, HOUR), other) == "request"


def test_without_a_time_of_computation_nothing_is_known_to_be_unchanged(settings: Settings) -> None:
    stored = delivered(settings, HOUR) | {"last_computed": None}
    assert decide(replace(COHORT, last_computed=None), stored, settings) == "request"


def test_skipping_can_be_switched_off(settings: Settings) -> None:
    always = replace(settings, skip_unchanged=False)
    assert decide(COHORT, delivered(settings, HOUR), always) == "request"


def test_a_request_is_resumed_for_seven_days(settings: Settings) -> None:
    assert decide(COHORT, pending(settings, 7 * DAY - 1), settings) == "resume"
    assert decide(COHORT, pending(settings, 7 * DAY), settings) == "request"


def test_a_request_under_way_goes_before_skipping(settings: Settings) -> None:
    stored = delivered(settings, HOUR) | pending(settings, HOUR)
    assert decide(COHORT, stored, settings) == "resume"


def test_delivery_ends_what_was_pending(settings: Settings) -> None:
    stored = pending(settings, HOUR)
    state.set_delivered(stored, request(settings, HOUR), completed_at=NOW, member_count=7)
    assert state.pending(stored) is None
    assert state.delivered(stored) == request(settings, HOUR)
    assert stored["member_count"] == 7


@pytest.mark.parametrize(
    "stored",
    [
        {"pending": "x", "completed_at": "2026-01-01T00:00:00Z"},
        {"pending": {"request_id": "Rk"}},
        {"pending": {"request_id": 5, "requested_at": "2026-01-01T00:00:00Z"}},
        {"pending": {"request_id": "Rk", "requested_at": "now"}, "request_id": "Rk"},
    ],
)
def test_state_that_was_tampered_with_is_as_none(stored: dict[str, Any]) -> None:
    assert state.pending(stored) is None
    assert state.delivered(stored) is None


def test_the_oldest_snapshot_comes_first(settings: Settings) -> None:
    cohorts = [Cohort(id=each) for each in "abc"]
    stored = {"a": delivered(settings, HOUR), "b": delivered(settings, DAY), "c": {}}
    assert [cohort.id for cohort in plan.by_age(cohorts, stored)] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("usage", "reserve", "expected"),
    [(Usage(500, 37), 0, 463), (Usage(500, 490), 8, 2), (Usage(500, 499), 5, 0), (None, 5, None)],
)
def test_allowance(usage: Usage | None, reserve: int, expected: int | None) -> None:
    assert plan.allowance(usage, reserve) == expected
