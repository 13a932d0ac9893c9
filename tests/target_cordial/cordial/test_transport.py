"""On real sockets: what goes over a connection that is open is what ``requests`` would send."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import requests
from requests.adapters import HTTPAdapter

from target_cordial.cordial.transport import Transport
from tests.tls import CERTIFICATE, PRIVATE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
TIMEOUT = (5.0, 5.0)
LONG = 20.0
"""A wait that only a wrong transport lets run out."""


class Talking:
    """A service that keeps its connections open.

    Args:
        answer: Answers a request, of which it is told the number; None hangs up.
        folder: Where its certificate is put; without one it speaks without TLS.
        last: It hangs up after so many answers.

    Attributes:
        received: Every request, by connection.
        gone: How many connections it has closed.
    """

    def __init__(
        self,
        answer: Callable[[int], bytes | None],
        *,
        folder: Path | None = None,
        last: int | None = None,
    ) -> None:
        self._answer = answer
        self._last = last
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._tls = None
        if folder is not None:
            for name, text in (("certificate", CERTIFICATE), ("key", PRIVATE_KEY)):
                (folder / f"{name}.pem").write_text(text, encoding="ascii")
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        self.gone = threading.Semaphore(0)
        self.received: list[list[bytes]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            sent: list[bytes] = []
            self.received.append(sent)
            threading.Thread(target=self._talk, args=[connection, sent], daemon=True).start()

    def _talk(self, connection: socket.socket, sent: list[bytes]) -> None:
        with connection, contextlib.suppress(OSError):
            while request := _request_on(connection):
                sent.append(request)
                answer = self._answer(sum(map(len, self.received)))
                if answer is None:
                    break
                connection.sendall(answer)
                if b"close" in answer or len(sent) == self._last:
                    break
        self.gone.release()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def _request_on(connection: socket.socket) -> bytes:
    """Read a request; its head and its body may come in two parts."""
    given = b""
    while b"\r\n\r\n" not in given:
        part = connection.recv(65_536)
        if not part:
            return given
        given += part
    head, _, body = given.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def talk() -> Iterator[Callable[..., Talking]]:
    made: list[Talking] = []

    def make(answer: Callable[[int], bytes | None] = lambda _: OK, **options: Any) -> Talking:
        made.append(Talking(answer, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def transport(url: str, *, trusts: Path | None = None) -> Transport:
    http = requests.Session()
    http.trust_env = False
    http.auth = ("key", "")
    http.headers.update({"Accept": "application/json", "x-api-key": "key"})
    http.verify = True if trusts is None else str(trusts)
    return Transport(url, http, lambda: HTTPAdapter(pool_maxsize=1))


def as_parts(request: bytes) -> tuple[bytes, set[bytes], bytes]:
    """Take a request apart: its first line, its headers in whatever order and case, its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    named = (header.partition(b": ") for header in headers)
    return first, {name.lower() + b": " + value for name, _, value in named}, body


@pytest.mark.parametrize("base", ["", "/v2", "/a b/ü"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/accountlists", None),
        ("POST", "/contacts", b'{"on": true}'),
        ("PUT", "/contacts/email:ana%2Bvip%40shop.example", b"{}"),
        ("PUT", "/lists/a b/ü?x=1&y=2#part", b"{}"),
        ("DELETE", "/lists/7", None),
        ("POST", "/lists/7", None),
    ],
)
def test_what_goes_over_an_open_connection_is_what_the_library_sends(
    talk: Callable[..., Talking], base: str, method: str, path: str, body: bytes | None
) -> None:
    server = talk()
    line = transport(f"{server.url}{base}")
    with patch.object(HTTPAdapter, "send", autospec=True, side_effect=HTTPAdapter.send) as send:
        for _ in range(3):
            assert line.send(method, path, body, TIMEOUT).content == b"{}"
    assert send.call_count == 1  # else the library has changed, and no connection is gone on with
    line.close()
    [sent] = server.received
    first, *others = map(as_parts, sent)
    assert others == [first] * 2


def test_over_tls_as_well(talk: Callable[..., Talking], tmp_path: Path) -> None:
    server = talk(folder=tmp_path)
    line = transport(server.url, trusts=tmp_path / "certificate.pem")
    for _ in range(3):
        assert line.send("GET", "/x", None, TIMEOUT).content == b"{}"
    line.close()
    assert [len(sent) for sent in server.received] == [3]


def test_an_answer_that_ends_its_connection_is_followed_by_another(
    talk: Callable[..., Talking],
) -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    server = talk(lambda number: closing if number in {1, 3} else OK)
    line = transport(server.url)
    for _ in range(5):
        assert line.send("GET", "/x", None, TIMEOUT).status == 200
    line.close()
    assert [len(sent) for sent in server.received] == [1, 2, 2]


def test_a_connection_that_was_closed_meanwhile_is_opened_again(
    talk: Callable[..., Talking],
) -> None:
    """The service hangs up when it has answered twice, and says nothing of it."""
    server = talk(last=2)
    line = transport(server.url)
    for number in range(1, 6):
        assert line.send("GET", "/x", None, TIMEOUT).status == 200
        if number % 2 == 0:
            assert server.gone.acquire(timeout=LONG)
    line.close()
    assert [len(sent) for sent in server.received] == [2, 2, 1]


def test_a_call_without_an_answer_is_made_once(talk: Callable[..., Talking]) -> None:
    """Whether to repeat it is not for the transport to say; the next call has a new connection."""
    server = talk(lambda number: None if number == 2 else OK)
    line = transport(server.url)
    line.send("GET", "/1", None, TIMEOUT)
    with pytest.raises(requests.ConnectionError):
        line.send("PUT", "/2", b"{}", TIMEOUT)
    line.send("GET", "/3", None, TIMEOUT)
    line.close()
    assert [len(sent) for sent in server.received] == [2, 1]


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(
    talk: Callable[..., Talking],
) -> None:
    late = threading.Event()

    def answer(number: int) -> bytes:
        if number == 2:
            assert late.wait(LONG)
        return OK if number != 2 else OK.replace(b"{}", b"[]")

    server = talk(answer)
    line = transport(server.url)
    line.send("GET", "/1", None, TIMEOUT)
    with pytest.raises(requests.ReadTimeout):
        line.send("PUT", "/2", b"{}", (5.0, 0.01))
    assert line.send("GET", "/3", None, TIMEOUT).content == b"{}"
    line.close()
    late.set()


def test_calls_at_the_same_time_have_connections_of_their_own(talk: Callable[..., Talking]) -> None:
    together = threading.Barrier(4)

    def answer(number: int) -> bytes:
        if number <= 4:
            together.wait(LONG)
        return OK

    server = talk(answer)
    line = transport(server.url)
    threads = [
        threading.Thread(target=line.send, args=["GET", "/x", None, TIMEOUT]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    for _ in range(4):
        line.send("GET", "/y", None, TIMEOUT)
    line.close()
    assert sorted(len(sent) for sent in server.received) == [1, 1, 1, 5]
