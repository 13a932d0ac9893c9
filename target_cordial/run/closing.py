"""Closing the books of a run: how every list stands, and whether the rejects are too many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_cordial.core.outcome import too_many
from target_cordial.ledger import history
from target_cordial.ledger.history import Tally
from target_cordial.run.rejects import write_rejects
from target_cordial.run.remedy import ledger_command
from target_cordial.run.report import iso, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import CohortRow, Ledger
    from target_cordial.run.report import CohortReport, RunReport
    from target_cordial.settings import Settings


@dataclass(frozen=True)
class Rejects:
    """What Cordial rejects of one cohort.

    Attributes:
        label: The cohort.
        reasons: The changes, by reason.
        removals: How many of them are removals.
    """

    label: str
    reasons: Mapping[str, int]
    removals: int

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.reasons.values())

    def words(self) -> str:
        """Name the cohort, and tell the two directions apart."""
        additions = self.count - self.removals
        ways = [f"{additions} not added"] if additions else []
        ways += [f"{self.removals} not taken off: STILL on the list"] if self.removals else []
        return f"cohort {self.label}: {', '.join(ways)}"


def name_rejects(rejects: Iterable[Rejects]) -> str:
    """Say in one line what is rejected, why, and of which cohorts.

    People who are still on a list get mail: their cohorts are named before any others.
    """
    found = sorted(rejects, key=lambda one: (one.removals, one.count), reverse=True)
    reasons: Counter[str] = Counter()
    for one in found:
        reasons.update(one.reasons)
    why = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    who = named([one.words() for one in found])
    return f"{reasons.total()} changes are rejected by Cordial ({why}): {who}"


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
        rejects = []
        for cohort in self._ledger.cohorts():
            part = self._report.cohort(cohort.key, cohort.cohort_id, cohort.name)
            counts = self._entries.counts(cohort.key, now=now, window_since=now)
            part.members = counts.confirmed
            part.rejected = counts.rejected
            if counts.rejected:
                rejects.append(Rejects(cohort.label, counts.rejected, counts.rejected_removals))
            part.last_complete_at = iso(cohort.last_complete_at)
            due = counts.additions + counts.removals - part.withheld
            part.pending = due - (part.added + part.removed if self._settings.dry_run else 0)
            self._judge_list(cohort, now)
        self._judge_rejects(rejects, rejects_fail=rejects_fail)
        if self._settings.rejects_path is not None:
            write_rejects(self._settings.rejects_path, self._entries, self._report.parts)
        self._entries.forget_leavers(now)
        history.keep(self._ledger, [_tally(key, part) for key, part in self._report.parts.items()])
        history.forget(self._ledger, now)
        self._ledger.end_run(self._report.run_id, now, self._report.status.value)

    def _judge_list(self, cohort: CohortRow, now: int) -> None:
        """Tell of members whom nobody has claimed, or who are there by another property's values.

        And of a list that is too old.
        """
        if cohort.remapped_at is not None:
            self._report.degrade(
                f"Cohort {cohort.label}: the members of its list '{cohort.list_name}' stand there "
                f"by the former contact_identifier_mapping, since {iso(cohort.remapped_at)}, until "
                "its next complete snapshot. Run the tap with --full-refresh; to leave them there: "
                f"{ledger_command('adopt', cohort.cohort_id, '--none')}, or no longer look after "
                f"them: {ledger_command('forget', cohort.cohort_id)}"
            )
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

    def _judge_rejects(self, rejects: list[Rejects], *, rejects_fail: bool) -> None:
        """Tolerate rejected changes, or fail: those of earlier runs count until they are mended."""
        if not rejects:
            return
        count = sum(one.count for one in rejects)
        limit = self._settings.max_rejected_percent
        everyone = sum(part.members for part in self._report.parts.values()) + count
        said = name_rejects(rejects)
        see = "set" if self._settings.rejects_path is None else "see the file of the setting"
        remedy = f"{see} rejects_path for who and why; once mended: {ledger_command('retry')}"
        if rejects_fail or too_many(count, everyone, limit):
            self._report.fail(f"{said}. That is more than max_rejected_percent ({limit}): {remedy}")
        else:
            self._report.notes.append(f"{said}. Within max_rejected_percent ({limit}): {remedy}")


def _tally(key: int, part: CohortReport) -> Tally:
    return Tally(
        cohort=key,
        snapshot=part.snapshot.value,
        members=part.members,
        added=part.added,
        removed=part.removed,
        already_absent=part.already_absent,
        withheld=part.withheld,
        pending=part.pending,
        skipped=part.skipped,
        rejected=part.rejected,
    )
