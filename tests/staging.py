"""A real S3 server on loopback, and a place in it for one test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 60
BUCKET = "staging"
KEY = "AKIASTAGINGFORTESTS"
POWERLESS_KEY = "AKIAPOWERLESSINTEST"
SECRET = "secret/of+staging"

CLOUDS = ("AWS_", "AZURE_", "GOOGLE_")
"""What the stores' own environment variables begin with."""


@dataclass(frozen=True)
class StagingStore:
    """A prefix of a bucket that no other test uses.

    Attributes:
        server: The server's address.
        url: The setting ``import_staging_url``.
        options: The setting ``import_staging_options``.
    """

    server: str
    url: str
    options: dict[str, str]

    def names(self) -> list[str]:
        """Tell which objects are there, without the prefix."""
        prefix = urlsplit(self.url).path.strip("/") + "/"
        listed = self._open(f"?list-type=2&prefix={prefix}")
        return [key.removeprefix(prefix) for key in re.findall("<Key>(.*?)</Key>", listed)]

    def unfinished(self) -> int:
        """Count the uploads to the whole bucket that were begun and neither ended nor given up."""
        return self._open("?uploads").count("<UploadId>")

    def put_clock(self, seconds: int) -> None:
        """Put the server's clock forward: addresses signed until now get older."""
        requests.post(f"{self.server}/_clock", str(seconds), timeout=TIMEOUT).raise_for_status()

    def _open(self, query: str) -> str:
        answer = requests.get(f"{self.server}/_open/{BUCKET}{query}", timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.text


def python_with_moto() -> Path:
    """Find the interpreter that has moto: beside the tests, or beside this one's environment."""
    roots = (Path(__file__).parent.parent, Path(sys.prefix).parent)
    found = [root / ".venv-taps" / "bin" / "python" for root in roots]
    there = next((python for python in found if python.exists()), None)
    assert there is not None, "Run `make setup`: it makes .venv-taps."
    return there


@contextmanager
def serving_s3() -> Iterator[str]:
    """Serve S3 on a free port of loopback."""
    command = [python_with_moto(), Path(__file__).with_name("s3_server.py")]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            assert url, "The S3 server did not start."
            yield url
            server.communicate(timeout=TIMEOUT)
        finally:
            server.kill()


@pytest.fixture(scope="session")
def staging_server() -> Iterator[str]:
    with serving_s3() as url:
        requests.put(f"{url}/_open/{BUCKET}", timeout=TIMEOUT).raise_for_status()
        yield url


@pytest.fixture
def no_clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a cloud of their own."""
    for variable in [name for name in os.environ if name.startswith(CLOUDS)]:
        monkeypatch.delenv(variable)


@pytest.fixture
def staging_store(
    staging_server: str,
    no_clouds: None,  # noqa: ARG001  a fixture can't be marked with what it uses
) -> Iterator[StagingStore]:
    options = {
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "endpoint": staging_server,
        "region": "us-east-1",
    }
    store = StagingStore(staging_server, f"s3://{BUCKET}/{uuid4().hex}/cordial", options)
    yield store
    store.put_clock(0)
