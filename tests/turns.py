"""Which tests run of those that do the same in another way: by another delivery, say.

The option ``--ways`` says it. By turns one of them runs: which, is up to what they are called, so
that it is the same in every session.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

EACH: Final = "each"
TURNS: Final = "turns"

T = TypeVar("T")


def by_turns(
    items: Iterable[T],
    group_of: Callable[[T], Hashable | None],
    turns_of: Callable[[T], int] = lambda _: 1,
) -> list[T]:
    """Take one of every group.

    Args:
        items: All that there are.
        group_of: Names an item's group, as it is to be called in every session; None: it has none,
            and is taken.
        turns_of: Says how many turns an item has among those of its group.
    """
    groups: dict[Hashable, list[T]] = {}
    for number, item in enumerate(items):
        group = group_of(item)
        groups.setdefault(number if group is None else (group,), []).append(item)
    taken = []
    for group, members in groups.items():
        turns = [item for item in members for _ in range(turns_of(item))]
        taken.append(turns[zlib.crc32(repr(group).encode()) % len(turns)])
    return taken
