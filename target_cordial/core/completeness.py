"""Proof that a snapshot is whole: without it, absence means nothing.

When a tap dies, its target just sees its input end. So the members that a cohort's marker
announces are counted against the distinct users that were received for the same snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from target_cordial.core.parted import Parted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Completeness(str, Enum):
    """What a run received of a cohort's snapshot; the report's ``snapshot``."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    NONE = "none"


class Completion(str, Enum):
    """What is taken as proof; the setting ``snapshot_completion``."""

    MARKER = "marker"
    END_OF_INPUT = "end_of_input"
    NEVER = "never"


@dataclass(frozen=True)
class Marker:
    """A tap's word that it has sent all members of a cohort.

    Attributes:
        snapshot_id: The snapshot it speaks of; None where the tap has no ids.
        member_count: Distinct users in it.
        complete: What the tap itself says.
        position: Where it stood in the input.
        time: When the source computed the snapshot, in milliseconds since the epoch.
    """

    snapshot_id: str | None
    member_count: int
    complete: bool
    position: int
    time: int | None = None

    def is_older_than(self, other: Marker | None) -> bool:
        """Say whether the source says so; without times nothing is older."""
        if other is None or self.time is None or other.time is None:
            return False
        return self.time < other.time


class DistinctUsers:
    """Counts distinct users in eight bytes each.

    Two million members must not sit in memory as objects, so only a 64-bit hash of each user is
    kept: Python's own, which has a secret key in every process. Should two users ever share a hash
    (one chance in ten million for two million users), the count is one short, the snapshot counts
    as unproven, and nobody is removed.
    """

    def __init__(self) -> None:
        self._hashes = Parted()

    def add(self, users: Iterable[str]) -> None:
        """Take some users, however often."""
        self._hashes.add(map(hash, users))

    def update(self, other: DistinctUsers) -> None:
        """Take all users of another count."""
        self._hashes.update(other._hashes)

    def __len__(self) -> int:
        """Count the distinct users."""
        return sum(len(set(part)) for part in self._hashes)


@dataclass
class SnapshotTally:
    """What was received of one snapshot, before any stream map.

    Attributes:
        users: The distinct users.
        first: Position of its first row in the input.
        last: Position of its last row.
        time: The source time that all its rows have, in milliseconds since the epoch; None where
            they have none, or not all the same.
    """

    users: DistinctUsers
    first: int
    last: int
    time: int | None = None

    def add(self, users: Collection[str], position: int, time: int | None) -> None:
        """Take more rows.

        Args:
            users: The user of each.
            position: Where the last one stands in the input.
            time: The source time that they have.
        """
        self.users.add(users)
        self.last = position
        self.time = self.time if time == self.time else None

    def update(self, other: SnapshotTally) -> None:
        """Take what was received of the same snapshot under another name of its cohort."""
        self.users.update(other.users)
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.time = self.time if other.time == self.time else None


@dataclass(frozen=True)
class Proof:
    """Whether absence from a cohort's snapshot means that somebody left.

    Attributes:
        completeness: What was received.
        problem: Why a snapshot proves nothing that should, for the log; empty where all is well.
        proven: Absence means removal.
    """

    completeness: Completeness
    problem: str = ""
    proven: bool = False


def last_marker(markers: Mapping[str | None, Marker]) -> Marker | None:
    """Return the marker of a cohort that counts.

    It is the last one in the input, less those that speak of an older time than one before them.
    """
    counts: Marker | None = None
    for marker in sorted(markers.values(), key=lambda marker: marker.position):
        if not marker.is_older_than(counts):
            counts = marker
    return counts


def prove(  # noqa: PLR0913  each is evidence of its own
    markers: Mapping[str | None, Marker],
    tallies: Mapping[str | None, SnapshotTally],
    *,
    unreadable: int,
    dropped: bool = False,
    completion: Completion = Completion.MARKER,
    ended: bool = True,
) -> Proof:
    """Hold a cohort's marker against the rows that were received.

    Args:
        markers: The last marker of each snapshot of the cohort in this run.
        tallies: What was received, by snapshot id.
        unreadable: Rows of the cohort that could not be read.
        dropped: Stream maps left none of the rows that were received.
        completion: What is taken as proof.
        ended: The input came to a clean end.

    Returns:
        The verdict on the cohort's last marker. Rows and marker may have come in any order, but
        rows of *another* snapshot, after the marker or without one of their own, mean that
        there is a snapshot that was begun and not finished.
    """
    if not markers and not tallies and not unreadable:
        return Proof(Completeness.NONE)
    unmarked = not markers and not unreadable
    if unmarked and completion is Completion.NEVER:
        return Proof(Completeness.INCOMPLETE)
    if unmarked and completion is Completion.END_OF_INPUT:
        problem = _doubt_end(tallies, ended=ended)
    else:
        problem = _doubt(markers, tallies, unreadable)
    if not problem and dropped:
        problem = "stream maps left none of its rows"
    if problem:
        return Proof(Completeness.INCOMPLETE, problem)
    return Proof(Completeness.COMPLETE, proven=completion is not Completion.NEVER)


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
        if snapshot_id != marker.snapshot_id and not _is_older(markers.get(snapshot_id), marker)
    ):
        return "another snapshot of it was begun and has no marker"
    tally = tallies.get(marker.snapshot_id)
    received = len(tally.users) if tally else 0
    if received != marker.member_count:
        return f"its marker counts {marker.member_count} members and {received} were received"
    return ""


def _doubt_end(tallies: Mapping[str | None, SnapshotTally], *, ended: bool) -> str:
    """Say why the end of the input proves nothing of a snapshot without a marker."""
    if not ended:
        return "the input broke off"
    if len(tallies) > 1:
        return "several snapshots of it came, none with a marker"
    return ""


def _is_older(other: Marker | None, marker: Marker) -> bool:
    return other is not None and other.is_older_than(marker)
