"""Imports of earlier runs: followed to their end before anything is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.core.import_counts import Kind
from target_cordial.core.outcome import Outcome, Result, too_many
from target_cordial.delivery.imports.carrying import blocks_of
from target_cordial.errors import StillRunningError, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cordial.cordial.imports import Job
    from target_cordial.delivery.imports.carrying import Carrier, Recorder
    from target_cordial.ledger.jobs import JobRow, Jobs


class Follower:
    """Ends what earlier runs began.

    Args:
        carrier: Carries imports.
        jobs: The ledger's imports.
        recorder: The ledger.
        max_rejected_percent: The share of removals that may be unknown to Cordial.
    """

    def __init__(
        self, carrier: Carrier, jobs: Jobs, recorder: Recorder, *, max_rejected_percent: int
    ) -> None:
        self._carrier = carrier
        self._jobs = jobs
        self._recorder = recorder
        self._percent = max_rejected_percent

    def follow(self) -> list[JobRow]:
        """Follow all imports that are not known to be over.

        What their counts prove is recorded. All else that they carried stays unknown, and is
        planned again.

        Returns:
            Those that still run, or of which nothing can be found out.

        Raises:
            CordialError: They could not be looked at.
            InterruptedRunError: The run was told to stop.
        """
        return [row for row in self._jobs.known() if not self._is_over(row)]

    def _is_over(self, row: JobRow) -> bool:
        if not row.ended:
            try:
                job = self._end_of(row)
            except (StillRunningError, UnexpectedError):
                # However long ago it began: what Cordial still shows, it may still carry out.
                return False
            if job is not None and job.done:
                self._record(row, job)
        self._carrier.finish(row.number, row.file)
        return True

    def _end_of(self, row: JobRow) -> Job | None:
        if row.rows is None:
            return None  # it died before its file was staged
        if row.job_id is None and self._carrier.find(row.name, row.begun_at) is None:
            return None  # and this one before it was started
        return self._carrier.follow(row.name, row.job_id, begun_at=row.begun_at)

    def _record(self, row: JobRow, job: Job) -> None:
        if row.rows is None or row.kind is Kind.CREATE:
            return
        if job.counts.refused(row.kind, row.rows) != 0:
            return
        absent = job.counts.absent if row.kind is Kind.REMOVE else 0
        many = too_many(absent, row.rows, self._percent)
        for outcomes in blocks_of(self._outcomes(row, row.rows if many else absent)):
            self._recorder.record(outcomes)

    def _outcomes(self, row: JobRow, absent: int) -> Iterable[Outcome]:
        """Which contacts of a removal are absent, counts do not tell: the first few will do."""
        for count, change in enumerate(self._jobs.carried(row)):
            yield Outcome(change, Result.ALREADY_ABSENT if count < absent else Result.CONFIRMED)
