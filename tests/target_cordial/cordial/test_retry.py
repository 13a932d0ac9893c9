from __future__ import annotations

import random
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.cordial.retry import (
    LONGEST_RETRY_AFTER_SECONDS,
    TRIES,
    Failure,
    delay,
    retry_after,
    should_retry,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


def failure(
    *,
    retryable: bool = True,
    asked: float | None = None,
    for_all: bool = False,
    may_be_applied: bool = False,
) -> Failure:
    return Failure(
        retryable=retryable,
        retry_after=asked,
        for_all=for_all,
        may_be_applied=may_be_applied,
        problem="x",
    )


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("30", 30.0),
        ("1.5", 1.5),
        ("-1", 0.0),
        ("86400", 600.0),
        ("inf", 600.0),
        ("nan", None),
        ("later", None),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        ("Mon, 23 Nov 2026 13:01:30 +0100", 90.0),
        ("Mon, 23 Nov 2026 12:01:30", 90.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:00 GMT", 600.0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_within_ten_minutes(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_no_header_is_too_strange_to_be_read(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_SECONDS


@pytest.mark.parametrize(
    ("retryable", "tries", "again"),
    [(True, 1, True), (True, TRIES - 1, True), (True, TRIES, False), (False, 1, False)],
)
def test_the_tries_are_counted(retryable: bool, tries: int, again: bool) -> None:  # noqa: FBT001  columns of the table
    assert should_retry(failure(retryable=retryable), tries) is again


@pytest.mark.parametrize(
    ("may_be_applied", "repeatable", "again"),
    [(True, True, True), (True, False, False), (False, True, True), (False, False, True)],
)
def test_what_may_be_carried_out_once_only_is_not_sent_again_in_doubt(
    may_be_applied: bool,  # noqa: FBT001  columns of the table
    repeatable: bool,  # noqa: FBT001  likewise
    again: bool,  # noqa: FBT001  likewise
) -> None:
    tried = failure(may_be_applied=may_be_applied)
    assert should_retry(tried, 1, repeatable=repeatable) is again
    assert not should_retry(tried, TRIES, repeatable=repeatable)


@given(st.integers(1, 40), st.booleans(), st.integers())
def test_the_pause_grows_up_to_its_limit_and_is_spread_upwards(
    tries: int,
    for_all: bool,  # noqa: FBT001  drawn
    seed: int,
) -> None:
    whole = 2.25 ** (tries - 1)
    pause = delay(failure(for_all=for_all), tries, random.Random(seed))  # noqa: S311  a test's chance
    assert min(120.0, whole) <= pause <= min(120.0, 1.25 * whole)


def test_the_pauses_are_spread_over_a_quarter() -> None:
    pauses = [delay(failure(), 1, random.Random(seed)) for seed in range(100)]  # noqa: S311  a test's chance
    assert min(pauses) < 1.02
    assert max(pauses) > 1.23


def test_asking_for_no_wait_at_all_does_not_spend_the_tries_at_once() -> None:
    assert delay(failure(asked=0.0, for_all=True), 1, random.Random(1)) >= 1.0  # noqa: S311  a test's chance


@given(st.integers(1, TRIES), st.floats(0, 600, exclude_min=True), st.booleans(), st.integers())
def test_the_wait_asked_for_is_the_wait(
    tries: int,
    asked: float,
    for_all: bool,  # noqa: FBT001  drawn
    seed: int,
) -> None:
    chance = random.Random(seed)  # noqa: S311  a test's chance
    assert delay(failure(asked=asked, for_all=for_all), tries, chance) == asked
