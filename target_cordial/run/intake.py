"""Taking rows in: counting them as the tap sent them, staging them as the mapper left them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_cordial.core.completeness import (
    DistinctUsers,
    Marker,
    Proof,
    SnapshotTally,
    last_marker,
    prove,
)
from target_cordial.core.membership import (
    Cohort,
    MarkerRow,
    Membership,
    Role,
    Unreadable,
    is_deleted,
    read_marker,
    read_membership,
    role_of,
)
from target_cordial.ledger.settlement import Sealed

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from target_cordial.core.fields import Record
    from target_cordial.core.identifier import Mapping as IdentifierMapping
    from target_cordial.ledger.stage import Stage

NO_STREAM: Final = "(unknown)"
"""Where messages are counted that name no stream."""

MOST_LOGGED: Final = 20
"""Unreadable records of a stream that are named one by one; all are counted."""


@dataclass
class CohortIntake:
    """What a run received of one cohort.

    Attributes:
        number: The cohort's number in this run.
        cohort_id: Its id (its name, where rows have no id and the ledger knows none).
        name: Its name as last seen.
        received: Users in its rows.
        unreadable: Rows that could not be read.
        markers: The last marker of each snapshot.
        tallies: What came of each snapshot.
        snapshots: The number of each snapshot in this run.
    """

    number: int
    cohort_id: str
    name: str | None
    received: int = 0
    unreadable: int = 0
    markers: dict[str | None, Marker] = field(default_factory=dict)
    tallies: dict[str | None, SnapshotTally] = field(default_factory=dict)
    snapshots: dict[str | None, int] = field(default_factory=dict)

    def proof(self) -> Proof:
        """Hold its marker against what was received."""
        return prove(
            self.markers,
            self.tallies,
            unreadable=self.unreadable,
            dropped=self._id in self.tallies and self._id not in self.snapshots,
        )

    @property
    def _id(self) -> str | None:
        """The id of the snapshot whose marker counts."""
        marker = last_marker(self.markers)
        return marker.snapshot_id if marker else None

    def sealed(self) -> Sealed:
        """Describe its snapshot to the ledger, once it is proven."""
        marker = last_marker(self.markers)
        tally = self.tallies.get(self._id)
        return Sealed(
            snapshot=self.snapshots.get(self._id),
            first=tally.first if tally else (marker.position if marker else 0),
        )


@dataclass(frozen=True, slots=True)
class _Received:
    """The record being processed, as the tap sent it."""

    stream: str
    line: int
    deleted: bool
    parsed: Membership | MarkerRow | Unreadable | None


class Intake:
    """Takes a run's records.

    The reader hands each record over as the tap sent it (:meth:`receive`), for the proof counts
    those; the sink hands it over again as stream maps left it (:meth:`take`), and that is what
    is staged.

    Args:
        stage: Where rows go.
        mapping: Where the contact identifier is.
        known: Cohort ids by name, as the ledger knows them.
        mapped: Whether stream maps or flattening can change records on their way.
        logger: For what can't be read; never with a value.
    """

    def __init__(
        self,
        stage: Stage,
        mapping: IdentifierMapping,
        known: Mapping[str, str],
        *,
        mapped: bool,
        logger: logging.Logger,
    ) -> None:
        self._stage = stage
        self._mapping = mapping
        self._known = dict(known)
        self._mapped = mapped
        self._logger = logger
        self._roles: dict[str, Role | None] = {}
        self._current = _Received("", 0, deleted=False, parsed=None)
        self._violation: tuple[str, str] | None = None
        self._position = 0
        self._logged: Counter[str] = Counter()
        self.cohorts: dict[str, CohortIntake] = {}
        self.unreadable: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.state: Mapping[str, Any] | None = None
        self.broken_at: int | None = None

    # -- from the reader --------------------------------------------------------------------------

    def schema(self, stream: str, schema: Mapping[str, Any]) -> None:
        """Learn a stream's role from its SCHEMA, or leave it to its first row."""
        properties = schema.get("properties")
        self._roles[stream] = self.role(properties) if properties else None

    def role(self, keys: Mapping[str, Any]) -> Role:
        """Tell the role of a stream with these columns."""
        return role_of(keys, self._mapping)

    def receive(self, stream: str, record: Record, line: int) -> None:
        """Take note of a record before anything changes it.

        Args:
            stream: Its stream.
            record: The record as the tap sent it.
            line: Its line in the input, from 1.
        """
        role = self._roles.get(stream)
        if role is None:
            role = self._roles[stream] = self.role(record)
        self._position += 1
        self._violation = None
        deleted = is_deleted(record)
        parsed: Membership | MarkerRow | Unreadable | None = None
        if role is Role.MEMBERSHIP:
            parsed = read_membership(record, self._mapping, deleted=deleted)
            if isinstance(parsed, Membership) and not parsed.explicit:
                self._tally(parsed)
        elif role is Role.MARKER:
            parsed = read_marker(record)
        self._current = _Received(stream, line, deleted, parsed)

    def unusable(self, line: int, problem: str) -> None:
        """Note a message that is JSON and yet none that can be read."""
        self.unreadable[NO_STREAM] += 1
        self._logger.error("Rejected a message: line %d %s.", line, problem)

    def broken(self, line: int) -> None:
        """Note that the input ends at a line that is not a message."""
        self.broken_at = line
        self._logger.error(
            "Line %d of the input is not a Singer message in JSON. The input ends there.", line
        )

    # -- from the sink ----------------------------------------------------------------------------

    def violate(self, name: str, rule: str) -> None:
        """Note that the record being processed breaks its schema."""
        if self._violation is None:
            self._violation = (name, rule)

    def ignore(self, stream: str) -> None:
        """Count a record of a stream that says nothing about membership."""
        if not self.ignored[stream]:
            self._logger.info(
                "Stream '%s' says nothing about membership (no cohort, or no user). "
                "Its records are counted and ignored.",
                stream,
            )
        self.ignored[stream] += 1

    def take(self, record: Record, role: Role) -> None:
        """Stage a record as the mapper left it.

        Args:
            record: The record.
            role: The role of its stream, as the mapper left that.
        """
        current = self._current
        parsed = current.parsed
        if self._mapped and role is Role.MEMBERSHIP:
            parsed = read_membership(record, self._mapping, deleted=current.deleted)
        elif self._mapped and role is Role.MARKER and parsed is None:
            parsed = read_marker(record)
        if self._violation is not None:
            name, rule = self._violation
            cohort = None if parsed is None else parsed.cohort
            self._reject(Unreadable(name, f"breaks its schema ({rule})", cohort))
        elif isinstance(parsed, Membership):
            self._take_member(parsed)
        elif isinstance(parsed, MarkerRow):
            self._take_marker(parsed)
        elif isinstance(parsed, Unreadable):
            self._reject(parsed)

    def _take_member(self, row: Membership) -> None:
        cohort = self._cohort(row.cohort)
        sent = self._current.parsed
        if not isinstance(sent, Membership):
            if not row.explicit:
                self._tally(row)  # only a stream map made it a member row
        elif sent.cohort.id != row.cohort.id:
            # Sent to another cohort by a stream map: the one it came from is not whole any more.
            self._cohort(sent.cohort).unreadable += 1
        snapshot: int | None = None
        if not row.explicit:
            # The snapshot's id as the tap sent it: a mapper may have dropped the column.
            snapshot_id = sent.snapshot_id if isinstance(sent, Membership) else row.snapshot_id
            snapshot = cohort.snapshots.setdefault(snapshot_id, len(cohort.snapshots))
        if row.contradicted:
            self._logger.warning(
                "Stream '%s', line %d: a deletion mark stands against in_cohort; it wins.",
                self._current.stream,
                self._current.line,
            )
        cohort.received += 1
        self._stage.append(
            cohort.number,
            (
                self._position,
                snapshot,
                row.user,
                row.user_id,
                row.resolved.identifier,
                int(row.present),
                row.resolved.reason,
            ),
        )

    def _take_marker(self, row: MarkerRow) -> None:
        cohort = self._cohort(row.cohort)
        cohort.markers[row.snapshot_id] = Marker(
            row.snapshot_id, row.member_count, row.complete, self._position
        )

    def _reject(self, row: Unreadable) -> None:
        stream = self._current.stream
        self.unreadable[stream] += 1
        if row.cohort is not None:
            self._cohort(row.cohort).unreadable += 1
        if self._logged[stream] < MOST_LOGGED:
            self._logged[stream] += 1
            self._logger.error(
                "Rejected a record: stream '%s', line %d, field '%s' %s.",
                stream,
                self._current.line,
                row.field,
                row.problem,
            )

    # -- shared -----------------------------------------------------------------------------------

    def _tally(self, row: Membership) -> None:
        cohort = self._cohort(row.cohort)
        tally = cohort.tallies.get(row.snapshot_id)
        if tally is None:
            tally = SnapshotTally(DistinctUsers(), self._position, self._position)
            cohort.tallies[row.snapshot_id] = tally
        tally.users.add(row.user)
        tally.last = self._position

    def _cohort(self, named: Cohort) -> CohortIntake:
        cohort_id = named.id
        if cohort_id is None:
            name = named.name or ""
            cohort_id = self._known.get(name, name)
        cohort = self.cohorts.get(cohort_id)
        if cohort is None:
            cohort = CohortIntake(len(self.cohorts), cohort_id, named.name)
            self.cohorts[cohort_id] = cohort
        if named.name is not None and named.name != cohort.name:
            cohort.name = named.name
        if named.id is not None and named.name is not None:
            self._known[named.name] = named.id
        return cohort
