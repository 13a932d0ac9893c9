"""The engine: intents into the ledger, calls into the pool, outcomes into the ledger.

Only the thread that runs the engine touches the ledger; workers make calls and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from target_cordial.core.outcome import Outcome, Result
from target_cordial.delivery.base import Call, Delivered, Delivery, Targets, all_of
from target_cordial.delivery.breaker import Breaker
from target_cordial.errors import CordialError, InterruptedRunError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_cordial.core.plan import Change

BLOCK_CHANGES: Final = 1_000
"""Changes whose intents are recorded in one transaction."""

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


_Halt = CordialError | None
"""Why nothing more may be sent."""


@dataclass
class _Progress:
    error: CordialError | None = None
    stopped: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Engine:
    """Delivers plans.

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
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="delivery")
        try:
            for block in self._blocks(self._delivery.calls(changes)):
                if self._stop.is_set():
                    raise InterruptedRunError
                self._recorder.intend(change for call in block for change in call)
                progress = self._send(pool, deque(block), targets, breaker)
                self._recorder.record(progress.outcomes)
                for problem in progress.problems:
                    self._recorder.note(problem)
                if progress.error is not None:
                    raise progress.error
                if progress.stopped:
                    raise InterruptedRunError
        except LedgerError:
            # Another run may hold it by now: no call is begun, and none is tried again.
            self._halted.set()
            self._stop.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _blocks(self, calls: Iterator[Call]) -> Iterator[list[Call]]:
        """Cut the plan into blocks; one has ended before the next begins.

        Where calls are not made by contact, additions and removals are never in one block: an
        identifier may be in both, on two lists.
        """
        block: list[Call] = []
        size = 0
        for call in calls:
            full = size >= BLOCK_CHANGES and len(block) >= 2 * self._workers
            turns = block and not self._delivery.by_contact and _turns(block[-1], call)
            if full or turns:
                yield block
                block, size = [], 0
            block.append(call)
            size += len(call)
        if block:
            yield block

    def _send(
        self, pool: ThreadPoolExecutor, waiting: deque[Call], targets: Targets, breaker: Breaker
    ) -> _Progress:
        progress = _Progress()
        running: dict[Future[tuple[Delivered, _Halt]], Call] = {}
        grace = GRACE_SECONDS
        looked = time.monotonic()
        while waiting or running:
            if time.monotonic() - looked >= TICK_SECONDS:
                self._recorder.check_hold()
                looked = time.monotonic()
            if self._stop.is_set():
                progress.stopped = True
            if progress.stopped or progress.error is not None:
                for call in (*waiting, *(running.pop(f) for f in list(running) if f.cancel())):
                    progress.outcomes += all_of(call, Result.NOT_SENT).outcomes
                waiting.clear()
            while waiting and len(running) < 2 * self._workers:
                call = waiting.popleft()
                running[pool.submit(self._call, call, targets, breaker)] = call
            done, _ = wait(running, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future, running.pop(future), waiting, progress)
            if progress.stopped and not done:
                grace -= TICK_SECONDS
                if grace <= 0:
                    break  # abandoned: their intents say that nothing is known of them
        progress.stopped = progress.stopped or self._stop.is_set()
        return progress

    def _call(self, call: Call, targets: Targets, breaker: Breaker) -> tuple[Delivered, _Halt]:
        """Make a call, in a worker. What ends the delivery ends it before the next call."""
        if self._halted.is_set():
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

    def _take(
        self,
        future: Future[tuple[Delivered, _Halt]],
        call: Call,
        waiting: deque[Call],
        progress: _Progress,
    ) -> None:
        try:
            delivered, error = future.result()
        except InterruptedRunError:
            progress.outcomes += all_of(call, Result.NOT_SENT).outcomes
        except CordialError as error:
            result = Result.UNKNOWN if error.may_be_applied else Result.NOT_SENT
            progress.outcomes += all_of(call, result).outcomes
            progress.error = progress.error or error
        else:
            progress.outcomes += delivered.outcomes
            # Before all others: what a refused batch comes to is soon known, and known in order.
            waiting.extendleft(reversed(delivered.again))
            if delivered.problem is not None:
                progress.problems.append(delivered.problem)
            progress.error = progress.error or error


def _turns(last: Call, call: Call) -> bool:
    return last[0].operation is not call[0].operation
