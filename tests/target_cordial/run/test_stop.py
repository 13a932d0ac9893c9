from __future__ import annotations

import logging
import queue
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.errors import InterruptedRunError
from target_cordial.run.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class NoTimer:
    """The last resort of a real run would end these tests."""

    def __init__(self, *_: Any) -> None:
        self.daemon = False

    def start(self) -> None:
        pass


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    monkeypatch.setattr("target_cordial.run.stop.threading.Timer", NoTimer)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Stop()
    made.install()
    yield made
    told(made)  # what counts the seconds is to have no real timer any more
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """One that no other thread tells of signals: it may be about to tell of an earlier test's."""
    monkeypatch.setattr("target_cordial.run.stop._Ear.listen_for", lambda _: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Stop()
    made.install()
    yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)


def told(stop: Stop) -> bool:
    """Wait until another thread has heard of a signal: every test has sent one."""
    return stop.event.wait(60)


def nothing() -> None:
    pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_reading_at_once(stop: Stop, number: signal.Signals) -> None:
    read = []

    def work() -> None:
        read.append(1)
        signal.raise_signal(number)
        read.append(2)

    with pytest.raises(InterruptedRunError):
        stop.read(work)
    assert read == [1]
    assert told(stop)


def test_a_signal_before_the_reading_lets_none_begin(stop: Stop) -> None:
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(InterruptedRunError):
        stop.read(pytest.fail)


def test_a_signal_after_the_reading_is_seen_at_the_next_check(stop: Stop) -> None:
    stop.read(nothing)
    stop.check()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(InterruptedRunError):
        stop.check()


def test_a_signal_is_heard_by_who_waits_for_it(stop: Stop) -> None:
    """The handler runs in the thread that waits, and must not wait for that thread's own lock."""
    waiting = stop.event._cond  # type: ignore[attr-defined]  # noqa: SLF001  no other way into it
    with waiting:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(InterruptedRunError):
            stop.check()
    assert told(stop)


def test_a_run_that_can_not_end_ends_itself_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended: queue.Queue[int] = queue.Queue()
    monkeypatch.setattr("target_cordial.run.stop.os._exit", ended.put)
    monkeypatch.setattr("target_cordial.run.stop.DEADLINE_SECONDS", 0.0)
    stop = Stop(logging.getLogger("test"))
    stop.count_down()
    stop.count_down()
    assert ended.get(timeout=60) == InterruptedRunError.exit_code
    assert ended.empty()
    (record,) = caplog.records
    assert record.getMessage() == (
        "Run failed: The run was told to stop. What it was doing did not end in time and was "
        "abandoned. The next run goes on from the ledger."
    )


def test_a_log_that_nobody_reads_does_not_keep_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("target_cordial.run.stop.os._exit", ended.append)
    monkeypatch.setattr("target_cordial.run.stop.LAST_WORDS_SECONDS", 0.0)
    free = threading.Event()
    logger = logging.Logger("stuck")  # noqa: LOG001  one that no other test has
    logger.addFilter(lambda _: not free.wait(60))
    Stop(logger)._end()  # noqa: SLF001  what the timer calls
    assert ended == [InterruptedRunError.exit_code]
    free.set()


def test_a_second_signal_changes_nothing(stop: Stop) -> None:
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(InterruptedRunError):
        stop.check()


def steps_of(stop: Stop) -> list[tuple[str, int]]:
    """Every place inside ``read`` at which Python could handle a signal."""
    steps: list[tuple[str, int]] = []

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps.append((frame.f_code.co_name, frame.f_lasti))
        return trace

    # Python 3.12 asks when tracing begins whether any frame wants its opcodes traced.
    sys._getframe().f_trace_opcodes = True  # noqa: SLF001  the frame itself, as documented
    sys.settrace(trace)
    try:
        stop.read(nothing)
    finally:
        sys.settrace(None)
    return steps


def test_a_signal_between_any_two_steps_is_an_interruption_or_is_kept(deaf: Stop) -> None:
    steps = steps_of(deaf)
    assert len(steps) > 10
    for number in range(len(steps)):
        deaf._heard = False  # noqa: SLF001  as if no signal had come yet
        seen = -1

        def trace(frame: FrameType, event: str, _arg: object) -> Any:
            nonlocal seen
            frame.f_trace_opcodes = True
            if event == "opcode":
                seen += 1
                if seen == number:  # noqa: B023  called within this turn only
                    signal.raise_signal(signal.SIGTERM)
            return trace

        sys.settrace(trace)
        try:
            deaf.read(nothing)
        except InterruptedRunError:
            pass
        finally:
            sys.settrace(None)
        assert deaf._heard, steps[number]  # noqa: SLF001  nobody else could say
        with pytest.raises(InterruptedRunError):
            deaf.check()
