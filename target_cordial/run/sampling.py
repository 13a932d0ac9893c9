"""A sample of what a run changed: kept small, whatever the size of the run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_cordial.core.outcome import Outcome, Result
    from target_cordial.core.plan import Change


class Sample:
    """Up to so many ended changes of each list, each of them as likely as any other.

    Args:
        size: The most changes of one list.
        chance: Chooses.
    """

    def __init__(self, size: int, chance: random.Random | None = None) -> None:
        self._size = size
        self._chance = chance or random.Random()  # noqa: S311  chooses what is looked at, guards nothing
        self._kept: dict[int, list[Outcome]] = {}
        self._seen: dict[int, int] = {}

    def __iter__(self) -> Iterator[Outcome]:
        """Walk what was kept, list by list."""
        for kept in self._kept.values():
            yield from kept

    def add(self, outcome: Outcome) -> None:
        """Take a change into account: the k-th of a list is kept with the chance of size in k."""
        cohort = outcome.change.cohort
        seen = self._seen[cohort] = self._seen.get(cohort, 0) + 1
        kept = self._kept.setdefault(cohort, [])
        if len(kept) < self._size:
            kept.append(outcome)
            return
        place = self._chance.randrange(seen)
        if place < self._size:
            kept[place] = outcome

    def forget(self, changes: Iterable[Change]) -> None:
        """Let go of what is changed again: by an import that was followed, and by the plan."""
        again = {(change.cohort, change.identifier) for change in changes}
        for cohort, kept in self._kept.items():
            kept[:] = [out for out in kept if (cohort, out.change.identifier) not in again]

    def drop(self, cohort: int, result: Result) -> None:
        """Let go of those changes of a list that ended in one way: they came to nothing."""
        kept = self._kept.get(cohort, [])
        kept[:] = [outcome for outcome in kept if outcome.result is not result]
