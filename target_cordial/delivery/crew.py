"""Workers, the line in which work waits for them, and the one in which its ends do."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Work = TypeVar("Work")
Brought = TypeVar("Brought")

_End = tuple[tuple[Work, Brought | Exception], list[Work]]
"""What was done, with what it brought or the error that it raised; and what follows from it."""


class Crew(Generic[Work, Brought]):
    """Threads that do what waits, one thing at a time each, the first in line first.

    Whoever has ended something goes on with the next at once: it waits neither for the thread that
    puts things in line nor for what that does with the ends. Only that thread calls the crew. It is
    not woken by every end, of which there may be a thousand a second, but when there is something
    for it to do.

    Args:
        size: The most threads.
        work: What a thread does. It returns what that brought, and what follows from it, which is
            done before everything else in line.
    """

    def __init__(self, size: int, work: Callable[[Work], tuple[Brought, Iterable[Work]]]) -> None:
        self._size = size
        self._work = work
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="delivery")
        self._hired = 0
        self._line: deque[Work] = deque()
        self._ends: list[tuple[Work, Brought | Exception]] = []
        self._unfinished = 0
        self._closed = False
        self._least = 0
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)
        self._due = threading.Condition(self._lock)

    def __enter__(self) -> Crew[Work, Brought]:
        """Begin with nobody."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let all threads go, who still works as soon as that has ended."""
        with self._lock:
            self._closed = True
            self._more.notify_all()
        self._pool.shutdown(wait=False)

    @property
    def waiting(self) -> int:
        """How much is in line."""
        return len(self._line)

    @property
    def unfinished(self) -> int:
        """How much is in line, is being done, or has an end that was not taken."""
        return self._unfinished

    def put(self, work: list[Work]) -> None:
        """Put something at the end of the line."""
        with self._lock:
            self._line.extend(work)
            self._unfinished += len(work)
            self._more.notify(len(work))
        while self._hired < min(self._size, self._unfinished):
            self._hired += 1
            self._pool.submit(self._go)

    def clear(self) -> list[Work]:
        """Take back all that is in line."""
        with self._lock:
            left = list(self._line)
            self._line.clear()
            self._unfinished -= len(left)
        return left

    def ended(self, seconds: float, *, least: int = 0) -> list[tuple[Work, Brought | Exception]]:
        """Wait until all has ended, or something failed, or less is in line.

        Args:
            seconds: The longest wait.
            least: How much has to be in line.

        Returns:
            All that has ended by then, with what it brought, or the error that it raised.
        """
        with self._lock:
            self._least = least
            if not self._is_due():
                self._due.wait(seconds)
            found, self._ends = self._ends, []
            self._unfinished -= len(found)
        return found

    def _is_due(self) -> bool:
        return len(self._line) < self._least or len(self._ends) == self._unfinished

    def _go(self) -> None:
        end = None
        while work := self._next(end):
            end = self._do(work[0])

    def _do(self, work: Work) -> _End[Work, Brought]:
        try:
            brought, more = self._work(work)
        except Exception as error:  # noqa: BLE001  who takes the end raises it
            return (work, error), []
        return (work, brought), list(more)

    def _next(self, end: _End[Work, Brought] | None) -> list[Work]:
        """Hand in an end, and wait for what is next; nothing where the thread is to go."""
        with self._lock:
            if end is not None:
                self._hand_in(*end)
            while not self._line and not self._closed:
                self._more.wait()
            if self._closed:
                return []
            work = self._line.popleft()
            if len(self._line) < self._least:
                self._due.notify()
            return [work]

    def _hand_in(self, end: tuple[Work, Brought | Exception], more: list[Work]) -> None:
        self._line.extendleft(reversed(more))
        self._unfinished += len(more)
        self._more.notify(len(more))
        self._ends.append(end)
        if isinstance(end[1], Exception) or len(self._ends) == self._unfinished:
            self._due.notify()
