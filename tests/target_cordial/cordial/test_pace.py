from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import pytest

from target_cordial.cordial import pace as module
from target_cordial.cordial.limits import FIRST_CALLS, SHARE
from target_cordial.cordial.pace import Pace, StoppableClock
from target_cordial.errors import InterruptedRunError
from tests.target_cordial.cordial.transport import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 20.0
"""A wait that only a wrong pace lets run out."""


def go(pace: Pace, method: str = "PUT", *, refused: bool = False) -> float:
    """Make a call that takes no time; when it went out."""
    with pace.turn(method) as turn:
        turn.answered = not refused
        turn.refused = refused
    return turn.began


def gaps(pace: Pace, calls: int, method: str = "PUT") -> list[float]:
    """Make so many calls, and measure the times between them."""
    times = [go(pace, method) for _ in range(calls + 1)]
    return [after - before for before, after in itertools.pairwise(times)]


def test_without_a_limit_nobody_waits() -> None:
    clock = FakeClock()
    assert gaps(Pace(clock, 4), 50) == [0.0] * 50
    assert clock.waits == []


def test_a_pause_never_gets_shorter_and_is_for_every_method() -> None:
    clock = FakeClock()
    pace = Pace(clock, 4)
    pace.hold(20.0)
    pace.hold(5.0)
    assert go(pace, "POST") == 1_020.0
    pace.hold(7.0)
    assert go(pace, "PUT") == 1_027.0


def test_after_a_limit_calls_of_its_method_go_out_one_by_one() -> None:
    clock = FakeClock()
    pace = Pace(clock, 4)
    gaps(pace, 99)
    clock.time += 0.5
    go(pace, refused=True)
    pace.hold(2.0)
    assert gaps(pace, 50) == pytest.approx([1 / (100 * SHARE)] * 50)
    assert gaps(pace, 50, "POST") == [0.0] * 50


def test_a_limit_that_strikes_sooner_twice_in_a_row_makes_them_slower() -> None:
    clock = FakeClock()
    pace = Pace(clock, 4)
    for calls in (100, 50, 50, 20, 20, 8, 8):
        gaps(pace, calls - 1)
        clock.time += 0.4
        go(pace, refused=True)
        pace.hold(2.0)
    assert gaps(pace, 1) == [pytest.approx(1 / (8 * SHARE))]


def test_a_pause_that_comes_while_a_call_waits_for_its_moment_is_for_it_too() -> None:
    pauses = iter([30.0, 0.0, 0.0])

    class Interrupting(FakeClock):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            pace.hold(next(pauses))

    pace = Pace(Interrupting(), 4)
    pace.hold(1.0)
    assert go(pace) == 1_031.0


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    told = threading.Event()
    yield told
    told.set()


def test_at_the_start_few_calls_go_at_a_time_and_more_when_they_are_answered(
    stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "TICK_SECONDS", 3 * LONG
    )  # who may go is told so, and need not look
    most = 4 * FIRST_CALLS
    pace = Pace(StoppableClock(stop), most)
    going: list[threading.Event] = []
    begun = threading.Semaphore(0)

    def work() -> None:
        end = threading.Event()
        with pace.turn("POST") as turn:
            going.append(end)
            begun.release()
            assert end.wait(LONG)
            turn.answered = True

    threads = [threading.Thread(target=work, daemon=True) for _ in range(most)]
    for thread in threads:
        thread.start()
    for together in (FIRST_CALLS, 2 * FIRST_CALLS):
        for _ in range(together):
            assert begun.acquire(timeout=LONG)
        assert not begun.acquire(blocking=False)
        assert len(going) == together
        while going:
            going.pop().set()
    for _ in range(most - 3 * FIRST_CALLS):
        assert begun.acquire(timeout=LONG)
    while going:
        going.pop().set()
    for thread in threads:
        thread.join(LONG)


def test_who_waits_for_others_to_end_hears_the_stop(stop: threading.Event) -> None:
    pace = Pace(StoppableClock(stop), 1)
    heard = threading.Event()

    def wait() -> None:
        with pytest.raises(InterruptedRunError), pace.turn("PUT"):
            pass
        heard.set()

    with pace.turn("PUT"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        stop.set()
        assert heard.wait(LONG)
    waiting.join(LONG)


def test_who_is_stopped_while_it_waits_for_its_moment_leaves_room_for_others() -> None:
    clock = FakeClock(stop_at=1)
    pace = Pace(clock, 1)
    pace.hold(5.0)
    with pytest.raises(InterruptedRunError):
        go(pace)
    clock.stop_at = 5
    assert go(pace) == 1_005.0
