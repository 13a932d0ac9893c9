"""Short ways to write changes, targets and outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.core.plan import Change, Operation, Sent
from target_cordial.delivery.base import Target

if TYPE_CHECKING:
    from target_cordial.core.outcome import Result
    from target_cordial.delivery.base import Delivered

ADDRESS = "ana+vip@shop.example"

TARGETS = {
    1: Target("101", "vip", first_sync=False),
    2: Target("102", "dormant", first_sync=False),
    3: Target("103", "fresh", first_sync=True),
}


def add(identifier: str = ADDRESS, cohort: int = 1, before: Sent = Sent.OFF) -> Change:
    return Change(cohort, identifier, Operation.ADD, before)


def remove(identifier: str = ADDRESS, cohort: int = 1, before: Sent = Sent.ON) -> Change:
    return Change(cohort, identifier, Operation.REMOVE, before)


def results(delivered: Delivered) -> list[Result]:
    return [outcome.result for outcome in delivered.outcomes]
