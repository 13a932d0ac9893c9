"""The command: the SDK's, with errors as one line and an exit code that tells the truth."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from pathlib import Path

import simplejson  # type: ignore[import-untyped] # the SDK's decoder; it ships no types
from singer_sdk.exceptions import ConfigValidationError

from tap_amplitude.errors import TapAmplitudeError
from tap_amplitude.tap import Interrupted, TapAmplitude

# Objects more than were freed before Python looks for cycles, of which rows make none. At its own
# 700 it would look through every thousand rows, and take as long as all else that is done for them.
_COLLECT_AFTER = 50_000


def main() -> None:
    """Run the tap.

    Exits with 0 when everything selected was delivered, 128 + number on a signal, 2 on wrong
    options, and 1 on everything else, after one line that says what and what to do.
    """
    gc.set_threshold(_COLLECT_AFTER)
    try:
        TapAmplitude.cli()
    except Interrupted as interruption:
        _fail(f"Stopped by {interruption.signal_name}. What was not complete is sent again.")
        _abandon_output()
        raise
    except ConfigValidationError as error:
        for line in error.errors:
            _fail(line)
    except TapAmplitudeError as error:
        _fail(str(error))
    except simplejson.JSONDecodeError as error:
        _fail(f"Settings, catalog or state are not JSON (line {error.lineno}): {error.msg}.")
    except FileNotFoundError:
        _fail("A file given on the command line does not exist.")
    except Exception as error:  # noqa: BLE001 - its text may hold what must not be logged
        # What the system itself says, such as a full disk, is safe.
        reason = f": {error.strerror}" if isinstance(error, OSError) and error.errno else ""
        _fail(f"Unexpected {type(error).__name__} in {_place(error)}{reason}.")
    sys.exit(1)


def _fail(line: str) -> None:
    TapAmplitude.logger.error(line)


def _place(error: Exception) -> str:
    """Return file name, line and function in which an error was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} ({frame.name})"


def _abandon_output() -> None:
    """Let the exit not wait for a target that no longer reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
