"""A sample of what a run changed: kept small, whatever the size of the run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_cordial.core.plan import Change


class Sample:
    """Up to so many changes of each list, each of a list's changes as likely as any other.

    Args:
        size: The most changes of one list.
        chance: Chooses.
    """

    def __init__(self, size: int, chance: random.Random | None = None) -> None:
        self._size = size
        self._chance = chance or random.Random()  # noqa: S311  chooses what is looked at, guards nothing
        self._kept: dict[int, list[Change]] = {}
        self._seen: dict[int, int] = {}

    def __iter__(self) -> Iterator[Change]:
        """Walk what was kept, list by list."""
        for kept in self._kept.values():
            yield from kept

    def add(self, change: Change) -> None:
        """Take a change into account: the k-th of a list is kept with the chance of size in k."""
        seen = self._seen[change.cohort] = self._seen.get(change.cohort, 0) + 1
        kept = self._kept.setdefault(change.cohort, [])
        if len(kept) < self._size:
            kept.append(change)
            return
        place = self._chance.randrange(seen)
        if place < self._size:
            kept[place] = change
