"""Taking rows in: counting them as the tap sent them, staging them as the mapper left them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from target_cordial.core.completeness import DistinctUsers, Marker, SnapshotTally
from target_cordial.core.membership import (
    MarkerRow,
    Membership,
    Role,
    Unreadable,
    cohort_of,
    read_marker,
    read_membership,
    role_of,
)
from target_cordial.core.plain_rows import plain_stream, said_together
from target_cordial.core.user_key import AMPLITUDE_KIND
from target_cordial.core.values import is_deleted
from target_cordial.ledger.stage import StagedRow
from target_cordial.run.cohorts import Cohorts

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping, Sequence

    from target_cordial.core.fields import Record
    from target_cordial.core.identifier import Mapping as IdentifierMapping
    from target_cordial.core.plain_rows import PlainRow, PlainStream
    from target_cordial.ledger.stage import Stage
    from target_cordial.ledger.store import CohortRow
    from target_cordial.run.received import CohortIntake

NO_STREAM: Final = "(unknown)"
"""Where messages are counted that name no stream."""

MOST_LOGGED: Final = 20
"""Records of a stream that are named one by one, for each kind of trouble; all are counted."""


@dataclass(frozen=True, slots=True)
class _Received:
    """The record being processed, as the tap sent it."""

    stream: str
    line: int
    deleted: bool
    position: int
    members: Sequence[Membership | Unreadable] = ()
    marker: MarkerRow | Unreadable | None = None


class Intake:
    """Takes a run's records.

    The reader hands each record over as the tap sent it (:meth:`receive`), for the proof counts
    those; the sink hands it over again as stream maps left it (:meth:`take`), and that is what
    is staged.

    Args:
        stage: Where rows go.
        mapping: Where the contact identifier is.
        known: The cohorts that the ledger knows.
        mapped: Whether stream maps or flattening can change records on their way.
        logger: For what can't be read; never with a value.

    Attributes:
        mapped: As given.
        unreadable: Records that were rejected, by stream.
        ignored: Records of streams that say nothing about membership, by stream.
        state: The last STATE.
        broken_at: The line at which the input broke off.
        lost: Records that were rejected and may be of any cohort.
    """

    def __init__(
        self,
        stage: Stage,
        mapping: IdentifierMapping,
        known: Iterable[CohortRow],
        *,
        mapped: bool,
        logger: logging.Logger,
    ) -> None:
        self._stage = stage
        self._mapping = mapping
        self._cohorts = Cohorts(known)
        self.mapped = mapped
        self._logger = logger
        self._roles: dict[str, Role | None] = {}
        self._plain: dict[str, PlainStream | None] = {}
        self._current = _Received("", 0, deleted=False, position=0)
        self._violation: tuple[str, str] | None = None
        self._position = 0
        self._logged: Counter[str] = Counter()
        self._warned: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.state: Mapping[str, Any] | None = None
        self.broken_at: int | None = None
        self.lost = 0

    @property
    def rows(self) -> int:
        """How many rows came so far, each user of a batch as one."""
        return self._position

    # -- from the reader --------------------------------------------------------------------------

    def schema(self, stream: str, schema: Mapping[str, Any], keys: Iterable[str] = ()) -> None:
        """Learn a stream's role from its SCHEMA, or leave it to its first row.

        Args:
            stream: The stream.
            schema: Its JSON Schema.
            keys: Its key properties.
        """
        properties = schema.get("properties")
        self._roles[stream] = self.role(properties) if properties else None
        self._plain[stream] = (
            None if self.mapped else plain_stream(stream, schema, keys, self._mapping)
        )

    def plain(self, stream: str) -> PlainStream | None:
        """Find what reads a stream's plain rows; None where all its rows need a closer look."""
        return self._plain.get(stream)

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
        self._violation = None
        deleted = is_deleted(record)
        current = _Received(stream, line, deleted, self._position + 1)
        if role is Role.MEMBERSHIP:
            members = read_membership(record, self._mapping, deleted=deleted)
            current = replace(current, members=members)
            for position, said in enumerate(members, current.position):
                if isinstance(said, Membership) and not said.explicit:
                    self._tally(said, position)
        elif role is Role.MARKER:
            current = replace(current, marker=read_marker(record))
        self._position += max(1, len(current.members))
        self._current = current

    def take_plain(self, stream: PlainStream, rows: Sequence[PlainRow]) -> int:
        """Take rows that can be read at a glance, as if they were received and taken one by one.

        Args:
            stream: What has read them.
            rows: The rows, in the order of the input.

        Returns:
            How many were taken; the next one, if there is one, needs a closer look.
        """
        taken = 0
        while taken < len(rows):
            same, said = said_together(rows, taken, self._mapping, nested=stream.nested)
            if not said:
                break
            cohort = self._cohorts.meant(same.cohort)
            first = self._position + 1
            self._position += len(said)
            tally = self._tally_of(cohort, same.snapshot_id, first, None)
            tally.add([user for user, _, _ in said], self._position, None)
            cohort.received += len(said)
            snapshot = cohort.number_of(same.snapshot_id)
            self._stage.extend(cohort.number, snapshot, first, said, kind=AMPLITUDE_KIND)
            taken += len(said)
        return taken

    def unusable(self, line: int, problem: str) -> None:
        """Note a message that is JSON and yet none that can be read."""
        self.unreadable[NO_STREAM] += 1
        self.lost += 1
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
        members, marker = current.members, current.marker
        if self.mapped and role is Role.MEMBERSHIP:
            members = read_membership(record, self._mapping, deleted=current.deleted)
        elif self.mapped and role is Role.MARKER and not members and marker is None:
            marker = read_marker(record)
        if self._violation is not None:
            name, rule = self._violation
            cohort = cohort_of(record)
            self._reject(Unreadable(name, f"breaks its schema ({rule})", cohort))
            return
        for number, said in enumerate(members):
            if isinstance(said, Unreadable):
                self._reject(said)
            else:
                sent = current.members[number] if number < len(current.members) else None
                self._take_member(said, sent, current.position + number)
        if isinstance(marker, Unreadable):
            self._reject(marker)
        elif marker is not None:
            self._take_marker(marker)

    def _take_member(
        self, row: Membership, sent: Membership | Unreadable | None, position: int
    ) -> None:
        cohort = self._cohorts.meant(row.cohort)
        if not isinstance(sent, Membership):
            if not row.explicit:
                self._tally(row, position)  # only a stream map made it a member row
        elif sent.cohort.id != row.cohort.id:
            # Sent to another cohort by a stream map: the one it came from is not whole any more.
            self._cohorts.meant(sent.cohort).unreadable += 1
        snapshot: int | None = None
        if not row.explicit:
            # The snapshot's id as the tap sent it: a mapper may have dropped the column.
            snapshot = cohort.number_of(
                sent.snapshot_id if isinstance(sent, Membership) else row.snapshot_id
            )
        if row.contradicted and self._warned[self._current.stream] < MOST_LOGGED:
            self._warned[self._current.stream] += 1
            self._logger.warning(
                "Stream '%s', line %d: a deletion mark stands against in_cohort; it wins.",
                self._current.stream,
                self._current.line,
            )
        cohort.received += 1
        self._stage.append(
            cohort.number,
            StagedRow(
                position,
                snapshot,
                row.user,
                row.user_id,
                row.resolved.identifier,
                int(row.present),
                row.resolved.reason,
                row.time,
                row.message,
            ),
        )

    def _take_marker(self, row: MarkerRow) -> None:
        cohort = self._cohorts.meant(row.cohort)
        cohort.markers[row.snapshot_id] = Marker(
            row.snapshot_id, row.member_count, row.complete, self._current.position, row.time
        )

    def _reject(self, row: Unreadable) -> None:
        stream = self._current.stream
        self.unreadable[stream] += 1
        # With the cohorts that the tap sent it for: a stream map may have taken it to another.
        meant = {row.cohort, *(said.cohort for said in self._current.members)}
        if self._current.marker is not None:
            meant.add(self._current.marker.cohort)
        cohorts = [self._cohorts.meant(each) for each in meant if each is not None]
        for cohort in {each.number: each for each in cohorts}.values():
            cohort.unreadable += 1
        self.lost += not cohorts
        if self._logged[stream] < MOST_LOGGED:
            self._logged[stream] += 1
            self._logger.error(
                "Rejected a record: stream '%s', line %d, field '%s' %s.",
                stream,
                self._current.line,
                row.field,
                row.problem,
            )

    # -- at the end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Bring rows that know their cohort by its name only together with its others."""
        self._cohorts.unite(self._merge)

    def _merge(self, cohort: CohortIntake, named: CohortIntake) -> None:
        self._stage.merge(cohort.number, named.number, cohort.absorb(named))

    @property
    def cohorts(self) -> Mapping[str, CohortIntake]:
        """What was received of each cohort, by its id."""
        return self._cohorts.by_id

    @property
    def ended(self) -> bool:
        """Whether the input came to a clean end, with nothing lost that may be of any cohort."""
        return self.broken_at is None and not self.lost

    # -- shared -----------------------------------------------------------------------------------

    def _tally(self, row: Membership, position: int) -> None:
        cohort = self._cohorts.meant(row.cohort)
        tally = self._tally_of(cohort, row.snapshot_id, position, row.time)
        tally.add([row.user], position, row.time)

    def _tally_of(
        self, cohort: CohortIntake, snapshot_id: str | None, position: int, time: int | None
    ) -> SnapshotTally:
        """Find the tally of a snapshot; one that is new begins here."""
        tally = cohort.tallies.get(snapshot_id)
        if tally is None:
            tally = SnapshotTally(DistinctUsers(), position, position, time)
            cohort.tallies[snapshot_id] = tally
        return tally
