"""Amplitude's Amazon S3 export, through a file tap that somebody else wrote.

``tap-s3-csv`` reads files from a real S3 server on loopback and is piped into the real target.
Both come from ``.venv-taps``, which ``make setup`` makes.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.target_cordial.command.conftest import TIMEOUT, Commands, Ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.server import Running

TAPS = Path(__file__).parent.parent.parent / ".venv-taps" / "bin"
BUCKET = "amplitude-exports"
TEXT_CSV = {"Content-Type": "text/csv"}

SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()  # until the test closes it, or dies
server.stop()
"""


@contextmanager
def _serving_s3() -> Iterator[str]:
    command = [str(TAPS / "python"), "-c", SERVE]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.communicate(timeout=TIMEOUT)


@pytest.fixture
def s3() -> Iterator[str]:
    assert (TAPS / "tap-s3-csv").exists(), "Run `make setup`: it makes .venv-taps."
    with _serving_s3() as url:
        requests.put(f"{url}/{BUCKET}", timeout=TIMEOUT).raise_for_status()
        yield url


class FileTap:
    """``tap-s3-csv``, set up for the exports in the bucket."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.config = folder / "tap.json"
        self.catalog = folder / "catalog.json"
        table = {
            "table_name": "cohort_exports",
            "search_prefix": "cohorts/",
            "search_pattern": r"\.csv$",
            "key_properties": [],
            "date_overrides": [],
        }
        self._write(
            self.config,
            {
                "bucket": BUCKET,
                "start_date": "2020-01-01T00:00:00Z",
                "tables": json.dumps([table]),
                "account_id": "123456789012",
                "external_id": "none",
                "role_name": "none",
            },
        )
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def export(self, name: str, *rows: str, header: str = "amplitude_id,user_id,gp:email") -> None:
        """Put one file of an export into the bucket, as Amplitude names it."""
        text = "\r\n".join([header, *rows, ""])
        place = f"{self.url}/{BUCKET}/cohorts/187520_{name}.csv"
        # Amplitude does not say whether its files begin with a byte order mark.
        put = requests.put(place, text.encode("utf-8-sig"), headers=TEXT_CSV, timeout=TIMEOUT)
        put.raise_for_status()

    def into(
        self, commands: Commands, state: dict[str, Any] | None = None, **settings: Any
    ) -> Ended:
        """Run ``tap-s3-csv | target-cordial``."""
        if not self.catalog.exists():
            self._discover()
        arguments = ["--catalog", str(self.catalog)]
        if state is not None:
            arguments += ["--state", self._write(self.folder / "tap-state.json", state)]
        target = commands.start(**settings)
        assert target.stdin is not None
        self._run(*arguments, output=target.stdin)
        target.stdin.close()
        target.stdin = None
        return commands.end(target)

    def _discover(self) -> None:
        catalog = json.loads(self._run("--discover").stdout)
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                entry["metadata"]["selected"] = True
        self._write(self.catalog, catalog)

    def _run(self, *arguments: str, output: Any = subprocess.PIPE) -> Any:
        return subprocess.run(
            [TAPS / "tap-s3-csv", "--config", self.config, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )

    @staticmethod
    def _write(path: Path, value: Any) -> str:
        path.write_text(json.dumps(value), encoding="utf-8")
        return str(path)


def test_an_export_that_a_file_tap_reads_brings_the_lists_in_step(
    s3: str, sandbox: Running, tmp_path: Path
) -> None:
    tap = FileTap(s3, tmp_path)
    commands = Commands(sandbox, tmp_path)
    named = {"7khm89c": {"list_name": "vips"}}
    noon = "9zx41kq_2026-11-23T12-00"
    tap.export(f"{noon}_entering", "101,u-1,Ana@Shop.example", "102,,bo@shop.example")
    tap.export(f"{noon}_existing", "103,u-3,cy@shop.example", "104,u-4,", "105,u-5,di@shop.example")
    tap.export(f"{noon}_exiting", "105,u-5,di@shop.example")
    tap.export("7khm89c_2026-11-23T12-00_entering_Active_Users", "101,u-1,ana@shop.example")
    first = tap.into(commands, cohorts=named)
    assert first.code == 0, first.stderr
    assert sandbox.control.lists() == {
        "cohort-9zx41kq": ["ana@shop.example", "bo@shop.example", "cy@shop.example"],
        "vips": ["ana@shop.example"],
    }
    assert first.cohort("9zx41kq")["skipped"] == {"unresolved_mapping": 1}
    assert "@" not in first.stderr

    # The next export. Without a state, the tap reads the first one again.
    one = "9zx41kq_2026-11-23T13-00"
    tap.export(f"{one}_entering", "105,u-5,di@shop.example", "106,u-6,eva@shop.example")
    tap.export(f"{one}_existing", "101,u-1,ana@shop.example", "102,,bo@shop.example")
    tap.export(f"{one}_exiting", "101,u-1,ana@shop.example", "103,u-3,cy@shop.example")
    second = tap.into(commands, cohorts=named)
    assert second.code == 0, second.stderr
    lists = {
        "cohort-9zx41kq": ["bo@shop.example", "di@shop.example", "eva@shop.example"],
        "vips": ["ana@shop.example"],
    }
    assert sandbox.control.lists() == lists

    # With the state that the target let out, it reads nothing; from the beginning, all of it.
    sandbox.control.clear_calls()
    nothing = tap.into(commands, state=second.states[-1], cohorts=named)
    again = tap.into(commands, cohorts=named)
    assert (nothing.code, again.code) == (0, 0)
    received = [ended.cohort("9zx41kq")["received"] for ended in (nothing, again)]
    assert received == [0, 12]
    assert sandbox.control.write_calls() == []
    assert sandbox.control.lists() == lists
