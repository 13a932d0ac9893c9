"""Keeping intents and outcomes in the ledger, and counting them for the report."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from target_cordial.core.outcome import Outcome, Result, too_many
from target_cordial.core.plan import Change, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_cordial.ledger.entries import Entries
    from target_cordial.run.report import CohortReport
    from target_cordial.run.sampling import Sample

DONE: Final = frozenset({Result.CONFIRMED, Result.ALREADY_ABSENT})
"""What is read back: also who was said to be absent, for it may be somebody else's word."""


class LedgerRecorder:
    """See :class:`target_cordial.delivery.engine.Recorder`.

    Args:
        entries: The ledger.
        cohorts: Where a cohort's changes are counted, by its key.
        sample: Where changes that are done may be kept, to be read back.

    Attributes:
        problems: Why changes could not be delivered, each once.
        seen: Changes of which it is known how they ended.
    """

    def __init__(
        self, entries: Entries, cohorts: Mapping[int, CohortReport], sample: Sample
    ) -> None:
        self._entries = entries
        self._cohorts = cohorts
        self._sample = sample
        self._results: Counter[Result] = Counter()
        self._removals: Counter[int] = Counter()
        self._absent: Counter[int] = Counter()
        self.problems: dict[str, None] = {}
        self.seen = 0  # beside the sums above, since another thread may ask for it meanwhile

    @property
    def ended(self) -> int:
        """Changes that need not be sent again."""
        results = self._results
        return results.total() - results[Result.NOT_SENT] - results[Result.UNKNOWN]

    @property
    def rejected(self) -> int:
        """Changes that Cordial rejected."""
        return self._results[Result.REJECTED]

    def note(self, problem: str) -> None:
        """Keep why something could not be delivered, once."""
        self.problems.setdefault(problem)

    def check_hold(self) -> None:
        """See that the ledger is still this run's."""
        self._entries.check_hold()

    def believe_absent(self, percent: int) -> list[int]:
        """Take removals of contacts that Cordial does not have as done, unless they are many.

        Many at once are a sign that something else is wrong: an account without its contacts,
        or an identifier that is none of its keys. Where Cordial knows others of the list, those are
        no such sign whose addition was sent and never confirmed: it may not have arrived at all, as
        where a run was killed.

        Args:
            percent: The tolerated share of a list's removals.

        Returns:
            The cohorts whose removals stay pending.
        """
        doubted = []
        for cohort, count in self._absent.items():
            unconfirmed = self._never_confirmed(cohort)
            if too_many(count - unconfirmed, self._removals[cohort] - unconfirmed, percent):
                doubted.append(cohort)
                self._entries.doubt_absent(cohort)
                self._results[Result.ALREADY_ABSENT] -= count
                self._results[Result.UNKNOWN] += count
                self._sample.drop(cohort, Result.ALREADY_ABSENT)
            else:
                self._entries.believe_absent(cohort, int(time.time()))
                self._cohorts[cohort].already_absent += count
        return doubted

    def _never_confirmed(self, cohort: int) -> int:
        """Count the absent of whom that proves nothing."""
        part = self._cohorts[cohort]
        known = part.added or part.removed or self._entries.members(cohort)
        return self._entries.absent_without_trace(cohort) if known else 0

    def intend(self, changes: Iterable[Change], job: int | None = None) -> None:
        """Record changes as sent and unconfirmed, with the import that carries them, if any."""
        sent = list(changes)
        self._entries.intend(sent, job)
        self._sample.forget(sent)

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Record how changes ended."""
        ended = list(outcomes)
        absent = [out.change for out in ended if out.result is Result.ALREADY_ABSENT]
        # "Not found" is believed at the end of the run, if it did not come too often: until then
        # nothing is known of these.
        known = [
            replace(out, result=Result.UNKNOWN) if out.result is Result.ALREADY_ABSENT else out
            for out in ended
        ]
        self._entries.record(known, now=int(time.time()))
        self._entries.note_absent(absent)
        self._absent.update(change.cohort for change in absent)
        self.seen += len(ended)
        for outcome in ended:
            self._results[outcome.result] += 1
            part = self._cohorts[outcome.change.cohort]
            if outcome.change.operation is Operation.REMOVE and not outcome.is_pending:
                self._removals[outcome.change.cohort] += 1
            if outcome.result in DONE:
                self._sample.add(outcome)
            if outcome.result is Result.CONFIRMED:
                if outcome.change.operation is Operation.ADD:
                    part.added += 1
                else:
                    part.removed += 1
