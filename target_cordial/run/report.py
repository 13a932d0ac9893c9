"""What a run says about itself: the JSON report and the last line of the log."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_cordial.core.completeness import Completeness
from target_cordial.core.outcome import Status
from target_cordial.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_cordial.run.dry_plan import DryPlan

MOST_COHORTS = 3
"""Cohorts that one problem names; the rest is in the report."""

MOST_NAMED = 5
"""Problems that the last line spells out; the rest is in the log above it and in the report."""


@dataclass
class CohortReport:
    """One cohort's part of the report. Fields and names are those of contract section 5."""

    cohort_id: str
    cohort_name: str | None
    list_name: str | None = None
    list_id: str | None = None
    snapshot: Completeness = Completeness.NONE
    last_complete_at: str | None = None
    received: int = 0
    members: int = 0
    added: int = 0
    removed: int = 0
    already_absent: int = 0
    withheld: int = 0
    pending: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    count_in_cordial: int | None = None
    drift: int | None = None

    @property
    def label(self) -> str:
        """How messages speak of the cohort."""
        return f"'{self.cohort_name}' ({self.cohort_id})" if self.cohort_name else self.cohort_id

    def as_dict(self) -> dict[str, Any]:
        """Return the part as it stands in the JSON."""
        return {**vars(self), "snapshot": self.snapshot.value}


@dataclass
class RunReport:
    """The whole run."""

    run_id: str
    started_at: str
    delivery: str
    dry_run: bool
    finished_at: str | None = None
    status: Status = Status.OK
    requests: Counter[str] = field(default_factory=Counter)
    parts: dict[int, CohortReport] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    shortfalls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plan: DryPlan | None = None

    @property
    def errors(self) -> list[str]:
        """What was not as it should be, the gravest first."""
        return [*self.failures, *self.shortfalls]

    def cohort(self, key: int, cohort_id: str, name: str | None) -> CohortReport:
        """Return a cohort's part, by its key in the ledger."""
        return self.parts.setdefault(key, CohortReport(cohort_id, name))

    def unfinished(self) -> RunReport:
        """Return what stands in the report's place while the run goes on: it may never end."""
        started = RunReport(self.run_id, self.started_at, self.delivery, self.dry_run)
        started.fail("The run has not ended.")
        return started

    def fail(self, problem: str) -> None:
        """Note a problem, once, that kept changes from being delivered or recorded."""
        if problem not in self.failures:
            self.failures.append(problem)
        self.status = Status.FAILED

    def degrade(self, problem: str) -> None:
        """Note a problem, once, beside which everything else was delivered."""
        if problem not in self.shortfalls:
            self.shortfalls.append(problem)
        if self.status is Status.OK:
            self.status = Status.DEGRADED

    def as_dict(self) -> dict[str, Any]:
        """Return the report as it stands in the JSON."""
        return {
            "run_id": self.run_id,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "status": self.status.value,
            "delivery": self.delivery,
            "dry_run": self.dry_run,
            "requests": {
                "total": self.requests.total(),
                "by_status": dict(sorted(self.requests.items())),
            },
            "cohorts": [part.as_dict() for part in self.parts.values()],
            "errors": self.errors,
            **({} if self.plan is None else {"plan": self.plan.as_dict()}),
        }

    def write(self, path: str) -> None:
        """Write the JSON, whole or not at all."""
        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n"
        replace_file(path, [text], 0o644)

    def log(self, logger: logging.Logger, *, lists: bool = True) -> None:
        """Say how each list ended, every problem, and last how the run ended.

        Args:
            logger: Where.
            lists: Whether the lists are spoken of, too.
        """
        if self.plan is not None:
            for line in self.plan.lines():
                logger.info("%s", line)
        would = "would be " if self.dry_run else ""
        for part in self.parts.values() if lists else ():
            logger.info(
                "List '%s' of cohort %s: %d %sadded, %d %sremoved, %d withheld, %d pending, "
                "%d members confirmed.",
                part.list_name,
                part.cohort_id,
                part.added,
                would,
                part.removed,
                would,
                part.withheld,
                part.pending,
                part.members,
            )
        if len(self.errors) + len(self.notes) > MOST_NAMED:
            for problem in self.errors:
                logger.error("%s", problem)
            for note in self.notes:
                logger.info("%s", note)
        level = logging.INFO if self.status is Status.OK else logging.ERROR
        logger.log(level, "%s", self.last_line())

    def last_line(self) -> str:
        """Say in one line how the run ended, for which cohorts, and what to do."""
        total = _totals(self.parts.values())
        planned = "would be " if self.dry_run else ""
        text = (
            f"Run {self.status.value}: {counted(len(self.parts), 'cohort')}, "
            f"{counted(total['added'], 'membership')} {planned}added, "
            f"{total['removed']} {planned}removed"
        )
        for name in ("already_absent", "withheld", "pending", "skipped", "rejected"):
            if total[name]:
                text += f", {total[name]} {name.replace('_', ' ')}"
        problems = [*self.errors, *self.notes]
        if problems:
            text += ". " + " | ".join(problems[:MOST_NAMED])
            if len(problems) > MOST_NAMED:
                text += f" | and {len(problems) - MOST_NAMED} more problems, see above"
        return text


def named(cohorts: Sequence[str]) -> str:
    """Put together what a problem says of its cohorts: of the first few, and how many more."""
    more = len(cohorts) - MOST_COHORTS
    told = "; ".join(cohorts[:MOST_COHORTS])
    return f"{told}; and {counted(more, 'more cohort')}" if more > 0 else told


def iso(seconds: float | None) -> str | None:
    """Write a time as ISO 8601 in UTC."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def replace_file(path: str, parts: Iterable[str], mode: int) -> None:
    """Replace a file by another in one step, with the given mode from its first moment."""
    target = Path(path)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(parts)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def check_writable(paths: Mapping[str, str | None]) -> None:
    """Find out before the run whether its files can be written after it.

    Args:
        paths: Paths by the name of the setting.

    Raises:
        SettingsError: A folder is missing or not writable.
    """
    problems = [
        f"The setting {name} points into a folder that is missing or not writable."
        for name, path in paths.items()
        if path is not None and not os.access(Path(path).absolute().parent, os.W_OK)
    ]
    if problems:
        raise SettingsError(problems)


def counted(number: int, noun: str) -> str:
    """Put a number before what it counts."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _totals(cohorts: Iterable[CohortReport]) -> dict[str, int]:
    cohorts = list(cohorts)
    numbers = {
        name: sum(getattr(cohort, name) for cohort in cohorts)
        for name in ("added", "removed", "already_absent", "withheld", "pending")
    }
    for name in ("skipped", "rejected"):
        numbers[name] = sum(sum(getattr(cohort, name).values()) for cohort in cohorts)
    return numbers
