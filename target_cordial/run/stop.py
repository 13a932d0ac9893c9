"""SIGTERM and SIGINT: stop taking records, then end in order.

The SDK's own handler drains all sinks and exits with 0, which would infer removals from half a
snapshot. A plain ``signal.signal`` after the target is built replaces it wholly.

Python runs handlers in its first thread only, between two steps of its own, and that thread may be
in a database's or a socket's hands for minutes. So a second thread listens as well, to what Python
writes at the moment of the signal: it sets the event and counts the seconds. The handler itself
takes no lock, which the thread that it interrupts may hold.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import weakref
from typing import TYPE_CHECKING, ClassVar, Final

from target_cordial.errors import InterruptedRunError

DEADLINE_SECONDS: Final = 9.0
"""Orchestrators kill ten seconds after they have asked. The ledger stands an end at any moment, so
a run that is not through by then ends itself, in whatever it is doing."""

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

LAST_WORDS_SECONDS: Final = 0.5
"""For the last line of a run that ends itself: whoever reads the log may be stuck too."""

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from types import FrameType


class _Told(BaseException):
    """Ends the reading from inside the signal handler.

    No ``Exception``: wherever the signal comes, somebody may catch those; logging does.
    """


class Stop:
    """Whether the process was told to stop.

    Args:
        logger: Told the last line of a run that has to end itself.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.event = threading.Event()
        self._logger = logger
        self._heard = False
        self._reading = False
        self._counting = False

    def install(self) -> None:
        """Take over the two signals, where this is the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._told)
            _Ear.listen_for(self)

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
        if self._heard or self.event.is_set():
            raise InterruptedRunError

    def count_down(self) -> None:
        """Set the event, and let the process end itself in time, whatever it is doing then."""
        if not self._counting:
            self._counting = True
            last = threading.Timer(DEADLINE_SECONDS, self._end)
            last.daemon = True
            last.start()
        self.event.set()

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self._heard = True
        if self._reading:
            self._reading = False
            raise _Told

    def _end(self) -> None:
        speaking = threading.Thread(target=self._say_last_line, daemon=True)
        speaking.start()
        speaking.join(LAST_WORDS_SECONDS)
        os._exit(InterruptedRunError.exit_code)

    def _say_last_line(self) -> None:
        if self._logger is not None:
            self._logger.error(
                "Run failed: %s What it was doing did not end in time and was abandoned. The next "
                "run goes on from the ledger.",
                InterruptedRunError(),
            )


class _Ear:
    """The thread that hears signals while the first one does not; one for the whole process."""

    _socket: ClassVar[socket.socket | None] = None
    _stop: ClassVar[Callable[[], Stop | None]] = lambda: None

    @classmethod
    def listen_for(cls, stop: Stop) -> None:
        """Tell a run of signals from now on, for as long as there is somebody who has it."""
        cls._stop = weakref.ref(stop)
        if cls._socket is None:
            hearing, cls._socket = socket.socketpair()
            cls._socket.setblocking(False)  # noqa: FBT003  the name says what it is
            threading.Thread(
                target=cls._listen, args=[hearing], name="signals", daemon=True
            ).start()
        signal.set_wakeup_fd(cls._socket.fileno(), warn_on_full_buffer=False)

    @classmethod
    def _listen(cls, hearing: socket.socket) -> None:
        while heard := hearing.recv(64):
            stop = cls._stop()
            if stop is not None and any(number in SIGNALS for number in heard):
                stop.count_down()
