"""One run, from the first record to the last line of the log."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import msgspec

from target_cordial.core.outcome import Status
from target_cordial.errors import (
    CordialError,
    InputError,
    InterruptedRunError,
    RunEndedError,
    TargetCordialError,
    UnavailableError,
    mark_told,
)
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.stage import Stage
from target_cordial.ledger.store import Ledger
from target_cordial.run import binding
from target_cordial.run.closing import Books
from target_cordial.run.delivering import Deliverer
from target_cordial.run.intake import Intake
from target_cordial.run.output import write_out
from target_cordial.run.report import RunReport, check_writable, iso, replace_file
from target_cordial.run.sealing import Sealer
from target_cordial.run.wiring import Wiring

if TYPE_CHECKING:
    import logging

    from target_cordial.run.stop import Stop
    from target_cordial.run.watch import Watch
    from target_cordial.settings import Settings


class SyncRun:
    """A run: :meth:`begin`, then rows into the intake, then :meth:`finish`.

    Args:
        settings: The settings.
        mapped: Whether stream maps or flattening can change records on their way.
        logger: The target's logger.
        stop: Set when the process is told to stop.
        watch: Shown how the run goes on.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        mapped: bool,
        logger: logging.Logger,
        stop: Stop,
        watch: Watch,
    ) -> None:
        self._settings = settings
        self._watch = watch
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
        if settings.rejects_path is not None:
            replace_file(settings.rejects_path, [], 0o600)  # else it would speak of another run
        binding.check(self._ledger, settings.binding)
        self._wiring.open_store()
        self._wiring.rest.lists()  # proves key and address before anything is read
        self._entries = Entries(self._ledger)
        self._stage = Stage(self._ledger)
        self._intake = Intake(
            self._stage,
            settings.mapping,
            self._ledger.cohorts(),
            mapped=self._mapped,
            logger=self._logger,
        )
        intake = self._intake
        self._watch.phase("Reading", lambda: intake.rows)
        return intake

    def abandon(self, error: TargetCordialError) -> None:
        """End a run that can't go on, keeping nothing of what was received.

        What the ledger knew before is as it was; the tap has had no STATE and sends again.
        """
        self._report.fail(_with_remedy(error))
        self._end()
        mark_told(error)

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
        deliverer = Deliverer(
            ledger,
            self._entries,
            wiring=self._wiring,
            settings=self._settings,
            report=self._report,
            stop=self._stop.event,
            logger=self._logger,
            watch=self._watch,
        )
        interrupted: InterruptedRunError | None = None
        try:
            self._stop.check()
            ledger.begin_run(self._report.run_id, int(time.time()))
            self._intake.close()
            if self._intake.cohorts:
                binding.bind(ledger, self._settings.binding)
            sealer = Sealer(ledger, self._stage, self._settings, self._report)
            cohorts = len(self._intake.cohorts)
            self._watch.phase("Comparing with the ledger", lambda: sealer.settled, cohorts)
            untouchable = sealer.settle(self._intake)
            self._emit_state(self._intake, whole=sealer.whole)
            deliverer.deliver(self._intake.cohorts, untouchable)
        except InterruptedRunError as error:
            interrupted = error
            self._report.fail(str(error))
        except CordialError as error:
            self._report.fail(_with_remedy(error))
        except TargetCordialError as error:
            self.abandon(error)
            raise
        books = Books(ledger, self._entries, self._settings, self._report)
        books.close(int(time.time()), rejects_fail=deliverer.rejects_fail)
        self._end()
        if interrupted is not None:
            raise interrupted
        if self._report.status is not Status.OK:
            raise RunEndedError(self._report.last_line(), exit_code=self._report.status.exit_code)

    def _emit_state(self, intake: Intake, *, whole: bool) -> None:
        """Let the tap move on, now that the ledger holds everything it sent."""
        if intake.state and whole and not self._settings.dry_run:
            problem = write_out(msgspec.json.encode(intake.state).decode() + "\n")
            if problem:
                self._report.degrade(
                    f"STATE could not be written ({problem}): see that what reads the target's "
                    "output is there and has room. Nothing is lost, the tap only sends the same "
                    "again in the next run."
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
        self._watch.end()
        report.log(self._logger, lists=not self._watch.summarize(report))


def _with_remedy(error: TargetCordialError) -> str:
    """Say what ended the run, and what to do, where the error does not know that."""
    if isinstance(error, UnavailableError):
        return (
            f"{error} Run again once Cordial answers; if it never does, check the network, and "
            "region (or api_url, endpoint)."
        )
    if isinstance(error, InputError):
        text = str(error).removesuffix(".")
        return f"{text}. Nothing of this input is kept: once that is mended, run the tap again."
    return str(error)
