from __future__ import annotations

import io
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from tap_amplitude.sieve import MOST_HELD, Sieve

IDS = st.lists(st.one_of(st.integers(0, 30).map(str), st.text(min_size=1, max_size=3)))


@given(
    batches=st.lists(IDS),
    slots=st.sampled_from([1, 2, 8, 1 << 17]),
    settles_early=st.booleans(),
)
def test_the_first_row_of_each_id_passes(
    *, batches: list[list[str]], slots: int, settles_early: bool
) -> None:
    sieve: Sieve[int] = Sieve(io.BytesIO(), slots=slots)
    expected: dict[str, int] = {}
    passed: list[int] = []
    number = 0
    for ids in batches:
        rows = list(range(number, number + len(ids)))
        number += len(ids)
        for each, row in zip(ids, rows, strict=True):
            expected.setdefault(each, row)
        passed += sieve.sift(ids, rows)
        if settles_early:
            passed += sieve.settle()
    passed += sieve.settle()
    assert sorted(passed) == sorted(expected.values())
    assert sieve.passed == len(expected)
    assert sieve.passed + sieve.repeats == number


def test_texts_that_look_alike_are_different_ids() -> None:
    texts = ["0", "00", "7", "07", "+7", "7.0", "\u0667", "7\n", "7\0", str(2**63), str(2**64), "a"]
    sieve: Sieve[str] = Sieve(io.BytesIO(), slots=1)
    assert {*sieve.sift(texts, texts), *sieve.settle()} == set(texts)


def test_rows_pass_in_their_order_and_at_once_where_there_is_room() -> None:
    ids = [str(number) for number in range(1000)]
    sieve: Sieve[str] = Sieve(io.BytesIO())
    assert sieve.sift(ids, ids) == ids
    assert sieve.settle() == []


def test_it_is_full_before_it_holds_much() -> None:
    sieve: Sieve[str] = Sieve(io.BytesIO())
    same = ["1"] * MOST_HELD
    sieve.sift(same, same)
    states = [sieve.is_full]
    sieve.sift(["1"], ["1"])
    states.append(sieve.is_full)
    assert sieve.settle() == []
    states.append(sieve.is_full)
    assert states == [False, True, False]
    assert (sieve.passed, sieve.repeats) == (1, MOST_HELD)


def test_what_passed_is_seldom_looked_through_where_every_row_is_there_twice() -> None:
    class Counted(io.BytesIO):
        looks = 0

        def __iter__(self) -> Counted:
            self.looks += 1
            return self

    file = Counted()
    sieve: Sieve[str] = Sieve(file)
    ids = [str(number) for number in range(100_000)]
    for _ in range(2):
        for first in range(0, len(ids), 1_000):
            some = ids[first : first + 1_000]
            sieve.sift(some, some)
            if sieve.is_full:
                sieve.settle()
    sieve.settle()
    assert (sieve.passed, sieve.repeats) == (100_000, 100_000)
    assert file.looks < 5


class Sink(io.RawIOBase):
    """A file that keeps nothing, as what is on disk takes no memory."""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return len(data)  # type: ignore[arg-type] # bytes


def test_memory_does_not_grow_with_what_passed() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        sieve: Sieve[str] = Sieve(Sink(), slots=1 << 17)  # type: ignore[arg-type] # as far as used
        for first in range(0, rows, 500):
            ids = [str(356893043036 + 97 * number) for number in range(first, first + 500)]
            sieve.sift(ids, ids)
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return taken

    assert peak(40_000) < 1.3 * peak(4_000)
