"""The errors of the tap, each with a code that stays the same between versions.

    TapAmplitudeError
    ├── CredentialsError         credentials_refused   Amplitude refuses key, secret or region
    ├── CallError                call_failed           a call failed for good
    ├── UnfinishedError          cohorts_unfinished    not every cohort was delivered
    └── CohortError              cohort_failed         one cohort fails, the others go on
        ├── CohortUnknownError   cohort_unknown        no such cohort, or several of that name
        ├── RequestsStoppedError requests_stopped      no more requests are allowed
        ├── ExportError          export_failed         Amplitude did not produce the file
        ├── PollTimeoutError     poll_timeout          the file was not ready in time
        ├── TransferError        transfer_failed       the file could not be fetched
        ├── IncompleteFileError  file_incomplete       the file ends too early or is damaged
        └── FileShapeError       file_shape            the file is not a list of members

No message holds a key, an address with its query, a value out of a file or a body of an answer:
messages end up in logs. Errors are raised `from None`, because the error they replace may.
"""

from __future__ import annotations

from typing import ClassVar


class TapAmplitudeError(Exception):
    """Any error the tap raises on purpose; its text is one line, fit for a log.

    Attributes:
        code: Name of the kind of error, fixed between versions.
    """

    code: ClassVar[str] = "tap_error"


class CredentialsError(TapAmplitudeError):
    """Amplitude answered 401 or 403: nothing else can succeed, so the run ends."""

    code = "credentials_refused"


class CallError(TapAmplitudeError):
    """A call failed, and all its tries are used up or trying again is pointless.

    Attributes:
        status: HTTP status of the last answer; None when there was no answer.
    """

    code = "call_failed"

    def __init__(self, message: str, *, status: int | None) -> None:
        super().__init__(message)
        self.status = status


class UnfinishedError(TapAmplitudeError):
    """The run went to its end, and at least one cohort was not delivered."""

    code = "cohorts_unfinished"


class CohortError(TapAmplitudeError):
    """One cohort cannot be delivered; the others can.

    Attributes:
        keep_request: Whether the request already made is still worth resuming on the next run.
    """

    code = "cohort_failed"
    keep_request: ClassVar[bool] = True


class CohortUnknownError(CohortError):
    """A configured cohort does not exist, or its name belongs to several."""

    code = "cohort_unknown"


class RequestsStoppedError(CohortError):
    """No further download can be requested now, for this cohort or any other."""

    code = "requests_stopped"


class ExportError(CohortError):
    """Amplitude reports that it could not make the file, or no longer knows the request."""

    code = "export_failed"
    keep_request = False


class PollTimeoutError(CohortError):
    """The file was not ready within `poll_timeout_seconds`; the next run goes on waiting."""

    code = "poll_timeout"


class TransferError(CohortError):
    """The connection that carries the file failed every time."""

    code = "transfer_failed"


class IncompleteFileError(CohortError):
    """The file is shorter than announced, or its compressed stream is cut off or damaged."""

    code = "file_incomplete"
    keep_request = False


class FileShapeError(CohortError):
    """The file is whole, but is not a CSV of members."""

    code = "file_shape"
    keep_request = False
