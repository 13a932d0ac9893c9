"""One run over the selected cohorts: what is due, how far each came, and how the run ends."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from tap_amplitude import cohorts, plan, state, times
from tap_amplitude.errors import (
    CohortError,
    CohortUnknownError,
    ExportError,
    FileShapeError,
    IncompleteFileError,
    RequestsStoppedError,
    UnfinishedError,
)
from tap_amplitude.members import read_members
from tap_amplitude.sieve import Sieve
from tap_amplitude.state import Request

if TYPE_CHECKING:
    from tap_amplitude.client import Client
    from tap_amplitude.clock import Clock
    from tap_amplitude.cohorts import Cohort
    from tap_amplitude.members import Cells, Members
    from tap_amplitude.settings import Settings

# A count that differs from the list's by more than both is worth a warning; the list's may be old.
_SIZE_TOLERANCE = 10
_SIZE_TOLERANCE_SHARE = 0.2

CohortState = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A cohort all whose rows were handed out."""

    request: Request
    marker: dict[str, Any]


class Run:
    """One run. Its methods are called by the streams, in the order in which they stand here.

    State is changed in two places only: a request is noted, and published, as soon as it is made,
    so that a run that dies after it need not pay again; a cohort is noted as delivered when its
    marker was written, not before, so that a target that refuses the rows gets them again.
    """

    def __init__(  # noqa: PLR0913 - named, and each is a thing of its own
        self,
        *,
        settings: Settings,
        client: Client,
        clock: Clock,
        logger: logging.Logger,
        state_of: Callable[[str], CohortState],
        publish_state: Callable[[], None],
    ) -> None:
        """Prepare a run; nothing is called yet.

        Args:
            settings: The settings.
            client: Amplitude's API.
            clock: The clock.
            logger: Where to log.
            state_of: Returns the state of a cohort by its id, to be changed in place.
            publish_state: Writes the state as a whole to the target.
        """
        self._settings = settings
        self._client = client
        self._clock = clock
        self._logger = logger
        self._state_of = state_of
        self._publish_state = publish_state
        self._due: dict[str, Cohort] = {}
        self._allowance: int | None = None
        self._stop_reason = ""
        self._strict = False
        self._deliveries: dict[str, _Delivery] = {}
        self._failures: dict[str, str] = {}

    def cohorts(self, *, download: bool, strict: bool) -> Iterator[Cohort]:
        """List the cohorts, decide what is due, and yield all of them, what is due first.

        Args:
            download: Whether members are wanted; if not, nothing is due.
            strict: Whether a cohort that fails ends the run at once, as a connection test wants.

        Raises:
            CredentialsError: Amplitude refuses the keys.
            CallError: The list cannot be had.
        """
        self._strict = strict
        listed = cohorts.parse_list(self._client.cohorts())
        due: list[Cohort] = []
        selection = cohorts.select(listed, self._settings)
        if download:
            for note in selection.notes:
                self._logger.warning(note)
            for label, reason in selection.failures:
                self._fail(label, CohortUnknownError(reason))
            due = self._decide(selection.cohorts)
        self._due = {cohort.id: cohort for cohort in due}
        yield from due
        yield from (cohort for cohort in listed if cohort.id not in self._due)
        known = {cohort.id for cohort in listed}
        yield from (
            cohort
            for cohort in selection.cohorts
            if cohort.id not in known and cohort.id not in self._due
        )

    def starts(self, cohort_id: str) -> bool:
        """Return whether a cohort's members are to be sent now.

        A cohort that is due and needs a request that may not be made is noted as failed.
        """
        cohort = self._due.get(cohort_id)
        if cohort is None:
            return False
        if self._allowance == 0 and self._decision(cohort) == "request":
            self._fail(cohort.label, RequestsStoppedError(self._stop_reason), level=logging.WARNING)
            return False
        return True

    def members(self, cohort_id: str) -> Iterator[Members]:
        """Yield the members of a cohort, by the thousand; a failure is noted and ends them.

        The file is on disk, whole and checked, before the first of them.
        """
        cohort = self._due[cohort_id]
        try:
            with _temporary_file() as file, _temporary_file() as ids:
                request, is_proven = self._download(cohort, file)
                sieve: Sieve[Cells] = Sieve(ids)
                same = {
                    "cohort_id": cohort.id,
                    "cohort_name": cohort.name,
                    "snapshot_id": request.request_id,
                }
                if file.read(1) or cohort.size != 0:
                    file.seek(0)
                    yield from read_members(file, same, sieve)
            self._check_count(cohort, sieve.passed, sieve.repeats, is_proven=is_proven)
        except CohortError as error:
            if not error.keep_request:
                state.drop_pending(self._state_of(cohort.id))
                self._publish_state()
            if isinstance(error, RequestsStoppedError):
                self._allowance, self._stop_reason = 0, str(error)
            self._fail(cohort.label, error)
            if self._strict:
                raise
        else:
            computed = cohort.last_computed or request.requested_at * 1000
            self._deliveries[cohort.id] = _Delivery(
                request,
                {
                    **same,
                    "member_count": sieve.passed,
                    "complete": True,
                    "computed_at": times.iso(computed),
                },
            )

    def leave_out(self, cohort_id: str, members: int) -> None:
        """Take note that stream maps left members out: the marker counts those who were written.

        Where they left nobody it would say that the cohort is empty, so the cohort fails.
        """
        delivery = self._deliveries.get(cohort_id)
        if delivery is None:
            return
        delivery.marker["member_count"] -= members
        if not delivery.marker["member_count"]:
            del self._deliveries[cohort_id]
            error = CohortError("stream_maps leave none of its members (see __filter__ there)")
            self._fail(self._due[cohort_id].label, error)

    def marker(self, cohort_id: str) -> dict[str, Any] | None:
        """Return the marker of a cohort all whose members were sent; None otherwise."""
        delivery = self._deliveries.get(cohort_id)
        return None if delivery is None else dict(delivery.marker)

    def confirm(self, cohort_id: str) -> None:
        """Take note that the marker of a cohort was written."""
        delivery = self._deliveries.pop(cohort_id)
        count = delivery.marker["member_count"]
        state.set_delivered(
            self._state_of(cohort_id),
            delivery.request,
            completed_at=self._clock.now(),
            member_count=count,
        )
        self._publish_state()
        self._logger.info("%s: complete, %d members.", self._due[cohort_id].label, count)

    def finish(self) -> None:
        """End the run.

        Raises:
            UnfinishedError: Something that is selected was not delivered.
        """
        if self._failures:
            details = "; ".join(f"{label}: {reason}" for label, reason in self._failures.items())
            message = (
                f"Not delivered: {details}. All other selected cohorts are up to date. Run again "
                "when the cause is gone: what was delivered is not downloaded again."
            )
            raise UnfinishedError(message)

    def _decide(self, selected: tuple[Cohort, ...]) -> list[Cohort]:
        """Return the cohorts that are due, in order, and find out how many may be requested."""
        actions = {cohort.id: self._decision(cohort) for cohort in selected}
        due = plan.by_age(
            (cohort for cohort in selected if actions[cohort.id] != "skip"),
            {cohort.id: self._state_of(cohort.id) for cohort in selected},
        )
        requests = sum(action == "request" for action in actions.values())
        if requests:
            usage = self._client.usage()
            self._allowance = plan.allowance(usage, self._settings.monthly_request_reserve)
            if usage is None:
                self._logger.warning("Amplitude's monthly usage could not be read; going on.")
            else:
                self._stop_reason = (
                    f"the monthly limit of download requests is used up ({usage.used} of "
                    f"{usage.limit}, monthly_request_reserve "
                    f"{self._settings.monthly_request_reserve})"
                )
        self._logger.info(
            "%d cohorts selected, %d unchanged, %d to resume, %d to request; requests allowed "
            "this month: %s.",
            len(selected),
            len(selected) - len(due),
            len(due) - requests,
            requests,
            "unknown" if self._allowance is None else self._allowance,
        )
        return due

    def _decision(self, cohort: Cohort) -> plan.Action:
        stored = self._state_of(cohort.id)
        return plan.decide(cohort, stored, self._settings, self._clock.now())

    def _download(self, cohort: Cohort, file: BinaryIO) -> tuple[Request, bool]:
        """Get a cohort's file, from a request made before if there is one.

        Returns:
            The request, and whether anything said where the file ends.
        """
        pending = state.pending(self._state_of(cohort.id))
        if pending is not None and self._decision(cohort) == "resume":
            self._logger.info("%s: going on with an earlier request.", cohort.label)
            try:
                return pending, self._await_file(pending, file)
            except ExportError:
                self._logger.warning("%s: the earlier request is void.", cohort.label)
        request = self._request(cohort)
        return request, self._await_file(request, file)

    def _request(self, cohort: Cohort) -> Request:
        if self._allowance == 0:
            raise RequestsStoppedError(self._stop_reason)
        now = int(self._clock.now())
        request_id = self._client.request(cohort.id, self._settings.user_properties)
        if self._allowance is not None:
            self._allowance -= 1
        request = Request(
            request_id=request_id,
            requested_at=now,
            last_computed=cohort.last_computed,
            last_mod=cohort.last_mod,
            properties_hash=self._settings.properties_hash,
        )
        state.set_pending(self._state_of(cohort.id), request)
        self._publish_state()
        return request

    def _await_file(self, request: Request, file: BinaryIO) -> bool:
        self._client.wait_until_ready(
            request.request_id,
            interval=self._settings.poll_interval_seconds,
            timeout=self._settings.poll_timeout_seconds,
        )
        return self._client.fetch_file(request.request_id, file)

    def _check_count(self, cohort: Cohort, members: int, repeats: int, *, is_proven: bool) -> None:
        """Compare what was found with the list.

        Args:
            cohort: The cohort.
            members: Different members in its file.
            repeats: Rows of members that came before.
            is_proven: Something said where the file ends.

        Raises:
            FileShapeError: There is nobody in the file, and the list says otherwise.
            IncompleteFileError: Nothing said where the file ends, and the list does not show that
                it is whole.
        """
        if repeats:
            self._logger.warning(
                "%s: %d rows left out, their amplitude_id came before.",
                cohort.label,
                repeats,
            )
        if cohort.size and not members:
            message = f"its file has no members, Amplitude's list says {cohort.size}"
            raise FileShapeError(message)
        if not is_proven and (cohort.size is None or members < cohort.size):
            message = (
                "nothing says where its file ends, and by its size in Amplitude's list it may be "
                "cut off (does a proxy take away the file's length?)"
            )
            raise IncompleteFileError(message)
        if cohort.size is None:
            return
        tolerance = max(_SIZE_TOLERANCE, cohort.size * _SIZE_TOLERANCE_SHARE)
        if abs(members - cohort.size) > tolerance:
            self._logger.warning(
                "%s: %d members in its file, %d by Amplitude's list.",
                cohort.label,
                members,
                cohort.size,
            )

    def _fail(self, label: str, error: CohortError, *, level: int = logging.ERROR) -> None:
        self._failures[label] = str(error)
        self._logger.log(level, "%s: %s.", label, error)


def _temporary_file() -> BinaryIO:
    """Open a file that has no name, and is gone with the process."""
    return tempfile.TemporaryFile(prefix="tap-amplitude-")
