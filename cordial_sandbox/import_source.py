"""Fetching the file of an import: from loopback only, without redirects, proxies or log lines."""

from __future__ import annotations

import contextlib
import http.client
import tempfile
import time
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MAX_BYTES = 1 << 30
_MAX_SECONDS = 120
_STALLED_SECONDS = 10
_CHUNK_BYTES = 1 << 16
# A secret of a source in any transport; addresses are cut instead.
_SECRETS = ("aws_access_key_id", "aws_secret_access_key", "username", "password")


class SourceError(Exception):
    """The file cannot be had; its text is Cordial's message, without the query of the address."""


def redacted(source: dict[str, Any]) -> dict[str, Any]:
    """Return a source fit to be shown: of its address only scheme, host and path are left."""
    shown = {key: "***" if key in _SECRETS else value for key, value in source.items()}
    url = shown.get("url")
    if isinstance(url, str):
        try:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            shown["url"] = f"{parts.scheme}://{host}{parts.path}"
        except ValueError:
            shown["url"] = "***"
    return shown


def check_source(source: dict[str, Any]) -> None:
    """See whether the file can be had, without reading it.

    Raises:
        SourceError: It cannot.
    """
    with _answer(source):
        pass


def fetch_source(source: dict[str, Any]) -> IO[bytes]:
    """Return the file of an import, read into a temporary file that goes when it is closed.

    `http.client` is used because it follows no redirect, knows no proxy and writes no log line: an
    address that is signed must not be seen anywhere.

    Raises:
        SourceError: The file cannot be had, breaks off, is too large or takes too long.
    """
    until = time.monotonic() + _MAX_SECONDS
    size = 0
    with contextlib.ExitStack() as stack:
        response = stack.enter_context(_answer(source))
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller, or below
        stack.callback(file.close)
        try:
            while chunk := response.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > _MAX_BYTES or time.monotonic() > until:
                    raise _unreadable(source)
                file.write(chunk)
        except (OSError, http.client.HTTPException):
            raise _unreadable(source) from None
        if response.length:  # what the header promised and never came
            raise _unreadable(source)
        stack.pop_all()
        return file


@contextlib.contextmanager
def _answer(source: dict[str, Any]) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer 200 to the request for a file; only HTTP and HTTPS are really served."""
    transport = source["transport"]
    if transport not in ("HTTP", "HTTPS"):
        raise _unreachable(str(source.get("server", transport.lower())))
    try:
        parts = urlsplit(source["url"])
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _unreachable("no address") from None
    if host not in _LOOPBACK or parts.scheme.upper() != transport:
        raise _unreachable(host)
    kind = http.client.HTTPSConnection if transport == "HTTPS" else http.client.HTTPConnection
    connection = kind(host, port, timeout=_STALLED_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", f"{parts.path or '/'}?{parts.query}".rstrip("?"))
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError):
            raise _unreachable(host) from None
        if response.status != http.client.OK:
            raise _unreadable(source)
        yield response


def _unreachable(host: str) -> SourceError:
    return SourceError(f"Can't connect to the server ({host})")


def _unreadable(source: dict[str, Any]) -> SourceError:
    return SourceError(f"Couldn't get the size of the file ({urlsplit(source['url']).path})")
