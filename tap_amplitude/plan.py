"""What is due in a run, in which order, and how many requests may be made. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tap_amplitude import state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_amplitude.answers import Usage
    from tap_amplitude.cohorts import Cohort
    from tap_amplitude.settings import Settings

Action = Literal["skip", "resume", "request"]

REQUEST_LIFE_SECONDS = 7 * 24 * 3600  # documented: a request's file can be fetched for seven days


def decide(cohort: Cohort, stored: Mapping[str, Any], settings: Settings, now: float) -> Action:
    """Return what to do about a selected cohort.

    - `resume`: a request was made and not delivered, its file can still be had, and the cohort has
      not changed since. It costs nothing; all rows and the marker are sent.
    - `skip`: the last delivered snapshot is young enough, and the cohort is known to be unchanged.
      A cohort without a time of computation is not known to be unchanged.
    - `request`: everything else.

    Args:
        cohort: The cohort as listed now.
        stored: Its state.
        settings: The settings.
        now: Time of day, epoch seconds.
    """
    pending = state.pending(stored)
    if (
        pending is not None
        and pending.fits(cohort, settings.properties_hash)
        and now - pending.requested_at < REQUEST_LIFE_SECONDS
    ):
        return "resume"
    last = state.delivered(stored)
    if (
        settings.skip_unchanged
        and last is not None
        and cohort.last_computed is not None
        and last.fits(cohort, settings.properties_hash)
        and now - last.requested_at < settings.max_snapshot_age_hours * 3600
    ):
        return "skip"
    return "request"


def by_age(cohorts: Iterable[Cohort], stored: Mapping[str, Mapping[str, Any]]) -> list[Cohort]:
    """Return cohorts with the oldest delivered snapshot first, those without any before them.

    Args:
        cohorts: The cohorts, in the order that decides between equals.
        stored: State by cohort id.
    """

    def age(cohort: Cohort) -> int:
        last = state.delivered(stored[cohort.id])
        return 0 if last is None else last.requested_at

    return sorted(cohorts, key=age)


def allowance(usage: Usage | None, reserve: int) -> int | None:
    """Return how many requests may be made now; None when the usage is not known."""
    return None if usage is None else max(0, usage.limit - usage.used - reserve)
