"""The engine: intents into the ledger, calls into the pool, outcomes into the ledger.

Only the thread that runs the engine touches the ledger; workers make calls and nothing else.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final, Protocol

from target_cordial.core.outcome import Outcome, Result
from target_cordial.delivery.base import Call, Delivered, Delivery, Targets, all_of
from target_cordial.delivery.breaker import Breaker
from target_cordial.delivery.crew import Crew
from target_cordial.errors import CordialError, InterruptedRunError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_cordial.core.plan import Change

BLOCK_CHANGES: Final = 1_000
"""Changes whose intents are recorded in one transaction, or whose outcomes are."""

AHEAD: Final = 2
"""Calls in line for each worker: so many are made while the ledger is written."""

RECORD_SECONDS: Final = 1.0
"""How long an outcome waits for others to be recorded with."""

TICK_SECONDS: Final = 0.25
"""How often the engine looks whether the run was told to stop, and still holds the ledger."""

GRACE_SECONDS: Final = 6.0
"""How long calls in flight get to end when the run is told to stop (it has ten in all)."""


class Recorder(Protocol):
    """The ledger, as far as the engine needs it."""

    def intend(self, changes: Iterable[Change]) -> None:
        """Record changes as sent and unconfirmed, before their first byte goes out."""

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Record how changes ended."""

    def note(self, problem: str) -> None:
        """Keep why changes stay pending."""

    def check_hold(self) -> None:
        """See that the ledger is still this run's.

        Raises:
            LedgerError: It may be another's by now.
        """


_End = tuple[Delivered, CordialError | None]
"""What a call brought, and why nothing more may be sent."""


@dataclass
class _Progress:
    """How far a stretch of the plan has come."""

    more: bool = True
    error: CordialError | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    looked: float = field(default_factory=time.monotonic)
    recorded: float = field(default_factory=time.monotonic)
    stopped_at: float = float("inf")

    @property
    def stopped(self) -> bool:
        return self.stopped_at < float("inf")

    @property
    def ends(self) -> bool:
        return self.stopped or self.error is not None

    def keep_back(self, calls: Iterable[Call]) -> None:
        """Send nothing more, and take note of calls that were not begun."""
        self.more = False
        for call in calls:
            self.outcomes += all_of(call, Result.NOT_SENT).outcomes

    @property
    def is_due(self) -> bool:
        """Whether there is enough to be recorded, or something for long enough."""
        many = len(self.outcomes) >= BLOCK_CHANGES
        return many or time.monotonic() - self.recorded >= RECORD_SECONDS


_Crew = Crew[Call, _End]


