"""One run, from the first record to the last line of the log."""

from __future__ import annotations

import json
import secrets
import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec

from target_cordial.core.completeness import Completeness
from target_cordial.core.outcome import Status, too_many
from target_cordial.delivery.engine import Engine
from target_cordial.errors import (
    BindingError,
    CordialError,
    InterruptedRunError,
    RunEndedError,
    TargetCordialError,
    UnavailableError,
    mark_told,
)
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.stage import Stage
from target_cordial.ledger.store import CohortRow, Ledger
from target_cordial.run.intake import Intake
from target_cordial.run.lists import ListBinder, refused_names, wanted_name
from target_cordial.run.planning import CohortPlan, Planner
from target_cordial.run.recorder import LedgerRecorder
from target_cordial.run.rejects import write_rejects
from target_cordial.run.report import RunReport, check_writable, iso
from target_cordial.run.sealing import Sealer
from target_cordial.run.wiring import Wiring

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from target_cordial.delivery.base import Targets
    from target_cordial.run.stop import Stop
    from target_cordial.settings import Settings

BINDING: Final = "binding"
"""The ledger's note of what it belongs to."""

BOUND: Final = {
    "destination": "destination (delivery, endpoint, api_url or region)",
    "contact_identifier_name": "contact_identifier_name",
    "contact_identifier_mapping": "contact_identifier_mapping",
}
"""What a ledger is bound to, in the words of the settings."""

Plans = dict[int, CohortPlan]


