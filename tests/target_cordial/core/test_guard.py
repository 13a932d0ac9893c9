from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.guard import APPROVAL_SECONDS, WINDOW_SECONDS, Limit, Verdict, judge

PASS = Verdict(withheld=False, uses_approval=False)
APPROVED = Verdict(withheld=False, uses_approval=True)
WITHHELD = Verdict(withheld=True, uses_approval=False)

DEFAULT = Limit(10, 30)
NUMBERS = st.integers(0, 200)


@pytest.mark.parametrize(
    ("planned", "recent", "confirmed", "expected"),
    [
        (0, 0, 0, PASS),
        (10, 0, 10, PASS),  # all of a small list, but not more than ten
        (11, 0, 11, WITHHELD),
        (30, 0, 100, PASS),  # thirty percent are not more than thirty percent
        (31, 0, 100, WITHHELD),
        (11, 0, 36, WITHHELD),
        (11, 0, 37, PASS),
        (1, 10, 20, WITHHELD),  # a leak of ten a run is a leak all the same
        (1, 9, 20, PASS),
        (1, 30, 100, WITHHELD),
        (0, 500, 100, PASS),  # nothing to withhold
        (500, 0, 100_000, PASS),
        (11, 0, 0, WITHHELD),  # nothing confirmed: every change is more than its share
    ],
)
def test_changes_are_withheld_above_both_numbers(
    planned: int, recent: int, confirmed: int, expected: Verdict
) -> None:
    verdict = judge(DEFAULT, planned=planned, recent=recent, confirmed=confirmed, approved=None)
    assert verdict == expected


@pytest.mark.parametrize(
    ("planned", "approved", "expected"),
    [
        (50, 50, APPROVED),
        (50, 51, APPROVED),
        (50, 49, WITHHELD),
        (50, 0, WITHHELD),
        (50, -1, WITHHELD),
        (5, 50, PASS),  # an approval that was not needed is not used up
        (0, 50, PASS),
    ],
)
def test_an_approval_is_a_ceiling(planned: int, approved: int, expected: Verdict) -> None:
    verdict = judge(DEFAULT, planned=planned, recent=0, confirmed=100, approved=approved)
    assert verdict == expected


def test_a_ceiling_is_for_the_plan_and_not_for_what_went_before() -> None:
    verdict = judge(DEFAULT, planned=40, recent=60, confirmed=100, approved=40)
    assert verdict == APPROVED


def test_a_limit_without_a_share_is_none() -> None:
    assert judge(Limit(0, None), planned=500, recent=500, confirmed=1, approved=None) == PASS
    assert judge(Limit(0, 99), planned=500, recent=500, confirmed=1, approved=None) == WITHHELD


def test_additions_may_be_more_than_the_whole_list() -> None:
    limit = Limit(1000, 200)
    assert judge(limit, planned=1002, recent=0, confirmed=501, approved=None) == PASS
    assert judge(limit, planned=1003, recent=0, confirmed=501, approved=None) == WITHHELD
    assert judge(limit, planned=1000, recent=0, confirmed=0, approved=None) == PASS


def test_a_limit_of_nothing_lets_nobody_go() -> None:
    assert judge(Limit(0, 0), planned=1, recent=0, confirmed=1000, approved=None) == WITHHELD


@given(st.builds(Limit, NUMBERS, NUMBERS), NUMBERS, NUMBERS, NUMBERS, st.none() | NUMBERS)
def test_what_is_withheld_is_above_both_numbers_and_above_the_ceiling(
    limit: Limit, planned: int, recent: int, confirmed: int, approved: int | None
) -> None:
    verdict = judge(
        limit,
        planned=planned,
        recent=recent,
        confirmed=confirmed,
        approved=approved,
    )
    above_count = planned + recent > limit.count
    assert limit.percent is not None
    above_share = planned + recent > confirmed * limit.percent / 100
    above_ceiling = approved is None or planned > approved
    assert verdict.withheld == (planned > 0 and above_count and above_share and above_ceiling)
    if verdict.uses_approval:
        assert approved is not None
        assert 0 < planned <= approved


@given(st.builds(Limit, NUMBERS, st.none() | NUMBERS), NUMBERS, NUMBERS, st.none() | NUMBERS)
def test_fewer_changes_are_never_judged_harder(
    limit: Limit, planned: int, confirmed: int, approved: int | None
) -> None:
    more = judge(limit, planned=planned + 1, recent=0, confirmed=confirmed, approved=approved)
    fewer = judge(limit, planned=planned, recent=0, confirmed=confirmed, approved=approved)
    assert more.withheld or not fewer.withheld


def test_changes_are_remembered_for_a_day() -> None:
    assert WINDOW_SECONDS == 86_400


def test_an_approval_waits_for_seven_days() -> None:
    assert APPROVAL_SECONDS == 7 * 86_400
