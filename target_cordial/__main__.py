"""The command ``target-cordial``: the SDK's command line, with honest exit codes."""

from __future__ import annotations

import os
import sys
import traceback

import click

from target_cordial.errors import InterruptedRunError, RunEndedError, TargetCordialError
from target_cordial.singer.target import TargetCordial


def main() -> None:
    """Run the target and end with its exit code.

    An unexpected exception is named by its kind and place only: its text may hold a person's
    data or a key.
    """
    logger = TargetCordial.logger
    code = 0
    try:
        # click returns the code of an exit that a command asked for (a wrong setting: 1)
        code = TargetCordial.cli.main(standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except RunEndedError as error:
        code = error.exit_code  # the run has said its last line
    except InterruptedRunError as error:
        code = error.exit_code  # likewise
        sys.stderr.flush()
        os._exit(code)  # calls in flight were given their time; Python would wait for them
    except TargetCordialError as error:
        logger.error("%s", error)  # noqa: TRY400  the message says all; a traceback holds data
        code = error.exit_code
    except Exception as error:  # noqa: BLE001  whatever it is, it ends here
        logger.error("%s", describe(error))  # noqa: TRY400  likewise
        code = 1
    sys.exit(code)


def describe(error: BaseException) -> str:
    """Say what an unexpected exception is and where it came up, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in frames[-3:][::-1])  # noqa: PTH119  a name, not a path
    return (
        f"Unexpected {type(error).__name__} at {places}. Nothing was removed for being absent; "
        "the next run goes on from the ledger."
    )


if __name__ == "__main__":
    main()
