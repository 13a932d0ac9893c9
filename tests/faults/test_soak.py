"""Runs that are killed anywhere, again and again, while their cohorts change.

A dozen kills run with all tests; ``make soak`` runs 200 and more. ``SOAK_SEED`` gives another seed.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_cordial.delivery.imports import carrying
from tests.faults.matrix import COLUMNS
from tests.faults.outside import Outside, text_of, wire
from tests.faults.soak import COHORTS, STRANGERS, Source, Tap
from tests.profiles import is_soak

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from tests.faults.matrix import Column
    from tests.faults.service import Service
    from tests.faults.soak import Lists
    from tests.faults.wire import Wire
    from tests.ledgers import LedgerPlace
    from tests.target_cordial.command.conftest import Ended

__all__ = ["wire"]  # a fixture: importing is using

LONG: Final = is_soak()
KILLS: Final = 34 if LONG else 2
"""In each of six columns."""

SEED: Final = int(os.environ.get("SOAK_SEED", "8"))

LET_THROUGH: Final = 0.15
HALF: Final = 0.5
LONGEST_SECONDS: Final = 0.8
MOST_POINTS: Final = 40


class Soak:
    """A scene, its source, and what has to be on the lists.

    Args:
        scene: The scene.
        random: Decides.
    """

    def __init__(self, scene: Outside, random: Random) -> None:
        self._scene = scene
        self._random = random
        self._source = Source(random)
        self._tap = Tap(self._source, random)
        self._since: list[Lists] = []
        self.kills = 0

    def begin(self) -> None:
        """Let a first run make the lists, and others put somebody on each of them."""
        self._run_here()
        for name, strangers in STRANGERS.items():
            for stranger in strangers:
                self._scene.service.put(name, stranger)

    def run(self) -> None:
        """Let the cohorts change, and a run be killed or let through."""
        if self._random.random() < LET_THROUGH:
            self._run_here()
            return
        messages = self._change()
        ended = self._killed(text_of(messages).encode())
        if ended.code >= 0:  # it was quicker
            self._ends_well(ended)
            return
        self.kills += 1
        self._scene.is_clean(ended)
        self._tap.heard(ended.states)
        if ended.states:
            assert self._scene.wanted(COHORTS) == self._since[-1], "STATE for what is not durable"
        self._nobody_is_wrong()

    def end(self) -> None:
        """Let a last run through, and one that has nothing to do."""
        self._run_here()
        self._scene.service.writes()
        assert self._scene.run().code == 0
        assert self._scene.service.writes() == []
        assert self._scene.service.state.violations.as_list() == []

    # -- a run ------------------------------------------------------------------------------------

    def _change(self) -> list[Any]:
        """Let the cohorts change: from now on no call may do what is not so any more."""
        self._source.change()
        truth = self._source.lists()
        self._since.append(truth)
        self._scene.service.watch.allowed = truth
        self._scene.service.watch.kept = truth
        return self._tap.messages()

    def _run_here(self) -> None:
        messages = self._change()
        self._ends_well(self._scene.run(*messages))

    def _killed(self, text: bytes) -> Ended:
        """Kill a run: at a point on the wire, after so much of its input, or at some time."""
        process = self._scene.start()
        way = self._random.choice(["point", "point", "point", "bytes", "time"])
        if way == "point":
            hold = self._scene.wire.hold(lambda _: True, self._random.randrange(MOST_POINTS))
            process.feed(text)
            process.close_input()
            hold.comes(lambda: process.dead)
            process.kill()
            hold.lost = self._random.random() < HALF
        elif way == "bytes":
            process.feed(text[: self._random.randrange(len(text))])
            if self._random.random() < HALF:
                process.drained()
        else:
            timer = threading.Timer(
                self._random.uniform(0, LONGEST_SECONDS), process.send, [signal.SIGKILL]
            )
            timer.start()
            process.feed(text)
            process.close_input()
            process.wait()
            timer.join()
        process.kill()
        self._scene.wire.clear()
        self._scene.wire.quiet()
        return process.wait()

    # -- what has to be ---------------------------------------------------------------------------

    def _ends_well(self, ended: Ended) -> None:
        assert ended.code == 0, ended.last_line
        self._scene.is_clean(ended)
        self._tap.heard(ended.states)
        self._since = self._since[-1:]
        self._nobody_is_wrong()

    def _nobody_is_wrong(self) -> None:
        """Nobody is on a list who is in no truth since the last clean run, or missing from it.

        After a clean run there is one truth, so the lists are equal to it.
        """
        for name, members in self._scene.service.lists().items():
            truths = [truth[name] for truth in self._since]
            strangers = STRANGERS[name] & members
            assert members - strangers <= set.union(*truths), name
            assert set.intersection(*truths) <= members, name


@pytest.fixture
def soak(  # noqa: PLR0917  fixtures are given by name
    column: Column,
    place: LedgerPlace,
    broken_service: Service,
    wire: Wire,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Soak]:
    monkeypatch.setenv("LOGLEVEL", "DEBUG")
    monkeypatch.setattr(carrying, "FIRST_LOOK_SECONDS", 0.01)
    wire.clear()
    broken_service.reset()
    by_imports = column.delivery == "imports"
    store = request.getfixturevalue("staging_store") if by_imports else None
    scene = Outside(column, broken_service, place, tmp_path, store, wire=wire, script=False)
    scene.commands.settings |= {"max_removal_percent": 100, "max_addition_percent": 0}
    yield Soak(scene, random.Random(f"{SEED} {column.id}"))  # noqa: S311  it guards nothing
    scene.close()


@pytest.mark.parametrize("column", COLUMNS, ids=[f"{one.id}-seed-{SEED}" for one in COLUMNS])
def test_runs_that_are_killed_anywhere_lose_nothing(soak: Soak) -> None:
    soak.begin()
    while soak.kills < KILLS:
        soak.run()
    soak.end()
