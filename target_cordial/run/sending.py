"""Sending what is planned, by whichever delivery, and settling what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from target_cordial.core.completeness import Completeness, Completion
from target_cordial.core.delivery_choice import AUTO, CONTACTS, IMPORTS, chosen
from target_cordial.core.outcome import too_many
from target_cordial.delivery.imports.following import Follower
from target_cordial.ledger.jobs import Jobs
from target_cordial.run.recorder import LedgerRecorder
from target_cordial.run.remedy import ledger_command
from target_cordial.run.report import named
from target_cordial.run.sampling import Sample

if TYPE_CHECKING:
    import logging

    from target_cordial.delivery.base import Targets
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.jobs import JobRow
    from target_cordial.ledger.store import CohortRow, Ledger
    from target_cordial.run.planning import Plans
    from target_cordial.run.report import RunReport
    from target_cordial.run.watch import Watch
    from target_cordial.run.wiring import Wiring
    from target_cordial.settings import Settings


class Sender:
    """Follows what earlier runs began, and sends what this one has planned.

    Args:
        ledger: The ledger.
        entries: Its entries.
        wiring: The connections.
        settings: The settings.
        report: Told of everything that is not as it should be.
        logger: Told which delivery was chosen.
        watch: Shown how the delivery goes on.

    Attributes:
        sample: Changes that are done, to be read back.
        rejects_fail: Whether Cordial rejected more than is tolerated.
    """

    def __init__(  # noqa: PLR0913  it is where the parts of a delivery come together
        self,
        ledger: Ledger,
        entries: Entries,
        *,
        wiring: Wiring,
        settings: Settings,
        report: RunReport,
        logger: logging.Logger,
        watch: Watch,
    ) -> None:
        self._watch = watch
        self._ledger = ledger
        self._entries = entries
        self._wiring = wiring
        self._settings = settings
        self._report = report
        self._logger = logger
        self.sample = Sample(settings.verify_sample)
        self.rejects_fail = False

    def follow_imports(self, cohorts: list[CohortRow]) -> list[JobRow]:
        """Follow the imports of earlier runs; what they did is recorded before anything is planned.

        Returns:
            Those that still run.
        """
        jobs = Jobs(self._ledger)
        if not jobs.known():
            return []
        if self._settings.dry_run:
            busy = jobs.running()
        else:
            parts = {
                cohort.key: self._report.cohort(cohort.key, cohort.cohort_id, cohort.name)
                for cohort in cohorts
            }
            percent = self._settings.max_rejected_percent
            recorder = LedgerRecorder(self._entries, parts, self.sample)
            self._watch.phase("Following imports of earlier runs")
            carrier = self._wiring.carrier(jobs, self._report.degrade)
            busy = Follower(carrier, jobs, recorder, max_rejected_percent=percent).follow()
            self._doubt(recorder)
        labels = {cohort.key: cohort.label for cohort in cohorts}
        for row in busy:
            self._report.fail(
                f"Cohort {labels.get(row.cohort, 'forgotten')}: an import of an earlier run still "
                f"runs in Cordial ('{row.name}'). Its list, and its contacts on every list, wait "
                "for it: run again when Cordial's Jobs page shows its end. If it never comes to "
                f"one: {ledger_command('abandon', row.name)}"
            )
        return busy

    def choose_delivery(self, plans: Plans, now: int) -> None:
        """Decide by which delivery this run goes, and say so."""
        setting = self._settings.delivery
        contacts = 0
        if setting == AUTO:
            contacts = self._entries.plan.contacts(*_going(plans), now=now)
        self._report.delivery = chosen(setting, contacts)
        if setting == AUTO:
            self._logger.info(
                "Delivery by %s: %d contacts change.", self._report.delivery, contacts
            )

    def send(self, plans: Plans, targets: Targets, busy: list[JobRow], now: int) -> None:
        """Send a plan by the delivery that was chosen, and settle what came of it.

        Args:
            plans: What each list is due.
            targets: Where each cohort's changes go.
            busy: Imports that still run: their contacts are left alone, on all lists.
            now: Seconds since the epoch.

        Raises:
            CordialError: Delivery had to stop; what was sent is recorded.
            InterruptedRunError: The run was told to stop; what was sent is recorded.
        """
        by_imports = self._report.delivery == IMPORTS
        planned = self._entries.plan.fix(
            *_going(plans),
            now=now,
            by_contact=self._report.delivery == CONTACTS,
            busy=[row.number for row in busy],
        )
        recorder = LedgerRecorder(self._entries, self._report.parts, self.sample)
        self._watch.phase("Sending", lambda: recorder.seen, planned)
        try:
            if by_imports:
                carrier = self._wiring.carrier(Jobs(self._ledger), self._report.degrade)
                self._wiring.importer(carrier, recorder).deliver(self._entries.plan, targets)
            else:
                self._wiring.engine(recorder).deliver(self._entries.plan.changes(), targets)
        finally:
            self._settle_accounts(plans, recorder, planned)

    def _settle_accounts(self, plans: Plans, recorder: LedgerRecorder, planned: int) -> None:
        now = int(time.time())
        self._doubt(recorder)
        for problem in recorder.problems:
            self._report.fail(problem)
        waiting = []
        for key, plan in plans.items():
            left = 0
            if plan.going:  # else all is as it was planned
                counts = self._entries.counts(key, now=now, window_since=now)
                left = counts.additions + counts.removals - plan.withheld
                if plan.uses_up(counts):
                    self._ledger.use_approval(key)
            # A cohort that came in part has not been synced yet: the rest of it is no mass
            # addition, and is to be as silent as its beginning.
            half = (
                self._report.parts[key].snapshot is Completeness.INCOMPLETE
                and self._settings.snapshot_completion is not Completion.NEVER
            )
            if left == 0 and not half and plan.cohort.first_synced_at is None:
                self._ledger.update_cohort(key, first_synced_at=now)
            if left > 0:
                waiting.append(f"cohort {plan.cohort.label}: {left}")
        if planned > recorder.ended:
            self._report.fail(
                f"{planned - recorder.ended} of {planned} changes could not be delivered "
                f"({named(waiting)}). They are in the ledger, and the next run sends them."
            )
        limit = self._settings.max_rejected_percent
        self.rejects_fail = too_many(recorder.rejected, recorder.ended, limit)

    def _doubt(self, recorder: LedgerRecorder) -> None:
        """Believe that contacts are absent, unless too many are said to be."""
        for key in recorder.believe_absent(self._settings.max_rejected_percent):
            part = self._report.parts[key]
            self._report.fail(
                f"Cohort {part.label}: Cordial does not know most of the people to be taken off "
                f"list '{part.list_name}': their removals stay pending. Check "
                "contact_identifier_name, and whether contacts were deleted in Cordial; if that "
                "is right, run once with max_rejected_percent 100"
            )


def _going(plans: Plans) -> tuple[list[int], list[int]]:
    """Name the cohorts whose additions go out, and those whose removals do."""
    return (
        [key for key, plan in plans.items() if plan.additions.going],
        [key for key, plan in plans.items() if plan.removals.going],
    )
