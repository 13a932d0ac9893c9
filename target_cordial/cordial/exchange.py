"""HTTP/1.1 on an open connection: the usual answer is read here, any other one by the library.

A request and its answer are a few lines. ``http.client`` reads them with the parser of e-mails, and
``urllib3`` and ``requests`` each make objects of them: three quarters of a millisecond of processor
time a call, and with dozens of calls at a time that is what calls wait for. So an answer whose
body has a length or comes in chunks, and which is not coded, is read as it is. One that is
in any way different goes to ``http.client``, from its first byte on.
"""

from __future__ import annotations

import io
import re
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from urllib3.response import HTTPResponse as DecodedResponse

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from _typeshed import WriteableBuffer

CHUNK: Final = 65_536
"""Bytes that are read at a time. No head of an answer is longer."""

_LINE_END: Final = b"\r\n"
_HEAD_END: Final = b"\r\n\r\n"
_BARE_END: Final = b"\n\n"
# 204 and 304 have no body, whatever their headers say.
_STATUS: Final = re.compile(rb"HTTP/1\.1 (20[0-3]|30[0-3578]|[45]\d\d)(?: [^\r\n]*)?\Z")
_INTERIM: Final = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d(?: [^\r\n]*)?\Z")
"""Before the answer, and none itself; after 101 it would be another protocol."""

_LENGTH: Final = re.compile(r"[0-9]{1,15}\Z")
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\Z")


class Reply(NamedTuple):
    """An answer.

    Attributes:
        status: Its status.
        headers: Its headers, by their names in small letters.
        content: Its body.
        lasts: Whether the connection can carry another request.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    lasts: bool


def exchange(connection: socket.socket, request: bytes, method: str) -> Reply:
    """Send a request, and read its answer.

    Args:
        connection: Open, with a time-out, and nothing to be read on it.
        request: The whole request.
        method: Its method; not HEAD, whose answers have no bodies.

    Raises:
        OSError: The connection is lost, or the time is up.
        http.client.HTTPException: What came is no answer, or only the beginning of one.
        urllib3.exceptions.HTTPError: The same of an unusual answer.
    """
    connection.sendall(request)
    given = _Given(connection)
    head = given.head()
    if head is None:
        return _unusual(given, method)
    status, headers = head
    if "transfer-encoding" in headers:
        content = given.chunks()
    else:
        content = given.take(int(headers["content-length"]))
    lasts = headers.get("connection", "keep-alive").lower() == "keep-alive"
    return Reply(status, headers, content, lasts and not given.rest)


class _Given:
    """What comes on a connection.

    Attributes:
        rest: What has come and was not taken.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.rest = b""

    def head(self) -> tuple[int, dict[str, str]] | None:
        """Take status and headers; nothing is taken and None returned where they are unusual."""
        while True:
            while _HEAD_END not in self.rest:
                if len(self.rest) > CHUNK or _BARE_END in self.rest:
                    return None
                if not self.more():
                    raise IncompleteRead(self.rest)
            head, _, rest = self.rest.partition(_HEAD_END)
            first, *lines = head.split(_LINE_END)
            if not _INTERIM.match(first):
                break
            self.rest = rest
        status = _STATUS.match(first)
        headers = _headers_in(lines)
        if status is None or headers is None or not _is_usual(headers):
            return None
        self.rest = rest
        return int(status[1]), headers

    def take(self, size: int) -> bytes:
        """Take so many bytes."""
        parts, left = [self.rest[:size]], size - len(self.rest)
        self.rest = self.rest[size:]
        while left > 0:
            part = self._connection.recv(min(CHUNK, left))
            if not part:
                raise IncompleteRead(b"".join(parts), left)
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def chunks(self) -> bytes:
        """Take a body in chunks, with its end."""
        parts = []
        while True:
            size = _SIZE.match(self._line())
            if size is None:
                raise HTTPException("a chunk without a size")
            if not int(size[1], 16):
                break
            parts.append(self.take(int(size[1], 16)))
            if self._line():
                raise HTTPException("a chunk of another size")
        while self._line():
            pass
        return b"".join(parts)

    def more(self) -> bool:
        """Wait until more comes; false where nothing comes any more."""
        part = self._connection.recv(CHUNK)
        self.rest += part
        return bool(part)

    def _line(self) -> bytes:
        while _LINE_END not in self.rest:
            if len(self.rest) > CHUNK or not self.more():
                raise IncompleteRead(self.rest)
        line, _, self.rest = self.rest.partition(_LINE_END)
        return line

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Make a file of what has come and comes, as of a socket."""
        return io.BufferedReader(_Raw(self))


class _Raw(io.RawIOBase):
    def __init__(self, given: _Given) -> None:
        self._given = given

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        given, view = self._given, memoryview(buffer)
        if not given.rest and not given.more():
            return 0
        part = given.rest[: len(view)]
        given.rest = given.rest[len(part) :]
        view[: len(part)] = part
        return len(part)


def _headers_in(lines: list[bytes]) -> dict[str, str] | None:
    """Read headers; None where one is not a name and a value."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.lower()
        if not colon or name != name.strip():
            return None
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return headers


def _is_usual(headers: Mapping[str, str]) -> bool:
    """Say whether it is plain how long the body is, and that it is as it is."""
    if "content-encoding" in headers:
        return False
    if "transfer-encoding" in headers:
        return headers["transfer-encoding"].lower() == "chunked" and "content-length" not in headers
    return bool(_LENGTH.match(headers.get("content-length", "")))


def _unusual(given: _Given, method: str) -> Reply:
    # Of a socket it takes nothing but a file.
    answer = HTTPResponse(cast("socket.socket", given), method=method)
    answer.begin()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    decoded = DecodedResponse(
        body=answer, headers=headers, status=answer.status, request_method=method
    )
    return Reply(answer.status, headers, decoded.data, lasts=False)
