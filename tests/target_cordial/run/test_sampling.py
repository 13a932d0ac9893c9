from __future__ import annotations

import random
from collections import Counter

import pytest

from target_cordial.run.sampling import Sample
from tests.target_cordial.delivery.changes import add, remove


def taken(size: int, count: int, seed: int = 1) -> Sample:
    sample = Sample(size, random.Random(seed))  # noqa: S311  a test that is the same every time
    for number in range(count):
        sample.add(add(str(number)))
    return sample


@pytest.mark.parametrize(("size", "count", "kept"), [(10, 3, 3), (10, 10, 10), (10, 500, 10)])
def test_all_are_kept_up_to_the_size(size: int, count: int, kept: int) -> None:
    assert len(set(taken(size, count))) == kept


def test_a_size_of_nothing_keeps_nothing() -> None:
    assert list(taken(0, 100)) == []


def test_every_list_has_its_own_sample() -> None:
    sample = Sample(2)
    for number in range(50):
        sample.add(add(str(number), cohort=1))
    sample.add(remove("x", cohort=2))
    assert Counter(change.cohort for change in sample) == {1: 2, 2: 1}


def test_every_change_is_as_likely_as_any_other() -> None:
    """Of 40 changes 4 are kept, 2,000 times: each is kept some 200 times."""
    seen = Counter(change.identifier for seed in range(2_000) for change in taken(4, 40, seed))
    assert len(seen) == 40
    assert all(130 < count < 270 for count in seen.values())
