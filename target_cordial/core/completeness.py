"""Proof that a snapshot is whole: without it, absence means nothing.

When a tap dies, its target just sees its input end. So the members that a cohort's marker
announces are counted against the distinct users that were received for the same snapshot.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTITIONS: Final = 256


class Completeness(str, Enum):
    """What a run received of a cohort's snapshot; the report's ``snapshot``."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    NONE = "none"


@dataclass(frozen=True)
class Marker:
    """A tap's word that it has sent all members of a cohort.

    Attributes:
        snapshot_id: The snapshot it speaks of; None where the tap has no ids.
        member_count: Distinct users in it.
        complete: What the tap itself says.
        position: Where it stood in the input.
    """

    snapshot_id: str | None
    member_count: int
    complete: bool
    position: int


class DistinctUsers:
    """Counts distinct users in eight bytes each.

    Two million members must not sit in memory as objects, so only a 64-bit hash of each user is
    kept. Should two users ever share a hash (one chance in ten million for two million users),
    the count is one short, the snapshot counts as unproven, and nobody is removed.
    """

    def __init__(self) -> None:
        self._partitions = [array("Q") for _ in range(_PARTITIONS)]

    def add(self, user: str) -> None:
        """Take one user, however often."""
        digest = hashlib.blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self._partitions[digest[0]].append(int.from_bytes(digest, "little"))

    def __len__(self) -> int:
        """Count the distinct users."""
        return sum(len(set(partition)) for partition in self._partitions)


@dataclass
class SnapshotTally:
    """What was received of one snapshot, before any stream map.

    Attributes:
        users: The distinct users.
        first: Position of its first row in the input.
        last: Position of its last row.
    """

    users: DistinctUsers
    first: int
    last: int


@dataclass(frozen=True)
class Proof:
    """Whether absence from a cohort's snapshot means that somebody left.

    Attributes:
        completeness: The verdict.
        problem: Why the snapshot proves nothing, for the log; empty where it does.
    """

    completeness: Completeness
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether absence means removal."""
        return self.completeness is Completeness.COMPLETE


def last_marker(markers: Mapping[str | None, Marker]) -> Marker | None:
    """Return the marker of a cohort that counts: the last one in the input."""
    return max(markers.values(), key=lambda marker: marker.position, default=None)


def prove(
    markers: Mapping[str | None, Marker],
    tallies: Mapping[str | None, SnapshotTally],
    *,
    unreadable: int,
    dropped: bool = False,
) -> Proof:
    """Hold a cohort's marker against the rows that were received.

    Args:
        markers: The last marker of each snapshot of the cohort in this run.
        tallies: What was received, by snapshot id.
        unreadable: Rows of the cohort that could not be read.
        dropped: Stream maps left none of the rows that were received.

    Returns:
        The verdict on the cohort's last marker. Rows and marker may have come in any order, but
        rows of *another* snapshot, after the marker or without one of their own, mean that
        there is a snapshot that was begun and not finished.
    """
    if not markers and not tallies and not unreadable:
        return Proof(Completeness.NONE)
    problem = _doubt(markers, tallies, unreadable)
    if not problem and dropped:
        problem = "stream maps left none of its rows"
    return Proof(Completeness.INCOMPLETE if problem else Completeness.COMPLETE, problem)


def _doubt(
    markers: Mapping[str | None, Marker],
    tallies: Mapping[str | None, SnapshotTally],
    unreadable: int,
) -> str:
    """Say why a snapshot with a marker proves nothing; empty where it does."""
    if unreadable:
        return f"{unreadable} of its records could not be read"
    marker = last_marker(markers)
    if marker is None:
        return "no marker came for it (did the tap die?)"
    if not marker.complete:
        return "its marker says that it is not complete"
    if any(
        tally.last > marker.position or snapshot_id not in markers
        for snapshot_id, tally in tallies.items()
        if snapshot_id != marker.snapshot_id
    ):
        return "another snapshot of it was begun and has no marker"
    tally = tallies.get(marker.snapshot_id)
    received = len(tally.users) if tally else 0
    if received != marker.member_count:
        return f"its marker counts {marker.member_count} members and {received} were received"
    return ""
