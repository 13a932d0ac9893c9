"""What every delivery is: calls made of changes, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from target_cordial.core.outcome import REJECTED_BY_CORDIAL, Outcome, Result
from target_cordial.core.plan import Change

if TYPE_CHECKING:
    from target_cordial.errors import CordialError


@dataclass(frozen=True, slots=True)
class Target:
    """Where the changes of a cohort go.

    Attributes:
        list_id: The list's id at the service.
        list_name: The list's name: the key under which REST writes membership.
        first_sync: The cohort was never delivered before.
        cohort: How messages speak of the cohort.
        cohort_id: The cohort's id in Amplitude.
        cohort_name: Its name there; its id where it has none.
    """

    list_id: str
    list_name: str
    first_sync: bool
    cohort: str = ""
    cohort_id: str = ""
    cohort_name: str = ""

    @property
    def values(self) -> dict[str, str]:
        """What calls of the list protocol may say of it (setting ``endpoint_requests``)."""
        return {
            "list_id": self.list_id,
            "list_name": self.list_name,
            "cohort_id": self.cohort_id,
            "cohort_name": self.cohort_name,
        }


Targets = Mapping[int, Target]
"""Targets by the cohort's key in the ledger."""

Call = tuple[Change, ...]
"""The changes that one call carries."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one call brought.

    Attributes:
        outcomes: The end of its changes,
        again: or the calls in which they are to be sent again.
        problem: Why changes stay pending, for the log; without any identifier.
        answered: Whether Cordial answered before all tries were used up; None where nothing was
            sent.
    """

    outcomes: tuple[Outcome, ...] = ()
    again: tuple[Call, ...] = ()
    problem: str | None = None
    answered: bool | None = True


class Delivery(Protocol):
    """A way to write memberships.

    Attributes:
        name: As the setting ``delivery`` and the report call it.
        by_contact: It needs all changes of one contact together.
    """

    name: str
    by_contact: bool

    def calls(self, changes: Iterable[Change]) -> Iterator[Call]:
        """Put changes together, in the order of the plan.

        No two calls that can be in flight together may change one contact's membership of one
        list.
        """

    def send(self, call: Call, targets: Targets) -> Delivered:
        """Make one call. Runs in a worker thread; must not touch the ledger.

        Raises:
            CordialError: Delivery has to stop.
        """


def suppresses(setting: str, *, first_sync: bool) -> bool:
    """Say whether Cordial's automations stay silent (setting ``suppress_triggers``)."""
    return setting == "always" or (setting == "first_sync" and first_sync)


def all_of(call: Call, result: Result, problem: str | None = None) -> Delivered:
    """Give every change of a call the same end."""
    return Delivered(tuple(Outcome(change, result) for change in call), problem=problem)


def unavailable(call: Call, error: CordialError) -> Delivered:
    """Leave the changes of a call that had no usable answer for the next run."""
    result = Result.UNKNOWN if error.may_be_applied else Result.NOT_SENT
    return replace(all_of(call, result, str(error)), answered=False)


def rejected(call: Call, message: str, reason: str = REJECTED_BY_CORDIAL) -> Delivered:
    """Say that Cordial rejected every change of a call."""
    return Delivered(tuple(Outcome(change, Result.REJECTED, reason, message) for change in call))
