"""The world of the machine: a sandbox without sockets, a clock that jumps, and real runs.

The sandbox's application is the one that listens elsewhere; here calls reach it without a
socket, for thousands of examples a minute. Everything from the records to the HTTP session is the
target's own.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

import requests

from cordial_sandbox.app import make_app
from cordial_sandbox.faults import Fault
from cordial_sandbox.state import State
from target_cordial.errors import InterruptedRunError, LedgerError, RunEndedError
from target_cordial.run.stop import Stop
from target_cordial.run.sync import SyncRun
from target_cordial.run.watch import Unwatched
from target_cordial.settings import SCHEMA, Settings
from tests.ledgers import SQLitePlace
from tests.machine.app import AppAdapter

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from cordial_sandbox.account import ContactList
    from tests.ledgers import LedgerPlace

LOGGER = logging.getLogger("tests.machine")
LOGGER.setLevel(logging.CRITICAL)

BASE = "http://127.0.0.1:1"
NOON = 1_795_435_200.0


class QuickClock:
    """A clock for waiting, on which nobody waits. See ``target_cordial.cordial.session.Clock``."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def wait(self, seconds: float) -> None:
        if self._stop.is_set():
            raise InterruptedRunError
        self._now += seconds


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
        folder: For what runs write, and for a ledger in a file.
        settings: The settings that are not the same in every world.
        place: Where the ledger is kept, if not in a file.
    """

    delivery = "contacts"
    steps: tuple[str, ...] = ("/v2/contacts",)
    """Calls whose paths have one of these in them are those that something may come between."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], place: LedgerPlace | None = None
    ) -> None:
        self.folder = folder
        self.place = place or SQLitePlace(folder / "ledger.db")
        self.state = State(1, "sandbox-key")
        self.now = NOON
        self._app = make_app(self.state)
        self.report_path = folder / "report.json"
        self.config: dict[str, Any] = {
            "api_key": "sandbox-key",
            "api_url": f"{BASE}/v2",
            "ledger_url": self.place.url,
            "report_path": str(self.report_path),
            "max_concurrency": 2,
            "endpoint_batch_size": 2,
            "verify_sample": 2,
            **settings,
        }
        self.lost: dict[str, tuple[ContactList, list[str]]] = {}
        self._stop = Stop()
        self._steps_left = 0
        self._happens: Callable[[], None] | None = None
        self._dead = False
        self._rise_from: Callable[[], None] = lambda: None

    # -- running ----------------------------------------------------------------------------------

    def run(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> Ended:
        """Do one run with these records, by stream."""
        with self.patched():
            ended = self._run(messages)
        if self._dead:
            self._rise()
        return ended

    def _run(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> Ended:
        self._stop = Stop()
        settings = Settings.from_config(self.config, SCHEMA)
        run = SyncRun(settings, mapped=False, logger=LOGGER, stop=self._stop, watch=Unwatched())
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
        ends = contextlib.suppress(RunEndedError, InterruptedRunError, LedgerError)
        with contextlib.redirect_stdout(output), ends:
            run.finish()
        report = json.loads(self.report_path.read_text(encoding="utf-8"))
        return Ended(report["status"], report, bool(output.getvalue()))

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        adapter = AppAdapter(self._app, self.step)
        with (
            mock.patch("target_cordial.cordial.session.HTTPAdapter", return_value=adapter),
            mock.patch("target_cordial.run.wiring.StoppableClock", QuickClock),
            mock.patch("time.time", return_value=self.now),
        ):
            yield

    # -- what comes in the midst of a run ---------------------------------------------------------

    def at_step(self, number: int, happens: Callable[[], None]) -> None:
        """Let something happen before or after a writing call: at the so-many-th such point."""
        self._steps_left, self._happens = number, happens

    def step(self, path: str) -> None:
        """Come to a point at which something may happen.

        Raises:
            ConnectionError: The process is dead, so nothing reaches Cordial any more.
        """
        if self._happens is not None and any(part in path for part in self.steps):
            if self._steps_left == 0:
                happens, self._happens = self._happens, None
                happens()
            self._steps_left -= 1
        if self._dead:
            raise requests.ConnectionError

    def die(self) -> None:
        """Kill the process: what is in the ledger now is all that stays of the run."""
        self._rise_from = self.place.keep_now()
        self._dead = True

    def _rise(self) -> None:
        """Forget what the process did when it was dead."""
        self._rise_from()
        self._dead = False

    def told_to_stop(self) -> None:
        """Tell the process to stop."""
        self._stop.event.set()

    # -- looking ----------------------------------------------------------------------------------

    def cohorts(self) -> dict[str, dict[str, Any]]:
        """Read what the ledger knows of its cohorts."""
        return {row["cohort_id"]: row for row in self.read("SELECT * FROM cohort")}

    def entries(self, cohort: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Read what the ledger knows of a cohort's identifiers."""
        query = "SELECT * FROM entry WHERE cohort = ?"
        return {row["identifier"]: row for row in self.read(query, cohort["key"])}

    def approval(self, cohort: dict[str, Any]) -> tuple[int, float] | None:
        """Read what was approved for a cohort and not used up."""
        query = "SELECT * FROM approval WHERE cohort = ?"
        for row in self.read(query, cohort["key"]):
            return row["up_to"], row["approved_at"]
        return None

    def read(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Ask the ledger."""
        return self.place.read(query, *arguments)

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

    def delete_list(self, cohort_id: str) -> None:
        """Delete a cohort's list in Cordial, as far as the ledger knows which that is."""
        cohort = self.cohorts().get(cohort_id)
        listed = None if cohort is None else self.state.account.lists.get(self.rest_id(cohort))
        if listed is not None:
            self.lost[cohort_id] = listed, sorted(listed.members)
            self.state.account.remove_list(listed)

    def rest_id(self, cohort: dict[str, Any]) -> int:
        """Tell a list's id in REST; 0 where the ledger does not know it."""
        return int(cohort["list_id"] or 0)

    def restore_list(self, cohort_id: str) -> None:
        """Restore it, with everybody who was on it."""
        account = self.state.account
        listed, members = self.lost.pop(cohort_id)
        account.lists[listed.id] = listed
        account._list_ids[listed.name] = listed.id  # noqa: SLF001  the account can't restore lists
        for cid in members:
            account.put_on_list(account.contacts[cid], listed)

    def poison(self, addresses: Iterable[str], counts_as: str = "rejected") -> None:
        """Let Cordial refuse some contacts from now on, and no others."""
        self.state.faults = [
            Fault.parse({"kind": "reject_contact", "identifier": each, "counts_as": counts_as})
            for each in addresses
        ]

    def fail(self, kind: str, skip: int, times: int, **details: Any) -> None:
        """Let some of the next calls fail, if nothing else is said: of those that write."""
        given = {"kind": kind, "skip": skip, "times": times, **details}
        if not kind.startswith("job_"):
            given = {"path_contains": self.steps[0], **given}
        if kind == "status":
            given = {"status": 503, **given}
        self.state.faults.append(Fault.parse(given))

    def heal(self) -> None:
        """Let nothing fail any more."""
        self.state.faults = [fault for fault in self.state.faults if fault.kind == "reject_contact"]
        self._happens = None


class EndpointWorld(World):
    """A world in which delivery goes to the endpoint."""

    delivery = "endpoint"
    steps = ("/lists/",)

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], place: LedgerPlace | None = None
    ) -> None:
        super().__init__(folder, {**settings, "endpoint": BASE}, place)

    def rest_id(self, cohort: dict[str, Any]) -> int:
        return int(cohort["rest_id"] or 0)
