from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from target_cordial.cordial.limits import (
    ALIKE,
    BACK,
    FALL,
    FEW_CALLS,
    FIRST_CALLS,
    FLOOR,
    LEAST_FALL,
    LONGEST_QUIET_SECONDS,
    LOWEST,
    QUIET_SECONDS,
    REST_ROUNDS,
    RISE,
    RISE_SECONDS,
    SHARE,
    SHORTEST_QUIET_SECONDS,
    WINDOW_SECONDS,
    Budget,
    Rate,
    Window,
)

# -- calls at a time ------------------------------------------------------------------------------


def rounds(window: Window, *seconds: float) -> list[int]:
    """Let a round of answers take so long, each; how many calls there may be after each."""
    calls = []
    for each in seconds:
        for _ in range(window.calls):
            window.answered(each)
        calls.append(window.calls)
    return calls


def test_calls_at_a_time_double_with_every_round_of_quick_answers() -> None:
    window = Window(most=100)
    assert window.calls == FIRST_CALLS == 8
    assert rounds(window, 0.1, 0.1, 0.15, 0.1, 0.1) == [16, 32, 64, 100, 100]


def test_they_never_exceed_the_setting() -> None:
    assert Window(most=1).calls == 1
    assert rounds(Window(most=12), 0.1, 0.1) == [12, 12]


def test_twice_as_many_that_take_twice_as_long_are_taken_back_and_tried_again_later() -> None:
    window = Window(most=128)
    assert rounds(window, 0.1, 0.1, 0.1) == [16, 32, 64]
    assert rounds(window, 0.25) == [32]
    assert rounds(window, *[0.1] * REST_ROUNDS) == [32] * REST_ROUNDS
    assert rounds(window, 0.1, 0.1, 0.1) == [64, 128, 128]


def test_a_single_slow_answer_is_no_slow_round() -> None:
    window = Window(most=64)
    rounds(window, 0.1)
    for seconds in (9.0, *[0.1] * (window.calls - 1)):
        window.answered(seconds)
    assert window.calls == 32


def test_a_limit_halves_them_at_once_and_they_rise_again() -> None:
    window = Window(most=64)
    rounds(window, *[0.1] * 3)
    window.struck()
    assert window.calls == 32
    assert rounds(window, 5.0) == [64]  # after a limit nothing is compared with what was before
    for _ in range(10):
        window.struck()
    assert window.calls == 1


# -- calls a second -------------------------------------------------------------------------------


def test_no_limit_is_known_before_one_strikes() -> None:
    assert math.isinf(Rate().at(0.0))


def test_the_first_limit_is_what_was_let_through_and_a_little_less_is_kept_to() -> None:
    rate = Rate()
    rate.struck(10.0, 200)
    assert rate.at(10.0) == rate.at(10.0 + QUIET_SECONDS) == 200 * SHARE


def test_a_first_limit_that_lets_few_calls_through_is_believed_where_it_strikes_alike_again() -> (
    None
):
    rate = Rate()
    rate.struck(1.0, FEW_CALLS - 1)
    assert math.isinf(rate.at(1.0))
    rate.struck(2.0, FEW_CALLS - 1)
    assert rate.at(2.0) == (FEW_CALLS - 1) * SHARE


def test_a_service_that_lets_nothing_through_is_asked_ever_more_seldom() -> None:
    rate = Rate()
    seen = []
    for second in range(12):
        rate.struck(float(second), 0)
        seen.append(rate.at(float(second)))
    assert math.isinf(seen[0])
    assert seen[1:6] == [FLOOR * LEAST_FALL**n for n in (0, 1, 2, 3, 4)]
    assert seen[-1] == LOWEST


def test_a_limit_that_strikes_sooner_is_believed_the_second_time() -> None:
    rate = Rate()
    rate.struck(0.0, 100)
    rate.struck(2.0, 50)
    assert rate.at(2.0) == pytest.approx(100 * SHARE * BACK)
    rate.struck(4.0, 50)
    assert rate.at(4.0) == pytest.approx(50 * SHARE)


def test_refusals_that_are_not_alike_speak_against_the_rate() -> None:
    rate = Rate()
    rate.struck(0.0, 100)
    for second, through in enumerate((50, 10, 70, 20), start=1):
        rate.struck(float(second), through)
        assert rate.at(float(second)) == pytest.approx(100 * SHARE * BACK**second)
    assert rate.at(4.0 + SHORTEST_QUIET_SECONDS + 1) > rate.at(4.0)  # more is tried at once


def test_a_rate_that_was_used_in_full_and_did_not_hold_falls_a_little() -> None:
    rate = Rate()
    rate.struck(0.0, 100)
    rate.struck(15.0, 98)
    assert rate.at(15.0) == pytest.approx(100 * SHARE * FALL)
    assert rate.at(15.0 + QUIET_SECONDS) == rate.at(15.0)
    rate.struck(17.0, math.ceil(100 * ALIKE))
    assert rate.at(17.0) == pytest.approx(100 * SHARE * FALL**2)


