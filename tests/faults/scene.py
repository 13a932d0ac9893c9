"""The usual course of a cell: a clean day, a day under a fault, a run that mends it.

Whatever the fault, some things are held in every cell; they are in :meth:`Scene.run` and
:meth:`Scene.converge`.
"""

from __future__ import annotations

import contextlib
import functools
import re
from typing import TYPE_CHECKING, Any
from unittest import mock

from target_cordial.errors import TargetCordialError
from tests.faults import people
from tests.faults.commands import Clock, FaultCommands, HastyTransport
from tests.faults.people import DAY_1, DAY_2, STRANGERS, Cohorts, day_of, on_lists
from tests.faults.privacy import secrets_in, without_states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.matrix import Column
    from tests.faults.service import Service
    from tests.ledgers import LedgerPlace
    from tests.staging import StagingStore
    from tests.target_cordial.command.conftest import Ended

CODES = {"ok": 0, "degraded": 3, "failed": 1}
APPROVE = re.compile(r"cordial-ledger (approve \S+ --up-to \d+ --only \w+)")
RETRY = "cordial-ledger retry"
REMEDY = re.compile(
    r"\b(next run|run (again|the tap)|cordial-ledger \w+"
    r"|check|see|give|switch|choose|use|name|restore|put)\b",
    re.IGNORECASE,
)
"""What every last line of a run that was not clean has: something to do, or who does it."""


