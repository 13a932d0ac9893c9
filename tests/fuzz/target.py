"""The command ``target-cordial`` in this process, with a sandbox without sockets behind it.

Every example starts from the same ledger and the same account: three people are on the list, one of
whom somebody else has put there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from unittest import mock

from cordial_sandbox.app import make_app
from cordial_sandbox.state import State
from target_cordial.__main__ import main
from tests.fuzz.answers import OddAdapter
from tests.fuzz.people import HERE, KEY, LIST, MARK, STRANGER, address, person
from tests.machine.world import BASE, NOON, QuickClock
from tests.target_cordial.command.conftest import called
from tests.target_cordial.command.messages import COHORT, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

    from tests.ledgers import LedgerPlace
    from tests.staging import StagingStore

_UNEXPECTED = re.compile(r"Traceback|Unexpected \w+ at |\bObject of type\b|Exception ignored")


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    code: int
    stdout: str
    said: str
    report: dict[str, Any]
    members: set[str]

    @property
    def part(self) -> dict[str, Any]:
        """The cohort's part of the report."""
        parts = self.report.get("cohorts", [])
        found: dict[str, Any] = next((p for p in parts if p["cohort_id"] == COHORT), {})
        return found

    def hold(self) -> None:
        """Hold it to what is true of every run."""
        assert not _UNEXPECTED.search(self.said), self.said
        assert MARK not in self.said
        assert KEY not in self.said
        last = self.said.rstrip().splitlines()[-1]
        assert "Run " in last, self.said
        if self.report:
            expected = {"ok": 0, "degraded": 3, "failed": 1}[self.report["status"]]
            assert self.code == expected, self.said
            assert MARK not in json.dumps(self.report)
        else:
            assert self.code == 1, self.said


class FuzzedTarget:
    """The target with an account and a ledger that can be put back."""

    def __init__(
        self,
        place: LedgerPlace,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        delivery: str = "contacts",
        store: StagingStore | None = None,
    ) -> None:
        self.place = place
        self._folder = folder
        self._state = State(1, KEY)
        monkeypatch.setenv("LOGLEVEL", "DEBUG")
        settings = {
            "api_key": KEY,
            "api_url": f"{BASE}/v2",
            "ledger_url": place.url,
            "report_path": str(folder / "report.json"),
            "rejects_path": str(folder / "rejects.jsonl"),
            "max_concurrency": 2,
            "verify_sample": 2,
            "max_removal_percent": 100,
            "delivery": delivery,
        }
        if delivery == "endpoint":
            settings["endpoint"] = BASE
        if store is not None:
            settings["import_staging_url"] = store.url
            settings["import_staging_options"] = store.options
        self._config = folder / "config.json"
        self._config.write_text(json.dumps(settings), encoding="utf-8")
        self._new_account()
        lines = (json.dumps(m).encode() + b"\n" for m in snapshot(*map(person, HERE)))
        assert self.run(b"".join(lines)).code == 0
        self._tables = {
            table: place.read(f"SELECT * FROM {table}")  # noqa: S608  names of the ledger's own
            for table in place.tables()
        }

    def put_back(self) -> None:
        """Make ledger and account what they were."""
        self._new_account()
        listed = self._state.account.make_list(LIST, enhanced=True)
        for each in [*map(address, HERE), STRANGER]:
            contact = self._state.account.make_contact("email")
            self._state.account.set_address(contact, "email", each)
            self._state.account.put_on_list(contact, listed)
        with self.place.connection() as connection:
            mark = "%s" if connection.dialect.name == "postgresql" else "?"
            for table, rows in self._tables.items():
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608  names of the ledger's own
                for row in rows:
                    columns = ", ".join(row)
                    marks = ", ".join(mark for _ in row)
                    connection.exec_driver_sql(
                        f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608  likewise
                        tuple(row.values()),
                    )

    def run(self, given: bytes, odd: Mapping[int, list[Any]] | None = None, times: int = 1) -> Ran:
        """Run the target on an input.

        Args:
            given: The input.
            odd: What is odd about which answers; see :class:`OddAdapter`.
            times: How many calls in a row are answered so.
        """
        path = self._folder / "input.jsonl"
        path.write_bytes(given)
        report = self._folder / "report.json"
        report.unlink(missing_ok=True)
        adapter = OddAdapter(self._app, lambda _path: None)
        adapter.odd, adapter.times = dict(odd or {}), times
        with self._patched(adapter):
            code, stdout, stderr = called(main, "--config", str(self._config), "--input", str(path))
        return Ran(
            code,
            stdout,
            stderr,
            json.loads(report.read_text(encoding="utf-8")) if report.exists() else {},
            self.members(),
        )

    def members(self) -> set[str]:
        """Read who is on the list."""
        account = self._state.account
        listed = account.list_named(LIST)
        if listed is None:
            return set()
        return {account.contacts[cid].channels["email"]["address"] for cid in listed.members}

    def _new_account(self) -> None:
        self._state = State(1, KEY)
        self._app = make_app(self._state)

    @contextlib.contextmanager
    def _patched(self, adapter: OddAdapter) -> Iterator[None]:
        now = datetime.fromtimestamp(NOON, timezone.utc)
        with (
            mock.patch("target_cordial.cordial.session.HTTPAdapter", return_value=adapter),
            mock.patch("target_cordial.run.wiring.StoppableClock", QuickClock),
            mock.patch("time.time", return_value=NOON),
            mock.patch("cordial_sandbox.import_work.now", return_value=now),
        ):
            yield
        logging.captureWarnings(capture=False)