def test_a_rate_that_has_held_rises_until_there_is_no_limit() -> None:
    rate = Rate()
    rate.struck(0.0, 100)
    assert rate.at(QUIET_SECONDS + 10) == pytest.approx(100 * SHARE * RISE**10)
    assert rate.at(QUIET_SECONDS + RISE_SECONDS) > 1e6
    assert rate.at(1e9) == rate.at(QUIET_SECONDS + RISE_SECONDS)


def test_a_limit_that_is_found_again_on_the_way_up_is_kept_to_for_twice_as_long() -> None:
    rate = Rate()
    now = 0.0
    quiet = QUIET_SECONDS
    rate.struck(now, 100)
    while quiet < 2 * LONGEST_QUIET_SECONDS:
        now += min(quiet, LONGEST_QUIET_SECONDS)
        assert rate.at(now) == 100 * SHARE
        assert rate.at(now + 0.5) > 100 * SHARE
        now += 0.5
        rate.struck(now, 100)
        quiet *= 2


def test_a_limit_that_has_risen_meanwhile_is_found() -> None:
    rate = Rate()
    rate.struck(0.0, 100)
    rate.struck(QUIET_SECONDS + 9, 220)
    rate.struck(QUIET_SECONDS + 11, 220)
    assert rate.at(QUIET_SECONDS + 11) == pytest.approx(220 * SHARE)


# -- both in one budget ---------------------------------------------------------------------------


def sent(budget: Budget, start: float, calls: int) -> list[float]:
    """Send so many calls, each as soon as it may go; when they went."""
    times = []
    now = start
    for _ in range(calls):
        now = max(now, budget.slot(now))
        now = max(now, budget.room(now))
        budget.begun(now)
        times.append(now)
    return times


def test_after_a_limit_calls_go_out_one_by_one() -> None:
    budget = Budget(Window(64))
    sent(budget, 0.0, 100)
    budget.struck(0.5, 0.55)
    times = sent(budget, 2.0, 300)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == pytest.approx([1 / (100 * SHARE)] * 299)


def test_what_one_limit_refuses_is_one_event() -> None:
    budget = Budget(Window(64))
    rounds(budget.window, *[0.1] * 3)
    sent(budget, 0.0, 100)
    for began in (0.5, 0.51, 0.52):
        budget.begun(began)
    for began in (0.52, 0.5, 0.51):  # whose answer is read first is chance
        budget.struck(began, 0.55)
    assert budget.window.calls == 32
    assert sent(budget, 2.0, 2)[1] - 2.0 == pytest.approx(1 / (100 * SHARE))


def test_calls_that_come_late_to_their_moments_do_not_come_together() -> None:
    budget = Budget(Window(64))
    sent(budget, 0.0, 100)
    budget.struck(0.5, 0.5)
    times = sent(budget, 2.0, 97)
    slots = [budget.slot(0.0) for _ in range(50)]
    late = slots[-1]
    for _ in slots:  # all their moments are over
        late = max(late, budget.room(late))
        budget.begun(late)
        times.append(late)
    for moment in times:
        within = [time for time in times if moment <= time < moment + WINDOW_SECONDS]
        assert len(within) <= 100


# -- against a service ----------------------------------------------------------------------------


@dataclass
class Service:
    """A service with a limit, on a clock of events.

    Attributes:
        limit: Calls that it lets through in each window; none is no limit.
        window: Its seconds.
        fixed: The windows follow one another; else each moment ends one.
        latency: Seconds until a call that was let through is answered; a refusal takes a fifth.
        stray: The share of calls that it refuses for a second, whatever the rate.
        chance: What decides on these.
        taken: When others begin to take what of the limit, and when they end.
    """

    limit: float = math.inf
    window: float = 1.0
    fixed: bool = False
    latency: float = 0.05
    stray: float = 0.0
    chance: random.Random = field(default_factory=random.Random)
    taken: tuple[float, float, float] = (math.inf, 0.0, math.inf)
    through: deque[float] = field(default_factory=deque)
    refused: int = 0
    let_through: int = 0

    def asks_to_wait(self, now: float) -> float | None:
        """Take a call; say how long to wait, in whole seconds, if it is refused."""
        if self.stray and self.chance.random() < self.stray:
            self.refused += 1
            return 1
        since = now - now % self.window if self.fixed else now - self.window
        while self.through and self.through[0] < since + (0 if self.fixed else 1e-9):
            self.through.popleft()
        begin, taken, end = self.taken
        if len(self.through) < self.limit - (taken if begin <= now < end else 0):
            self.through.append(now)
            self.let_through += 1
            return None
        self.refused += 1
        return math.ceil((since if self.fixed else self.through[0]) + self.window - now) or 1


