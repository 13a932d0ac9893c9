"""Millions of numbers in eight bytes each, of which only a part is ever a set of objects."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PARTS: Final = 64
"""Of two million numbers a part has some thirty thousand; and there may be thousands of cohorts."""


class Parted:
    """Signed 64-bit numbers, however often each, parted by their remainder.

    Equal numbers are in the same part, so parts are compared one by one.
    """

    def __init__(self) -> None:
        self._parts = [array("q") for _ in range(PARTS)]

    def add(self, numbers: Iterable[int]) -> None:
        """Take some numbers."""
        parts = self._parts
        for number in numbers:
            parts[number % PARTS].append(number)

    def update(self, other: Parted) -> None:
        """Take all numbers of another one."""
        for mine, theirs in zip(self._parts, other._parts, strict=True):
            mine.extend(theirs)

    def __iter__(self) -> Iterator[array[int]]:
        """Walk the parts."""
        return iter(self._parts)

    def __len__(self) -> int:
        """Count the numbers, each as often as it came."""
        return sum(map(len, self._parts))
