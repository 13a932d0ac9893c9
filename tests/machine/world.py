"""The world of the machine: a sandbox without sockets, a clock that jumps, and real runs.

The sandbox's application is the one that listens elsewhere; here calls reach it without a
socket, for thousands of examples a minute. Everything from the records to the HTTP session is the
target's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from sqlalchemy import Dialect, Engine, create_engine
from sqlalchemy.util import LRUCache

from cordial_sandbox.app import make_app
from cordial_sandbox.faults import Fault
from cordial_sandbox.state import State
from target_cordial.errors import RunEndedError
from target_cordial.run.stop import Stop
from target_cordial.run.sync import SyncRun
from target_cordial.settings import SCHEMA, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

LOGGER = logging.getLogger("tests.machine")
LOGGER.setLevel(logging.CRITICAL)

BASE = "http://127.0.0.1:1"
NOON = 1_795_435_200.0


COMPILED: LRUCache[Any, Any] = LRUCache(2000)
"""SQL that was compiled once: every run has an engine of its own."""

DIALECTS: dict[str, Dialect] = {}


def _engine(*arguments: Any, **options: Any) -> Engine:
    engine = create_engine(*arguments, **options)
    engine._compiled_cache = COMPILED  # noqa: SLF001  for speed alone
    engine.dialect = DIALECTS.setdefault("first", engine.dialect)  # it is part of the cache's keys
    return engine


LOOP = asyncio.new_event_loop()
"""One for all calls: making one takes longer than most calls do."""


class AppAdapter(BaseAdapter):
    """Hands requests to an application in this process."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._app = app
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]  # none of its options means anything here
        """Answer one request as the server would."""
        parts = urlsplit(request.url or "")
        body = request.body or b""
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 1),
            "client": ("127.0.0.1", 2),
            "headers": [
                (b"host", b"127.0.0.1:1"),
                *((k.lower().encode(), str(v).encode()) for k, v in request.headers.items()),
            ],
            "state": {"transport": self},
        }
        received = iter([{"type": "http.request", "body": body, "more_body": False}])
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(received, {"type": "http.disconnect"})

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        with self._lock:
            LOOP.run_until_complete(self._app(scope, receive, send))
        if not sent:
            raise requests.ConnectionError
        response = requests.Response()
        response.status_code = sent[0]["status"]
        for name, value in sent[0]["headers"]:
            response.headers[name.decode()] = value.decode()
        response._content = b"".join(message.get("body", b"") for message in sent[1:])  # noqa: SLF001  how an adapter fills it
        response.request = request
        return response

    def abort(self) -> None:
        """What a fault does to the connection; nothing was sent, and that says it all."""

    def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    status: str
    report: dict[str, Any]
    state: bool

    def part(self, cohort_id: str) -> dict[str, Any]:
        """Return a cohort's part of the report."""
        found: dict[str, Any] = next(
            part for part in self.report["cohorts"] if part["cohort_id"] == cohort_id
        )
        return found