@dataclass
class Answered:
    """When a call began, and how long to wait if it was refused."""

    began: float
    wait: float | None


SEND_SECONDS = 0.0001
"""No two threads of a process send at the very same time."""


def delivered(
    service: Service, workers: int, seconds: float = math.inf, calls: float = math.inf
) -> tuple[float, float]:
    """Let workers send for so long, each its next call as soon as the budget lets it go.

    Returns:
        How many seconds it took, and for how many of them the service asked for silence.
    """
    budget = Budget(Window(workers))
    number = itertools.count()
    events: list[tuple[float, int, float | None, Answered | None]] = []
    not_before = now = last = paused = 0.0

    def happens(moment: float, due: float | None, answered: Answered | None = None) -> None:
        heapq.heappush(events, (moment, next(number), due, answered))

    while now < seconds and service.let_through < calls:
        while budget.room_for:
            budget.flying += 1
            happens(now, None)
        now, _, due, answered = heapq.heappop(events)
        if answered is not None:
            budget.flying -= 1
            if answered.wait is None:
                budget.window.answered(now - answered.began)
            else:
                paused += max(0.0, now + answered.wait - max(not_before, now))
                not_before = max(not_before, now + answered.wait)
                budget.struck(answered.began, now)
            continue
        if due is None or due < not_before:
            due = budget.slot(max(now, not_before))
        moment = max(due, budget.room(now), last + SEND_SECONDS)
        if moment > now:
            happens(moment, due)
            continue
        budget.begun(now)
        last = now
        wait = service.asks_to_wait(now)
        took = service.latency if wait is None else service.latency / 5
        happens(now + took, None, Answered(now, wait))
    return now, paused


def stray(share: float, seed: int) -> Service:
    """Make a service without a limit that refuses some calls all the same."""
    return Service(stray=share, chance=random.Random(seed))  # noqa: S311  no secret


@pytest.mark.parametrize("workers", [8, 16, 64])
@pytest.mark.parametrize("limit", [20, 100, 150])
def test_nearly_all_of_a_limit_is_used_and_hardly_anything_is_refused(
    limit: int, workers: int
) -> None:
    service = Service(limit)
    delivered(service, workers, 600.0)
    assert service.let_through >= 0.96 * limit * 600
    assert service.refused <= 0.005 * service.let_through


def test_a_limit_of_a_minute_is_used_as_well() -> None:
    service = Service(6_000, window=60.0, fixed=True)
    delivered(service, 64, 3_600.0)
    assert service.let_through >= 0.95 * 6_000 * 60
    assert service.refused <= 0.02 * service.let_through


def test_a_limit_of_fixed_seconds_is_used_as_well() -> None:
    service = Service(100, fixed=True)
    delivered(service, 16, 300.0)
    assert service.let_through >= 0.94 * 100 * 300
    assert service.refused <= 0.005 * service.let_through


def test_a_short_run_loses_little_to_finding_the_limit() -> None:
    service = Service(200)
    delivered(service, 16, 50.0)
    assert service.let_through >= 0.93 * 200 * 50


@pytest.mark.parametrize(("calls", "seeds"), [(600, 20), (20_000, 2)])
@pytest.mark.parametrize("share", [0.01, 0.02, 0.05])
def test_stray_refusals_cost_hardly_more_than_the_pauses_they_ask_for(
    share: float, calls: int, seeds: int
) -> None:
    took = least = 0.0
    for seed in range(seeds):
        service = stray(share, seed)
        seconds, paused = delivered(service, 16, calls=calls)
        without = paused + calls * service.latency / 16
        assert seconds <= 1.5 * without + QUIET_SECONDS  # one may be believed by mistake
        took += seconds
        least += without
    assert took <= 1.5 * least


def test_few_calls_of_which_many_are_refused_cost_hardly_more_than_the_pauses() -> None:
    took = least = 0.0
    for seed in range(100):
        seconds, paused = delivered(stray(0.35, seed), 16, calls=14)
        took += seconds
        least += paused
    assert took <= 2 * least


@pytest.mark.parametrize("taken", [100, 180])
def test_what_others_take_of_a_limit_is_left_to_them_and_taken_back_soon(taken: int) -> None:
    until = []
    for seconds in (60.0, 180.0, 240.0, 270.0):
        service = Service(200, taken=(60.0, taken, 180.0))
        delivered(service, 16, seconds)
        until.append((service.let_through, service.refused))
    low = until[1][0] - until[0][0]
    assert low >= 0.9 * (200 - taken) * 120
    assert until[1][1] - until[0][1] <= 0.03 * low
    assert until[3][0] - until[2][0] >= 0.8 * 200 * 30


def test_a_service_that_answers_nothing_else_is_never_asked_by_many_at_a_time() -> None:
    service = stray(1.0, 0)
    delivered(service, 16, 60.0)
    assert service.refused <= 60 + 2 * FIRST_CALLS
