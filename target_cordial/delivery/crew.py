"""Workers, the line in which work waits for them, and the one in which its ends do."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Work = TypeVar("Work")
Brought = TypeVar("Brought")


class Crew(Generic[Work, Brought]):
    """Threads that do what waits, one thing at a time each, the first in line first.

    Whoever has ended something goes on with the next at once: it waits neither for the thread that
    puts things in line nor for what that does with the ends. Only that thread calls the crew.

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
        self._change = threading.Condition()
        self._closed = False
        self._unfinished = 0
        self._ends: SimpleQueue[tuple[Work, Brought | Exception]] = SimpleQueue()

    def __enter__(self) -> Crew[Work, Brought]:
        """Begin with nobody."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let all threads go, who still works as soon as that has ended."""
        with self._change:
            self._closed = True
            self._change.notify_all()
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
        with self._change:
            self._line.extend(work)
            self._unfinished += len(work)
            self._change.notify(len(work))
        while self._hired < min(self._size, self._unfinished):
            self._hired += 1
            self._pool.submit(self._go)

    def clear(self) -> list[Work]:
        """Take back all that is in line."""
        with self._change:
            left = list(self._line)
            self._line.clear()
            self._unfinished -= len(left)
        return left

    def ended(self, seconds: float) -> list[tuple[Work, Brought | Exception]]:
        """Wait until something has ended, for so long at the most.

        Returns:
            All that has ended, with what it brought, or the error that it raised.
        """
        found = []
        try:
            found.append(self._ends.get(timeout=seconds))
            while True:
                found.append(self._ends.get_nowait())
        except Empty:
            with self._change:
                self._unfinished -= len(found)
            return found

    def _go(self) -> None:
        while True:
            with self._change:
                while not self._line and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                work = self._line.popleft()
            try:
                brought, more = self._work(work)
            except Exception as error:  # noqa: BLE001  who takes the end raises it
                self._ends.put((work, error))
            else:
                self._follow(list(more))
                self._ends.put((work, brought))

    def _follow(self, more: list[Work]) -> None:
        if not more:
            return
        with self._change:
            self._line.extendleft(reversed(more))
            self._unfinished += len(more)
            self._change.notify(len(more))
