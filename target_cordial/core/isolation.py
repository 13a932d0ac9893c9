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
import operator
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Range = tuple[int, int]
"""Rows from the first up to, and without, the second."""

CASES: Final = 3_000
"""So many ways to lie are weighed: more takes longer and, measured, finds no more."""

CASES_ALONE: Final = 200_000
"""So many are weighed where one part alone is in question, whose halves are all that is asked
about. More refused rows than that are not searched: the ways would fill the memory."""

PARTS: Final = 64
"""So many parts are asked about at most: eight counts could not tell more of them apart."""

TRIES: Final = 4
"""Orders in which parts are tried for a telling pool."""

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
        self._forget_cleared()

    @property
    def suspects(self) -> list[Range]:
        """Where refused rows may lie, the likeliest part first; none where counts contradict."""
        likely = [
            # Rounding must not order parts by chance.
            round(sum(weight for case, weight in self._cases.items() if case[part]), 9)
            for part in range(len(self._parts))
        ]
        order = sorted(range(len(likely)), key=likely.__getitem__, reverse=True)
        return [self._parts[part] for part in order]

    @property
    def open(self) -> bool:
        """Whether there are more suspects than are enough."""
        return sum(last - first for first, last in self._parts) > self._enough

    def question(self) -> tuple[Range, ...]:
        """Choose the rows that the next job carries; empty where no count would tell anything."""
        self._split()
        columns = list(zip(*self._cases, strict=True))
        weights = list(self._cases.values())
        self._asked = frozenset()
        most = 0.0
        for _ in range(TRIES):
            pool, told = self._telling_pool(columns, weights)
            if told > most + 1e-9:
                self._asked, most = pool, told
        return tuple(sorted(self._parts[part] for part in self._asked))

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
        """Keep only the parts that are suspect: those that hold a refused row in some case."""
        suspects = [
            part for part, counts in enumerate(zip(*self._cases, strict=True)) if any(counts)
        ]
        self._parts = [self._parts[part] for part in suspects]
        self._cases = {
            tuple(case[part] for part in suspects): weight for case, weight in self._cases.items()
        }

    def _split(self) -> None:
        """Halve the largest part, again and again, as long as the cases can be weighed."""
        coarse = sum(last - first for first, last in self._parts) // PARTS
        smallest = max(self._fine, coarse)
        while wide := [
            part
            for part in range(len(self._parts))
            if self._size(part) > smallest and self._has_room(part)
        ]:
            largest = max(wide, key=self._size)
            cases = len(self._cases) + sum(case[largest] for case in self._cases)
            if cases > (CASES if len(self._cases) > 1 else CASES_ALONE):
                return
            self._halve(largest)

    def _has_room(self, part: int) -> bool:
        """Whether some row of a part may be in order: else there is nothing to be found in it."""
        return any(case[part] < self._size(part) for case in self._cases)

    def _halve(self, part: int) -> None:
        first, last = self._parts[part]
        middle = (first + last) // 2
        self._parts[part] = (first, middle)
        self._parts.append((middle, last))
        ways = {
            refused: _ways(refused, middle - first, last - middle)
            for refused in {case[part] for case in self._cases}
        }
        self._cases = {
            (*case[:part], here, *case[part + 1 :], there): max(LEAST, weight * chance)
            for case, weight in self._cases.items()
            for here, there, chance in ways[case[part]]
        }

    def _telling_pool(
        self, columns: Sequence[Sequence[int]], weights: Sequence[float]
    ) -> tuple[frozenset[int], float]:
        """Gather parts, in a random order, as long as their common count tells more.

        Args:
            columns: For each part, how many refused rows lie in it in each case.
            weights: The chance of each case.

        Returns:
            The parts, and how much their count is expected to tell.
        """
        order = list(range(len(columns)))
        self._chance.shuffle(order)
        pool: set[int] = set()
        counts = [0] * len(weights)
        told = 0.0
        for part in order:
            # Summed up part by part: over and over for every pool would take some ten times longer.
            with_part = list(map(operator.add, counts, columns[part]))
            more = _entropy(with_part, weights)
            if more > told:
                pool.add(part)
                counts, told = with_part, more
        return frozenset(pool), told

    def _size(self, part: int) -> int:
        first, last = self._parts[part]
        return last - first


def _ways(refused: int, rows_here: int, rows_there: int) -> list[tuple[int, int, float]]:
    """List how refused rows can lie in two halves, each with its chance: all rows are alike."""
    every = _log_choices(rows_here + rows_there, refused)
    return [
        (
            here,
            refused - here,
            math.exp(
                _log_choices(rows_here, here) + _log_choices(rows_there, refused - here) - every
            ),
        )
        for here in range(max(0, refused - rows_there), min(refused, rows_here) + 1)
    ]


def _log_choices(of: int, chosen: int) -> float:
    """Return the logarithm of the number of ways to choose some out of others."""
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)


def _entropy(counts: Iterable[int], weights: Iterable[float]) -> float:
    """How much a count is expected to tell, in nats."""
    chances: dict[int, float] = defaultdict(float)
    for count, weight in zip(counts, weights, strict=True):
        chances[count] += weight
    return -sum(chance * math.log(chance) for chance in chances.values())
