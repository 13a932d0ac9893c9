"""The command ``target-cordial``: the SDK's command line, with honest exit codes."""

from __future__ import annotations

import os
import sys

import click

from target_cordial.errors import (
    InterruptedRunError,
    RunEndedError,
    TargetCordialError,
    describe,
    was_told,
)
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
        if not was_told(error):
            logger.error("%s", error)  # noqa: TRY400  the message says all; a traceback holds data
        code = error.exit_code
    except Exception as error:  # noqa: BLE001  whatever it is, it ends here
        if not was_told(error):
            logger.error("%s", describe(error))  # noqa: TRY400  likewise
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
