"""`cordial-sandbox run`: a command with a sandbox of its own around it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cordial_sandbox.console import complain
from cordial_sandbox.environment import plugin_settings
from cordial_sandbox.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

NOT_FOUND = 127  # what a shell exits with for a command it cannot find
NOT_EXECUTABLE = 126  # and for one it may not run
_SIGNALLED = 128  # and above, by the number of the signal that ended the command


def run(command: Sequence[str], *, day: int = 1) -> int:
    """Run a command against a fresh sandbox and return the code to exit with.

    The sandbox takes a free port; the settings of both plugins and a ledger in a temporary folder
    are in the command's environment, where the caller has not set them already. SIGTERM and
    SIGINT are passed on to the command.

    Args:
        command: The command and its arguments.
        day: The day of the seed to start with.
    """
    with serving(day=day) as running, tempfile.TemporaryDirectory(prefix="cordial-") as folder:
        ledger = Path(folder) / "ledger.db"
        environment = {
            **plugin_settings(running.url),
            "TARGET_CORDIAL_LEDGER_URL": f"sqlite:///{ledger}",
            **os.environ,
            # Never another sandbox's address: the commands inside are meant for this one.
            "CORDIAL_SANDBOX_URL": running.url,
        }
        with _forwarding() as forwarder:
            try:
                child = subprocess.Popen(command, env=environment)  # noqa: S603 - running what the user gave is the purpose
            except FileNotFoundError:
                complain(f"no such command: {command[0]}")
                return NOT_FOUND
            except PermissionError:
                complain(f"not executable: {command[0]}")
                return NOT_EXECUTABLE
            forwarder.watch(child)
            code = child.wait()
    return code if code >= 0 else _SIGNALLED - code


class _Forwarder:
    """Passes signals on to a process, also one that arrives just before the process is there."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def watch(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        elif number != signal.SIGINT or not _in_foreground():
            # After Ctrl-C the terminal has told the command already; twice would be rude.
            self._child.send_signal(number)


@contextlib.contextmanager
def _forwarding() -> Iterator[_Forwarder]:
    """Let SIGTERM and SIGINT go to the command while the block lasts."""
    forwarder = _Forwarder()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, forwarder.pass_on) for number in numbers}
    try:
        yield forwarder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
