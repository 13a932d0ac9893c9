"""Delivery by imports: list by list, additions before removals, one job at a time.

Two jobs on one contact have no order, and Cordial splits every file: so no job begins before the
one before it has ended, and no file holds an addition and a removal.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from target_cordial.delivery.imports.course import Allowance, Course
from target_cordial.errors import InterruptedRunError

if TYPE_CHECKING:
    import threading

    from target_cordial.delivery.base import Targets
    from target_cordial.delivery.imports.course import Means
    from target_cordial.ledger.plan import Plan


class Importer:
    """Delivers plans by imports.

    Args:
        means: What the changes of a list are delivered with.
        stop: Set when the run is told to stop.
    """

    def __init__(self, means: Means, stop: threading.Event) -> None:
        self._means = means
        self._stop = stop

    def deliver(self, plan: Plan, targets: Targets) -> None:
        """Send a plan that is ordered by list.

        Args:
            plan: The plan.
            targets: Where each cohort's changes go.

        Raises:
            CordialError: Delivery had to stop; what was sent is recorded.
            InterruptedRunError: The run was told to stop; what was sent is recorded.
        """
        allowances: defaultdict[int, Allowance] = defaultdict(Allowance)
        for part in plan.parts():
            if self._stop.is_set():
                raise InterruptedRunError
            Course(part, plan, targets, self._means, allowances[part.cohort]).run()
