"""The process behind ``tests.forked``: does the imports, and forks whatever command is asked for.

``python -m tests.nursery`` with a socket as its input. A request is a command's arguments,
environment and folder, and comes with the three files that are its input, output and errors; the
answer is the new process's id.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tap_amplitude.__main__ import main as tap
from target_cordial.__main__ import main as target
from target_cordial.ledger_cli import main as ledger

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS: Final[dict[str, Callable[[], Any]]] = {
    "cordial-ledger": ledger,
    "tap-amplitude": tap,
    "target-cordial": target,
}

LATER: Final = (
    "obstore.store",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "target_cordial.delivery.imports.store",
    "target_cordial.ledger.postgres",
)
"""What a run imports when it needs it."""

MOST_BYTES: Final = 200_000


def asked_for(asking: socket.socket) -> Callable[[], Any] | None:
    """Fork a process for every request.

    Returns:
        In a forked process its command; None when nobody asks any more.
    """
    while True:
        request, files, _, _ = socket.recv_fds(asking, MOST_BYTES, 3)
        if not request:
            return None
        hearing, telling = os.pipe()
        between = os.fork()
        if not between:
            child = os.fork()
            if child:
                os.write(telling, str(child).encode())
                os._exit(0)  # and the child goes to whoever takes orphans
            for each in (hearing, telling, asking.detach()):
                os.close(each)
            return _become(json.loads(request), files)
        os.waitpid(between, 0)
        asking.send(os.read(hearing, 100))
        for each in (hearing, telling, *files):
            os.close(each)


def _become(request: dict[str, Any], files: list[int]) -> Callable[[], Any]:
    """Make of this process the one that was asked for."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
    tempfile.tempdir = None  # it was chosen by another environment, if at all
    sys.argv = request["arguments"]
    return COMMANDS[Path(sys.argv[0]).name]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: its end comes with the socket's
    with contextlib.suppress(ValueError):
        sys.path.remove("")
    for later in LATER:
        importlib.import_module(later)
    gc.collect()
    gc.freeze()  # what is never touched is never copied
    command = asked_for(socket.socket(fileno=os.dup(0)))
    if command is not None:
        sys.exit(command())
