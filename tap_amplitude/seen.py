"""A set of ids for millions of members: eight bytes an entry and some room, no object each."""

from __future__ import annotations

import hashlib
from array import array

_SMALLEST = 1 << 10
_HASHED = 1 << 63  # set in keys of ids that are not plain numbers, so that the two never meet
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: spreads close numbers
_WORD = (1 << 64) - 1


def key_of(amplitude_id: str) -> int:
    """Return a number that stands for an id, never zero.

    Ids are documented as 64-bit numbers and stand for themselves, plus one. Anything else is
    hashed to 63 bits: with two million such ids the chance that any two meet is below one in a
    million.
    """
    if (
        amplitude_id.isascii()
        and amplitude_id.isdigit()
        and (amplitude_id[0] != "0" or amplitude_id == "0")
    ):
        number = int(amplitude_id) + 1
        if number < _HASHED:
            return number
    digest = hashlib.blake2b(amplitude_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") | _HASHED


class SeenIds:
    """Remembers ids in one array with open addressing, at most half full.

    Two million ids take 64 MiB at the moment the array has grown, 32 MiB before.
    """

    def __init__(self) -> None:
        self._count = 0
        self._resize(_SMALLEST)

    def __len__(self) -> int:
        """Return how many different ids were added."""
        return self._count

    def add(self, amplitude_id: str) -> bool:
        """Take note of an id; return whether it is new."""
        if not self._put(key_of(amplitude_id)):
            return False
        self._count += 1
        if self._count * 2 > len(self._slots):
            self._grow()
        return True

    def _put(self, key: int) -> bool:
        slots, mask = self._slots, self._mask
        place = (key * _MULTIPLIER & _WORD) >> self._shift
        while slots[place]:
            if slots[place] == key:
                return False
            place = (place + 1) & mask
        slots[place] = key
        return True

    def _grow(self) -> None:
        old = self._slots
        self._resize(len(old) * 2)
        for key in old:
            if key:
                self._put(key)

    def _resize(self, size: int) -> None:
        self._slots = array("Q", bytes(8 * size))
        self._mask = size - 1
        self._shift = 65 - size.bit_length()
