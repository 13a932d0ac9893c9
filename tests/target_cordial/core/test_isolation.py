"""Refused rows are narrowed down by counts alone, and none of them is ever lost on the way."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_cordial.core.isolation import CASES_ALONE, Counted, Isolation, without

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cordial.core.isolation import Range

QUESTIONS = 8
ENOUGH = 1_000

SEARCHES = settings(max_examples=20)
"""Each of them is a whole search."""


def rows_of(ranges: Iterable[Range]) -> list[int]:
    return [row for first, last in ranges for row in range(first, last)]


def size(ranges: Iterable[Range]) -> int:
    return sum(last - first for first, last in ranges)


def count(refused: Iterable[int], ranges: Iterable[Range]) -> int:
    """What a job over these rows tells."""
    ranges = list(ranges)
    return sum(first <= row < last for row in refused for first, last in ranges)


def search(rows: Range, refused: set[int], enough: int = ENOUGH) -> tuple[Isolation, int]:
    """Ask as long as it helps; say how often that was."""
    isolation = Isolation(rows, len(refused), enough=enough)
    for asked in range(QUESTIONS):
        question = isolation.question() if isolation.open else ()
        if not question:
            return isolation, asked
        isolation.answer(count(refused, question))
    return isolation, QUESTIONS


# -- how much it finds ----------------------------------------------------------------------------


@pytest.mark.parametrize(("few", "seeds"), [(1, 20), (2, 10), (3, 5)])
def test_few_refused_among_ten_thousand_are_narrowed_down_to_who_may_go_one_by_one(
    few: int, seeds: int
) -> None:
    for seed in range(seeds):
        refused = set(random.Random(seed).sample(range(10_000), few))  # noqa: S311  a test's chance
        isolation, _ = search((0, 10_000), refused)
        assert not isolation.open, seed
        assert size(isolation.suspects) <= ENOUGH
        assert count(refused, isolation.suspects) == few


@pytest.mark.parametrize("first", [0, 1, 4_999, 5_000, 9_997])
def test_neighbours_are_found_too(first: int) -> None:
    isolation, _ = search((0, 10_000), {first, first + 1, first + 2})
    assert not isolation.open
    assert count(range(first, first + 3), isolation.suspects) == 3


def test_one_refused_row_is_found_by_halving() -> None:
    isolation, asked = search((0, 256), {77}, enough=1)
    assert isolation.suspects == [(77, 78)]
    assert asked == 8


def test_a_clear_half_of_many_refused_rows_is_found() -> None:
    isolation, _ = search((0, 200_000), set(range(180_000, 200_000)))
    assert size(isolation.suspects) < 21_000
    assert count(range(180_000, 200_000), isolation.suspects) == 20_000


def test_rows_that_are_all_refused_or_all_in_order_raise_no_question() -> None:
    everyone = Isolation((5, 10_005), 10_000, enough=ENOUGH)
    assert everyone.question() == ()
    assert everyone.suspects == [(5, 10_005)]
    assert everyone.open
    nobody = Isolation((5, 10_005), 0, enough=ENOUGH)
    assert nobody.question() == ()
    assert nobody.suspects == []
    assert not nobody.open


def test_few_enough_rows_need_no_question() -> None:
    assert not Isolation((0, ENOUGH), 3, enough=ENOUGH).open
    assert Isolation((0, ENOUGH + 1), 3, enough=ENOUGH).open


def test_more_refused_rows_than_can_be_weighed_are_not_searched() -> None:
    rows = (0, 3 * CASES_ALONE)
    isolation = Isolation(rows, CASES_ALONE, enough=ENOUGH)
    assert isolation.question() == ()
    assert isolation.suspects == [rows]


def test_the_likeliest_suspects_come_first() -> None:
    isolation = Isolation((0, 16), 2, enough=4)
    question = isolation.question()
    assert size(question) == 8
    isolation.answer(2)
    assert sorted(rows_of(isolation.suspects)) == sorted(rows_of(question))
    isolation = Isolation((0, 8), 3, enough=4)
    first = isolation.question()
    isolation.answer(2)  # two of these four rows, and one of the other four
    assert sorted(rows_of(isolation.suspects)[:4]) == sorted(rows_of(first))


# -- what always holds ----------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Range, set[int], int]:
    """Rows, those that are refused, and how many suspects are enough."""
    first = draw(st.integers(0, 50))
    rows = (first, first + draw(st.integers(1, 150)))
    among = st.integers(rows[0], rows[1] - 1)
    few = st.sets(among, max_size=4)
    run = st.builds(lambda start, end: set(range(min(start, end), max(start, end))), among, among)
    scattered = st.builds(lambda step: set(range(*rows, step)), st.integers(1, 9))
    return rows, draw(few | run | scattered), draw(st.integers(0, 40))


@SEARCHES
@given(worlds())
def test_a_refused_row_stays_suspect_whatever_is_asked(world: tuple[Range, set[int], int]) -> None:
    rows, refused, enough = world
    isolation, other = (Isolation(rows, len(refused), enough=enough) for _ in range(2))
    before = {*range(*rows)} if refused else set()
    for _ in range(QUESTIONS):
        suspects = rows_of(isolation.suspects)
        assert len(suspects) == len({*suspects})
        assert refused <= {*suspects} <= before
        assert isolation.open is (len(suspects) > enough)
        before = {*suspects}
        question = isolation.question()
        assert other.question() == question  # the same answers lead to the same questions
        assert {*rows_of(question)} <= before
        assert list(question) == sorted(question)
        assert len(rows_of(question)) == len({*rows_of(question)})
        if question:
            # To ask for everybody who is suspect would tell what is known.
            assert len(rows_of(question)) < len(suspects)
        for one in (isolation, other):
            one.answer(count(refused, question))
        assert other.suspects == isolation.suspects
    assert refused <= {*rows_of(isolation.suspects)} <= before


@SEARCHES
@given(worlds(), st.lists(st.integers(0, 170), min_size=1, max_size=QUESTIONS))
def test_contradictory_counts_leave_no_suspect_and_break_nothing(
    world: tuple[Range, set[int], int], answers: list[int]
) -> None:
    rows, refused, enough = world
    isolation = Isolation(rows, len(refused), enough=enough)
    for answer in answers:
        question = isolation.question()
        possible = answer <= min(len(refused), size(question)) if question else answer == 0
        isolation.answer(answer)
        if not possible:
            assert isolation.suspects == []
            assert not isolation.open
            assert isolation.question() == ()


@pytest.mark.parametrize("refused", [11, 10_000])
def test_more_refused_rows_than_there_are_break_nothing(refused: int) -> None:
    isolation = Isolation((0, 10), refused, enough=1)
    assert isolation.question() == ()
    isolation.answer(3)
    assert isolation.suspects == []


# -- counts and ranges ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "named", "explained"),
    [
        (0, set(), True),
        (1, set(), False),
        (1, {3}, True),
        (1, {9}, True),
        (1, {4}, False),  # a range ends before its second number
        (1, {2, 8}, False),  # more than the job refused
        (2, {3, 9}, True),
        (2, {3, 5, 9, 10, 0}, True),
        (0, {4, 5, 10}, True),
        (0, {3}, False),
    ],
)
def test_a_count_is_explained_by_as_many_named_rows_among_its_own(
    refused: int,
    named: set[int],
    explained: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert Counted(((2, 4), (8, 10)), refused).explained_by(named) is explained


RANGES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 10)).map(lambda one: (one[0], one[0] + one[1])),
    max_size=5,
)


@given(RANGES, RANGES)
def test_ranges_without_others_hold_the_rows_that_are_left(
    ranges: list[Range], cut: list[Range]
) -> None:
    gone = {*rows_of(cut)}
    left = without(ranges, cut)
    assert rows_of(left) == [row for row in rows_of(ranges) if row not in gone]


def test_nothing_is_left_of_what_is_cut_out_whole() -> None:
    assert without([(0, 5), (7, 9)], [(0, 9)]) == []
    assert without([(0, 5)], [(1, 2), (3, 4)]) == [(0, 1), (2, 3), (4, 5)]
