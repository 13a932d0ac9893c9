"""Lets each of millions of ids pass once, in memory that does not grow with them."""

from __future__ import annotations

from itertools import combinations
from typing import BinaryIO, Final, Generic, TypeVar
from zlib import crc32

import msgspec

# Of two million ids, the most that a cohort may have, one in 300 is held back for others.
SLOTS: Final = 1 << 23  # bytes
# To settle them takes a look at all that passed, so it is to be seldom, even where every row is
# there twice.
MOST_HELD: Final = 1 << 15

# A mark is three bits of a byte. What of a checksum does not choose the slot chooses the mark.
_SHAPES: Final = [sum(1 << bit for bit in bits) for bits in combinations(range(8), 3)]
_MARK_SHIFT: Final = 23
_MARKS: Final = [_SHAPES[rest % len(_SHAPES)] for rest in range(1 << (32 - _MARK_SHIFT))]

_Row = TypeVar("_Row")


class Sieve(Generic[_Row]):
    """Drops rows whose id came before.

    Every id leaves a mark in one of many slots. An id whose mark is not there is new, and its row
    passes at once. Where the mark is there, of this id or of others, the row is held back; now and
    then the held ids are looked for among those that passed, which are kept in a file. So rows may
    pass later than they came, and nothing is decided by a checksum.

    Attributes:
        passed: Rows that passed, one for each different id.
        repeats: Rows that were dropped.
    """

    def __init__(self, file: BinaryIO, *, slots: int = SLOTS) -> None:
        """Begin.

        Args:
            file: An empty file, for ids.
            slots: A power of two, up to 2^23; more of them hold fewer rows back.
        """
        self._file = file
        self._last_slot = slots - 1
        self._marks = bytearray(slots)
        self._held: list[tuple[str, _Row]] = []
        self.passed = 0
        self.repeats = 0

    @property
    def is_full(self) -> bool:
        """Whether so many rows are held back that they should be settled."""
        return len(self._held) >= MOST_HELD

    def sift(self, ids: list[str], rows: list[_Row]) -> list[_Row]:
        """Return the rows that are certainly new, in their order; hold the others back.

        Args:
            ids: The id of each row.
            rows: The rows.
        """
        marks, last_slot = self._marks, self._last_slot
        doubtful = set()
        for number, code in enumerate(map(crc32, map(str.encode, ids))):
            slot = code & last_slot
            mark = _MARKS[code >> _MARK_SHIFT]
            if marks[slot] & mark == mark:
                doubtful.add(number)
            else:
                marks[slot] |= mark
        if doubtful:
            self._held += [(ids[number], rows[number]) for number in sorted(doubtful)]
            ids = [each for number, each in enumerate(ids) if number not in doubtful]
            rows = [row for number, row in enumerate(rows) if number not in doubtful]
        self._pass(ids)
        return rows

    def settle(self) -> list[_Row]:
        """Return the held rows that are new after all, the first of each id; drop the others."""
        if not self._held:
            return []
        held = {each for each, _ in self._held}
        came: set[str] = set()
        self._file.seek(0)
        for line in self._file:
            came |= held.intersection(msgspec.json.decode(line, type=list[str]))
        new: dict[str, _Row] = {}
        for each, row in self._held:
            if each not in came:
                new.setdefault(each, row)
        self.repeats += len(self._held) - len(new)
        self._held = []
        self._pass(list(new))
        return list(new.values())

    def _pass(self, ids: list[str]) -> None:
        self._file.write(msgspec.json.encode(ids) + b"\n")
        self.passed += len(ids)
