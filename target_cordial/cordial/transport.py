"""The transport below a session: ``requests`` opens connections, and calls go on them.

Who is trusted, which proxy leads there and what a request says is ``requests``' to find out, and
it makes the first call of every connection. For those that follow, all of that is known: they are
written to the open connection as they are (:mod:`.exchange`). That is a fifth of the work that the
library has with a request, and with 64 calls at a time the difference between half of the speed
that the wait for answers allows and nearly all of it (``docs/benchmarks.md``).
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import requote_uri
from urllib3.util import is_connection_dropped

from target_cordial.cordial.exchange import Reply, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests.adapters import BaseAdapter
    from urllib3.connection import HTTPConnection

LENGTH: Final = "Content-Length"
JSON: Final = {"Content-Type": "application/json"}


class Transport:
    """Sends requests to one address, each on a connection that no other request is on.

    Args:
        base_url: Where paths start.
        http: What requests say, and what is made of the environment.
        adapter: Makes what opens one connection, and makes the first call on it.

    Attributes:
        base_url: The same.
    """

    def __init__(
        self, base_url: str, http: requests.Session, adapter: Callable[[], BaseAdapter]
    ) -> None:
        self.base_url = base_url
        self._http = http
        self._adapter = adapter
        self._environment: Mapping[str, Any] = {}
        self._kinds: dict[tuple[str, bool], _Kind] = {}
        self._lines: list[_Line] = []
        self._free: list[_Line] = []

    def send(
        self, method: str, path: str, body: bytes | None, timeout: tuple[float, float]
    ) -> Reply:
        """Send a request, and take in the whole answer. No redirect is followed.

        Args:
            method: The HTTP method.
            path: The path below the base.
            body: JSON.
            timeout: Seconds to connect in, and to wait for an answer.

        Raises:
            requests.RequestException: There is no answer, or it is not whole.
            OSError: The certificates that the environment names can't be read.
        """
        kind = self._kind(method, body)
        target = kind.target(path)
        try:
            line = self._free.pop()
        except IndexError:
            line = _Line(self._adapter())
            self._lines.append(line)
        try:
            connection = line.take()
            if connection is not None:
                return line.go_on(connection, kind.written(target, body), method, timeout[1])
            options = {**self._environment, "timeout": timeout}
            return line.begin(kind.request(target, body), options)
        finally:
            self._free.append(line)

    def close(self) -> None:
        """Close all connections."""
        for line in self._lines:
            line.close()

    def _kind(self, method: str, body: bytes | None) -> _Kind:
        known = self._kinds.get((method, body is None))
        if known is not None:
            return known
        if not self._environment:
            self._environment = self._http.merge_environment_settings(
                self.base_url, {}, stream=None, verify=None, cert=None
            )
        request = requests.Request(
            method, self.base_url, data=body, headers=None if body is None else JSON
        )
        made = _Kind(self._http.prepare_request(request))
        return self._kinds.setdefault((method, body is None), made)


class _Kind:
    """What requests of one method have in common, with a body or without.

    Args:
        example: One of them, as ``requests`` prepares it.
    """

    def __init__(self, example: requests.PreparedRequest) -> None:
        self._example = example
        parts = urlsplit(example.url or "")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path.rstrip("/")
        shared = {"Host": parts.netloc.rpartition("@")[2], **example.headers}
        if example.body is not None:
            del shared[LENGTH]
        self._shared = "".join(f"{name}: {value}\r\n" for name, value in shared.items())

    def target(self, path: str) -> str:
        """Name what a request is about: what stands for a path below the base in its first line."""
        return requote_uri(f"{self._path}{path}").partition("#")[0]

    def request(self, target: str, body: bytes | None) -> requests.PreparedRequest:
        """Make a request for ``requests``."""
        request = self._example.copy()
        request.url = f"{self._origin}{target}"
        request.body = body
        if body is not None:
            request.headers[LENGTH] = str(len(body))
        return request

    def written(self, target: str, body: bytes | None) -> bytes:
        """Write a request as it goes over the wire."""
        length = "" if body is None else f"{LENGTH}: {len(body)}\r\n"
        head = f"{self._example.method} {target} HTTP/1.1\r\n{self._shared}{length}\r\n"
        return head.encode("latin-1") + (body or b"")


class _Line:
    """A connection, with what opens it."""

    def __init__(self, adapter: BaseAdapter) -> None:
        self._adapter = adapter
        self._connection: HTTPConnection | None = None

    def take(self) -> HTTPConnection | None:
        """Take the connection; None where it has to be opened, or was closed by the other side."""
        connection, self._connection = self._connection, None
        return None if connection is None or is_connection_dropped(connection) else connection

    def begin(self, request: requests.PreparedRequest, options: Mapping[str, Any]) -> Reply:
        """Let ``requests`` open the connection, and make the first call."""
        response = self._adapter.send(request, **options)
        connection = getattr(response.raw, "connection", None)
        content = response.content
        self._connection = connection
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, content, lasts=connection is not None)

    def go_on(
        self, connection: HTTPConnection, request: bytes, method: str, seconds: float
    ) -> Reply:
        """Make another call on a connection, which is not used again if that fails."""
        try:
            if connection.sock.gettimeout() != seconds:  # to set it costs a turn of all threads
                connection.sock.settimeout(seconds)
            reply = exchange(connection.sock, request, method)
        except TimeoutError as error:
            connection.close()
            raise requests.ReadTimeout(type(error).__name__) from None
        except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError) as error:
            connection.close()
            raise requests.ConnectionError(type(error).__name__) from None
        if reply.lasts:
            self._connection = connection
        else:
            connection.close()
        return reply

    def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            self._connection.close()
        self._adapter.close()
