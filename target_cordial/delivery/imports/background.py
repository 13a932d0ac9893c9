"""Work for the store, beside the run's own thread.

A store may be slow for minutes, and Python hears signals in its first thread only, between two
steps of its own: so whoever waits for a store waits here, and hears that the run is to stop.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from itertools import chain
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Final, TypeVar

from target_cordial.errors import InterruptedRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

TICK_SECONDS: Final = 0.25
"""How often is looked whether the run was told to stop."""

BLOCKS: Final = 2
"""Blocks that wait for the store."""


class Background:
    """Runs work in a thread of its own.

    Args:
        stop: Set when the run is told to stop: what is being done is abandoned then.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def do(self, work: Callable[[], T]) -> T:
        """Do something, and wait for it.

        Raises:
            InterruptedRunError: The run was told to stop.
        """
        return self.feed(lambda _blocks: work(), ())

    def feed(self, work: Callable[[Iterable[bytes]], T], blocks: Iterable[bytes]) -> T:
        """Do something with blocks that this thread makes, one after the other.

        Args:
            work: Takes the blocks.
            blocks: Made in the calling thread; what they raise ends the work too.

        Raises:
            InterruptedRunError: The run was told to stop.
        """
        made: Queue[bytes | None] = Queue(BLOCKS)
        over = threading.Event()
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(work(self._blocks(made, over)))
            except BaseException as error:  # noqa: BLE001  the caller gets it
                result.set_exception(error)

        threading.Thread(target=run, name="store", daemon=True).start()
        try:
            for block in chain(blocks, [None]):
                if result.done():
                    break  # it failed: nobody takes blocks any more
                self._hand_over(block, made, result)
            while not result.done():
                self._check()
                wait([result], timeout=TICK_SECONDS)
        finally:
            over.set()
        return result.result()

    def _hand_over(self, block: bytes | None, made: Queue[bytes | None], result: Future[T]) -> None:
        while not result.done():
            self._check()
            try:
                made.put(block, timeout=TICK_SECONDS)
            except Full:
                continue
            return

    def _blocks(self, made: Queue[bytes | None], over: threading.Event) -> Iterator[bytes]:
        while True:
            try:
                block = made.get(timeout=TICK_SECONDS)
            except Empty:
                if over.is_set():
                    raise InterruptedRunError from None
                continue
            if block is None:
                return
            yield block

    def _check(self) -> None:
        if self._stop.is_set():
            raise InterruptedRunError
