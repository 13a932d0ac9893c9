"""What differs between the members that are known and a snapshot, by digests alone.

Millions of digests are compared eight bytes at a time: in parts, so that only a part of them is
ever a set of objects.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PARTS: Final = 256

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
    members, rows = _parted(known), _parted(came)
    total = sum(map(len, rows))
    changed: set[int] = set()
    vanished = array("q")
    for before, now in zip(members, rows, strict=True):
        old, new = set(before), set(now)
        changed |= new - old
        vanished.extend(old - new)
        if len(changed) > total * MOST_CHANGED:
            return None
    return Difference(total - len(changed), frozenset(changed), vanished)


def _parted(blocks: Iterable[Iterable[int]]) -> list[array[int]]:
    parts = [array("q") for _ in range(PARTS)]
    for block in blocks:
        for digest in block:
            parts[digest % PARTS].append(digest)
    return parts
