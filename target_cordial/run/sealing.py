"""Sealing what was received: proof, then the ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from target_cordial.core.completeness import Completeness, Completion
from target_cordial.run.lists import outgrown_entries

if TYPE_CHECKING:
    from target_cordial.ledger.stage import Stage
    from target_cordial.ledger.store import Ledger
    from target_cordial.run.intake import Intake
    from target_cordial.run.received import CohortIntake
    from target_cordial.run.report import RunReport
    from target_cordial.settings import Settings


UNMARKED: Final = (
    "Run the tap again; if it is one that sends no markers, the setting snapshot_completion says "
    "what else is taken as proof."
)


class Sealer:
    """Settles every cohort of a run in the ledger.

    Args:
        ledger: The ledger.
        stage: What was received.
        settings: The settings.
        report: Told of everything that is not as it should be.

    Attributes:
        settled: Cohorts that are.
    """

    def __init__(self, ledger: Ledger, stage: Stage, settings: Settings, report: RunReport) -> None:
        self._ledger = ledger
        self._stage = stage
        self._settings = settings
        self._report = report
        self._whole = True
        self.settled = 0

    def settle(self, intake: Intake) -> set[int]:
        """Bring the ledger up to date with what was received.

        Returns:
            Keys of cohorts that must not be written in this run.
        """
        if intake.broken_at is not None:
            self._doubt(
                f"The input broke off at line {intake.broken_at}: what came before was taken. "
                "Run the tap again."
            )
        for stream, count in intake.unreadable.items():
            self._doubt(
                f"{count} records of stream '{stream}' could not be read and were rejected: "
                "see the log for line and field."
            )
        names_before = {row.cohort_id: row.name for row in self._ledger.cohorts()}
        untouchable: set[int] = set()
        for cohort in intake.cohorts.values():
            if cohort.formerly is not None:
                self._ledger.identify_cohort(cohort.formerly, cohort.cohort_id)
            key = self._ledger.ensure_cohort(cohort.cohort_id, cohort.name, by_name=cohort.by_name)
            if not self._settle_one(cohort, key, intake):
                untouchable.add(key)
            self.settled += 1
        self._report.notes += outgrown_entries(
            self._ledger.cohorts(), self._settings.cohorts, names_before
        )
        return untouchable

    @property
    def whole(self) -> bool:
        """Whether the ledger holds all that the tap sent: only then may the tap move on."""
        return self._whole

    def _settle_one(self, cohort: CohortIntake, key: int, intake: Intake) -> bool:
        proof = cohort.proof(self._settings.snapshot_completion, ended=intake.ended)
        part = self._report.cohort(key, cohort.cohort_id, cohort.name)
        part.snapshot = proof.completeness
        part.received = cohort.received
        label = f"'{cohort.name}' ({cohort.cohort_id})" if cohort.name else cohort.cohort_id
        sealed = cohort.sealed(as_sent=not intake.mapped) if proof.proven else None
        settled = self._stage.settle(cohort.number, key, sealed, cohort.times())
        part.skipped = settled.skipped
        if not settled.resolves:
            names = ", ".join(self._settings.mapping.properties)
            self._doubt(
                f"Cohort {label}: none of its {settled.present} members has a usable '{names}'. "
                "It was not written at all. Check contact_identifier_mapping, and that the tap "
                "sends that property."
            )
            return False
        if settled.kept:
            self._report.notes.append(
                f"Cohort {label}: {settled.kept} removals by id leave an address on the list, for "
                "a member has it who came with other ids, or with the address alone. If these are "
                "the same people, send the removals by the ids they came with, or a complete "
                "snapshot"
            )
        if settled.outdated:
            self._report.notes.append(
                f"Cohort {label}: its snapshot is older than the last one and was ignored"
            )
        elif proof.completeness is Completeness.COMPLETE:
            self._ledger.update_cohort(key, last_complete_at=int(time.time()), remapped_at=None)
        if proof.problem:
            unmarked = not cohort.markers and not cohort.unreadable
            marker = self._settings.snapshot_completion is Completion.MARKER
            remedy = UNMARKED if unmarked and marker else "Run the tap again."
            self._doubt(
                f"Cohort {label}: its snapshot is not complete: {proof.problem}. It adds "
                f"members and removes nobody. {remedy}"
            )
        return True

    def _doubt(self, problem: str) -> None:
        self._whole = False
        self._report.degrade(problem)
