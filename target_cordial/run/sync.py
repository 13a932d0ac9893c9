"""One run, from the first record to the last line of the log."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.cordial.rest import RestClient
from target_cordial.cordial.session import Session, StoppableClock
from target_cordial.core.completeness import Completeness
from target_cordial.core.outcome import Outcome, Result, Status
from target_cordial.core.plan import Change, Operation
from target_cordial.delivery.contacts import ContactsDelivery
from target_cordial.delivery.endpoint import EndpointDelivery
from target_cordial.delivery.engine import Engine
from target_cordial.errors import (
    BindingError,
    CordialError,
    InterruptedRunError,
    RunEndedError,
    TargetCordialError,
)
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.stage import Stage
from target_cordial.ledger.store import CohortRow, Ledger
from target_cordial.run.intake import CohortIntake, Intake
from target_cordial.run.lists import Bound, ListBinder, refused_names, wanted_name
from target_cordial.run.planning import CohortPlan, Planner
from target_cordial.run.rejects import write_rejects
from target_cordial.run.report import CohortReport, RunReport, check_writable, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_cordial.delivery.base import Delivery, Targets
    from target_cordial.run.stop import Stop
    from target_cordial.settings import Settings

BINDING: Final = "binding"
MOST_TOLERATED: Final = 10
"""Rejected changes that never fail a run, whatever their share."""


class SyncRun:
    """A run: :meth:`begin`, then rows into :attr:`intake`, then :meth:`finish`.

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
        self._started = time.time()
        self._report = RunReport(
            run_id=f"{iso(self._started)}-{secrets.token_hex(3)}",
            started_at=iso(self._started) or "",
            delivery=settings.delivery,
            dry_run=settings.dry_run,
        )
        self._reports: dict[int, CohortReport] = {}
        self._sessions: list[Session] = []
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
        self._check_binding(self._ledger)
        self._rest = RestClient(self._session(settings.api_url))
        self._rest.lists()  # proves the key and the address before anything is read
        self._protocol = self._connect_endpoint()
        self._entries = Entries(self._ledger)
        self._stage = Stage(self._ledger)
        known = {row.name: row.cohort_id for row in self._ledger.cohorts() if row.name}
        self._intake = Intake(
            self._stage, settings.mapping, known, mapped=self._mapped, logger=self._logger
        )
        return self._intake

    def abandon(self, error: TargetCordialError) -> None:
        """End a run that can't go on, keeping nothing of what was received.

        What the ledger knew before is as it was; the tap has had no STATE and sends again.
        """
        self._report.fail(str(error))
        self._end()

    def _check_binding(self, ledger: Ledger) -> None:
        binding = self._settings.binding
        kept = ledger.get(BINDING)
        if kept is None:
            ledger.put(BINDING, json.dumps(binding))
            return
        changed = [name for name, value in json.loads(kept).items() if binding.get(name) != value]
        if changed:
            raise BindingError(
                f"The ledger was written with another {' and '.join(changed)}. Nothing was "
                "written: with this ledger, everyone on the lists would look wrong. Put the "
                "setting back, or give the new one a ledger_url of its own."
            )

    def _session(self, url: str, headers: Mapping[str, str] | None = None) -> Session:
        session = Session(
            url,
            self._settings.api_key,
            headers=headers,
            connections=self._settings.max_concurrency,
            timeout_seconds=self._settings.request_timeout_seconds,
            clock=StoppableClock(self._stop.event),
        )
        self._sessions.append(session)
        return session

    def _connect_endpoint(self) -> ListProtocolClient | None:
        settings = self._settings
        if settings.delivery != "endpoint" or settings.endpoint is None:
            return None
        return ListProtocolClient(self._session(settings.endpoint, {"x-api-key": settings.api_key}))

    # -- finish -----------------------------------------------------------------------------------

    def finish(self) -> None:
        """Seal, plan, deliver, read back, report.

        Raises:
            RunEndedError: The run was not clean.
            InterruptedRunError: The run was told to stop.
        """
        if self._ledger is None or self._intake is None:
            return
        ledger, intake = self._ledger, self._intake
        interrupted: InterruptedRunError | None = None
        try:
            ledger.begin_run(self._report.run_id, int(self._started))
            untouchable = self._settle(ledger, intake)
            self._emit_state(intake, durable=not untouchable)
            self._deliver(ledger, intake, untouchable)
        except InterruptedRunError as error:
            interrupted = error
            self._report.fail(str(error))
        except CordialError as error:
            self._report.fail(str(error))
        except TargetCordialError as error:
            self._report.fail(str(error))
            self._end()
            raise
        self._close_books(ledger)
        self._end()
        if interrupted is not None:
            raise interrupted
        if self._report.status is not Status.OK:
            raise RunEndedError(self._report.last_line(), exit_code=self._report.status.exit_code)

    # -- collect and seal -------------------------------------------------------------------------

    def _settle(self, ledger: Ledger, intake: Intake) -> set[int]:
        """Bring the ledger up to date with what was received.

        Returns:
            Keys of cohorts that can't be written at all.
        """
        untouchable: set[int] = set()
        if intake.broken_at is not None:
            self._report.degrade(
                f"The input broke off at line {intake.broken_at}: what came before was taken. "
                "Run the tap again."
            )
        for stream, count in intake.unreadable.items():
            self._report.degrade(
                f"{count} records of stream '{stream}' could not be read and were rejected."
            )
        for cohort in intake.cohorts.values():
            key = ledger.ensure_cohort(cohort.cohort_id, cohort.name)
            if not self._settle_one(ledger, cohort, key):
                untouchable.add(key)
        return untouchable

    def _settle_one(self, ledger: Ledger, cohort: CohortIntake, key: int) -> bool:
        proof = cohort.proof()
        part = self._part(key, cohort.cohort_id, cohort.name)
        part.snapshot = proof.completeness
        part.received = cohort.received
        label = f"'{cohort.name}' ({cohort.cohort_id})" if cohort.name else cohort.cohort_id
        settled = self._stage.settle(
            cohort.number, key, cohort.sealed() if proof.is_complete else None
        )
        part.skipped = settled.skipped
        if not settled.resolves:
            names = ", ".join(self._settings.mapping.properties)
            self._report.degrade(
                f"Cohort {label}: none of its {settled.present} members has a usable '{names}'. "
                "It was not written at all. Check contact_identifier_mapping, and that the tap "
                "sends that property."
            )
            return False
        if proof.is_complete:
            ledger.update_cohort(key, last_complete_at=int(time.time()))
        if proof.completeness is Completeness.INCOMPLETE:
            self._report.degrade(
                f"Cohort {label}: its snapshot is not complete: {proof.problem}. Members were "
                "added, nobody was removed for being absent. Run the tap again."
            )
        return True

    def _emit_state(self, intake: Intake, *, durable: bool) -> None:
        """Let the tap move on, now that the ledger holds everything it sent."""
        whole = (
            durable
            and intake.broken_at is None
            and not intake.unreadable
            and all(part.snapshot is not Completeness.INCOMPLETE for part in self._reports.values())
        )
        if intake.state and whole and not self._settings.dry_run:
            sys.stdout.write(msgspec.json.encode(intake.state).decode() + "\n")
            sys.stdout.flush()

    # -- plan and deliver -------------------------------------------------------------------------

    def _deliver(self, ledger: Ledger, intake: Intake, untouchable: set[int]) -> None:
        cohorts = ledger.cohorts()
        refused = refused_names(cohorts)
        planner = Planner(ledger, self._entries, self._settings.removal_limit)
        now = int(time.time())
        due: list[CohortRow] = []
        for cohort in cohorts:
            part = self._part(cohort.key, cohort.cohort_id, cohort.name)
            part.list_name = wanted_name(cohort)
            part.last_complete_at = iso(cohort.last_complete_at)
            seen = cohort.cohort_id in intake.cohorts
            counts = self._entries.counts(cohort.key, now=now, window_since=now)
            waiting = counts.additions + counts.removals
            if cohort.key in refused:
                if seen or waiting:
                    self._report.degrade(refused[cohort.key])
            elif cohort.key not in untouchable and (
                waiting or (seen and _has_list(part, counts.confirmed))
            ):
                due.append(cohort)
        bound = self._bind(ledger, due)
        plans = {
            cohort.key: planner.plan(cohort, now)
            for cohort in ledger.cohorts()
            if cohort.key in bound.targets
        }
        self._withhold(plans)
        before = self._counts_in_cordial(plans)
        self._send(ledger, plans, bound.targets, now)
        if not self._settings.dry_run:
            self._read_back(plans, before)

    def _bind(self, ledger: Ledger, due: list[CohortRow]) -> Bound:
        dry = self._settings.dry_run
        self._binder = ListBinder(
            self._rest,
            self._protocol,
            create=self._settings.create_lists,
            dry=dry,
            logger=self._logger,
        )
        bound = self._binder.bind(due)
        for problem in bound.problems.values():
            self._report.degrade(problem)
        for key, target in bound.targets.items():
            part = self._reports[key]
            part.list_name, part.list_id = target.list_name, target.list_id or None
            if target.list_id:
                ledger.update_cohort(key, list_name=target.list_name, list_id=target.list_id)
        return bound

    def _withhold(self, plans: Mapping[int, CohortPlan]) -> None:
        for key, plan in plans.items():
            if plan.verdict.withheld:
                self._reports[key].withheld = plan.withheld
                self._report.degrade(plan.problem(self._settings.removal_limit))

    def _send(
        self, ledger: Ledger, plans: Mapping[int, CohortPlan], targets: Targets, now: int
    ) -> None:
        if self._settings.dry_run:
            for key, plan in plans.items():
                part = self._reports[key]
                part.added, part.removed = plan.counts.additions, plan.removals
            return
        delivery = self._delivery()
        planned = self._entries.plan(
            plans,
            [key for key, plan in plans.items() if not plan.verdict.withheld],
            now=now,
            by_contact=delivery.by_contact,
        )
        recorder = _Recorder(self._entries, self._reports)
        engine = Engine(
            delivery,
            recorder,
            workers=self._settings.max_concurrency,
            stop=self._stop.event,
        )
        try:
            if planned:
                engine.deliver(self._entries.changes(now=now), targets)
        finally:
            self._settle_accounts(ledger, plans, recorder, planned)

    def _settle_accounts(
        self,
        ledger: Ledger,
        plans: Mapping[int, CohortPlan],
        recorder: _Recorder,
        planned: int,
    ) -> None:
        now = int(time.time())
        for key, plan in plans.items():
            counts = self._entries.counts(key, now=now, window_since=now)
            left = counts.additions + counts.removals - plan.withheld
            if left == 0 and plan.cohort.first_synced_at is None:
                ledger.update_cohort(key, first_synced_at=now)
            if counts.removals == 0 and plan.verdict.uses_approval:
                ledger.use_approval(key, now)
        unfinished = planned - recorder.ended
        if unfinished:
            self._report.fail(
                f"{unfinished} of {planned} changes could not be delivered. They are in the "
                "ledger, and the next run sends them."
            )
        rejects = recorder.rejected
        if rejects > MOST_TOLERATED and rejects * 100 > (
            self._settings.max_rejected_percent * recorder.ended
        ):
            self._report.fail(
                f"Cordial rejected {rejects} of {recorder.ended} changes, which is more than "
                f"max_rejected_percent ({self._settings.max_rejected_percent}): see rejects_path "
                "for the reasons."
            )
        elif rejects:
            self._report.notes.append(
                f"{rejects} changes were rejected by Cordial, within max_rejected_percent"
            )

    def _delivery(self) -> Delivery:
        if self._protocol is not None:
            return EndpointDelivery(self._protocol, batch_size=self._settings.endpoint_batch_size)
        return ContactsDelivery(
            self._rest,
            identifier_name=self._settings.mapping.name,
            create_contacts=self._settings.create_contacts,
            suppress_triggers=self._settings.suppress_triggers,
        )

    # -- read back and report ---------------------------------------------------------------------

    def _counts_in_cordial(self, plans: Mapping[int, CohortPlan]) -> dict[int, int | None]:
        lists = self._binder.lists
        names = {key: self._reports[key].list_name or "" for key in plans}
        return {key: self._rest.count(lists[name]) for key, name in names.items() if name in lists}

    def _read_back(self, plans: Mapping[int, CohortPlan], before: Mapping[int, int | None]) -> None:
        for key, after in self._counts_in_cordial(plans).items():
            part = self._reports[key]
            part.count_in_cordial = after
            known = before.get(key)
            if after is None or known is None:
                continue
            part.drift = after - (known + part.added - part.removed)
            if part.drift:
                self._report.notes.append(
                    f"list '{part.list_name}' counts {after}, {part.drift:+d} from what this "
                    "run wrote (others may write to it, or the count lags behind)"
                )

    def _close_books(self, ledger: Ledger) -> None:
        now = int(time.time())
        for cohort in ledger.cohorts():
            part = self._part(cohort.key, cohort.cohort_id, cohort.name)
            counts = self._entries.counts(cohort.key, now=now, window_since=now)
            part.members = counts.confirmed
            part.rejected = counts.rejected
            part.last_complete_at = iso(cohort.last_complete_at)
            due = counts.additions + counts.removals - part.withheld
            part.pending = due - (part.added + part.removed if self._settings.dry_run else 0)
        if self._settings.rejects_path is not None:
            write_rejects(self._settings.rejects_path, self._entries, self._reports)
        self._entries.forget_leavers(now)
        ledger.end_run(self._report.run_id, now, self._report.status.value)

    def _part(self, key: int, cohort_id: str, name: str | None) -> CohortReport:
        return self._reports.setdefault(key, CohortReport(cohort_id, name))

    def _end(self) -> None:
        report = self._report
        report.finished_at = iso(time.time())
        report.cohorts = list(self._reports.values())
        for session in self._sessions:
            report.requests.update(session.statuses)
            session.close()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
        if self._settings.report_path is not None:
            report.write(self._settings.report_path)
        self._say(report)

    def _say(self, report: RunReport) -> None:
        for part in report.cohorts:
            self._logger.info(
                "List '%s' of cohort %s: %d added, %d removed, %d withheld, %d pending, "
                "%d members confirmed.",
                part.list_name,
                part.cohort_id,
                part.added,
                part.removed,
                part.withheld,
                part.pending,
                part.members,
            )
        for problem in report.errors:
            self._logger.error("%s", problem)
        level = logging.INFO if report.status is Status.OK else logging.ERROR
        self._logger.log(level, "%s", report.last_line())