class Engine:
    """Delivers plans.

    The plan is cut into blocks. The intents of a block are in the ledger before it is put in line,
    and that is when the line gets short, not when it is empty: workers wait for Cordial alone.

    Args:
        delivery: How.
        recorder: Where intents and outcomes are kept.
        workers: Calls in flight at once.
        stop: Set when the run is told to stop, and by the engine when the ledger can't be used.
    """

    def __init__(
        self, delivery: Delivery, recorder: Recorder, *, workers: int, stop: threading.Event
    ) -> None:
        self._delivery = delivery
        self._recorder = recorder
        self._workers = workers
        self._stop = stop
        self._halted = threading.Event()

    def deliver(
        self, changes: Iterable[Change], targets: Targets, *, accepted: bool = False
    ) -> None:
        """Send a plan.

        Args:
            changes: The plan, in its order.
            targets: Where each cohort's changes go.
            accepted: Cordial has accepted others like these, so rejects alone end nothing.

        Raises:
            CordialError: Delivery had to stop; what was sent is recorded.
            InterruptedRunError: The run was told to stop; what was sent is recorded.
            LedgerError: The ledger can't be used, or is lost; the run is told to stop.
        """
        breaker = Breaker(self._workers, accepted=accepted)
        self._halted.clear()

        def work(call: Call) -> tuple[_End, Iterable[Call]]:
            end = self._call(call, targets, breaker)
            # Before all others: what a refused batch comes to is soon known, and known in order.
            return end, end[0].again

        try:
            with Crew(self._workers, work) as crew:
                for stretch in self._stretches(self._delivery.calls(changes)):
                    self._send(crew, self._blocks(stretch))
        except LedgerError:
            # Another run may hold it by now: no call is begun, and none is tried again.
            self._halted.set()
            self._stop.set()
            raise

    def _stretches(self, calls: Iterator[Call]) -> Iterator[Iterator[Call]]:
        """Cut the plan where everything has to end before anything else begins.

        Where calls are not made by contact, additions and removals are never in one stretch: an
        identifier may be in both, on two lists.
        """
        if self._delivery.by_contact:
            yield calls
        else:
            for _, stretch in groupby(calls, key=lambda call: call[0].operation):
                yield stretch

    def _blocks(self, calls: Iterator[Call]) -> Iterator[list[Call]]:
        """Cut a stretch into blocks, whose intents are recorded in one transaction."""
        block: list[Call] = []
        size = 0
        for call in calls:
            block.append(call)
            size += len(call)
            if size >= BLOCK_CHANGES and len(block) >= self._workers:
                yield block
                block, size = [], 0
        if block:
            yield block

    def _send(self, crew: _Crew, blocks: Iterator[list[Call]]) -> None:
        """Send a stretch, block upon block, so that there is always something in line.

        Raises:
            CordialError: Delivery had to stop.
            InterruptedRunError: The run was told to stop.
            LedgerError: The ledger can't be used, or is lost.
        """
        progress = _Progress()
        ahead = AHEAD * self._workers
        while progress.more or crew.unfinished:
            self._look(progress)
            if progress.ends:
                progress.keep_back(crew.clear())
            elif progress.more and crew.waiting < ahead:
                progress.more = self._put(crew, next(blocks, []))
            least = ahead if progress.more else 0
            done = crew.ended(TICK_SECONDS, least=least) if crew.unfinished else []
            for call, end in done:
                self._take(call, end, progress)
            if progress.is_due:
                self._record(progress)
            if time.monotonic() - progress.stopped_at >= GRACE_SECONDS:
                break  # those in flight are abandoned: their intents say that nothing is known
        self._record(progress)
        if progress.error is not None:
            raise progress.error
        if progress.stopped or self._stop.is_set():
            raise InterruptedRunError

    def _look(self, progress: _Progress) -> None:
        """Look whether the ledger is still this run's, and the run to go on."""
        if time.monotonic() - progress.looked >= TICK_SECONDS:
            self._recorder.check_hold()
            progress.looked = time.monotonic()
        if self._stop.is_set() and not progress.stopped:
            progress.stopped_at = time.monotonic()

    def _put(self, crew: _Crew, block: list[Call]) -> bool:
        """Record the intents of a block, and put it in line; false where there is none left."""
        if block:
            self._recorder.intend(change for call in block for change in call)
            crew.put(block)
        return bool(block)

    def _record(self, progress: _Progress) -> None:
        if progress.outcomes:
            self._recorder.record(progress.outcomes)
        for problem in progress.problems:
            self._recorder.note(problem)
        progress.outcomes, progress.problems = [], []
        progress.recorded = time.monotonic()

    def _call(self, call: Call, targets: Targets, breaker: Breaker) -> _End:
        """Make a call, in a worker. What ends the delivery ends it before the next call."""
        if self._halted.is_set() or self._stop.is_set():
            return replace(all_of(call, Result.NOT_SENT), answered=None), None
        try:
            delivered = self._delivery.send(call, targets)
        except CordialError:
            self._halted.set()
            raise
        # Told to stop, calls end before their tries are used up.
        error = None if self._stop.is_set() else breaker.after(delivered)
        if error is not None:
            self._halted.set()
        return delivered, error

    def _take(self, call: Call, end: _End | Exception, progress: _Progress) -> None:
        """Take note of the end of a call."""
        error: CordialError | None
        if isinstance(end, InterruptedRunError):
            delivered, error = all_of(call, Result.NOT_SENT), None
        elif isinstance(end, CordialError):
            result = Result.UNKNOWN if end.may_be_applied else Result.NOT_SENT
            delivered, error = all_of(call, result), end
        elif isinstance(end, Exception):
            raise end
        else:
            delivered, error = end
        progress.outcomes += delivered.outcomes
        if delivered.problem is not None:
            progress.problems.append(delivered.problem)
        progress.error = progress.error or error
