from __future__ import annotations

import gzip
import itertools
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_amplitude.errors import IncompleteFileError
from tap_amplitude.unpack import Unpacker


def unpacked(*chunks: bytes) -> bytes:
    parts: list[bytes] = []
    unpacker = Unpacker(parts.append)
    for chunk in chunks:
        unpacker.feed(chunk)
    unpacker.finish()
    return b"".join(parts)


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_gzip_is_unpacked_however_it_arrives(data: bytes, cuts: list[int]) -> None:
    packed = gzip.compress(data)
    edges = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    assert unpacked(*(packed[a:b] for a, b in itertools.pairwise(edges))) == data


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b'"amplitude_id"\n', b"\x1f"])
def test_plain_bytes_pass(data: bytes) -> None:
    assert unpacked(data) == data
    assert unpacked(*(bytes([byte]) for byte in data)) == data


def test_several_members_with_padding() -> None:
    assert unpacked(gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0") == b"one two"


def test_much_out_of_little_comes_in_steps() -> None:
    data = b"x" * 5_000_000
    sizes: list[int] = []
    unpacker = Unpacker(lambda part: sizes.append(len(part)))
    unpacker.feed(gzip.compress(data))
    unpacker.finish()
    assert sum(sizes) == len(data)
    assert max(sizes) <= 1 << 20


@pytest.mark.parametrize("missing", [1, 8, 9, 100])
def test_a_cut_off_stream_is_noticed(missing: int) -> None:
    letters = "".join(random.Random(1).choices(string.ascii_letters, k=1000))  # noqa: S311 - a text that does not compress away
    packed = gzip.compress(letters.encode())
    with pytest.raises(IncompleteFileError, match="ends too early"):
        unpacked(packed[:-missing])


def test_a_damaged_stream_is_noticed() -> None:
    packed = bytearray(gzip.compress(b"some text" * 20))
    packed[-5] ^= 0xFF
    with pytest.raises(IncompleteFileError, match="damaged"):
        unpacked(bytes(packed))
