from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.outcome import Outcome, Result
from target_cordial.run.sampling import Sample
from tests.target_cordial.delivery.changes import add, remove

if TYPE_CHECKING:
    from target_cordial.core.plan import Change


def confirmed(change: Change) -> Outcome:
    return Outcome(change, Result.CONFIRMED)


def taken(size: int, count: int, seed: int = 1) -> Sample:
    sample = Sample(size, random.Random(seed))  # noqa: S311  a test that is the same every time
    for number in range(count):
        sample.add(confirmed(add(str(number))))
    return sample


@pytest.mark.parametrize(("size", "count", "kept"), [(10, 3, 3), (10, 10, 10), (10, 500, 10)])
def test_all_are_kept_up_to_the_size(size: int, count: int, kept: int) -> None:
    assert len(set(taken(size, count))) == kept


def test_a_size_of_nothing_keeps_nothing() -> None:
    assert list(taken(0, 100)) == []


def test_every_list_has_its_own_sample() -> None:
    sample = Sample(2)
    for number in range(50):
        sample.add(confirmed(add(str(number), cohort=1)))
    sample.add(confirmed(remove("x", cohort=2)))
    assert Counter(outcome.change.cohort for outcome in sample) == {1: 2, 2: 1}


def test_what_came_to_nothing_is_let_go_and_nothing_else() -> None:
    sample = Sample(10)
    for cohort in (1, 2):
        sample.add(Outcome(remove("gone", cohort), Result.CONFIRMED))
        sample.add(Outcome(remove("absent", cohort), Result.ALREADY_ABSENT))
    sample.drop(1, Result.ALREADY_ABSENT)
    sample.drop(3, Result.ALREADY_ABSENT)
    left = [(outcome.change.cohort, outcome.change.identifier) for outcome in sample]
    assert left == [(1, "gone"), (2, "gone"), (2, "absent")]


def test_what_is_changed_again_is_let_go_and_nothing_else() -> None:
    sample = Sample(10)
    for cohort in (1, 2):
        for name in ("ana", "bo"):
            sample.add(confirmed(add(name, cohort)))
    sample.forget([remove("ana", 1), remove("bo", 3)])
    left = [(outcome.change.cohort, outcome.change.identifier) for outcome in sample]
    assert left == [(1, "bo"), (2, "ana"), (2, "bo")]


def test_every_change_is_as_likely_as_any_other() -> None:
    """Of 40 changes 4 are kept, 2,000 times: each is kept some 200 times."""
    seen = Counter(
        outcome.change.identifier for seed in range(2_000) for outcome in taken(4, 40, seed)
    )
    assert len(seen) == 40
    assert all(130 < count < 270 for count in seen.values())
