"""Running the real command lines against a sandbox.

The commands are started as a shell would start them where processes matter (:meth:`start`), and
else called as their entry points in this process (:meth:`target`), which is ten times faster.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.__main__ import main
from target_cordial.delivery.imports import carrying
from target_cordial.ledger_cli import main as ledger_main
from tests import forked
from tests.ledgers import KINDS, SQLITE, SQLitePlace
from tests.turns import EACH, TURNS, by_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cordial_sandbox.server import Running
    from tests.ledgers import LedgerPlace
    from tests.staging import StagingStore

OF_DELIVERIES = frozenset({"test_delivery_rules", "test_endings", "test_membership"})
"""What these are about, every delivery does in its own way: the others' tests take turns."""

TIMEOUT = 60
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str
    report: dict[str, Any]

    @property
    def states(self) -> list[Any]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def last_line(self) -> str:
        return self.stderr.rstrip().splitlines()[-1]

    def cohort(self, cohort_id: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            cohort for cohort in self.report["cohorts"] if cohort["cohort_id"] == cohort_id
        )
        return found


class Commands:
    """The target and the ledger's command, set up for one sandbox and one ledger."""

    def __init__(
        self,
        sandbox: Running,
        folder: Path,
        delivery: str = "contacts",
        store: StagingStore | None = None,
        place: LedgerPlace | None = None,
    ) -> None:
        self.folder = folder
        self.place = place or SQLitePlace(folder / "state" / "ledger.db")
        self.delivery = delivery
        self.report_path = folder / "report.json"
        self.rejects_path = folder / "rejects.jsonl"
        self.settings: dict[str, Any] = {
            "api_key": "sandbox-key",
            "api_url": f"{sandbox.url}/v2",
            "ledger_url": self.place.url,
            "report_path": str(self.report_path),
            "rejects_path": str(self.rejects_path),
        }
        if delivery == "endpoint":
            self.settings["endpoint"] = sandbox.url
        if store is not None:
            self.settings["delivery"] = delivery
            self.settings["import_staging_url"] = store.url
            self.settings["import_staging_options"] = store.options

    @property
    def write_path(self) -> str:
        """What the path of every call that adds somebody to a list has in it."""
        return {"contacts": "/v2/contacts", "imports": "/contactimports", "endpoint": "/add"}[
            self.delivery
        ]

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        assert isinstance(self.place, SQLitePlace)
        return self.place.path

    def config(self, **settings: Any) -> Path:
        path = self.folder / "config.json"
        values = {k: v for k, v in {**self.settings, **settings}.items() if v is not None}
        path.write_text(json.dumps(values), encoding="utf-8")
        return path

    def start(self, *, level: str = "INFO", **settings: Any) -> subprocess.Popen[str]:
        """Start the real command; its input is a pipe."""
        return forked.Popen(
            [BIN / "target-cordial", "--config", self.config(**settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "LOGLEVEL": level},
            cwd=self.folder,
        )

    def pipe(self, *messages: Any, level: str = "INFO", **settings: Any) -> Ended:
        """Run the real command to its end."""
        self.report_path.unlink(missing_ok=True)
        process = self.start(level=level, **settings)
        return self.end(process, "".join(line(message) for message in messages))

    def target(self, *messages: Any, **settings: Any) -> Ended:
        """Run the command's entry point in this process."""
        self.report_path.unlink(missing_ok=True)
        given = self.folder / "input.jsonl"
        given.write_text("".join(line(message) for message in messages), encoding="utf-8")
        code, stdout, stderr = called(
            main, "--config", str(self.config(**settings)), "--input", str(given)
        )
        return Ended(code, stdout, stderr, self.report())

    def end(self, process: subprocess.Popen[str], text: str | None = None) -> Ended:
        stdout, stderr = process.communicate(text, timeout=TIMEOUT)
        return Ended(process.returncode, stdout, stderr, self.report())

    def report(self) -> dict[str, Any]:
        if not self.report_path.exists():
            return {}
        found: dict[str, Any] = json.loads(self.report_path.read_text(encoding="utf-8"))
        return found

    def rejects(self) -> list[dict[str, Any]]:
        text = self.rejects_path.read_text(encoding="utf-8")
        return [json.loads(entry) for entry in text.splitlines()]

    def ledger_command(self, *arguments: str) -> Ended:
        """Run the entry point of ``cordial-ledger`` in this process."""
        return Ended(*called(ledger_main, "--config", str(self.config()), *arguments), {})


def called(entry_point: Callable[[], None], *arguments: str) -> tuple[int, str, str]:
    """Call an entry point in this process: its exit code and what it said."""
    with _this_process_kept() as (stdout, stderr):
        sys.argv = ["command", *arguments]
        with pytest.raises(SystemExit) as end:
            entry_point()
    assert isinstance(end.value.code, int)
    return end.value.code, stdout.getvalue(), stderr.getvalue()


@contextlib.contextmanager
def _this_process_kept() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Take the command's output, and undo what it changes in its process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    collected = gc.get_threshold()
    argv, hook, logs = sys.argv, sys.excepthook, logging.root.handlers.copy()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            yield stdout, stderr
    finally:
        sys.argv, sys.excepthook = argv, hook
        logging.captureWarnings(capture=False)
        logging.root.handlers[:] = logs
        gc.unfreeze()
        gc.set_threshold(*collected)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def line(message: Any) -> str:
    return message if isinstance(message, str) else json.dumps(message) + "\n"


def begun(process: subprocess.Popen[str]) -> None:
    """Wait until a run holds its ledger: it says so by asking for the first record."""
    assert process.stderr is not None
    for text in process.stderr:
        if "Parsing env var" in text or "Skipping parse" in text:
            break
    assert process.stdin is not None
    events = {"type": "SCHEMA", "stream": "events", "schema": {"properties": {"id": {}}}}
    row = {"type": "RECORD", "stream": "events", "record": {"id": 1}}
    process.stdin.write(line(events) + line(row))
    process.stdin.flush()
    for text in process.stderr:
        if "Stream 'events'" in text:
            break


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the ledgers of a test of the commands: as the option says, unless it is about one."""
    if "ledger_place" not in metafunc.fixturenames:
        return
    only = metafunc.definition.get_closest_marker("ledger")
    metafunc.parametrize("ledger_place", only.args if only else KINDS, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose what runs: see the option ``--ways`` and ``OF_DELIVERIES``."""
    asked = config.getoption("--ways")
    if asked == TURNS:
        items[:] = by_turns(items, _group_of, lambda item: 2 if _kind_of(item) == SQLITE else 1)
    elif asked != EACH:
        items[:] = [item for item in items if _kind_of(item) in {None, asked}]


def _kind_of(item: pytest.Item) -> str | None:
    """The kind of ledger that a test is done with; None where another test does not do the same."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    kind = params.get("ledger_place")
    return kind if isinstance(kind, str) and not item.get_closest_marker("ledger") else None


def _group_of(item: pytest.Item) -> str | None:
    """What tests are called that differ in how it is done alone."""
    if _kind_of(item) is None:
        return None
    assert isinstance(item, pytest.Function)
    ways = ["ledger_place"] if item.path.stem in OF_DELIVERIES else ["ledger_place", "either"]
    named = f"-{item.callspec.id}-"
    for way in ways:
        named = named.replace(f"-{item.callspec.params.get(way)}-", "-", 1)
    return item.nodeid.partition("[")[0] + named


@pytest.fixture
def ledger_place(
    request: pytest.FixtureRequest, make_place: Callable[[str], LedgerPlace]
) -> LedgerPlace:
    return make_place(request.param)


@pytest.fixture
def commands(sandbox: Running, tmp_path: Path, ledger_place: LedgerPlace) -> Commands:
    return Commands(sandbox, tmp_path, place=ledger_place)


@pytest.fixture(params=["contacts", "imports", "endpoint"])
def either(
    request: pytest.FixtureRequest, sandbox: Running, tmp_path: Path, ledger_place: LedgerPlace
) -> Commands:
    """Every delivery."""
    by_imports = request.param == "imports"
    store = request.getfixturevalue("staging_store") if by_imports else None
    return Commands(sandbox, tmp_path, request.param, store, ledger_place)


@pytest.fixture
def imports(
    sandbox: Running, tmp_path: Path, staging_store: StagingStore, ledger_place: LedgerPlace
) -> Commands:
    """Delivery by imports."""
    return Commands(sandbox, tmp_path, "imports", staging_store, ledger_place)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, staging_store: StagingStore) -> None:
    """Looks at a job follow one another at once, and an ``import_timeout_seconds`` of 1 will do.

    The addresses of files live as long, which a busy machine might not keep to: so it is a minute
    longer for the store.
    """
    staging_store.put_clock(-60)
    monkeypatch.setattr(carrying, "FIRST_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(carrying, "LONGEST_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(carrying, "STARTS", 4)
