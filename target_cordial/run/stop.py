"""SIGTERM and SIGINT: stop taking records, then end in order.

The SDK's own handler drains all sinks and exits with 0, which would infer removals from half a
snapshot. A plain ``signal.signal`` after the target is built replaces it wholly.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Final

from target_cordial.errors import InterruptedRunError

DEADLINE_SECONDS: Final = 9.0
"""Orchestrators kill ten seconds after they have asked. The ledger stands an end at any moment, so
a run that is not through by then ends itself, in whatever it is doing."""

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class _Told(BaseException):
    """Ends the reading from inside the signal handler.

    No ``Exception``: wherever the signal comes, somebody may catch those; logging does.
    """


class Stop:
    """Whether the process was told to stop."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._reading = False

    def install(self) -> None:
        """Take over the two signals, where this is the main thread."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._told)
            signal.signal(signal.SIGINT, self._told)

    def read(self, work: Callable[[], None]) -> None:
        """Read the input. A signal ends the reading at once: the input may be silent for ever.

        The signal can come between any two steps of Python's, also at the end of the work; so
        this is one function, not a context manager, whose own end would be outside of its care.

        Args:
            work: Reads.

        Raises:
            InterruptedRunError: The signal came.
        """
        try:
            try:
                self._reading = True
                self.check()
                work()
            finally:
                self._reading = False
        except _Told:
            raise InterruptedRunError from None

    def check(self) -> None:
        """Go on only where nobody told the process to stop.

        Raises:
            InterruptedRunError: Somebody did.
        """
        if self.event.is_set():
            raise InterruptedRunError

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        if not self.event.is_set():
            self.event.set()
            last = threading.Timer(DEADLINE_SECONDS, os._exit, [InterruptedRunError.exit_code])
            last.daemon = True
            last.start()
        if self._reading:
            self._reading = False
            raise _Told
