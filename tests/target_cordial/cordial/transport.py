"""A session on a mocked transport, with a clock that moves only when somebody waits."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
import requests_mock

from target_cordial.cordial.session import Session
from target_cordial.errors import InterruptedRunError

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "https://api.cordial.example/v2"
KEY = "k3y-of-the-test"
ADDRESS = "ana.ruiz@shop.example"


class FakeClock:
    """Waiting is noted and takes no time; ``stop_at`` is the wait that a stop interrupts."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.time = 1_000.0
        self.waits: list[float] = []
        self.stop_at = stop_at

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.stop_at is not None and len(self.waits) >= self.stop_at:
            raise InterruptedRunError
        self.time += seconds


@dataclass
class Wire:
    """A session and what stands behind it."""

    session: Session
    adapter: requests_mock.Adapter
    clock: FakeClock

    def answer(self, *responses: Mapping[str, Any]) -> None:
        """Give these answers in turn, the last one for ever, whatever is asked."""
        self.adapter.register_uri(requests_mock.ANY, requests_mock.ANY, [*map(dict, responses)])

    @property
    def calls(self) -> list[Any]:
        """The requests that were sent."""
        return self.adapter.request_history

    @property
    def last(self) -> Any:
        return self.calls[-1]

    def sent(self) -> list[tuple[str, str, Any]]:
        """Method, path below the base, and JSON body of every request."""
        return [
            (
                request.method,
                request.url.removeprefix(BASE),
                None if request.body is None else request.json(),
            )
            for request in self.calls
        ]


def wire(
    *responses: Mapping[str, Any],
    stop_at: int | None = None,
    clock: FakeClock | None = None,
    **options: Any,
) -> Wire:
    """Make a session whose transport gives these answers in turn."""
    http = requests.Session()
    adapter = requests_mock.Adapter(case_sensitive=True)
    http.mount("https://", adapter)
    http.mount("http://", adapter)
    clock = clock or FakeClock(stop_at)
    values: dict[str, Any] = {"connections": 2, "timeout_seconds": 60.0, **options}
    session = Session(BASE, KEY, clock=clock, session=http, **values)
    made = Wire(session, adapter, clock)
    made.answer(*(responses or ({"json": {"success": True}},)))
    return made


class OneAnswerServer:
    """A loopback server that gives one raw answer to each connection, and closes it."""

    def __init__(self, raw: bytes) -> None:
        import socket  # noqa: PLC0415  only the few tests on a real socket need it

        self._raw = raw
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.received: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()
        return f"http://{host}:{port}/v2"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.received.append(connection.recv(65_536))
                connection.sendall(self._raw)

    def close(self) -> None:
        import socket  # noqa: PLC0415  as above

        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
