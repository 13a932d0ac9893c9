"""A process that has imported the target, and forks a new one for whoever asks.

``python -m tests.faults.nursery`` with a socket as its input. What is forked is a process of its
own, which runs the command's entry point and ends as any interpreter does; a test can kill it or
signal it as it can any other. Only the imports, two thirds of what a run costs, were done before.

For every process, the nursery gets its arguments, environment and folder with the three files that
are to be its input, output and errors. It answers with the process's id, and then with its end, on
a socket that came with the files.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
from typing import Final

from target_cordial.__main__ import main

MOST_BYTES: Final = 200_000

LATER: Final = (
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlalchemy.dialects.postgresql.psycopg",
    "psycopg",
    "obstore.store",
    "target_cordial.delivery.imports.store",
)
"""What a run imports only when it needs it."""


def serve(asked: socket.socket) -> None:
    """Fork a process for every request, until nobody asks any more."""
    while True:
        request, files, _, _ = socket.recv_fds(asked, MOST_BYTES, 4)
        if not request:
            return
        while not request.endswith(b"\n"):
            request += asked.recv(MOST_BYTES)
        keeper = os.fork()
        if not keeper:
            asked.close()
            _keep(json.loads(request), files)
            return
        for file in files:
            os.close(file)


def _keep(request: dict[str, object], files: list[int]) -> None:
    """Fork the process, and tell how it ends. The process itself returns from here."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *own, line = files
    child = os.fork()
    if child:
        os.write(line, f"{child}\n".encode())
        for file in own:
            os.close(file)
        _, status = os.waitpid(child, 0)
        os.write(line, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.close(line)
    os.setsid()
    for number, file in enumerate(own):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]  # as it was sent
    os.chdir(str(request["folder"]))
    sys.argv = list(request["arguments"])  # type: ignore[call-overload]  # likewise
    main()


if __name__ == "__main__":
    for name in LATER:
        importlib.import_module(name)
    gc.freeze()  # what is never touched is never copied
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    serve(socket.socket(fileno=os.dup(0)))
