"""The process's output: STATE goes there, and nothing else."""

from __future__ import annotations

import os
import sys


def write_out(text: str) -> str | None:
    """Write to the output, at once.

    Args:
        text: What.

    Returns:
        Why that could not be; None where it could. Nothing is written there any more then, so that
        the interpreter does not stumble at its end over what is still in its buffer.
    """
    output = sys.stdout
    if output is None:  # closed by whoever started the process
        return "the output is closed"
    try:
        output.write(text)
        output.flush()
    except (OSError, ValueError) as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  open to the end
        return getattr(error, "strerror", None) or "the output is closed"
    return None
