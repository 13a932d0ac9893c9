"""A scene whose second day is a process of its own, on a wire that a test can stop.

The first day and the days after are run in the test's process, with the same ledger and the same
account; the wire is between them and the account on all days, since it is the account's address.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_cordial.delivery.imports import carrying
from tests.faults.commands import FaultCommands
from tests.faults.conftest import FirstDays
from tests.faults.people import (
    ACTIVE,
    DAY_1,
    DAY_2,
    LISTS,
    VIPS,
    Cohorts,
    day_of,
    on_lists,
    users,
)
from tests.faults.privacy import secrets_in
from tests.faults.processes import Process
from tests.faults.scene import Scene
from tests.faults.wire import Wire, wired
from tests.target_cordial.command.conftest import line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.faults.matrix import Column
    from tests.faults.service import Service
    from tests.ledgers import LedgerPlace
    from tests.target_cordial.command.conftest import Ended

DAY_3: Cohorts = {
    # 1 comes back from the other cohort and is in both, 4 has the first address again, 7 and 8
    # have changed places, 2 rejoins, 5 and 11 leave.
    ACTIVE: users(1, 2, 3, 4, 6, 12, shared=7),
    # 9 and 14 rejoin; 5, 10 and 13 leave.
    VIPS: users(1, 6, 9, 14),
}

SCRIPTS: Final = ("kill_reading-contacts-sqlite", "kill_answered-contacts-postgres")
"""Cells whose runs are the console script itself, not forks of a process that is warm."""

_NUMBERS: Final = itertools.count(1)


class Outside(Scene):
    """A scene with a wire, and processes on it. See :class:`Scene`."""

    def __init__(
        self,
        column: Column,
        service: Service,
        place: LedgerPlace,
        folder: Path,
        store: Any,
        *,
        wire: Wire,
        script: bool,
    ) -> None:
        super().__init__(column, service, place, folder, store)
        self.commands = FaultCommands(wire.url, folder, column.delivery, store, place)
        self.wire = wire
        self._script = script
        self._processes: list[Process] = []

    # -- processes --------------------------------------------------------------------------------

    def start(self, *, stdout: int | None = None, **settings: Any) -> Process:
        """Start the target; its input is open."""
        number = next(_NUMBERS)
        process = Process(
            self.commands, number, script=self._script, stdout=stdout, settings=settings
        )
        self._processes.append(process)
        return process

    def started(self, *messages: Any, stdout: int | None = None, **settings: Any) -> Process:
        """Start the target with a whole input."""
        process = self.start(stdout=stdout, **settings)
        process.feed(text_of(messages))
        process.close_input()
        return process

    def close(self) -> None:
        """End what a failed test has left."""
        self.wire.clear()
        for process in self._processes:
            process.kill()

    # -- days -------------------------------------------------------------------------------------

    def turn(self, day: Cohorts) -> None:
        """Let the cohorts be those of a day: any write must be in line with it from now on."""
        self.before, self.after = self.after, day
        lists = on_lists(day)
        self.service.watch.allowed = lists
        self.service.watch.kept = lists

    def second_day(self) -> list[Any]:
        """Let the second day begin.

        Returns:
            The tap's messages.
        """
        self.after = DAY_1
        self.turn(DAY_2)
        return day_of(DAY_2, 2)

    def broken_off(self, ended: Ended) -> str:
        """Hold what is true of a run that was broken off, and say what it came to."""
        self.wire.clear()
        self.wire.quiet()
        self.is_clean(ended)
        before, after, lists = on_lists(self.before), on_lists(self.after), self.service.lists()
        for name, members in lists.items():
            assert before[name] & after[name] <= members <= before[name] | after[name], name
        if ended.states:
            assert self.wanted() == on_lists(self.after, {}), "STATE for what is not durable"
        if lists in (before, after):
            written = "all delivered" if lists == after else "nothing changed"
        else:
            written = "a part delivered"
        return f"{'STATE' if ended.states else 'no STATE'}, {written}"

    def is_clean(self, ended: Ended) -> None:
        """Hold that a run has logged everything, and nothing of anybody, and done no harm."""
        told = ended.stderr + str(ended.report)
        assert not secrets_in(told), f"{secrets_in(told)} in the output"
        assert "Traceback" not in ended.stderr, ended.stderr
        assert not self.service.watch.wrong, self.service.watch.wrong

    def third_day(self) -> str:
        """Let the cohorts change once more, and a run bring the lists to the truth."""
        self.service.state.faults.clear()
        self.turn(DAY_3)
        ended = self.run(*day_of(DAY_3, 3))
        assert ended.code == 0, ended.last_line
        self.is_as_it_should_be()
        self.service.writes()
        ended = self.run()
        assert ended.code == 0, ended.last_line
        assert self.service.writes() == []
        return "next run converges"

    def wanted(self, lists: Mapping[str, str] = LISTS) -> dict[str, set[str]]:
        """Read from the ledger who is to be on each list; these are the lists of cohorts."""
        rows = self.place.read(
            "SELECT cohort_id, identifier FROM entry JOIN cohort ON cohort.key = entry.cohort "
            "WHERE wanted = 1"
        )
        found: dict[str, set[str]] = {name: set() for name in lists.values()}
        for row in rows:
            found[lists[row["cohort_id"]]].add(row["identifier"])
        return found


def text_of(messages: Any) -> str:
    """Write messages as lines."""
    return "".join(line(message) for message in messages)


@pytest.fixture(scope="session")
def wire(broken_service: Service) -> Iterator[Wire]:
    with wired(broken_service.url) as wire:
        yield wire


@pytest.fixture(scope="session")
def wired_first_days(broken_service: Service) -> FirstDays:
    """First days by way of the wire."""
    return FirstDays(broken_service)


@pytest.fixture
def outside(  # noqa: PLR0917  fixtures are given by name
    column: Column,
    place: LedgerPlace,
    wired_first_days: FirstDays,
    wire: Wire,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Outside]:
    """A scene whose first day is over."""
    monkeypatch.setenv("LOGLEVEL", "DEBUG")
    monkeypatch.setattr(carrying, "FIRST_LOOK_SECONDS", 0.01)
    wire.clear()
    by_imports = column.delivery == "imports"
    store = request.getfixturevalue("staging_store") if by_imports else None
    service = wired_first_days.service
    script = request.node.callspec.id in SCRIPTS
    scene = Outside(column, service, place, tmp_path, store, wire=wire, script=script)
    wired_first_days.begin(scene)
    yield scene
    scene.close()
