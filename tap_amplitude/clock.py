"""Time and chance as one object, so that tests need not wait."""

from __future__ import annotations

import random
import time


class Clock:
    """The real clock; every wait and every random number of the tap goes through it."""

    def now(self) -> float:
        """Return the time of day, in epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment, never going back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        time.sleep(seconds)

    def jitter(self) -> float:
        """Return a random share between a half and one, to spread retries of several clients."""
        return random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, protects nothing
