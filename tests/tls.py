"""Servers on loopback that nobody has to trust, and that note every byte they are sent."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

OK: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"Connection: close\r\n\r\n[]"
)
NO_WAY_THROUGH: Final = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)

CERTIFICATE: Final = """\
-----BEGIN CERTIFICATE-----
MIIBZzCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLVhdEjFNr1fuUKW
3ZpPhCeQZ6pIOqKDuIPAbk0+4vJBmCcxvB0U7VjOXTKgDN1cKf0OIUHvEf5VAY0K
DNt/TB2jTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBTzohS9sfJ01bMlglZmVMXXCzYokTAKBggqhkjOPQQD
AgNIADBFAiAca7cXo6i0npMqHhdQ8DVNPYQI9eh/BCrMd+zkfQKYdwIhAIEa2wM5
FWdqvn41IFScVVZEDc0pF7geftaFLE76baWI
-----END CERTIFICATE-----
"""
"""Of localhost and 127.0.0.1, signed by itself, and no older or younger than any clock."""

PRIVATE_KEY: Final = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSM6dE4TuvIcQiIpX
wrD2yHd4feARuwX89HILDQHsE5ehRANCAAS1YXRIxTa9X7lClt2aT4QnkGeqSDqi
g7iDwG5NPuLyQZgnMbwdFO1Yzl0yoAzdXCn9DiFB7xH+VQGNCgzbf0wd
-----END PRIVATE KEY-----
"""
"""It opens nothing: only the servers of these tests have it."""


@dataclass
class Listening:
    """A server that answers everything alike.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        received: What each connection has sent first, behind the TLS if there is any.
    """

    port: int
    received: list[bytes] = field(default_factory=list)


def proxy() -> AbstractContextManager[Listening]:
    """Stand in the way as a proxy that lets nothing through."""
    return listening(NO_WAY_THROUGH)


def secure(folder: Path) -> AbstractContextManager[Listening]:
    """Listen with a certificate that nobody has signed."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_text(CERTIFICATE, encoding="ascii")
    key.write_text(PRIVATE_KEY, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return listening(OK, lambda plain: context.wrap_socket(plain, server_side=True))


@contextmanager
def listening(
    answer: bytes, wrapped: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> Iterator[Listening]:
    """Listen on a free port of loopback.

    Args:
        answer: What every connection is sent.
        wrapped: What is put around a connection.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = Listening(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                try:
                    with wrapped(plain) as connection:
                        here.received.append(connection.recv(65_536))
                        connection.sendall(answer)
                except OSError:
                    plain.close()  # who came did not trust it

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield here
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
