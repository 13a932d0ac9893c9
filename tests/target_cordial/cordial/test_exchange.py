from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest
from urllib3.exceptions import HTTPError

from target_cordial.cordial.exchange import CHUNK, Reply, exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = b"PUT /v2/contacts/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def answering(*parts: bytes, close: bool = True) -> Iterator[socket.socket]:
    """Connect to somebody who answers in these pieces, and hangs up or does not."""
    here, there = socket.socketpair()
    here.settimeout(5)

    def answer() -> None:
        with contextlib.suppress(OSError):  # who has seen enough hangs up
            for part in parts:
                there.sendall(part)
            if close:
                there.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=answer)
    with there:
        thread.start()
        with here:
            yield here
        thread.join()


def reply(*parts: bytes, close: bool = False, method: str = "PUT") -> Reply:
    with answering(*parts, close=close) as connection:
        return exchange(connection, REQUEST, method)


def test_the_request_goes_out_as_it_is() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(OK + b"Content-Length: 0\r\n\r\n")
        exchange(here, REQUEST, "PUT")
        assert there.recv(CHUNK) == REQUEST


PLAIN = OK + b"Content-Type: application/json\r\nContent-Length: 4\r\n\r\n{  }"
CHUNKED = OK + (
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{ \r\n2;some=thing\r\n }\r\n0\r\nX-Trailer: 1\r\n\r\n"
)


@pytest.mark.parametrize("whole", [PLAIN, CHUNKED])
def test_the_usual_answers_leave_the_connection_open(whole: bytes) -> None:
    """Nothing more comes on it, so a wait for more would not end in time."""
    status, headers, content, lasts = reply(whole)
    assert (status, content, lasts) == (200, b"{  }", True)
    assert headers["content-length" if whole is PLAIN else "transfer-encoding"] in {"4", "chunked"}


@pytest.mark.parametrize("whole", [PLAIN, CHUNKED])
def test_an_answer_may_come_byte_by_byte(whole: bytes) -> None:
    assert reply(*(whole[n : n + 1] for n in range(len(whole)))).content == b"{  }"


def test_a_long_answer_is_read_to_its_end() -> None:
    body = bytes(range(256)) * 2_000
    assert reply(OK + b"Content-Length: %d\r\n\r\n" % len(body), body).content == body
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for _ in range(2))
    assert (
        reply(OK + b"transfer-encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n").content == 2 * body
    )


@pytest.mark.parametrize(
    ("head", "lasts"),
    [
        (b"Connection: close\r\n", False),
        (b"CONNECTION: Keep-Alive\r\n", True),
        (b"", True),
    ],
)
def test_whether_the_connection_lasts_is_as_the_answer_says(head: bytes, lasts: bool) -> None:  # noqa: FBT001  a column of the table
    assert reply(OK + head + b"Content-Length: 0\r\n\r\n").lasts is lasts


@pytest.mark.parametrize("close", [False, True])
def test_what_comes_before_an_answer_is_none(close: bool) -> None:  # noqa: FBT001  a column of the table
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    assert reply(hints + PLAIN, close=close)[::2] == (200, b"{  }")
    assert reply(*(hints[n : n + 1] for n in range(len(hints))), PLAIN).status == 200
    assert reply(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", close=True).status == 101


def test_what_comes_after_an_answer_is_not_the_answer_to_the_next_call() -> None:
    answer = reply(PLAIN + b"HTTP/1.1 200 OK\r\n")
    assert (answer.content, answer.lasts) == (b"{  }", False)


@pytest.mark.parametrize("status", [200, 201, 302, 404, 422, 429, 503, 599])
def test_every_status_is_told(status: int) -> None:
    said = b"HTTP/1.1 %d\r\nRetry-After:  7 \r\nContent-Length: 0\r\n\r\n" % status
    answer = reply(said)
    assert (answer.status, answer.headers["retry-after"]) == (status, "7")


# -- unusual answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whole", "status", "content"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        (OK + b"\r\nuntil the end", 200, b"until the end"),
        (OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        (OK + b"Content-Length: \xb2\r\n\r\n{}", 200, b"{}"),
        (OK + b"Content-Length: 16\r\nno colon here\r\n\r\n" + b"x" * 16, 200, b"x" * 16),
        (OK + b"X-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", 200, b"{}"),
        (b"HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", 304, b""),
        (OK + b"Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
    ],
)
def test_an_unusual_answer_is_read_by_the_library(
    whole: bytes, status: int, content: bytes
) -> None:
    answer = reply(whole, close=True)
    assert (answer.status, answer.content, answer.lasts) == (status, content, False)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_packed_answer_is_unpacked(chunked: bool) -> None:  # noqa: FBT001  a column of the table
    body = gzip.compress(b'{"id": 7}')
    head = OK + b"Content-Encoding: gzip\r\n"
    if chunked:
        whole = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
            len(body),
            body,
        )
    else:
        whole = head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    assert reply(whole).content == b'{"id": 7}'


# -- no answer, or half of one ---------------------------------------------------------------------


@pytest.mark.parametrize("end", range(1, len(PLAIN)))
def test_half_an_answer_is_none(end: int) -> None:
    with pytest.raises((HTTPException, HTTPError)):
        reply(PLAIN[:end], close=True)


@pytest.mark.parametrize("end", range(1, len(CHUNKED)))
def test_half_an_answer_in_chunks_is_none(end: int) -> None:
    with pytest.raises((HTTPException, HTTPError)):
        reply(CHUNKED[:end], close=True)


@pytest.mark.parametrize(
    "whole",
    [
        b"",
        b"\r\n\r\n",
        b"<html>no</html>\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        OK + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n{}\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
        OK + b"X-Long: " + b"x" * 2 * CHUNK,
    ],
)
def test_what_is_no_answer_is_an_error(whole: bytes) -> None:
    with pytest.raises((HTTPException, HTTPError)):
        reply(whole, close=True)


@pytest.mark.parametrize("end", [0, 10, len(PLAIN) - 1])
def test_an_answer_that_does_not_come_is_waited_for_in_time(end: int) -> None:
    with answering(PLAIN[:end], close=False) as connection:
        connection.settimeout(0.01)
        with pytest.raises(TimeoutError):
            exchange(connection, REQUEST, "PUT")
