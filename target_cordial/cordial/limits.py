"""What a service's limits and answers teach: how many calls at a time, and how many a second.

Pure: moments and durations are given, in seconds, and nobody waits here; :mod:`.pace` does that.
Cordial's limits are per method and endpoint, their numbers are not published, and headers tell of
one only with the 429 itself (Cordial, article 7323031900301). So they are found by trying.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from math import ceil
from statistics import median
from typing import Final

FIRST_CALLS: Final = 8
"""Calls at a time at the start; more have to prove themselves."""

SLOWER: Final = 2.0
"""Twice as many calls that take twice as long are no more calls a second."""

REST_ROUNDS: Final = 10

WINDOW_SECONDS: Final = 1.0
"""What limits count in: Cordial speaks of calls "within any given second"."""

SHARE: Final = 0.98
"""Of what was let through: calls do not arrive as evenly as they go out."""

ALIKE: Final = 0.9
"""Two refusals before which as much was let through, to this share, are seldom chance."""

FEW_CALLS: Final = 40
"""A first limit that strikes sooner has to strike alike once more before it is believed."""

FALL: Final = 0.98
"""What is left of a rate that was used in full and did not quite hold."""

LEAST_FALL: Final = 0.5
"""What is left where nothing at all is let through, again and again."""

FLOOR: Final = 2.0
"""Calls a second below which a rate falls by steps only: a second of fewer tells nothing."""

LOWEST: Final = 1 / 30

BACK: Final = 4.0
"""Growth of the rate where a refusal speaks against it: two make good a fall to a tenth."""

QUIET_SECONDS: Final = 20.0
"""How long a new limit is kept to before more is tried: a try costs a pause of a second."""

SHORTEST_QUIET_SECONDS: Final = 1.0
LONGEST_QUIET_SECONDS: Final = 960.0

RISE: Final = 1.2
"""Growth of the rate in a second while more is tried: tenfold in 13 seconds."""

RISE_SECONDS: Final = 100.0
"""After so long it is eighty million times what it was: no limit at all."""


@dataclass
class Window:
    """How many calls may be made at a time.

    It doubles with every round of answers, until that makes answers slower by as much: then calls
    only wait for each other. It goes back, and tries again after some rounds. A limit halves it.

    Attributes:
        most: What it may grow to.
        calls: What it is.
    """

    most: int
    calls: int = 0
    _took: list[float] = field(default_factory=list)
    _before: float | None = None
    _rest: int = 0

    def __post_init__(self) -> None:
        """Begin small."""
        self.calls = min(self.most, FIRST_CALLS)

    def answered(self, seconds: float) -> None:
        """Take note of an answer."""
        if self.calls == self.most:
            return
        self._took.append(seconds)
        if len(self._took) < self.calls:
            return
        usual = median(self._took)
        self._took.clear()
        if self._rest:
            self._rest -= 1
        elif self._before is None or usual <= SLOWER * self._before:
            self._before = usual
            self.calls = min(self.most, 2 * self.calls)
        else:
            self._halve()
            self._rest = REST_ROUNDS

    def struck(self) -> None:
        """Take note of a limit."""
        self._halve()

    def _halve(self) -> None:
        self.calls = max(1, self.calls // 2)
        self._took.clear()
        self._before = None


@dataclass
class Rate:
    """How many calls a second are allowed, as far as that is known.

    A limit lets as much through each time before it strikes; what refuses now and then, whatever
    the rate, does not. So what was let through is believed where it is like the time before, or
    where it is much and the first that is known: a little less is kept to from then on. After a
    while more is tried; where the limit strikes at the same rate again, the next try is in twice
    the time. Where a refusal is unlike the one before, it speaks against what was believed: the
    rate is four times what it was, and the next try comes sooner.
    """

    _held: float = float("inf")
    _since: float = 0.0
    _quiet: float = QUIET_SECONDS
    _last: int | None = None

    def at(self, now: float) -> float:
        """Say how many calls a second are allowed now; infinite as long as no limit is known."""
        return float(self._held * RISE ** min(self._rising(now), RISE_SECONDS))

    def struck(self, now: float, through: int) -> None:
        """Take note of a limit.

        Args:
            now: When.
            through: Calls that were let through in the second before.
        """
        rising = self._rising(now) > 0
        fell = through < ALIKE * self._held
        if not self._believes(through):
            self._held = BACK * self.at(now)
            self._quiet = max(SHORTEST_QUIET_SECONDS, self._quiet / BACK)
        elif fell or rising:
            self._held = max(SHARE * through, min(FLOOR, LEAST_FALL * self._held), LOWEST)
            self._quiet = QUIET_SECONDS if fell else min(LONGEST_QUIET_SECONDS, 2 * self._quiet)
        else:
            self._held *= FALL
        self._last = through
        self._since = now

    def _believes(self, through: int) -> bool:
        if self._last is None:
            return through >= FEW_CALLS
        return min(through, self._last) >= ALIKE * max(through, self._last)

    def _rising(self, now: float) -> float:
        return max(0.0, now - self._since - self._quiet)


@dataclass
class Budget:
    """What one budget of the service allows, and what is used of it.

    Attributes:
        window: How many calls at a time.
        flying: How many there are now.
    """

    window: Window
    flying: int = 0
    _rate: Rate = field(default_factory=Rate)
    _next: float = float("-inf")
    _begun: deque[float] = field(default_factory=deque)
    _struck: float = float("-inf")
    _first: float = float("-inf")
    _before: Rate = field(default_factory=Rate)

    @property
    def room_for(self) -> int:
        """How many more calls may be made at a time."""
        return max(0, self.window.calls - self.flying)

    def slot(self, earliest: float) -> float:
        """Give a call a moment of its own at which it may go out, no earlier than this."""
        moment = max(earliest, self._next)
        self._next = moment + 1 / self._rate.at(moment)
        return moment

    def room(self, now: float) -> float:
        """Say when a call may go out for what went out in the second before.

        Calls that come late to their moments, for whatever reason, would else come together.
        """
        rate = self._rate.at(now)
        if len(self._begun) < rate * WINDOW_SECONDS:
            return now
        return self._begun[-ceil(rate * WINDOW_SECONDS)] + WINDOW_SECONDS

    def begun(self, now: float) -> None:
        """Take note that a call goes out."""
        while self._begun and self._begun[0] <= now - WINDOW_SECONDS:
            self._begun.popleft()
        self._begun.append(now)

    def struck(self, began: float, now: float) -> None:
        """Take note that a limit refused a call.

        All that one limit refuses is one event. Their answers come in any order; what is known of
        the event is better with each.

        Args:
            began: When the call went out.
            now: When it was refused.
        """
        if began > self._struck:
            self._struck = self._next = now
            self._first = began
            self._before = replace(self._rate)
            self.window.struck()
        self._first = min(self._first, began)
        since = self._first - WINDOW_SECONDS
        through = sum(since < moment < self._first for moment in self._begun)
        self._rate = replace(self._before)
        self._rate.struck(self._struck, through)
