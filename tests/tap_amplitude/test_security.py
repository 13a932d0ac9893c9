"""Where Amplitude's keys go, over real sockets."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import tap_amplitude
import target_cordial
from tap_amplitude.errors import CallError, TransferError
from tap_amplitude.session import Session
from tests.tls import listening, proxy, secure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tap_amplitude.settings import Settings
    from tests.tap_amplitude.conftest import FakeClock

BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES: Final = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY")


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have proxies and certificates of their own."""
    for name in [*BUNDLES, *PROXIES, "NO_PROXY", "no_proxy", "all_proxy"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def in_between() -> Iterator[list[bytes]]:
    """A proxy that the environment names for everything; what it is sent."""
    with proxy() as server, pytest.MonkeyPatch.context() as environment:
        for name in PROXIES:
            environment.setenv(name, f"http://127.0.0.1:{server.port}")
        yield server.received


def keys_of(settings: Settings) -> bytes:
    return base64.b64encode(f"{settings.api_key}:{settings.secret_key}".encode())


@pytest.mark.parametrize("bundle", [None, *BUNDLES])
def test_a_certificate_that_nobody_has_signed_gets_no_keys(
    settings: Settings,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bundle: str | None,
) -> None:
    if bundle is not None:
        monkeypatch.setenv(bundle, "")
    with secure(tmp_path) as server:
        at = replace(settings, base_url=f"https://127.0.0.1:{server.port}")
        with pytest.raises(CallError, match="no trusted connection"):
            Session(at, clock).get("/api/3/cohorts", what="it")
        assert server.received == []


def test_certificates_that_are_not_there_are_named(
    settings: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    session = Session(replace(settings, base_url="https://api.example"), clock)
    with pytest.raises(CallError, match="REQUESTS_CA_BUNDLE"):
        session.get("/api/3/cohorts", what="it")


def test_a_proxy_is_asked_for_a_tunnel_and_sees_no_keys(
    settings: Settings, clock: FakeClock, in_between: list[bytes]
) -> None:
    session = Session(replace(settings, base_url="https://api.example"), clock)
    with pytest.raises(CallError):
        session.get("/api/3/cohorts", what="it", tries=1)
    assert [sent.split()[:2] for sent in in_between] == [[b"CONNECT", b"api.example:443"]]
    assert keys_of(settings) not in in_between[0]


@pytest.mark.parametrize("package", [target_cordial, tap_amplitude])
def test_no_command_starts_another_that_could_see_a_key(package: ModuleType) -> None:
    for path in Path(package.__path__[0]).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bsubprocess\b|\bos\.(system|popen|exec|spawn|fork)", text), path


@pytest.mark.parametrize("location", ["http://[::1", "https://[bad]/x", "//[", "https://h:x/"])
def test_a_redirect_to_no_address_is_no_traceback(
    settings: Settings, clock: FakeClock, location: str
) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    with listening(moved) as server:
        session = Session(replace(settings, base_url=f"http://127.0.0.1:{server.port}"), clock)
        with pytest.raises(TransferError) as refused:
            session.open_file("/file", what="The file")
    assert location not in str(refused.value)
