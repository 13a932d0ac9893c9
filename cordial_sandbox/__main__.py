"""The command `cordial-sandbox`."""

from __future__ import annotations

import sys

from cordial_sandbox.cli import run_command_line


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
