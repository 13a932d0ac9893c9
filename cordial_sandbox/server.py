"""Running the application: uvicorn on a loopback address, in a thread or in the foreground."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from cordial_sandbox.app import make_app
from cordial_sandbox.calls import CORDIAL_KEY
from cordial_sandbox.control import Control
from cordial_sandbox.state import State

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    # The faster protocol derives from the same interface; which one is there is only known later.
    from uvicorn.protocols.http.h11_impl import H11Protocol as HttpProtocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as HttpProtocol

LOOPBACK = "127.0.0.1"


class Protocol(HttpProtocol):
    """The server's HTTP protocol, which leaves its connection in the state of every scope.

    ASGI has no message for closing a connection without an answer, which the faults need.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base
        """Take a new connection."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


@dataclass(frozen=True, slots=True)
class Running:
    """A running sandbox.

    Attributes:
        url: Its base address, without a trailing slash.
        control: A client of its control API.
        api_key: The Cordial key it accepts.
    """

    url: str
    control: Control
    api_key: str = CORDIAL_KEY


def listen(host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """Return a socket that listens on a loopback address; who connects already waits for answers.

    Args:
        host: An IP address.
        port: 0 takes a free one.

    Raises:
        ValueError: The address is not a loopback address: the sandbox has no security to speak of.
        OSError: The port is taken.
    """
    address = ipaddress.ip_address(host)
    if not address.is_loopback:
        message = f"the sandbox listens on loopback only, not on {host}"
        raise ValueError(message)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    # Only a socket that says it is TCP gets TCP_NODELAY; without it every answer takes 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the base address of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(state: State, log_level: str = "warning") -> uvicorn.Server:
    """Return a server that answers out of a state; the caller gives it its socket."""
    config = uvicorn.Config(
        make_app(state),
        http=Protocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        log_level=log_level,
        access_log=log_level in ("info", "debug"),
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


@contextlib.contextmanager
def serving(api_key: str = CORDIAL_KEY, *, day: int = 1, port: int = 0) -> Iterator[Running]:
    """Run a sandbox in a thread for as long as the block lasts.

    Args:
        api_key: The key Cordial's side accepts.
        day: The day of the seed it starts with.
        port: 0 takes a free one.

    Yields:
        Where it is and a client of its control API.

    Raises:
        RuntimeError: The server did not start.
    """
    state = State(day, api_key)
    with listen(port=port) as bound:
        server = make_server(state)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [bound]}, name="cordial-sandbox", daemon=True
        )
        thread.start()
        while not server.started:
            if not thread.is_alive():
                message = "the sandbox did not start"
                raise RuntimeError(message)
            time.sleep(0.005)
        url = url_of(bound)
        with contextlib.closing(Control(url)) as control:
            try:
                yield Running(url, control, api_key)
            finally:
                server.should_exit = True
                thread.join()
