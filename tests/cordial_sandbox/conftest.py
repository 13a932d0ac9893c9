from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from cordial_sandbox.server import Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


class Http:
    """A session whose paths are relative to one base address."""

    def __init__(self, base: str, auth: tuple[str, str] | None) -> None:
        self._base = base
        self._session = requests.Session()
        self._session.auth = auth
        self._session.trust_env = False

    def __call__(self, method: str, path: str, **given: Any) -> requests.Response:
        return self._session.request(method, self._base + path, timeout=30, **given)

    def close(self) -> None:
        self._session.close()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with serving() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Running) -> Running:
    running.control.reset()
    return running


@pytest.fixture
def cordial(sandbox: Running) -> Iterator[Http]:
    http = Http(f"{sandbox.url}/v2", ("sandbox-key", ""))
    yield http
    http.close()


@pytest.fixture
def lists(sandbox: Running) -> Iterator[Http]:
    http = Http(sandbox.url, ("sandbox-key", ""))
    yield http
    http.close()


@pytest.fixture
def amplitude(sandbox: Running) -> Iterator[Http]:
    http = Http(sandbox.url, ("sandbox-key", "sandbox-secret"))
    yield http
    http.close()
