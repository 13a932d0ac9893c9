from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from tap_amplitude.seen import SeenIds, key_of


@given(st.lists(st.one_of(st.integers(0, 10**20).map(str), st.text(min_size=1, max_size=3))))
def test_it_behaves_like_a_set(ids: list[str]) -> None:
    seen, model = SeenIds(), set[str]()
    for each in ids:
        assert seen.add(each) == (each not in model)
        model.add(each)
    assert len(seen) == len(model)


def test_it_grows_and_keeps_everything_in_little_space() -> None:
    seen = SeenIds()
    ids = [str(356893043000 + 3 * number) for number in range(20_000)]
    assert all(seen.add(each) for each in ids)
    assert not any(seen.add(each) for each in ids)
    assert len(seen) == 20_000
    assert sys.getsizeof(seen._slots) < 20_000 * 32 + 1000  # noqa: SLF001 - what it takes is the point


def test_texts_that_look_alike_have_different_keys() -> None:
    texts = ["0", "00", "7", "07", "+7", "7.0", "٧", str(2**63 - 2), str(2**63 - 1), str(2**63)]  # noqa: RUF001 - a digit of another script
    keys = {key_of(text) for text in texts}
    assert len(keys) == len(texts)
    assert 0 not in keys
    assert max(keys) < 2**64
