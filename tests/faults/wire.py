"""A wire between the target and the sandbox, on which a test can stop what goes by.

Fault points are driven from here, from outside the process: the wire tells of every request before
it is forwarded and of every answer before it is passed on, and holds it there for as long as the
test likes. There is nothing in the target that knows of it.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_SECONDS: Final = 60
"""How long anything is waited for: a target that never comes there is a failure, not a hang."""

REQUEST: Final = "request"
ANSWER: Final = "answer"

_OF_ONE_CONNECTION: Final = ("connection", "keep-alive", "transfer-encoding", "content-length")
"""Headers that are not passed on, as they speak of one connection only."""


@dataclass(frozen=True)
class Point:
    """A request that is about to be forwarded, or an answer that is about to be passed on.

    Attributes:
        stage: ``request`` or ``answer``.
        method: Of the request.
        path: Of the request, with its query.
        status: Of the answer.
    """

    stage: Literal["request", "answer"]
    method: str
    path: str
    status: int | None = None

    def is_look(self, path: str) -> bool:
        """Say whether it is a request to read something."""
        return self.stage == REQUEST and self.method == "GET" and path in self.path


class Hold:
    """A place on the wire where what comes has to wait.

    Args:
        concerns: Says what is held.
        skip: How many of those are let pass first.

    Attributes:
        lost: Whether what is held never comes where it was to go, once it is let go.
    """

    def __init__(self, concerns: Callable[[Point], bool], skip: int) -> None:
        self._concerns = concerns
        self._skip = skip
        self._lock = threading.Lock()
        self._come = threading.Event()
        self._free = threading.Event()
        self.lost = False
        self.held = 0

    def comes(self, failed: Callable[[], bool] = lambda: False) -> bool:
        """Wait until something is held.

        Args:
            failed: Says that nothing will come any more: the process has ended.

        Returns:
            Whether something came.
        """
        for _ in range(PATIENCE_SECONDS * 50):
            if self._come.wait(0.02):
                return True
            if failed():
                return False
        raise AssertionError("Nothing came there.")

    def wait(self, failed: Callable[[], bool] = lambda: False) -> None:
        """Wait until something is held, which has to come."""
        assert self.comes(failed), "The process ended before it came there."

    def release(self) -> None:
        """Let go what is held, and all that comes later."""
        self._free.set()

    def lose(self) -> None:
        """Drop what is held: it never comes where it was to go. What comes later passes."""
        self.lost = True
        self._free.set()

    def stop(self, point: Point) -> bool:
        """Hold something, if it is for here.

        Returns:
            Whether it may go on.
        """
        with self._lock:
            concerned = not self._free.is_set() and self._concerns(point)
            if concerned and self._skip:
                self._skip -= 1
                concerned = False
            if not concerned:
                return True
            self.held += 1
        self._come.set()
        self._free.wait(PATIENCE_SECONDS)
        return not self.lost


class Wire:
    """The wire.

    Args:
        url: The base address of what it leads to.

    Attributes:
        url: The base address to be given to the target.
        watch: Called at every point, in the thread of that call; it may be called by several.
    """

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self._holds: list[Hold] = []
        self._busy = 0
        self._turn = threading.Condition()
        self.watch: Callable[[Point], None] = lambda _: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=[0.02], name="wire", daemon=True
        )
        self._thread.start()

    def hold(self, concerns: Callable[[Point], bool], skip: int = 0) -> Hold:
        """Hold requests or answers from now on. See :class:`Hold`."""
        hold = Hold(concerns, skip)
        self._holds.append(hold)
        return hold

    def clear(self) -> None:
        """Let everything go, and hold and watch nothing any more."""
        for hold in self._holds:
            hold.release()
        self._holds.clear()
        self.watch = lambda _: None

    def quiet(self) -> None:
        """Wait until nothing is on its way: what a dead process has sent may still arrive."""
        with self._turn:
            assert self._turn.wait_for(lambda: not self._busy, PATIENCE_SECONDS)

    def close(self) -> None:
        """Cut it."""
        self.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def passes(self, point: Point) -> bool:
        """Come to a point: tell of it, and wait where it is held.

        Returns:
            Whether it goes on from there.
        """
        self.watch(point)
        return all(hold.stop(point) for hold in list(self._holds))

    def carry(self, handler: BaseHTTPRequestHandler) -> None:
        """Carry one request there, and its answer back."""
        with self._counted():
            self._carry(handler)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._turn:
            self._busy += 1
        try:
            yield
        finally:
            with self._turn:
                self._busy -= 1
                self._turn.notify_all()

    def _carry(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        method, path = handler.command, handler.path
        handler.close_connection = True  # unless it is answered
        if not self.passes(Point(REQUEST, method, path)):
            return
        there = http.client.HTTPConnection(
            self._there.hostname or "", self._there.port, timeout=PATIENCE_SECONDS
        )
        with contextlib.closing(there):
            try:
                there.request(method, path, body or None, _passed_on(handler.headers.items()))
                answer = there.getresponse()
                content = answer.read()
            except (http.client.HTTPException, OSError):
                return  # no answer, so none is passed on
        if not self.passes(Point(ANSWER, method, path, answer.status)):
            return
        with contextlib.suppress(OSError):  # the process may be gone
            handler.send_response_only(answer.status)
            for name, value in _passed_on(answer.getheaders()).items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
            handler.close_connection = False


def _handler_of(wire: Wire) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # an answer goes out in one piece

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # who was killed closes no connection in order
                super().handle()

        def do_GET(self) -> None:
            wire.carry(self)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  likewise

        def log_message(self, *_: object) -> None:
            pass

        def finish(self) -> None:
            with contextlib.suppress(OSError):
                super().finish()

    return Handler


def _passed_on(headers: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _OF_ONE_CONNECTION}


@contextlib.contextmanager
def wired(url: str) -> Iterator[Wire]:
    """Lay a wire for as long as the block lasts."""
    wire = Wire(url)
    try:
        yield wire
    finally:
        wire.close()
