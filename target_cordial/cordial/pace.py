"""One pace for all workers: each call waits for its turn."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from target_cordial.cordial.limits import Budget, Window
from target_cordial.errors import InterruptedRunError

if TYPE_CHECKING:
    from collections.abc import Iterator

TICK_SECONDS: Final = 0.25
"""How often who waits for others to end looks whether the run was told to stop."""


class Clock(Protocol):
    """Time, as the session needs it; replaceable so that no test has to sleep."""

    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def wait(self, seconds: float) -> None:
        """Wait.

        Raises:
            InterruptedRunError: The run was told to stop.
        """


class StoppableClock:
    """The real time. Waiting ends at once when the run is told to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def now(self) -> float:
        """See :class:`Clock`."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """See :class:`Clock`."""
        if self._stop.wait(seconds):
            raise InterruptedRunError


class Pace:
    """How fast all workers together may send.

    How many calls there may be is found out for each method, as Cordial keeps a budget for each.
    When the service says to come back later, that is for all workers, whatever they send.

    Args:
        clock: The time.
        most: Calls at a time.
    """

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._not_before = clock.now()
        self._methods: dict[str, _Method] = {}

    @contextmanager
    def turn(self, method: str) -> Iterator[Turn]:
        """Wait until a call may go out, and let another follow when it has ended.

        Args:
            method: Its method.

        Raises:
            InterruptedRunError: The run was told to stop while it waited.
        """
        mine = self._methods.get(method)
        if mine is None:
            mine = self._methods.setdefault(method, _Method(self._most, self._lock))
        self._enter(mine)
        turn = None
        try:
            turn = Turn(self._begin(mine.budget))
            yield turn
        finally:
            self._leave(mine, turn)

    def hold(self, seconds: float) -> None:
        """Let nobody send anything for so long."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.now() + seconds)

    def _enter(self, mine: _Method) -> None:
        with mine.free:
            while not mine.budget.room_for:
                mine.free.wait(TICK_SECONDS)
                self._clock.wait(0)
            mine.budget.flying += 1

    def _begin(self, budget: Budget) -> float:
        """Wait for the moment at which a call may go out; a pause may come over it meanwhile."""
        due = None
        while True:
            with self._lock:
                now = self._clock.now()
                if due is None or due < self._not_before:
                    due = budget.slot(max(now, self._not_before))
                at = max(due, budget.room(now))
                if at <= now:
                    budget.begun(now)
                    return now
            self._clock.wait(at - now)

    def _leave(self, mine: _Method, turn: Turn | None) -> None:
        with mine.free:
            now = self._clock.now()
            mine.budget.flying -= 1
            if turn is not None and turn.answered:
                mine.budget.window.answered(now - turn.began)
            if turn is not None and turn.refused:
                mine.budget.struck(turn.began, now)
            mine.free.notify(mine.budget.room_for)


@dataclass
class Turn:
    """A call on its way.

    Attributes:
        began: When it went out.
        answered: It was answered, and that tells how quick the service is.
        refused: It came too soon: a limit struck.
    """

    began: float
    answered: bool = False
    refused: bool = False


class _Method:
    def __init__(self, most: int, lock: threading.Lock) -> None:
        self.budget = Budget(Window(most))
        self.free = threading.Condition(lock)
