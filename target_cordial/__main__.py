"""The command ``target-cordial``: the SDK's command line, with honest exit codes."""

from __future__ import annotations

import gc
import os
import sys
from typing import Final

import click

from target_cordial.errors import (
    InterruptedRunError,
    RunEndedError,
    TargetCordialError,
    describe,
    was_told,
)
from target_cordial.singer.target import TargetCordial

COLLECTED_AFTER: Final = 20_000
"""Objects that are made between two collections; Python's own 700 suit programs with few."""


def main() -> None:
    """Run the target and end with its exit code.

    An unexpected exception is named by its kind and place only: its text may hold a person's
    data or a key.
    """
    # What was imported stays, and rows are in no cycles: collections, which would go through all of
    # it again and again, find nothing (docs/benchmarks.md).
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    logger = TargetCordial.logger
    code = 0
    try:
        # click returns the code of an exit that a command asked for (a wrong setting: 1)
        code = TargetCordial.cli.main(standalone_mode=False) or 0
        if code and TargetCordial.refused:
            logger.error("Run failed: %s", " ".join(TargetCordial.refused))
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:  # Ctrl-C before there was a target that takes it
        code = InterruptedRunError.exit_code
        logger.error("Run failed: %s Nothing was begun.", InterruptedRunError())  # noqa: TRY400  a traceback says nothing
    except RunEndedError as error:
        code = error.exit_code  # the run has said its last line
    except InterruptedRunError as error:
        code = error.exit_code  # likewise
        sys.stderr.flush()
        os._exit(code)  # calls in flight were given their time; Python would wait for them
    except Exception as error:  # noqa: BLE001  whatever it is, it ends here
        code = error.exit_code if isinstance(error, TargetCordialError) else 1
        if not was_told(error):
            logger.error("Run failed: %s", _meaning(error))  # noqa: TRY400  a traceback holds data
    sys.exit(code)


def _meaning(error: Exception) -> str:
    if isinstance(error, TargetCordialError):
        return str(error)
    # The SDK reads with another library, whose error of this name is no kin of the standard one.
    if isinstance(error, FileNotFoundError) or type(error).__name__ == "JSONDecodeError":
        return "the file given with --config is missing or not JSON."
    return describe(error)


if __name__ == "__main__":
    main()