class World:
    """A Cordial account, a ledger, and runs between them.

    Args:
        folder: For the ledger.
        delivery: ``contacts`` or ``endpoint``.
        limits: Settings of the guard.
    """

    def __init__(self, folder: Path, delivery: str, limits: Mapping[str, int]) -> None:
        self.folder = folder
        self.delivery = delivery
        self.state = State(1, "sandbox-key")
        self.now = NOON
        self._app = make_app(self.state)
        self.report_path = folder / "report.json"
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        config: dict[str, Any] = {
            "api_key": "sandbox-key",
            "api_url": f"{BASE}/v2",
            "ledger_url": self.url,
            "report_path": str(self.report_path),
            "max_concurrency": 2,
            "endpoint_batch_size": 2,
            "verify_sample": 2,
            **limits,
        }
        if delivery == "endpoint":
            config["endpoint"] = BASE
        self.config = config

    # -- running ----------------------------------------------------------------------------------

    def run(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> Ended:
        """Do one run with these records, by stream."""
        with self.patched():
            return self._run(messages)

    def _run(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> Ended:
        settings = Settings.from_config(self.config, SCHEMA)
        run = SyncRun(settings, mapped=False, logger=LOGGER, stop=Stop())
        output = io.StringIO()
        intake = run.begin()
        seen: set[str] = set()
        for line, (stream, record) in enumerate(messages, 1):
            if stream not in seen:
                seen.add(stream)
                intake.schema(stream, {})
            intake.receive(stream, record, line)
            role = intake.role(record)
            intake.take({k: v for k, v in record.items() if k != "_sdc_deleted_at"}, role)
        intake.state = {"bookmarks": {}}
        with contextlib.redirect_stdout(output), contextlib.suppress(RunEndedError):
            run.finish()
        report = json.loads(self.report_path.read_text(encoding="utf-8"))
        return Ended(report["status"], report, bool(output.getvalue()))

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        adapter = AppAdapter(self._app)
        with (
            mock.patch("target_cordial.cordial.session.HTTPAdapter", return_value=adapter),
            mock.patch("target_cordial.ledger.opening.create_engine", _engine),
            mock.patch("target_cordial.cordial.retry.LONGEST_SECONDS", 0.0),
            mock.patch("time.time", return_value=self.now),
        ):
            yield

    # -- looking ----------------------------------------------------------------------------------

    def cohorts(self) -> dict[str, sqlite3.Row]:
        """Read what the ledger knows of its cohorts."""
        return {row["cohort_id"]: row for row in self._read("SELECT * FROM cohort")}

    def entries(self, cohort: sqlite3.Row) -> dict[str, sqlite3.Row]:
        """Read what the ledger knows of a cohort's identifiers."""
        query = "SELECT * FROM entry WHERE cohort = ?"
        return {row["identifier"]: row for row in self._read(query, cohort["key"])}

    def approval(self, cohort: sqlite3.Row) -> tuple[int, float] | None:
        """Read what was approved for a cohort and not used up."""
        query = "SELECT * FROM approval WHERE cohort = ?"
        for row in self._read(query, cohort["key"]):
            return row["up_to"], row["approved_at"]
        return None

    def _read(self, query: str, *arguments: Any) -> list[sqlite3.Row]:
        with contextlib.closing(sqlite3.connect(self.folder / "ledger.db")) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, arguments).fetchall()

    def members(self, name: str) -> set[str] | None:
        """Read who is on a list; None where there is none."""
        account = self.state.account
        listed = account.list_named(name)
        if listed is None:
            return None
        return {account.contacts[cid].channels["email"]["address"] for cid in listed.members}

    def written(self) -> list[tuple[str, Any]]:
        """Take the writing calls since the last time: path and body."""
        calls = [(call.path, json.loads(call.content)) for call in self.state.calls if call.write]
        self.state.calls.clear()
        return calls

    # -- what others do ---------------------------------------------------------------------------

    def put_on_list(self, name: str, address: str) -> None:
        """Let somebody put a contact on a list in Cordial."""
        account = self.state.account
        listed = account.list_named(name) or account.make_list(name, enhanced=True)
        contact = account.find("email", address)
        if contact is None:
            contact = account.make_contact("email")
            account.set_address(contact, "email", address)
        account.put_on_list(contact, listed)

    def poison(self, addresses: Iterable[str]) -> None:
        """Let Cordial refuse some contacts from now on, and no others."""
        self.state.faults = [
            fault for fault in self.state.faults if fault.kind != "reject_contact"
        ] + [Fault.parse({"kind": "reject_contact", "identifier": each}) for each in addresses]

    def fail(self, kind: str, skip: int, times: int) -> None:
        """Let some of the next writing calls fail."""
        path = "/v2/contacts" if self.delivery == "contacts" else "/lists/"
        given = {"kind": kind, "path_contains": path, "skip": skip, "times": times}
        if kind == "status":
            given["status"] = 503
        self.state.faults.append(Fault.parse(given))

    def heal(self) -> None:
        """Let calls fail no more."""
        self.state.faults = [fault for fault in self.state.faults if fault.kind == "reject_contact"]