class _Recorder:
    """Keeps intents and outcomes in the ledger, and counts them for the report."""

    def __init__(self, entries: Entries, reports: Mapping[int, CohortReport]) -> None:
        self._entries = entries
        self._reports = reports
        self._results: Counter[Result] = Counter()

    @property
    def ended(self) -> int:
        """Changes that need not be sent again."""
        return self._results.total() - (
            self._results[Result.NOT_SENT] + self._results[Result.UNKNOWN]
        )

    @property
    def rejected(self) -> int:
        """Changes that Cordial rejected."""
        return self._results[Result.REJECTED]

    def intend(self, changes: Iterable[Change]) -> None:
        """See :class:`target_cordial.delivery.engine.Recorder`."""
        self._entries.intend(changes)

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """See :class:`target_cordial.delivery.engine.Recorder`."""
        ended = list(outcomes)
        self._entries.record(ended, now=int(time.time()))
        for outcome in ended:
            self._results[outcome.result] += 1
            part = self._reports[outcome.change.cohort]
            if outcome.result is Result.CONFIRMED:
                if outcome.change.operation is Operation.ADD:
                    part.added += 1
                else:
                    part.removed += 1
            elif outcome.result is Result.ALREADY_ABSENT:
                part.already_absent += 1


def _has_list(part: CohortReport, confirmed: int) -> bool:
    """Whether a cohort that was seen has, or is to get, a list: an empty complete one too."""
    return confirmed > 0 or part.snapshot is Completeness.COMPLETE
