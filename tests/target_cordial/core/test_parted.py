from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.parted import PARTS, Parted

NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1))


@given(NUMBERS, NUMBERS)
def test_every_number_is_kept_as_often_as_it_came_and_equal_ones_together(
    some: list[int], others: list[int]
) -> None:
    parted, other = Parted(), Parted()
    parted.add(some)
    other.add(others)
    parted.update(other)
    parts = [list(part) for part in parted]
    assert sorted(number for part in parts for number in part) == sorted([*some, *others])
    assert len(parted) == len(some) + len(others)
    assert len(parts) == PARTS
    assert sum(len(set(part)) for part in parts) == len({*some, *others})
