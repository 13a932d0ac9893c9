"""The calls of Amplitude's Behavioral Cohorts API, one method each."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import urllib3

from tap_amplitude import answers
from tap_amplitude.errors import (
    CallError,
    CredentialsError,
    ExportError,
    IncompleteFileError,
    PollTimeoutError,
    RequestsStoppedError,
    TransferError,
)
from tap_amplitude.unpack import Unpacker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

    from tap_amplitude.clock import Clock
    from tap_amplitude.session import Session

FIRST_POLL_SECONDS = 2.0
FILE_TRIES = 3
_USAGE_TRIES = 2  # the answer is nice to have
_CHUNK = 1 << 16
_NOT_FOUND = (404, 410)
_TOO_MANY = 429
# Documented: 60 requests per ten minutes for one project.
_REQUESTS_PER_WINDOW = 60
_WINDOW_SECONDS = 600.0


class Client:
    """Amplitude's cohort API for one project."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._request_times: deque[float] = deque(maxlen=_REQUESTS_PER_WINDOW)

    def cohorts(self) -> list[Mapping[str, Any]]:
        """Return the entries of the list of cohorts: all discoverable ones, in one answer.

        Raises:
            CredentialsError: Amplitude refuses the keys.
            CallError: The call failed, or the answer is no such list.
        """
        answer = self._session.get("/api/3/cohorts", what="the list of cohorts")
        entries = answers.cohort_entries(_body(answer))
        if entries is None:
            message = "the list of cohorts is not in the known form; check api_url and region"
            raise CallError(message, status=answer.status_code)
        return entries

    def usage(self) -> answers.Usage | None:
        """Return this month's usage; None when it cannot be read, for whatever reason."""
        try:
            answer = self._session.get(
                "/api/3/cohorts/usage", what="the monthly usage", tries=_USAGE_TRIES
            )
        except (CallError, CredentialsError):  # the keys were good for the list just before
            return None
        return answers.usage(_body(answer))

    def request(self, cohort_id: str, properties: Sequence[str]) -> str:
        """Ask for a cohort's members; return the id of the request.

        This is the step that counts against the monthly limit. `propKeys` is repeated for each
        property: neither joined by commas nor with brackets is understood.

        Raises:
            CredentialsError: Amplitude refuses the keys.
            RequestsStoppedError: 429 to the last try: the rate or the month is used up.
            ExportError: Amplitude does not know the cohort, or gives no request id.
            TransferError: The call failed otherwise.
        """
        params = [("propKeys", name) for name in properties]
        self._keep_pace()
        try:
            answer = self._session.get(
                f"/api/5/cohorts/request/{quote(cohort_id, safe='')}",
                what="the request for its members",
                params=[("props", "1"), *params] if params else (),
            )
        except CallError as error:
            if error.status == _TOO_MANY:
                message = "Amplitude accepts no more download requests now (HTTP 429)"
                raise RequestsStoppedError(message) from None
            if error.status in _NOT_FOUND:
                message = "Amplitude has no such cohort (HTTP 404)"
                raise ExportError(message) from None
            raise TransferError(str(error)) from None
        request_id = answers.request_id(_body(answer))
        if request_id is None:
            message = "the request for its members was answered without a request id"
            raise ExportError(message)
        return request_id

    def wait_until_ready(self, request_id: str, *, interval: float, timeout: float) -> None:
        """Poll until the file of a request can be fetched.

        Args:
            request_id: Id of the request.
            interval: Seconds between polls; the first comes sooner, if this is long.
            timeout: Seconds to wait in all.

        Raises:
            CredentialsError: Amplitude refuses the keys.
            ExportError: Amplitude reports a failure, or no longer knows the request.
            PollTimeoutError: The time is up.
            TransferError: The call failed otherwise, to its last try.
        """
        path = f"/api/5/cohorts/request-status/{quote(request_id, safe='')}"
        deadline = self._clock.monotonic() + timeout
        self._clock.sleep(min(interval, FIRST_POLL_SECONDS))
        while True:
            try:
                answer = self._session.get(path, what="the status of its download")
            except CallError as error:
                raise _lost_or_expired(error) from None
            progress = answers.export_state(answer.status_code, _body(answer))
            if progress == "done":
                return
            if progress == "failed":
                message = "Amplitude reports that making its file failed"
                raise ExportError(message)
            if self._clock.monotonic() + interval > deadline:
                message = (
                    f"its file was not ready within {timeout:.0f} seconds (poll_timeout_seconds); "
                    "the next run goes on waiting for the same request"
                )
                raise PollTimeoutError(message)
            self._clock.sleep(interval)

    def fetch_file(self, request_id: str, file: BinaryIO) -> bool:
        """Write the file of a request, unpacked and checked to be whole.

        A broken transfer is begun again from the API, which makes a fresh address each time: the
        signed ones are good for a minute.

        Args:
            request_id: Id of the request.
            file: An empty file that can be truncated; it is left at its start.

        Returns:
            Whether anything said where the file ends; else one that was cut off looks whole.

        Raises:
            CredentialsError: Amplitude refuses the keys.
            ExportError: Amplitude no longer knows the request.
            IncompleteFileError: The file was cut off or damaged every time.
            TransferError: It could not be fetched.
        """
        path = f"/api/5/cohorts/request/{quote(request_id, safe='')}/file"
        for attempt in range(1, FILE_TRIES + 1):
            file.seek(0)
            file.truncate()
            try:
                with self._session.open_file(path, what="its file") as answer:
                    is_proven = _copy(answer, file)
            except CallError as error:
                raise _lost_or_expired(error) from None
            except (IncompleteFileError, TransferError):
                if attempt == FILE_TRIES:
                    raise
                self._session.back_off(attempt)
            else:
                break
        file.seek(0)
        return is_proven

    def _keep_pace(self) -> None:
        """Wait until one more request stays within the documented rate."""
        if len(self._request_times) == _REQUESTS_PER_WINDOW:
            wait = self._request_times[0] + _WINDOW_SECONDS - self._clock.monotonic()
            if wait > 0:
                self._clock.sleep(wait)
        self._request_times.append(self._clock.monotonic())


def _body(answer: requests.Response) -> object:
    """Return the decoded body; None when it is not JSON, as error pages of proxies are."""
    try:
        body: object = answer.json()
    except (ValueError, RecursionError):
        return None
    return body


def _lost_or_expired(error: CallError) -> ExportError | TransferError:
    if error.status in _NOT_FOUND:
        return ExportError("Amplitude no longer knows its download request (HTTP 404)")
    return TransferError(str(error))


def _copy(answer: requests.Response, file: BinaryIO) -> bool:
    """Write the body of an answer, unpacked; return whether anything said where it ends.

    The raw bytes are counted and unpacked here: whether the header that announces gzip is there
    makes no difference, and a body shorter than announced is noticed.
    """
    unpacker = Unpacker(file.write)
    received = 0
    try:
        for chunk in answer.raw.stream(_CHUNK, decode_content=False):
            received += len(chunk)
            unpacker.feed(chunk)
    except urllib3.exceptions.IncompleteRead:
        message = "its file ended before its announced length"
        raise IncompleteFileError(message) from None
    except urllib3.exceptions.HTTPError as error:
        message = f"the transfer of its file broke off ({type(error).__name__})"
        raise TransferError(message) from None
    announced = answer.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) != received:
        message = "its file ended before its announced length"
        raise IncompleteFileError(message)
    unpacker.finish()
    return unpacker.is_packed or announced.isdecimal() or "Transfer-Encoding" in answer.headers
