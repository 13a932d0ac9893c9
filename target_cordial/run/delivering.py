"""From the ledger to Cordial: which lists are due, what goes out, and what became of it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from target_cordial.core.completeness import Completeness
from target_cordial.core.delivery_choice import ENDPOINT
from target_cordial.errors import CordialError
from target_cordial.run import binding
from target_cordial.run.dry_plan import dry_plan
from target_cordial.run.lists import ListBinder, refused_names, wanted_name
from target_cordial.run.planning import Planner
from target_cordial.run.readback import ReadBack
from target_cordial.run.sending import Sender

if TYPE_CHECKING:
    import logging
    import threading
    from collections.abc import Container

    from target_cordial.delivery.base import Targets
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.jobs import JobRow
    from target_cordial.ledger.store import CohortRow, Ledger
    from target_cordial.run.planning import Plans
    from target_cordial.run.report import RunReport
    from target_cordial.run.watch import Watch
    from target_cordial.run.wiring import Wiring
    from target_cordial.settings import Settings


class Deliverer:
    """Plans and carries out what the ledger says is to be done.

    Args:
        ledger: The ledger.
        entries: Its entries.
        wiring: The connections.
        settings: The settings.
        report: Told of everything that is not as it should be.
        stop: Set when the run is told to stop.
        logger: For lists that were renamed, and settings without effect.
        watch: Shown how the delivery goes on.
    """

    def __init__(  # noqa: PLR0913  it is where the parts of a run come together
        self,
        ledger: Ledger,
        entries: Entries,
        *,
        wiring: Wiring,
        settings: Settings,
        report: RunReport,
        stop: threading.Event,
        logger: logging.Logger,
        watch: Watch,
    ) -> None:
        self._watch = watch
        self._ledger = ledger
        self._entries = entries
        self._wiring = wiring
        self._settings = settings
        self._report = report
        self._stop = stop
        self._logger = logger
        self._binder = ListBinder(
            wiring.rest,
            wiring.protocol,
            single=settings.cohorts,
            create=settings.create_lists,
            dry=settings.dry_run,
            logger=logger,
        )
        self._read_back = ReadBack(
            wiring.rest,
            self._binder,
            report,
            identifier_name=settings.mapping.name,
            workers=settings.max_concurrency,
            stop=stop,
        )
        self._sender = Sender(
            ledger,
            entries,
            wiring=wiring,
            settings=settings,
            report=report,
            logger=logger,
            watch=watch,
        )

    @property
    def rejects_fail(self) -> bool:
        """Whether Cordial rejected more than is tolerated."""
        return self._sender.rejects_fail

    def deliver(self, seen: Container[str], untouchable: Container[int]) -> None:
        """Bind lists, plan, send, and read back.

        Args:
            seen: Ids of the cohorts that came in this run.
            untouchable: Keys of cohorts that must not be written in this run.

        Raises:
            CordialError: Delivery had to stop; what was sent is recorded.
            InterruptedRunError: The run was told to stop; what was sent is recorded.
        """
        binding.renew_acceptance(self._ledger, self._entries, self._settings.acceptance)
        self._watch.phase("Looking at the lists")
        cohorts = self._followed()
        busy = self._sender.follow_imports(cohorts)
        due = self._due(cohorts, seen, untouchable, busy)
        targets = self._bind(due)
        now = int(time.time())
        plans = self._plans(targets, now)
        self._sender.choose_delivery(plans, now)
        if self._settings.dry_run:
            self._report_plan(plans, now)
            return
        changing = [key for key, plan in plans.items() if plan.going]
        written = self._written()  # by imports that were followed: it is in the counts already
        before = self._read_back.counts(changing)
        try:
            self._sender.send(plans, targets, busy, now)
        finally:
            self._look_again(plans)
        self._watch.phase("Reading back")
        self._read_back.compare(before, self._read_back.counts(plans), written)
        self._learn_rest_ids(plans)
        proves = self._report.delivery != ENDPOINT
        differ = self._read_back.contacts(self._sender.sample, proves=proves)
        if proves:
            # Nothing is certain of them any more, so the next run sends what is wanted then.
            self._entries.doubt(differ)

    def _written(self) -> dict[int, int]:
        return {key: part.added - part.removed for key, part in self._report.parts.items()}

    def _learn_rest_ids(self, plans: Plans) -> None:
        """Know the lists of the list protocol in REST too: there they can be renamed or deleted."""
        if self._wiring.protocol is None or not self._read_back.counted:
            return
        for key, plan in plans.items():
            name = self._report.parts[key].list_name or ""
            if name not in self._binder.lists:
                self._report.notes.append(
                    f"cohort {plan.cohort.label}: list '{name}' is not among those that the REST "
                    "API shows, so nobody can say whether it is still there: check that api_url "
                    "or region is the endpoint's"
                )
            elif plan.cohort.rest_id is None:
                self._ledger.update_cohort(key, rest_id=self._binder.lists[name])

    def _followed(self) -> list[CohortRow]:
        """Read the cohorts, with the names that their lists have now."""
        known = self._ledger.cohorts()
        followed = self._binder.follow(known)
        for before, cohort in zip(known, followed, strict=True):
            if cohort.list_name != before.list_name:
                self._ledger.update_cohort(cohort.key, list_name=cohort.list_name)
        self._compare_settings(followed)
        return followed

    def _compare_settings(self, cohorts: list[CohortRow]) -> None:
        """Tell of entries of the setting ``cohorts`` that have no effect."""
        single = self._settings.cohorts
        for cohort in cohorts:
            asked = single.list_name(cohort.cohort_id, cohort.name)
            if cohort.list_id is not None and asked not in (None, cohort.list_name):
                self._report.notes.append(
                    f"cohort {cohort.label} keeps its list '{cohort.list_name}': the list_name "
                    f"'{asked}' in the setting cohorts counts before its first sync"
                )
        unmatched = single.unmatched((cohort.cohort_id, cohort.name) for cohort in cohorts)
        if unmatched:
            self._logger.warning(
                "The setting cohorts speaks of %s, and no known cohort has that id or name.",
                ", ".join(f"'{key}'" for key in unmatched),
            )

    def _due(
        self,
        cohorts: list[CohortRow],
        seen: Container[str],
        untouchable: Container[int],
        busy: list[JobRow],
    ) -> list[CohortRow]:
        """Find the cohorts whose lists are looked at: seen in this run, waiting, or lost."""
        now = int(time.time())
        waiting = {row.cohort for row in busy}
        refused = refused_names(cohorts, self._settings.cohorts)
        due = []
        for cohort in cohorts:
            part = self._report.cohort(cohort.key, cohort.cohort_id, cohort.name)
            part.list_name = wanted_name(cohort, self._settings.cohorts)
            part.list_id = cohort.list_id
            part.members = self._entries.members(cohort.key)
            came = cohort.cohort_id in seen
            waits = self._entries.waits(cohort.key, now=now)
            filled = part.members > 0 or part.snapshot is Completeness.COMPLETE
            # Its members are on no list any more, though nothing of theirs has changed.
            lost = part.members > 0 and self._binder.misses(cohort)
            if cohort.key in refused:
                if came or waits:
                    self._report.degrade(refused[cohort.key])
            elif cohort.key in waiting:
                continue
            elif cohort.key not in untouchable and (waits or (came and filled) or lost):
                due.append(cohort)
        return due

    def _bind(self, due: list[CohortRow]) -> Targets:
        bound = self._binder.bind(due)
        for problem in bound.problems.values():
            self._report.degrade(problem)
        for key, target in bound.targets.items():
            part = self._report.parts[key]
            part.list_name, part.list_id = target.list_name, target.list_id or None
            kept: dict[str, str | int] = {"list_name": target.list_name, "list_id": target.list_id}
            if key in bound.found:
                kept["found"] = bound.found[key]
            if target.list_id:
                self._ledger.update_cohort(key, **kept)
        return {
            key: replace(target, cohort=self._report.parts[key].label)
            for key, target in bound.targets.items()
        }

    def _plans(self, targets: Targets, now: int) -> Plans:
        planner = Planner(self._ledger, self._entries, self._settings.limits)
        # The name is the target's: a dry run keeps no list that it would make.
        plans = {
            row.key: planner.plan(replace(row, list_name=targets[row.key].list_name), now)
            for row in self._ledger.cohorts()
            if row.key in targets
        }
        for key, plan in plans.items():
            self._report.parts[key].withheld = plan.withheld
            if problem := plan.problem():
                self._report.degrade(problem)
        return plans

    def _report_plan(self, plans: Plans, now: int) -> None:
        self._report.plan = dry_plan(
            plans,
            partial(self._entries.plan.contacts, now=now),
            delivery=self._report.delivery,
            suppress_triggers=self._settings.suppress_triggers,
        )
        for key, plan in plans.items():
            part = self._report.parts[key]
            part.added, part.removed = plan.additions.going, plan.removals.going

    def _look_again(self, plans: Plans) -> None:
        """Say what became of lists that others renamed or deleted while the delivery went on."""
        if not self._wiring.lists.moved:
            return
        try:
            self._bind(
                self._binder.follow([row for row in self._ledger.cohorts() if row.key in plans])
            )
        except CordialError as error:
            self._report.fail(str(error))  # and not in the place of what else ended the delivery
