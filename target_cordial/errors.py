"""Everything that ends a run early, as one tree.

::

    TargetCordialError
    ├── SettingsError          a setting is wrong, or fits no other
    ├── InputError             the Singer input can't be taken as it is
    ├── LedgerError
    │   ├── LedgerLockedError  another run holds the ledger
    │   ├── LedgerVersionError a newer version of this package wrote it
    │   └── BindingError       the ledger belongs to another destination
    ├── CordialError
    │   ├── RefusedError       401 or 403: key, permission, IP allow-list, region
    │   ├── UnavailableError   every try was used up
    │   ├── UnexpectedError    an answer that is not Cordial's
    │   ├── StagingError       the store that files for imports are put into
    │   ├── StillRunningError  an import has not ended in time
    │   └── DeliveryStoppedError  nothing gets through any more
    ├── InterruptedRunError    SIGTERM or SIGINT
    └── RunEndedError          the run is over and was not clean

No message of this tree holds an identifier, a key or a signed address: messages go to logs.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath


class TargetCordialError(Exception):
    """Base of every error that this package raises on purpose.

    Attributes:
        code: A short stable name for scripts and documentation.
        exit_code: What the process ends with when the error reaches the command line.
    """

    code = "error"
    exit_code = 1


def describe(error: BaseException) -> str:
    """Say what an unexpected exception is and where it came up, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{PurePath(f.filename).name}:{f.lineno}" for f in frames[-3:][::-1])
    return f"Unexpected {type(error).__name__} at {places}. The next run goes on from the ledger."


def mark_told(error: BaseException) -> None:
    """Note that the log has said this error already, in the run's last line."""
    error.__dict__["told"] = True


def was_told(error: BaseException) -> bool:
    """Say whether the log has said this error already."""
    return bool(error.__dict__.get("told"))


class SettingsError(TargetCordialError):
    """A setting is missing, unknown, of the wrong type or at odds with another."""

    code = "settings"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class InputError(TargetCordialError):
    """The Singer input, or a file given to a command, holds what must not be guessed at."""

    code = "input"


class LedgerError(TargetCordialError):
    """The ledger can't be used."""

    code = "ledger"


class LedgerLockedError(LedgerError):
    """Another run holds the ledger."""

    code = "ledger_locked"


class LedgerVersionError(LedgerError):
    """A newer version of this package wrote the ledger."""

    code = "ledger_version"


class BindingError(LedgerError):
    """The ledger was written for another destination, identifier or mapping."""

    code = "binding"


class CordialError(TargetCordialError):
    """A call to Cordial had no usable answer.

    Attributes:
        may_be_applied: Whether Cordial may have carried out the call all the same.
    """

    code = "cordial"

    def __init__(self, message: str, *, may_be_applied: bool = False) -> None:
        super().__init__(message)
        self.may_be_applied = may_be_applied


class RefusedError(CordialError):
    """Cordial refused the key: 401 or 403. Nothing further is sent."""

    code = "refused"


class UnavailableError(CordialError):
    """All tries of one call were used up."""

    code = "unavailable"


class UnexpectedError(CordialError):
    """An answer that Cordial's description does not know."""

    code = "unexpected"


class StagingError(CordialError):
    """The store that Cordial fetches files from can't be used."""

    code = "staging"


class StillRunningError(CordialError):
    """An import has not ended in time. It is remembered, and the next run follows it."""

    code = "still_running"


class DeliveryStoppedError(CordialError):
    """Nothing gets through; what was not sent stays pending."""

    code = "delivery_stopped"


class InterruptedRunError(TargetCordialError):
    """SIGTERM or SIGINT arrived."""

    code = "interrupted"
    exit_code = 143

    def __init__(self) -> None:
        super().__init__("The run was told to stop.")


class RunEndedError(TargetCordialError):
    """The run came to its end and was not clean; its last line says why.

    Attributes:
        exit_code: 3 for a degraded run, 1 for a failed one.
    """

    code = "run_ended"

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
