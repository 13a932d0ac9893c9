"""Closing the books of a run: how every list stands, and whether the rejects are too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.core.outcome import too_many
from target_cordial.run.rejects import write_rejects
from target_cordial.run.remedy import ledger_command
from target_cordial.run.report import iso

if TYPE_CHECKING:
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import CohortRow, Ledger
    from target_cordial.run.report import RunReport
    from target_cordial.settings import Settings


class Books:
    """The end of a run, in the ledger and in the report.

    Args:
        ledger: The ledger.
        entries: Its entries.
        settings: The settings.
        report: The report.
    """

    def __init__(
        self, ledger: Ledger, entries: Entries, settings: Settings, report: RunReport
    ) -> None:
        self._ledger = ledger
        self._entries = entries
        self._settings = settings
        self._report = report

    def close(self, now: int, *, rejects_fail: bool) -> None:
        """Count every list once more, judge the rejects, and note the run's end.

        Args:
            now: Seconds since the epoch.
            rejects_fail: This run's own rejects are too many.
        """
        for cohort in self._ledger.cohorts():
            part = self._report.cohort(cohort.key, cohort.cohort_id, cohort.name)
            counts = self._entries.counts(cohort.key, now=now, window_since=now)
            part.members = counts.confirmed
            part.rejected = counts.rejected
            part.last_complete_at = iso(cohort.last_complete_at)
            due = counts.additions + counts.removals - part.withheld
            part.pending = due - (part.added + part.removed if self._settings.dry_run else 0)
            self._judge_list(cohort, now)
        self._judge_rejects(rejects_fail=rejects_fail)
        if self._settings.rejects_path is not None:
            write_rejects(self._settings.rejects_path, self._entries, self._report.parts)
        self._entries.forget_leavers(now)
        self._ledger.end_run(self._report.run_id, now, self._report.status.value)

    def _judge_list(self, cohort: CohortRow, now: int) -> None:
        """Tell of a list whose members nobody has claimed, and of one that is too old."""
        if cohort.found is not None:
            adopt = ledger_command("adopt", cohort.cohort_id)
            self._report.degrade(
                f"Cohort {cohort.label}: its list '{cohort.list_name}' had {cohort.found} members "
                "that the ledger does not know. Everyone present is added, nobody is removed, "
                f"until you say whose they are: {adopt} --file CSV (those in the file are ours) "
                f"or {adopt} --none (leave them)"
            )
        limit = self._settings.max_list_age_hours
        known = cohort.last_complete_at or cohort.known_since
        if limit and cohort.list_id is not None and known is not None:
            hours = (now - known) // 3600
            if now - known > limit * 3600:
                what = "last complete" if cohort.last_complete_at else "first seen, never complete,"
                self._report.fail(
                    f"Cohort {cohort.label}: its list '{cohort.list_name}' was {what} {hours} "
                    f"hours ago, more than max_list_age_hours ({limit}). Does the tap still "
                    "select it, and does it send it whole? To look after it no longer: "
                    f"{ledger_command('forget', cohort.cohort_id)}"
                )

    def _judge_rejects(self, *, rejects_fail: bool) -> None:
        """Tolerate rejected changes, or fail: those of earlier runs count until they are mended."""
        parts = self._report.parts.values()
        rejects = sum(sum(part.rejected.values()) for part in parts)
        limit = self._settings.max_rejected_percent
        everyone = sum(part.members for part in parts) + rejects
        if rejects_fail or too_many(rejects, everyone, limit):
            self._report.fail(
                f"{rejects} changes are rejected by Cordial, more than max_rejected_percent "
                f"({limit}): set rejects_path to see who and why"
            )
        elif rejects:
            self._report.notes.append(
                f"{rejects} changes are rejected by Cordial, within max_rejected_percent"
            )