class SyncRun:
    """A run: :meth:`begin`, then rows into the intake, then :meth:`finish`.

    Args:
        settings: The settings.
        mapped: Whether stream maps or flattening can change records on their way.
        logger: The target's logger.
        stop: Set when the process is told to stop.
    """

    def __init__(
        self, settings: Settings, *, mapped: bool, logger: logging.Logger, stop: Stop
    ) -> None:
        self._settings = settings
        self._mapped = mapped
        self._logger = logger
        self._stop = stop
        started = time.time()
        self._report = RunReport(
            run_id=f"{iso(started)}-{secrets.token_hex(3)}",
            started_at=iso(started) or "",
            delivery=settings.delivery,
            dry_run=settings.dry_run,
        )
        self._wiring = Wiring(settings, stop.event)
        self._rejects_fail = False
        self._ledger: Ledger | None = None
        self._intake: Intake | None = None

    # -- begin ------------------------------------------------------------------------------------

    def begin(self) -> Intake:
        """Open everything that can fail before the first record is read.

        Returns:
            Where records go.

        Raises:
            LedgerError: The ledger can't be opened, is locked, or belongs elsewhere.
            CordialError: The key or the address is not right.
        """
        settings = self._settings
        check_writable({"report_path": settings.report_path, "rejects_path": settings.rejects_path})
        self._ledger = Ledger(settings.ledger_url, exclusive=True, dry=settings.dry_run)
        if settings.report_path is not None:
            self._report.unfinished().write(settings.report_path)
        self._check_binding(self._ledger)
        self._wiring.rest.lists()  # proves key and address before anything is read
        self._entries = Entries(self._ledger)
        self._stage = Stage(self._ledger)
        self._intake = Intake(
            self._stage,
            settings.mapping,
            {row.name: row.cohort_id for row in self._ledger.cohorts() if row.name},
            mapped=self._mapped,
            logger=self._logger,
        )
        return self._intake

    def abandon(self, error: TargetCordialError) -> None:
        """End a run that can't go on, keeping nothing of what was received.

        What the ledger knew before is as it was; the tap has had no STATE and sends again.
        """
        self._report.fail(str(error))
        self._end()
        mark_told(error)

    def _check_binding(self, ledger: Ledger) -> None:
        binding = self._settings.binding
        kept = ledger.get(BINDING)
        if kept is None:
            return  # it is bound when something is first recorded
        changed = [name for name, value in json.loads(kept).items() if binding.get(name) != value]
        if changed:
            names = " and ".join(BOUND[name] for name in changed)
            raise BindingError(
                f"The ledger was written with another {names}. Nothing was "
                "written: with this ledger, everyone on the lists would look wrong. Put the "
                "setting back, or give the new one a ledger_url of its own."
            )

    # -- finish -----------------------------------------------------------------------------------

    def finish(self) -> None:
        """Seal, plan, deliver, read back, report.

        Raises:
            RunEndedError: The run was not clean.
            InterruptedRunError: The run was told to stop.
        """
        if self._ledger is None or self._intake is None:
            return
        ledger = self._ledger
        interrupted: InterruptedRunError | None = None
        try:
            self._stop.check()
            ledger.begin_run(self._report.run_id, int(time.time()))
            if self._intake.cohorts and ledger.get(BINDING) is None:
                ledger.put(BINDING, json.dumps(self._settings.binding))
            sealer = Sealer(ledger, self._stage, self._settings, self._report)
            untouchable = sealer.settle(self._intake)
            self._emit_state(self._intake, whole=sealer.whole)
            binder = ListBinder(
                self._wiring.rest,
                self._wiring.protocol,
                create=self._settings.create_lists,
                dry=self._settings.dry_run,
                logger=self._logger,
            )
            cohorts = binder.follow(ledger.cohorts())
            self._deliver(ledger, binder, self._due(cohorts, self._intake, untouchable))
        except InterruptedRunError as error:
            interrupted = error
            self._report.fail(str(error))
        except CordialError as error:
            self._report.fail(str(error))
        except TargetCordialError as error:
            self.abandon(error)
            raise
        self._close_books(ledger)
        self._end()
        if interrupted is not None:
            raise interrupted
        if self._report.status is not Status.OK:
            raise RunEndedError(self._report.last_line(), exit_code=self._report.status.exit_code)

    def _emit_state(self, intake: Intake, *, whole: bool) -> None:
        """Let the tap move on, now that the ledger holds everything it sent."""
        if intake.state and whole and not self._settings.dry_run:
            sys.stdout.write(msgspec.json.encode(intake.state).decode() + "\n")
            sys.stdout.flush()

    # -- plan and deliver -------------------------------------------------------------------------

    def _due(
        self, cohorts: list[CohortRow], intake: Intake, untouchable: set[int]
    ) -> list[CohortRow]:
        """Find the cohorts whose lists are looked at: seen in this run, or with changes waiting."""
        now = int(time.time())
        refused = refused_names(cohorts)
        due = []
        for cohort in cohorts:
            part = self._report.cohort(cohort.key, cohort.cohort_id, cohort.name)
            part.list_name, part.list_id = wanted_name(cohort), cohort.list_id
            counts = self._entries.counts(cohort.key, now=now, window_since=now)
            seen = cohort.cohort_id in intake.cohorts
            waits = counts.additions + counts.removals > 0
            filled = counts.confirmed > 0 or part.snapshot is Completeness.COMPLETE
            if cohort.key in refused:
                if seen or waits:
                    self._report.degrade(refused[cohort.key])
            elif cohort.key not in untouchable and (waits or (seen and filled)):
                due.append(cohort)
        return due

    def _deliver(self, ledger: Ledger, binder: ListBinder, due: list[CohortRow]) -> None:
        settings = self._settings
        targets = self._bind(ledger, binder, due)
        now = int(time.time())
        planner = Planner(ledger, self._entries, settings.removal_limit)
        plans = {row.key: planner.plan(row, now) for row in ledger.cohorts() if row.key in targets}
        for key, plan in plans.items():
            if plan.verdict.withheld:
                self._report.parts[key].withheld = plan.withheld
                self._report.degrade(plan.problem(settings.removal_limit))
        if settings.dry_run:
            self._report_plan(plans)
            return
        changing = [key for key, plan in plans.items() if plan.counts.additions + plan.removals]
        before = self._counts_in_cordial(binder, changing)
        if changing:
            self._send(ledger, plans, targets, now)
        self._read_back(self._counts_in_cordial(binder, plans), before)

    def _bind(self, ledger: Ledger, binder: ListBinder, due: list[CohortRow]) -> Targets:
        bound = binder.bind(due)
        for problem in bound.problems.values():
            self._report.degrade(problem)
        for key, target in bound.targets.items():
            part = self._report.parts[key]
            part.list_name, part.list_id = target.list_name, target.list_id or None
            if target.list_id:
                ledger.update_cohort(key, list_name=target.list_name, list_id=target.list_id)
        return bound.targets

    def _report_plan(self, plans: Plans) -> None:
        for key, plan in plans.items():
            part = self._report.parts[key]
            part.added, part.removed = plan.counts.additions, plan.removals

    def _send(self, ledger: Ledger, plans: Plans, targets: Targets, now: int) -> None:
        delivery = self._wiring.delivery()
        planned = self._entries.plan(
            plans,
            [key for key, plan in plans.items() if not plan.verdict.withheld],
            now=now,
            by_contact=delivery.by_contact,
        )
        recorder = LedgerRecorder(self._entries, self._report.parts)
        engine = Engine(
            delivery, recorder, workers=self._settings.max_concurrency, stop=self._stop.event
        )
        try:
            engine.deliver(self._entries.changes(now=now), targets)
        finally:
            self._settle_accounts(ledger, plans, recorder, planned)

    def _settle_accounts(
        self, ledger: Ledger, plans: Plans, recorder: LedgerRecorder, planned: int
    ) -> None:
        now = int(time.time())
        limit = self._settings.max_rejected_percent
        for key in recorder.believe_absent(limit):
            part = self._report.parts[key]
            self._report.fail(
                f"Cordial does not know most of the people to be taken off list "
                f"'{part.list_name}': their removals stay pending. Check "
                "contact_identifier_name, and whether contacts were deleted in Cordial"
            )
        for problem in recorder.problems:
            self._report.fail(problem)
        for key, plan in plans.items():
            counts = self._entries.counts(key, now=now, window_since=now)
            left = counts.additions + counts.removals - plan.withheld
            if left == 0 and plan.cohort.first_synced_at is None:
                ledger.update_cohort(key, first_synced_at=now)
            if counts.removals == 0 and plan.verdict.uses_approval:
                ledger.use_approval(key)
        if planned > recorder.ended:
            self._report.fail(
                f"{planned - recorder.ended} of {planned} changes could not be delivered. They "
                "are in the ledger, and the next run sends them."
            )
        self._rejects_fail = too_many(recorder.rejected, recorder.ended, limit)

    # -- read back and report ---------------------------------------------------------------------

    def _counts_in_cordial(
        self, binder: ListBinder, cohorts: Iterable[int]
    ) -> dict[int, int | None]:
        counts: dict[int, int | None] = {}
        names = {self._report.parts[key].list_name or "" for key in cohorts}
        if not names <= binder.lists.keys():
            binder.refresh()  # the list protocol has made lists whose ids in REST are not known
        for key in cohorts:
            list_id = binder.lists.get(self._report.parts[key].list_name or "")
            if list_id is None:
                continue
            try:
                counts[key] = self._wiring.rest.count(list_id)
            except UnavailableError:
                counts[key] = None  # reading back is a service; its failure undoes no delivery
        return counts

    def _read_back(self, after: Mapping[int, int | None], before: Mapping[int, int | None]) -> None:
        for key, count in after.items():
            part = self._report.parts[key]
            part.count_in_cordial = count
            known = before.get(key, count)
            if count is None or known is None:
                continue
            part.drift = count - (known + part.added - part.removed)
            if part.drift:
                self._report.notes.append(
                    f"list '{part.list_name}' counts {count}, {part.drift:+d} from what this "
                    "run wrote (others may write to it, or the count lags behind)"
                )

    def _close_books(self, ledger: Ledger) -> None:
        now = int(time.time())
        for cohort in ledger.cohorts():
            part = self._report.cohort(cohort.key, cohort.cohort_id, cohort.name)
            counts = self._entries.counts(cohort.key, now=now, window_since=now)
            part.members = counts.confirmed
            part.rejected = counts.rejected
            part.last_complete_at = iso(cohort.last_complete_at)
            due = counts.additions + counts.removals - part.withheld
            part.pending = due - (part.added + part.removed if self._settings.dry_run else 0)
        self._judge_rejects()
        if self._settings.rejects_path is not None:
            write_rejects(self._settings.rejects_path, self._entries, self._report.parts)
        self._entries.forget_leavers(now)
        ledger.end_run(self._report.run_id, now, self._report.status.value)

    def _judge_rejects(self) -> None:
        """Tolerate rejected changes, or fail: those of earlier runs count until they are mended."""
        parts = self._report.parts.values()
        rejects = sum(sum(part.rejected.values()) for part in parts)
        limit = self._settings.max_rejected_percent
        everyone = sum(part.members for part in parts) + rejects
        if self._rejects_fail or too_many(rejects, everyone, limit):
            self._report.fail(
                f"{rejects} changes are rejected by Cordial, more than max_rejected_percent "
                f"({limit}): set rejects_path to see who and why"
            )
        elif rejects:
            self._report.notes.append(
                f"{rejects} changes are rejected by Cordial, within max_rejected_percent"
            )

    def _end(self) -> None:
        report = self._report
        report.finished_at = iso(time.time())
        for session in self._wiring.sessions:
            report.requests.update(session.statuses)
            session.close()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
        if self._settings.report_path is not None:
            try:
                report.write(self._settings.report_path)
            except OSError as error:
                report.fail(f"The report can't be written to report_path ({error.strerror}).")
        report.log(self._logger)
