"""The changes of one list in one direction: by one import where all goes well.

What counts do not prove is not confirmed. Where rows are refused, further imports narrow them
down; who is left goes by single calls, in which Cordial names its reason for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from target_cordial.core.import_counts import Kind
from target_cordial.core.isolation import Counted, Isolation, without
from target_cordial.core.outcome import Outcome, Result, too_many
from target_cordial.core.plan import Operation, Sent
from target_cordial.delivery.imports.carrying import Order, blocks_of
from target_cordial.delivery.imports.import_file import fits
from target_cordial.errors import TargetCordialError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from target_cordial.core.isolation import Range
    from target_cordial.core.plan import Change
    from target_cordial.delivery.base import Target, Targets
    from target_cordial.delivery.engine import Engine
    from target_cordial.delivery.imports.carrying import Carried, Carrier, Recorder
    from target_cordial.ledger.plan import Part, Plan

FURTHER_JOBS: Final = 8
"""Imports more, for each list, to find out which rows were refused (contract section 3)."""

SINGLE_CONTACTS: Final = 1_000
"""Contacts of each list that go by single calls (contract section 3)."""


@dataclass
class Allowance:
    """What is left for a list in this run, for both directions together."""

    jobs: int = FURTHER_JOBS
    contacts: int = SINGLE_CONTACTS


@dataclass(frozen=True)
class Means:
    """What the changes of a list are delivered with.

    Attributes:
        carrier: Carries imports.
        singly: Makes an engine that makes single calls, for a recorder.
        recorder: The ledger.
        list_name: Reads the name that a list has now; None where it is lost.
        channel: The channel whose addresses are the identifiers.
        create_contacts: Whether contacts may be made.
        suppress_triggers: Says whether automations stay silent, for a target.
        max_rejected_percent: The share of removals that may be unknown to Cordial.
    """

    carrier: Carrier
    singly: Callable[[Recorder], Engine]
    recorder: Recorder
    list_name: Callable[[Target], str | None]
    channel: str
    create_contacts: bool
    suppress_triggers: Callable[[Target], bool]
    max_rejected_percent: int


@dataclass
class _Heard:
    """A recorder that keeps back which contacts were refused."""

    recorder: Recorder
    refused: dict[str, Outcome] = field(default_factory=dict)
    absent: int = 0

    def intend(self, changes: Iterable[Change], job: int | None = None) -> None:
        self.recorder.intend(changes, job)

    def record(self, outcomes: Iterable[Outcome]) -> None:
        ended = list(outcomes)
        refused = [out for out in ended if out.result is Result.REJECTED]
        self.refused.update({out.change.identifier: out for out in refused})
        self.absent += sum(out.result is Result.ALREADY_ABSENT for out in ended)
        self.recorder.record(out for out in ended if out.result is not Result.REJECTED)

    def note(self, problem: str) -> None:
        self.recorder.note(problem)

    def check_hold(self) -> None:
        self.recorder.check_hold()


@dataclass(frozen=True, slots=True)
class _Told:
    """What an import told of its rows.

    Attributes:
        carried: The import.
        refused: How many came to nothing.
        absent: Of removals, how many contacts Cordial does not have.
    """

    carried: Carried
    refused: int
    absent: int


class Course:
    """Delivers one part of a plan.

    Args:
        part: The part.
        plan: The plan.
        targets: Where each cohort's changes go.
        means: What they are delivered with.
        allowance: What is left for the list.
    """

    def __init__(
        self, part: Part, plan: Plan, targets: Targets, means: Means, allowance: Allowance
    ) -> None:
        self._part = part
        self._plan = plan
        self._targets = targets
        self._target = targets[part.cohort]
        self._means = means
        self._allowance = allowance
        self._spoken: set[int] = set()
        self._proven: list[Range] = []
        self._absent = 0
        self._sent = False

    def run(self) -> None:
        """Deliver it.

        Raises:
            CordialError: Delivery had to stop; what was sent is recorded.
            InterruptedRunError: The run was told to stop; what was sent is recorded.
        """
        whole = [self._part.numbers]
        self._deliver_unfit()
        if not self._contacts_are_there(whole):
            return
        told = self._write(whole)
        if told is None:
            return
        if too_many(told.absent, told.carried.rows, self._means.max_rejected_percent):
            # Which rows they are is not told: all of them wait for what the run says of these.
            self._record(whole, Result.ALREADY_ABSENT)
            self._finish(told.carried)
        elif told.refused == 0:
            self._confirm(whole, told.absent)
            self._finish(told.carried)
        else:
            self._finish(told.carried)
            self._narrow_down(told)

    def _deliver_unfit(self) -> None:
        """Deliver those by single calls who go by no file, however many they are."""
        changes = (change for _, change in self._plan.numbered([self._part.numbers]))
        unfit = (change for change in changes if not fits(change.identifier))
        first = next(unfit, None)
        if first is not None:
            engine = self._means.singly(self._means.recorder)
            engine.deliver(chain([first], unfit), self._targets)

    # -- imports ----------------------------------------------------------------------------------

    def _contacts_are_there(self, ranges: list[Range]) -> bool:
        """Make the contacts that Cordial does not know, if that is allowed; subscribe nobody."""
        if self._part.operation is Operation.REMOVE or not self._means.create_contacts:
            return True
        made = self._carry(Kind.CREATE, ranges)
        if made is None:
            return True
        self._finish(made)
        if not made.job.done:
            self._note(f"the import that makes its contacts ended as '{made.job.status}'")
        return made.job.done

    def _write(self, ranges: list[Range]) -> _Told | None:
        """Write the membership of some rows by an import.

        Returns:
            What its counts say; None where they say nothing, or no row was left to be written.
        """
        kind = Kind(self._part.operation.value)
        carried = self._carry(kind, ranges)
        if carried is None:
            return None
        self._sent = True
        counts = carried.job.counts
        refused = counts.refused(kind, carried.rows) if carried.job.done else None
        if refused is None:
            self._record(ranges, Result.UNKNOWN)
            self._finish(carried)
            self._note(
                "Cordial's counts do not account for every row of the import"
                if carried.job.done
                else f"the import ended as '{carried.job.status}'"
            )
            return None
        return _Told(carried, refused, counts.absent if kind is Kind.REMOVE else 0)

    def _carry(self, kind: Kind, ranges: list[Range]) -> Carried | None:
        name = self._means.list_name(self._target)
        if name is None:
            return None  # lost: what becomes of it is said when the lists are looked at again
        if next(self._left(ranges), None) is None:
            return None
        order = Order(
            self._part.cohort,
            kind,
            name,
            self._means.channel,
            self._means.suppress_triggers(self._target),
        )
        return self._means.carrier.carry(order, lambda: self._left(ranges), self._means.recorder)

    def _finish(self, carried: Carried) -> None:
        self._means.carrier.finish(carried.number, carried.file)

    # -- refused rows -----------------------------------------------------------------------------

    def _narrow_down(self, first: _Told) -> None:
        """Find the rows that were refused, and prove all others."""
        isolation = Isolation(self._part.numbers, first.refused, enough=self._allowance.contacts)
        counted = [Counted((self._part.numbers,), first.refused)]
        while isolation.open and self._allowance.jobs:
            question = list(isolation.question())
            if not question:
                break
            self._allowance.jobs -= 1
            told = self._write(question)
            if told is None:
                break
            isolation.answer(told.refused)
            counted.append(Counted(tuple(question), told.refused))
            if told.refused == 0:
                self._confirm(question, told.absent)
            self._finish(told.carried)
        refused = self._one_by_one(isolation.suspects, accepted=first.refused < first.carried.rows)
        rest = [self._part.numbers]
        explained = all(each.explained_by(set(refused)) for each in counted)
        self._reject(refused, in_doubt=not explained)
        if explained:
            # Whatever came to nothing in any of the imports has a name: so all else was written.
            self._confirm(rest, first.absent - self._absent)
            return
        clear = without(rest, isolation.suspects)
        if isolation.suspects and self._allowance.jobs:
            self._allowance.jobs -= 1
            told = self._write(clear)
            if told is not None and told.refused == 0:
                self._confirm(clear, told.absent)
            if told is not None:
                self._finish(told.carried)
        left = self._record(rest, Result.UNKNOWN)
        if left:
            self._note(f"of {left} rows it is not proven that the imports wrote them")

    def _one_by_one(self, suspects: list[Range], *, accepted: bool) -> dict[int, Outcome]:
        """Deliver suspects by single calls, as many as are allowed.

        Args:
            suspects: Their numbers.
            accepted: The import of all had rows that Cordial accepted.

        Returns:
            What Cordial refused, by number. It is not recorded yet: whether the imports wrote
            nothing of it either, their counts have to tell.
        """
        some = {
            change.identifier: (number, change)
            for number, change in islice(self._numbered(suspects), self._allowance.contacts)
        }
        if not some:
            return {}
        self._allowance.contacts -= len(some)
        heard = _Heard(self._means.recorder)
        changes = (self._as_known(change) for _, change in some.values())
        try:
            self._means.singly(heard).deliver(changes, self._targets, accepted=accepted)
        except TargetCordialError:
            self._means.recorder.record(heard.refused.values())
            raise
        self._spoken.update(number for number, _ in some.values())
        self._absent += heard.absent  # the import has counted them too
        return {
            number: replace(heard.refused[identifier], change=change)
            for identifier, (number, change) in some.items()
            if identifier in heard.refused
        }

    # -- outcomes ---------------------------------------------------------------------------------

    def _left(self, ranges: list[Range]) -> Iterator[Change]:
        """Walk the changes that an import can carry and that are not settled yet."""
        return (self._as_known(change) for _, change in self._numbered(ranges))

    def _numbered(self, ranges: list[Range]) -> Iterator[tuple[int, Change]]:
        for number, change in self._plan.numbered(without(ranges, self._proven)):
            if number not in self._spoken and fits(change.identifier):
                yield number, change

    def _as_known(self, change: Change) -> Change:
        """What an import has carried is in doubt, whatever was known before."""
        return replace(change, before=Sent.UNKNOWN) if self._sent else change

    def _confirm(self, ranges: list[Range], absent: int) -> None:
        """Record what counts prove. Which contacts of a removal are absent, they do not tell."""
        self._record(ranges, Result.CONFIRMED, absent)
        self._absent += max(0, absent)
        self._proven += ranges

    def _reject(self, refused: Mapping[int, Outcome], *, in_doubt: bool = False) -> None:
        """Record what Cordial refused; in doubt, an import may have written it all the same."""
        self._means.recorder.record(
            replace(out, change=self._as_known(out.change)) if in_doubt else out
            for out in refused.values()
        )

    def _record(self, ranges: list[Range], result: Result, absent: int = 0) -> int:
        """Give the changes that are left one end, but for the first few, which are absent."""
        count = 0
        for block in blocks_of(self._left(ranges)):
            self._means.recorder.record(
                Outcome(change, Result.ALREADY_ABSENT if count + row < absent else result)
                for row, change in enumerate(block)
            )
            count += len(block)
        return count

    def _note(self, problem: str) -> None:
        self._means.recorder.note(
            f"Cohort {self._target.cohort}, list '{self._target.list_name}': {problem}. What is "
            "not proven is unknown, and the next run sends it again; look at Cordial's Jobs page "
            "for what was refused, or set delivery to contacts"
        )
