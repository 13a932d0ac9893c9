"""What a run received of one cohort, until its input has ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from target_cordial.core.completeness import (
    Completion,
    Marker,
    Proof,
    SnapshotTally,
    last_marker,
    prove,
)
from target_cordial.ledger.settlement import Sealed


@dataclass
class CohortIntake:
    """What a run received of one cohort.

    Attributes:
        number: The cohort's number in this run.
        cohort_id: Its id (its name, where rows have no id and the ledger knows none).
        name: Its name as last seen.
        by_name: Only its name is known, and stands for its id.
        formerly: The name by which alone the ledger knows it until now.
        received: Users in its rows.
        unreadable: Rows that could not be read.
        markers: The last marker of each snapshot.
        tallies: What came of each snapshot.
        snapshots: The number of each snapshot in this run.
    """

    number: int
    cohort_id: str
    name: str | None
    by_name: bool = False
    formerly: str | None = None
    received: int = 0
    unreadable: int = 0
    markers: dict[str | None, Marker] = field(default_factory=dict)
    tallies: dict[str | None, SnapshotTally] = field(default_factory=dict)
    snapshots: dict[str | None, int] = field(default_factory=dict)

    def proof(self, completion: Completion = Completion.MARKER, *, ended: bool = True) -> Proof:
        """Hold its marker against what was received. See ``core.completeness.prove``."""
        return prove(
            self.markers,
            self.tallies,
            unreadable=self.unreadable,
            dropped=self._id in self.tallies and self._id not in self.snapshots,
            completion=completion,
            ended=ended,
        )

    @property
    def _id(self) -> str | None:
        """The id of the snapshot that is proven, if one is: its marker's, or the only one's."""
        marker = last_marker(self.markers)
        return marker.snapshot_id if marker else next(iter(self.tallies), None)

    def sealed(self, *, as_sent: bool = True) -> Sealed:
        """Describe its snapshot to the ledger, once it is proven.

        Args:
            as_sent: Its rows were staged as the tap sent them.
        """
        marker = last_marker(self.markers)
        tally = self.tallies.get(self._id)
        time = marker.time if marker else None
        return Sealed(
            snapshot=self.snapshots.get(self._id),
            first=tally.first if tally else (marker.position if marker else 0),
            time=tally.time if tally and time is None else time,
            users=len(tally.users) if tally and as_sent else None,
        )

    def times(self) -> dict[int, int]:
        """The source times of its snapshots, by their numbers."""
        return {
            self.snapshots[snapshot_id]: marker.time
            for snapshot_id, marker in self.markers.items()
            if marker.time is not None and snapshot_id in self.snapshots
        }

    def number_of(self, snapshot_id: str | None) -> int:
        """The number of a snapshot in this run."""
        return self.snapshots.setdefault(snapshot_id, len(self.snapshots))

    def absorb(self, other: CohortIntake) -> dict[int, int]:
        """Take what came under another name of this cohort.

        Returns:
            What the other's snapshots are called here, by their numbers there.
        """
        self.received += other.received
        self.unreadable += other.unreadable
        for snapshot_id, marker in other.markers.items():
            known = self.markers.get(snapshot_id)
            if known is None or known.position < marker.position:
                self.markers[snapshot_id] = marker
        for snapshot_id, tally in other.tallies.items():
            if snapshot_id in self.tallies:
                self.tallies[snapshot_id].update(tally)
            else:
                self.tallies[snapshot_id] = tally
        return {number: self.number_of(name) for name, number in other.snapshots.items()}
