"""One pace for all workers: each call waits for its turn."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from target_cordial.cordial.limits import Budget, Window
from target_cordial.errors import InterruptedRunError

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

    How many calls there may be is found out for each budget: Cordial has one for each method and
    endpoint. When the service says to come back later, that is for all workers, whatever they send.

    Args:
        clock: The time.
        most: Calls at a time.
    """

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._not_before = clock.now()
        self._lines: dict[str, Line] = {}

    def turn(self, budget: str) -> Turn:
        """Make a turn for a call: to enter it is to wait for it, to leave it lets another call go.

        Args:
            budget: What the call is taken from.
        """
        line = self._lines.get(budget)
        if line is None:
            line = self._lines.setdefault(budget, Line(self._most, self._lock))
        return Turn(self, line)

    def hold(self, seconds: float) -> None:
        """Let nobody send anything for so long."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.now() + seconds)

    def enter(self, line: Line) -> float:
        """Wait until a call may go out.

        Returns:
            When that is.

        Raises:
            InterruptedRunError: The run was told to stop; there is nothing to be left.
        """
        budget = line.budget
        with line.free:
            while not budget.room_for:
                line.free.wait(TICK_SECONDS)
                self._clock.wait(0)
            budget.flying += 1
            due, left = self._moment(budget, None)
        try:
            while left:
                self._clock.wait(left)
                with self._lock:
                    due, left = self._moment(budget, due)
        except InterruptedRunError:
            self.leave(line, None)
            raise
        return due

    def leave(self, line: Line, turn: Turn | None) -> None:
        """Let another call go out, and take note of what became of one."""
        with line.free:
            now = self._clock.now()
            line.budget.flying -= 1
            if turn is not None and turn.answered:
                line.budget.window.answered(now - turn.began)
            if turn is not None and turn.refused:
                line.budget.struck(turn.began, now)
            line.free.notify(line.budget.room_for)

    def _moment(self, budget: Budget, due: float | None) -> tuple[float, float]:
        """Find the moment at which a call may go out; a pause may have come over it meanwhile.

        Returns:
            The moment, and how many seconds are left until then: none where the call goes out.
        """
        now = self._clock.now()
        if due is None or due < self._not_before:
            due = budget.slot(max(now, self._not_before))
        left = max(due, budget.room(now)) - now
        if left > 0:
            return due, left
        budget.begun(now)
        return now, 0.0


class Turn:
    """A call's turn.

    Attributes:
        began: When it went out.
        answered: It was answered, and that tells how quick the service is.
        refused: It came too soon: a limit struck.
    """

    def __init__(self, pace: Pace, line: Line) -> None:
        self._pace = pace
        self._line = line
        self.began = 0.0
        self.answered = False
        self.refused = False

    def __enter__(self) -> Turn:  # noqa: PYI034  typing has no Self before 3.11
        """Wait for it.

        Raises:
            InterruptedRunError: The run was told to stop.
        """
        self.began = self._pace.enter(self._line)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it to another."""
        self._pace.leave(self._line, self)


class Line:
    """The calls of one budget: what it allows, and who waits for others to end."""

    def __init__(self, most: int, lock: threading.Lock) -> None:
        self.budget = Budget(Window(most))
        self.free = threading.Condition(lock)
