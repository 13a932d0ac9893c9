"""One cohort and its list, as the contract says they stand after every run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_cordial.core.plan import Operation, Sent
from tests.target_cordial.ledger.model import Model, Proven

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.machine.records import Heard

DAY = 24 * 3600


@dataclass
class Limits:
    """The guard's settings."""

    removal_count: int
    removal_percent: int
    addition_count: int
    addition_percent: int

    def exceeded(self, operation: Operation, changes: int, before: int) -> bool:
        """ "They exceed BOTH", and what switches the guard off."""
        if operation is Operation.REMOVE:
            count, percent, off = self.removal_count, self.removal_percent, 100
        else:
            count, percent, off = self.addition_count, self.addition_percent, 0
        return percent != off and changes > count and changes * 100 > percent * before


@dataclass
class Book:
    """What is known of one cohort.

    Attributes:
        model: Who is in, and what was sent.
        list_name: Its list, once it is bound.
        found: Its list had members that nobody has claimed yet.
        approved: An approval's ceiling, and when it was given.
    """

    cohort_id: str
    name: str
    limits: Limits
    model: Model = field(default_factory=Model)
    list_name: str | None = None
    found: bool = False
    first_synced_at: float | None = None
    added_at: dict[str, float] = field(default_factory=dict)
    removed_at: dict[str, float] = field(default_factory=dict)
    rejected_at: dict[str, float] = field(default_factory=dict)
    approved: tuple[int, float] | None = None
    doubted: bool = False
    complete: bool = False

    # -- what a run hears -------------------------------------------------------------------------

    def hear(self, heard: Heard) -> None:
        """Settle what a run heard; ``doubted`` says that the tap has to send again."""
        wanted = self.model.wanted
        proven, counted = self._proof(heard)
        snapshots = heard.rows or heard.marks
        self.complete = proven is not None
        times = {
            number: mark.time
            for snapshot_id, number in heard.numbers.items()
            if (mark := heard.marks.get(snapshot_id)) is not None and mark.time is not None
        }
        self.model.settle(heard.told, proven, times)
        self.doubted = heard.unreadable or bool(snapshots and not counted)
        self.doubted = self.doubted or not self.model.resolves
        for identifier in wanted ^ self.model.wanted:
            # "Rejected stays so until the identifier … change".
            self.rejected_at.pop(identifier, None)

    @staticmethod
    def _proof(heard: Heard) -> tuple[Proven | None, bool]:
        """ "The last marker of a cohort counts", and what it has to say."""
        last: str | None = None
        for snapshot_id, mark in sorted(heard.marks.items(), key=lambda item: item[1].at):
            known = heard.marks[last].time if last is not None else None
            if known is None or mark.time is None or mark.time >= known:
                last = snapshot_id
        if last is None or heard.unreadable:
            return None, False
        mark = heard.marks[last]
        users, told_at, _ = heard.rows.get(last, (set(), [], 0))
        if not mark.complete or len(users) != mark.count:
            return None, False
        for snapshot_id, (_, _, at) in heard.rows.items():
            other = heard.marks.get(snapshot_id)
            if snapshot_id == last or (other and _older(other.time, mark.time)):
                continue
            if other is None or at > mark.at:
                return None, False
        if not users:
            return Proven(None, mark.told, mark.time), True
        return Proven(heard.numbers[last], told_at[0], mark.time), True

    # -- what is due ------------------------------------------------------------------------------

    def due(self, operation: Operation, now: float) -> set[str]:
        """What waits to be sent, less what Cordial rejected lately."""
        wants = int(operation is Operation.ADD)
        done = Sent.ON if wants else Sent.OFF
        return {
            identifier
            for identifier, (wanted, sent) in self.model.entries().items()
            if wanted == wants and sent is not done and not self._rests(identifier, now)
        }

    def _rests(self, identifier: str, now: float) -> bool:
        at = self.rejected_at.get(identifier)
        return at is not None and now - at < 7 * DAY

    def withheld(self, operation: Operation, now: float) -> set[str]:
        """What the guard keeps back, or the wait for an adoption."""
        due = self.due(operation, now)
        if operation is Operation.REMOVE and self.found:
            return due
        if not due or (operation is Operation.ADD and self.first_synced_at is None):
            return set()
        if not self._exceeds(operation, due, now) or self._passes(operation, due, now):
            return set()
        return due

    def uses_approval(self, now: float) -> bool:
        """Whether something goes out only because it was approved."""
        return any(
            self._exceeds(operation, due, now)
            and self._passes(operation, due, now)
            and not (operation is Operation.REMOVE and self.found)
            and not (operation is Operation.ADD and self.first_synced_at is None)
            for operation in Operation
            if (due := self.due(operation, now))
        )

    def _exceeds(self, operation: Operation, due: Collection[str], now: float) -> bool:
        entries = self.model.entries()
        recent = self._changed(operation, now - DAY, strictly=True)
        confirmed = sum(sent is Sent.ON for _, sent in entries.values())
        if operation is Operation.ADD:
            before = confirmed - recent
        else:
            unknown = sum(not wanted and sent is Sent.UNKNOWN for wanted, sent in entries.values())
            before = confirmed + recent + unknown
        return self.limits.exceeded(operation, len(due) + recent, before)

    def _passes(self, operation: Operation, due: Collection[str], now: float) -> bool:
        if self.approved is None:
            return False
        up_to, at = self.approved
        if at < now - 7 * DAY:
            return False
        return len(due) <= up_to - self._changed(operation, at, strictly=False)

    def _changed(self, operation: Operation, since: float, *, strictly: bool) -> int:
        """Count the confirmed changes since a moment, as far as they still stand."""
        count = 0
        for identifier, (wanted, sent) in self.model.entries().items():
            if operation is Operation.ADD:
                at = self.added_at.get(identifier) if sent is Sent.ON else None
                if at is None or self.first_synced_at is None or at <= self.first_synced_at:
                    continue
            else:
                at = self.removed_at.get(identifier) if sent is Sent.OFF and not wanted else None
                if at is None:
                    continue
            count += at > since or (at == since and not strictly)
        return count

    # -- what a delivery brings -------------------------------------------------------------------

    def deliver(self, going: dict[Operation, set[str]], poisoned: set[str], now: float) -> None:
        """Take a delivery in which no call failed."""
        for operation, identifiers in going.items():
            for identifier in identifiers:
                if identifier in poisoned:
                    self.rejected_at[identifier] = now
                elif operation is Operation.ADD:
                    self.model.sent[identifier] = Sent.ON
                    self.added_at[identifier] = now
                    self.rejected_at.pop(identifier, None)
                else:
                    self.model.sent[identifier] = Sent.OFF
                    self.removed_at[identifier] = now
                    self.rejected_at.pop(identifier, None)

    def forget_leavers(self, now: float) -> None:
        """ "Leavers' identifiers are deleted 30 days after their removal was confirmed."

        Who was never sent is deleted at once.
        """
        for identifier, (wanted, sent) in self.model.entries().items():
            at = self.removed_at.get(identifier)
            if not wanted and sent is Sent.OFF and (at is None or at < now - 30 * DAY):
                del self.model.sent[identifier]
                self.removed_at.pop(identifier, None)
                self.added_at.pop(identifier, None)


def _older(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other
