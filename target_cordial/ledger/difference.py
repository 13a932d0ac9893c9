"""What differs between the members that are known and a snapshot, by digests alone.

Millions of digests are compared part by part, so that only a part of them is ever a set of objects.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from target_cordial.core.parted import Parted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_CHANGED: Final = 1 / 4
"""Share of the rows that may be new: with more of them the database compares all as quickly."""


@dataclass(frozen=True)
class Difference:
    """How a snapshot differs from what is known.

    Attributes:
        unchanged: How many rows say what is known already.
        changed: Digests of the rows that say something new.
        vanished: Digests that are known, of which no row has come.
        others: Members of which no digest is known: they may be in, or not.
    """

    unchanged: int
    changed: frozenset[int] = frozenset()
    vanished: Sequence[int] = ()
    others: int = 0

    @property
    def leaves(self) -> bool:
        """Whether there may be members that are not in the snapshot."""
        return bool(self.vanished or self.others)


def difference(known: Iterable[Iterable[int]], came: Iterable[Iterable[int]]) -> Difference | None:
    """Compare the digests of a snapshot's rows, each of another user, with those of the members.

    Args:
        known: Digests of members, block by block.
        came: Digests of rows, block by block.

    Returns:
        What differs; None where so much does that this is no short cut.
    """
    members, rows = Parted(), Parted()
    members.add(chain.from_iterable(known))
    rows.add(chain.from_iterable(came))
    total = len(rows)
    changed: set[int] = set()
    vanished = array("q")
    for before, now in zip(members, rows, strict=True):
        old, new = set(before), set(now)
        changed |= new - old
        vanished.extend(old - new)
        if len(changed) > total * MOST_CHANGED:
            return None
    return Difference(total - len(changed), frozenset(changed), vanished)
