"""The project's commands as real processes that cost a fork instead of a start.

Most of what a command costs is its imports, and those are the same every time. So one process
for each of pytest's does them once and forks a command for whoever asks: a process of its own, with
its own files, folder, environment and end, that a test can signal and kill as any other.
What is about the start itself takes ``subprocess`` as it is.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

_BECOME_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of Linux

COMMANDS: Final = ("cordial-ledger", "tap-amplitude", "target-cordial")


class Popen(subprocess.Popen[str]):
    """As that of ``subprocess``, for a command of the project and its arguments.

    The new process is a child of this one, as others are: its parent ended at once, and this one
    takes its orphans. Where a system knows no such thing, it is started as any other.
    """

    def _execute_child(self, args: Any, *given: Any) -> None:
        if sys.platform != "linux" or Path(args[0]).name not in COMMANDS:
            super()._execute_child(args, *given)  # type: ignore[misc]  # not in the stubs
            return
        folder, environment = given[4], given[5]
        files = given[9:15]  # ours and the child's end of input, output and errors
        request = {
            "arguments": [str(each) for each in args],
            "environment": dict(os.environ if environment is None else environment),
            "folder": os.fspath(folder or Path.cwd()),
        }
        asking = _nursery()
        own = [
            number if file == -1 else file
            for number, file in enumerate((files[0], files[3], files[5]))
        ]
        socket.send_fds(asking, [json.dumps(request).encode()], own)
        self.pid = int(asking.recv(100))
        self._child_created = True
        self._close_pipe_fds(*files)  # type: ignore[attr-defined]  # not in the stubs


def run(
    command: list[Any], *, timeout: float | None = 60, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and take what it says."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with Popen(command, **{**pipes, **options}) as process:
        stdout, stderr = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


@functools.cache
def _nursery() -> socket.socket:
    """Start the process that forks; it ends when this one does."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(_BECOME_SUBREAPER, 1, 0, 0, 0) == 0, ctypes.get_errno()
    asking, its_own = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its_own:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"],
            stdin=its_own.fileno(),
            cwd=Path(__file__).parents[1],
        )

    def end() -> None:
        asking.close()
        process.wait()

    atexit.register(end)
    return asking
