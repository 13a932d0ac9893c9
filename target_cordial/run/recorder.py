"""Keeping intents and outcomes in the ledger, and counting them for the report."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from target_cordial.core.outcome import Outcome, Result
from target_cordial.core.plan import Change, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_cordial.ledger.entries import Entries
    from target_cordial.run.report import CohortReport


class LedgerRecorder:
    """See :class:`target_cordial.delivery.engine.Recorder`.

    Args:
        entries: The ledger.
        cohorts: Where a cohort's changes are counted, by its key.
    """

    def __init__(self, entries: Entries, cohorts: Mapping[int, CohortReport]) -> None:
        self._entries = entries
        self._cohorts = cohorts
        self._results: Counter[Result] = Counter()

    @property
    def ended(self) -> int:
        """Changes that need not be sent again."""
        results = self._results
        return results.total() - results[Result.NOT_SENT] - results[Result.UNKNOWN]

    @property
    def rejected(self) -> int:
        """Changes that Cordial rejected."""
        return self._results[Result.REJECTED]

    def intend(self, changes: Iterable[Change]) -> None:
        """Record changes as sent and unconfirmed."""
        self._entries.intend(changes)

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Record how changes ended."""
        ended = list(outcomes)
        self._entries.record(ended, now=int(time.time()))
        for outcome in ended:
            self._results[outcome.result] += 1
            part = self._cohorts[outcome.change.cohort]
            if outcome.result is Result.ALREADY_ABSENT:
                part.already_absent += 1
            elif outcome.result is Result.CONFIRMED:
                if outcome.change.operation is Operation.ADD:
                    part.added += 1
                else:
                    part.removed += 1
