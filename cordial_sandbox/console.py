"""What the commands say: results on standard output, trouble on standard error."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a result, at once: scripts wait for it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print what went wrong."""
    sys.stderr.write(f"cordial-sandbox: {text}\n")
