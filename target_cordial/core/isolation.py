"""Finding the few rows that an import refuses, out of nothing but counts.

A job tells how many of its rows came to nothing, never which. Jobs over parts of the file narrow
them down. Halving one part after the other would need some twenty jobs for three rows that lie
far apart; but counts add up, so one job can ask about parts of several suspects at once. Of all
ways in which the known number of refused rows may lie in the parts, those stay that explain every
count, and the next job carries the parts whose count tells most (quantitative group testing). It
comes to halving where only one part is in question.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Range = tuple[int, int]
"""Rows from the first up to, and without, the second."""

CASES: Final = 3_000
"""So many ways to lie are weighed: more takes longer and, measured, finds no more."""

PARTS: Final = 64
"""So many parts are asked about at most: eight counts could not tell more of them apart."""

TRIES: Final = 4
"""Pools that the search for a telling one starts from."""

LEAST: Final = 1e-300
"""No case that is possible weighs nothing."""

_Case = tuple[int, ...]
"""How many refused rows lie in each part, by its number."""


def without(ranges: Iterable[Range], cut: Iterable[Range]) -> list[Range]:
    """Take ranges out of others."""
    left = list(ranges)
    for first, last in cut:
        left = [
            (start, end)
            for one in left
            for start, end in ((one[0], min(one[1], first)), (max(one[0], last), one[1]))
            if start < end
        ]
    return left


@dataclass(frozen=True, slots=True)
class Counted:
    """What one job told.

    Attributes:
        rows: The rows it carried.
        refused: How many of them came to nothing.
    """

    rows: tuple[Range, ...]
    refused: int

    def explained_by(self, named: set[int]) -> bool:
        """Say whether rows known to be refused are all that this job refused."""
        return sum(first <= row < last for row in named for first, last in self.rows) == (
            self.refused
        )


class Isolation:
    """Narrows refused rows down.

    Args:
        rows: The rows of the first job.
        refused: How many of them came to nothing.
        enough: Suspects that need no further narrowing.
    """

    def __init__(self, rows: Range, refused: int, *, enough: int) -> None:
        self._enough = enough
        self._parts = [rows]
        self._cases: dict[_Case, float] = {(refused,): 1.0}
        self._fine = max(1, enough // max(1, refused))
        self._chance = random.Random(0)  # noqa: S311  the same question gets the same answer
        self._asked: frozenset[int] = frozenset()

    @property
    def suspects(self) -> list[Range]:
        """Where refused rows may lie, the likeliest part first; none where counts contradict."""
        likely: dict[int, float] = defaultdict(float)
        for case, weight in self._cases.items():
            for part, refused in enumerate(case):
                if refused:
                    likely[part] += weight
        # Rounding must not order parts by chance.
        return [
            self._parts[part]
            for part in sorted(likely, key=lambda part: (-round(likely[part], 9), part))
        ]

    @property
    def open(self) -> bool:
        """Whether there are more suspects than are enough."""
        return sum(last - first for first, last in self.suspects) > self._enough

    def question(self) -> tuple[Range, ...]:
        """Choose the rows that the next job carries; empty where no count would tell anything."""
        self._split()
        best: frozenset[int] = frozenset()
        most = 0.0
        for _ in range(TRIES):
            pool, told = self._telling_pool()
            if told > most + 1e-9:
                best, most = pool, told
        self._asked = best
        return tuple(sorted(self._parts[part] for part in best))

    def answer(self, refused: int) -> None:
        """Take into account how many rows of the last question came to nothing."""
        kept = {
            case: weight
            for case, weight in self._cases.items()
            if sum(case[part] for part in self._asked) == refused
        }
        total = sum(kept.values())
        self._cases = {case: weight / total for case, weight in kept.items()}
        self._forget_cleared()

    def _forget_cleared(self) -> None:
        """Keep only the parts that are still suspect."""
        suspects = self._suspect_parts()
        self._parts = [self._parts[part] for part in suspects]
        self._cases = {
            tuple(case[part] for part in suspects): weight for case, weight in self._cases.items()
        }

    def _suspect_parts(self) -> list[int]:
        return [part for part in range(len(self._parts)) if any(case[part] for case in self._cases)]

    def _split(self) -> None:
        """Halve the largest suspect, again and again, as long as the cases can be weighed."""
        coarse = sum(last - first for first, last in self.suspects) // PARTS
        smallest = max(self._fine, coarse)
        while open_parts := [part for part in self._suspect_parts() if self._has_room(part)]:
            largest = max(open_parts, key=lambda part: (self._size(part), -part))
            if self._size(largest) <= smallest:
                return
            more = sum(case[largest] for case in self._cases)
            # Where only one part is in question, it is halved, however many rows are refused.
            if len(self._cases) > 1 and len(self._cases) + more > CASES:
                return
            self._halve(largest)

    def _has_room(self, part: int) -> bool:
        """Whether some row of a part may be in order: else there is nothing to be found in it."""
        return any(case[part] < self._size(part) for case in self._cases)

    def _halve(self, part: int) -> None:
        first, last = self._parts[part]
        middle = (first + last) // 2
        share = (middle - first) / (last - first)
        self._parts[part] = (first, middle)
        self._parts.append((middle, last))
        cases: dict[_Case, float] = {}
        for case, weight in self._cases.items():
            refused = case[part]
            for here in range(max(0, refused - (last - middle)), min(refused, middle - first) + 1):
                split = (*case[:part], here, *case[part + 1 :], refused - here)
                cases[split] = max(LEAST, weight * _binomial(refused, here, share))
        self._cases = cases

    def _telling_pool(self) -> tuple[frozenset[int], float]:
        """Improve a random pool, part by part, until its count tells no more."""
        suspects = self._suspect_parts()
        pool = {part for part in suspects if self._chance.random() < 0.5}  # noqa: PLR2004  a coin
        told = self._told_by(pool)
        self._chance.shuffle(suspects)
        for part in suspects:
            other = pool ^ {part}
            more = self._told_by(other)
            if more > told:
                pool, told = other, more
        return frozenset(pool), told

    def _told_by(self, pool: set[int]) -> float:
        """How much a count over a pool is expected to tell, in nats (its entropy)."""
        parts = list(pool)
        weights: dict[int, float] = defaultdict(float)
        for case, weight in self._cases.items():
            weights[sum([case[part] for part in parts])] += weight
        return -sum(weight * math.log(weight) for weight in weights.values() if weight > 0)

    def _size(self, part: int) -> int:
        first, last = self._parts[part]
        return last - first


def _binomial(of: int, here: int, share: float) -> float:
    """The chance that so many of some rows lie in a share of their part."""
    ways = math.lgamma(of + 1) - math.lgamma(here + 1) - math.lgamma(of - here + 1)
    return math.exp(ways + here * math.log(share) + (of - here) * math.log(1 - share))
