"""A service that answers as Cordial does, as slowly and as seldom as it is told.

The sandbox checks every call and remembers it; at a thousand calls a second it would be what is
measured. This one reads requests, waits and answers, which is a tenth of the work. It is a process
of its own and counts what it sees, so that figures are those of the receiving side.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import subprocess
import sys
import time
import urllib.request
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW_SECONDS: Final = 1.0
"""A limit counts what was let through in so long: as in the sandbox, a window that slides."""

LISTS: Final = "/v2/accountlists"
CONTACTS: Final = "/v2/contacts"
_MOST: Final = 1_000_000
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_REASONS: Final = {200: "OK", 404: "Not Found", 429: "Too Many Requests"}


@dataclass
class Seen:
    """What the service saw of the calls that change lists.

    Attributes:
        calls: Those that it answered as asked.
        refused: Those that it answered with 429.
        first: When the first one came, in seconds of its own clock.
        last: When the last one was answered.
        waited: Seconds from requests to answers, in all: its own turns add to the delay.
        most: The most that were with it at once.
    """

    calls: int = 0
    refused: int = 0
    first: float = 0.0
    last: float = 0.0
    waited: float = 0.0
    most: int = 0

    @property
    def seconds(self) -> float:
        """How long the delivery took."""
        return self.last - self.first

    @property
    def latency(self) -> float:
        """How long an answer took."""
        return self.waited / self.calls


@dataclass
class Service:
    """The service.

    Attributes:
        delay: Seconds until a call that changes lists is answered.
        limit: Such calls a second that each method is allowed; None for any number.
    """

    delay: float
    limit: int | None = None
    seen: Seen = field(default_factory=Seen)
    lists: list[str] = field(default_factory=list)
    made: int = 0
    through: dict[str, deque[float]] = field(default_factory=dict)

    def allows(self, method: str) -> bool:
        """Say whether one more call is within the limit."""
        if self.limit is None:
            return True
        now, through = time.monotonic(), self.through.setdefault(method, deque())
        while through and through[0] <= now - WINDOW_SECONDS:
            through.popleft()
        if len(through) >= self.limit:
            return False
        through.append(now)
        return True

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Answer a call that changes no list's members."""
        if path == "/seen":
            return 200, asdict(self.seen)
        if path == LISTS and method == "POST":
            self.lists.append(json.loads(body)["name"])
            return 200, {"success": True, "id": len(self.lists)}
        if path == LISTS:
            rows = [self._list(number) for number in range(1, len(self.lists) + 1)]
            return (200, rows) if rows else (404, {"error": True, "message": "record not found"})
        if path.startswith(LISTS):
            # Right where one list has only ever been added to.
            return 200, {**self._list(int(path.split("/")[3])), "count": self.seen.calls}
        self.made += 1
        return 200, {"listId": str(self.made)}  # of the list protocol

    def _list(self, number: int) -> dict[str, Any]:
        return {"id": number, "name": self.lists[number - 1], "enhanced": True}


class Loop:
    """Takes requests and gives answers, all connections in one thread.

    ``select`` waits by the microsecond; and every answer takes equally long, so those that wait
    stand in the order in which they are due.
    """

    def __init__(self, service: Service, listening: socket.socket) -> None:
        self._service = service
        self._listening = listening
        self._open = [listening]
        self._due: deque[tuple[float, socket.socket]] = deque()

    def run(self) -> NoReturn:
        """Serve until the process is ended."""
        while True:
            left = self._due[0][0] - time.monotonic() if self._due else None
            ready, _, _ = select.select(self._open, (), (), left and max(0.0, left))
            now = time.monotonic()  # what is ready now came now, whenever its turn is
            for one in ready:
                self._take(one, now)
            while self._due and self._due[0][0] <= now:
                due, connection = self._due.popleft()
                self._change(connection, due - self._service.delay)

    def _take(self, ready: socket.socket, now: float) -> None:
        if ready is self._listening:
            connection, _ = ready.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            return
        head, _, body = ready.recv(_MOST).partition(b"\r\n\r\n")
        if not head:
            self._open.remove(ready)
            ready.close()
            return
        length = _LENGTH.search(head)
        while length and len(body) < int(length[1]):
            body += ready.recv(_MOST)
        method, path = (part.decode() for part in head.split(b" ", 2)[:2])
        if not (path.startswith(CONTACTS) or path.endswith(("/add", "/remove"))):
            _answer(ready, *self._service.answer(method, path, body))
            return
        seen = self._service.seen
        seen.first = seen.first or now
        if not self._service.allows(method):
            seen.refused += 1
            _answer(ready, 429, {"error": True}, "Retry-After: 1\r\n")
            return
        self._due.append((now + self._service.delay, ready))
        seen.most = max(seen.most, len(self._due))

    def _change(self, connection: socket.socket, came: float) -> None:
        _answer(connection, 200, {"success": True, "message": "contact updated"})
        seen = self._service.seen
        seen.calls += 1
        seen.last = time.monotonic()
        seen.waited += seen.last - came


def _answer(connection: socket.socket, status: int, body: Any, headers: str = "") -> None:  # noqa: ANN401  JSON
    text = json.dumps(body)
    connection.sendall(
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"{headers}Content-Length: {len(text)}\r\n\r\n{text}".encode()
    )


@dataclass(frozen=True)
class Running:
    """A service in a process of its own.

    Attributes:
        url: Its base address, without a trailing slash.
    """

    url: str

    def seen(self) -> Seen:
        """Ask what it has seen."""
        with urllib.request.urlopen(f"{self.url}/seen") as answer:  # noqa: S310  loopback
            return Seen(**json.load(answer))


@contextlib.contextmanager
def serving(delay: float, limit: int | None = None) -> Iterator[Running]:
    """Run a service for as long as the block lasts.

    Args:
        delay: See :class:`Service`.
        limit: Likewise.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        given = [str(listening.fileno()), str(delay), str(limit or "")]
        command = [sys.executable, "-m", __name__, *given]
        with subprocess.Popen(command, pass_fds=[listening.fileno()]) as process:  # noqa: S603  our own
            try:
                yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}")
            finally:
                process.terminate()


def main() -> None:
    """Serve on a socket that listens already."""
    number, delay, limit = sys.argv[1:]
    with socket.socket(fileno=int(number)) as listening:
        Loop(Service(float(delay), int(limit) if limit else None), listening).run()


if __name__ == "__main__":
    main()