class Scene:
    """Two cohorts, two lists, a stranger on each, and the real command.

    Args:
        column: The column of the matrix.
        service: The sandbox.
        place: The ledger.
        folder: For everything else.
        store: Where imports are staged.
    """

    def __init__(
        self,
        column: Column,
        service: Service,
        place: LedgerPlace,
        folder: Path,
        store: StagingStore | None,
    ) -> None:
        self.column = column
        self.service = service
        self.place = place
        self.before: Cohorts = DAY_1
        self.after: Cohorts = DAY_2
        self.hasty = False
        self.strangers = STRANGERS
        self.renamed: dict[str, str] = {}
        self.commands = FaultCommands(service.url, folder, column.delivery, store, place)

    @property
    def write_path(self) -> str:
        """What the path of every call that changes a list's members has in it."""
        return {"contacts": "/v2/contacts", "imports": "/contactimports", "endpoint": "/lists/"}[
            self.column.delivery
        ]

    def writes(self, method: str, path: str) -> bool:
        """Say whether a call changes the members of lists."""
        return method != "GET" and self.write_path in path

    # -- the course -------------------------------------------------------------------------------

    def changed(self, after: Cohorts = DAY_2) -> list[Any]:
        """Let the cohorts change; from now on nobody else may be on a list, or missing.

        Returns:
            The tap's messages of that day.
        """
        self.after = after
        self.service.watch.allowed = people.all_of(self.before, after)
        self.service.watch.kept = people.common_to(self.before, after)
        return day_of(after, 2)

    def from_nothing(self) -> list[Any]:
        """Take back the first day: there is no ledger and no list.

        Returns:
            The tap's messages of that day.
        """
        self.place.remove()
        self.service.reset()
        self.before, self.after, self.strangers = {}, DAY_1, {}
        self.service.watch.allowed = on_lists(DAY_1, {})
        return day_of(DAY_1, 1)

    def strangers_come(self) -> None:
        """Let others put somebody on each list."""
        self.strangers = STRANGERS
        for name, strangers in STRANGERS.items():
            for stranger in strangers:
                self.service.put(name, stranger)

    def lists(self) -> dict[str, set[str]]:
        """Read who is on each list, by the names that the lists had first."""
        names = {new: old for old, new in self.renamed.items()}
        return {names.get(name, name): members for name, members in self.service.lists().items()}

    def run(self, *messages: Any, started: bool = False, **settings: Any) -> Ended:
        """Run the target, and hold what is held in every run.

        Args:
            messages: Its input.
            started: Start the real command, instead of calling it in this process.
            settings: Settings that differ.
        """
        with self._patched() as texts:
            command = self.commands.pipe if started else self.commands.target
            options = {"level": "DEBUG"} if started else {}
            ended = command(*messages, **options, **settings)
        self.hold(ended, texts)
        return ended

    def ledger_command(self, *arguments: str, code: int = 0) -> None:
        """Run ``cordial-ledger``."""
        with self._patched():
            ended = self.commands.ledger_command(*arguments)
        assert ended.code == code, ended.stderr
        assert not secrets_in(ended.stdout + ended.stderr)

    def hold(self, ended: Ended, texts: list[str]) -> None:
        """Hold what is true of every run, whatever the fault."""
        told = without_states(ended.stdout) + ended.stderr + str(ended.report) + str(texts)
        assert not secrets_in(told), f"{secrets_in(told)} in the output"
        assert "Traceback" not in ended.stderr, ended.stderr
        assert not self.service.watch.wrong, self.service.watch.wrong
        lists = self.lists()
        for name, strangers in self.strangers.items():
            assert strangers <= lists.get(name, strangers)
        if ended.report:
            status = ended.report["status"]
            assert ended.code == CODES[status], ended.stderr
            assert bool(ended.report["errors"]) is (status != "ok")
        assert ended.code == 0 or REMEDY.search(ended.last_line), ended.last_line
        said = re.search(r"Run (ok|degraded|failed)\b", ended.last_line)
        assert said, ended.stderr
        assert ended.code == CODES[said[1]], ended.last_line
        if ended.report:
            assert said[1] == ended.report["status"]

    def converge(self, *last_messages: Any, state: bool) -> str:
        """Run once more, after which all is as it should be; a further run has nothing to do.

        Args:
            last_messages: The input of the faulty run, sent again where it gave no STATE.
            state: Whether it gave one.

        Returns:
            What it took, in the words of the page.
        """
        self.service.wires.clear()
        self.service.state.faults.clear()
        ended = self.run(*(() if state else last_messages))
        took = "next run converges"
        approval = APPROVE.search(ended.last_line)
        if approval:
            self.ledger_command(*approval[1].split())
            ended = self.run()
            took = "converges after `cordial-ledger approve`"
        if RETRY in ended.last_line:
            self.ledger_command("retry")
            ended = self.run()
            took = f"converges after `{RETRY}`"
        assert ended.code == 0, ended.last_line
        self.is_as_it_should_be()
        self.service.writes()
        ended = self.run()
        assert ended.code == 0, ended.last_line
        assert self.service.writes() == []
        self.is_as_it_should_be()
        return took

    def is_as_it_should_be(self) -> None:
        """Hold the lists against the truth."""
        assert self.lists() == on_lists(self.after, self.strangers)
        assert self.service.state.violations.as_list() == []

    def seen(self, ended: Ended) -> str:
        """Say what a run came to, in the words of the page."""
        lists = self.lists()
        before, after = (on_lists(day, self.strangers) for day in (self.before, self.after))
        ready = {name for name in after if lists.get(name) == after[name]}
        same = {name for name in after if lists.get(name, set()) == before.get(name, set())}
        full = {name for name in before if lists.get(name) == before[name] | after[name]}
        if ready == set(after):
            written = "all delivered"
        elif same == set(after):
            written = "nothing changed"
        elif full == set(after):
            written = "all added, nobody removed"
        elif ready | full == set(after):
            written = "all added, nobody removed from one list"
        elif ready | same == set(after):
            written = "one list delivered"
        else:
            written = "a part delivered"
        status = re.search(r"Run (\w+)", ended.last_line)
        assert status
        return f"{status[1]}, {'STATE' if ended.states else 'no STATE'}, {written}"

    # -- what is patched --------------------------------------------------------------------------

    @contextlib.contextmanager
    def _patched(self) -> Iterator[list[str]]:
        """Let nobody wait, and keep the texts of all exceptions of the project."""
        texts: list[str] = []
        made = TargetCordialError.__init__

        @functools.wraps(made)
        def make(error: TargetCordialError, *arguments: Any, **options: Any) -> None:
            texts.extend(str(argument) for argument in arguments)
            made(error, *arguments, **options)

        Clock.now_seconds = 0.0
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch("target_cordial.run.wiring.StoppableClock", Clock))
            stack.enter_context(mock.patch.object(TargetCordialError, "__init__", make))
            if self.hasty:
                HastyTransport.wires = tuple(self.service.wires)
                stack.enter_context(
                    mock.patch("target_cordial.cordial.session.Transport", HastyTransport)
                )
            yield texts
