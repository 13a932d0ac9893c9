from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from target_cordial.delivery.imports import background as module
from target_cordial.delivery.imports.background import BLOCKS, Background
from target_cordial.errors import InterruptedRunError, StagingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONG = 20.0
"""A wait that only a wrong background lets run out."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def background(stop: threading.Event) -> Background:
    return Background(stop)


def test_work_is_done_beside_and_its_result_comes_back(background: Background) -> None:
    assert background.do(threading.get_ident) != threading.get_ident()


def test_what_the_work_raises_comes_back(background: Background) -> None:
    def fail() -> None:
        raise StagingError("rain")

    with pytest.raises(StagingError, match="rain"):
        background.do(fail)


def test_blocks_are_made_here_and_taken_there_in_their_order(background: Background) -> None:
    makers = set()

    def blocks() -> Iterator[bytes]:
        for number in range(20):
            makers.add(threading.get_ident())
            yield b"%d" % number

    taken = background.feed(list, blocks())
    assert taken == [b"%d" % number for number in range(20)]
    assert makers == {threading.get_ident()}


def test_no_more_blocks_are_made_than_the_store_takes(background: Background) -> None:
    made: list[int] = []
    most: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(20):
            made.append(number)
            yield b"x"

    def take(given: Iterable[bytes]) -> None:
        for count, _ in enumerate(given, 1):
            most.append(len(made) - count)

    background.feed(take, blocks())
    assert max(most) <= BLOCKS + 1


def test_work_that_fails_early_ends_the_making_of_blocks(background: Background) -> None:
    made: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(1_000_000):
            made.append(number)
            yield b"x"

    def fail(given: Iterable[bytes]) -> None:
        next(iter(given))
        raise StagingError("rain")

    with pytest.raises(StagingError):
        background.feed(fail, blocks())
    assert len(made) < 1_000_000


def test_blocks_that_can_not_be_made_end_the_work(background: Background) -> None:
    """Else the store would take a file that ends in its middle for a whole one."""
    ended: list[BaseException] = []
    over = threading.Event()

    def blocks() -> Iterator[bytes]:
        yield b"x"
        raise ValueError("not this one")

    def take(given: Iterable[bytes]) -> None:
        try:
            list(given)
        except BaseException as error:
            ended.append(error)
            raise
        finally:
            over.set()

    with pytest.raises(ValueError, match="not this one"):
        background.feed(take, blocks())
    assert over.wait(LONG)
    assert [type(error) for error in ended] == [InterruptedRunError]


def test_a_run_that_is_told_to_stop_waits_no_longer(
    background: Background, stop: threading.Event
) -> None:
    forever = threading.Event()

    def work() -> None:
        stop.set()
        forever.wait(LONG)

    with pytest.raises(InterruptedRunError):
        background.do(work)
    forever.set()


def test_a_run_that_is_told_to_stop_makes_no_further_blocks(
    background: Background, stop: threading.Event
) -> None:
    """The store takes nothing: the queue is full, and nobody may wait for it."""
    forever = threading.Event()

    def blocks() -> Iterator[bytes]:
        for _ in range(BLOCKS):
            yield b"x"
        stop.set()
        yield b"x"

    with pytest.raises(InterruptedRunError):
        background.feed(lambda _given: forever.wait(LONG), blocks())
    forever.set()
