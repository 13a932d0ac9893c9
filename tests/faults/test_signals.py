"""A run is told to stop, in whatever it does: it is gone within ten seconds and infers nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

from cordial_sandbox.control import Control
from cordial_sandbox.faults import Fault as SandboxFault
from tests.faults import signals
from tests.faults.matrix import cells, told
from tests.faults.outside import (
    outside,
    text_of,
    wire,
    wired_first_days,
)
from tests.faults.people import ACTIVE_LIST
from tests.faults.signals import ONE, by_both
from tests.faults.test_kills import SECOND_LIST_CHANGE, changes
from tests.faults.wire import REQUEST
from tests.ledgers import SQLitePlace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.matrix import Column, Fault
    from tests.faults.outside import Outside
    from tests.faults.processes import Process
    from tests.faults.signals import Signals
    from tests.faults.wire import Hold
    from tests.target_cordial.command.conftest import Ended

__all__ = ["outside", "wire", "wired_first_days"]  # fixtures: importing is using

LIMITED: Final = 429

GONE_SECONDS: Final = 10
"""The contract's own limit."""

IN_ORDER: Final = " and in order"


@cells([signals.READING])
def test_while_it_reads(fault: Fault, column: Column, outside: Outside) -> None:
    told(fault, column, stopped(outside, reading(outside), ONE[column.id]))


@by_both
def test_by_either_signal_while_it_reads(numbers: Signals, outside: Outside) -> None:
    stopped(outside, reading(outside), numbers)


@cells([signals.DELIVERING])
def test_while_calls_are_on_their_way(fault: Fault, column: Column, outside: Outside) -> None:
    hold, process = delivering(outside)
    told(fault, column, stopped(outside, process, ONE[column.id], hold.release))


@by_both
def test_by_either_signal_while_calls_are_on_their_way(numbers: Signals, outside: Outside) -> None:
    hold, process = delivering(outside)
    stopped(outside, process, numbers, hold.release)


@cells([signals.HANGING])
def test_while_calls_come_to_no_end(fault: Fault, column: Column, outside: Outside) -> None:
    hold, process = delivering(outside)
    hold.lost = True  # they do not arrive when the run is gone either
    seen = stopped(outside, process, ONE[column.id])
    told(fault, column, seen.replace(IN_ORDER, ""))  # which it is, a slow machine decides


@cells([signals.LIMITED])
def test_while_it_waits_for_retry_after(fault: Fault, column: Column, outside: Outside) -> None:
    limit = {"kind": "rate_limit", "per_second": 0, "retry_after": 3600}
    path = {"path_contains": outside.write_path}
    outside.service.state.faults.append(SandboxFault.parse({**limit, **path}))
    hold = outside.wire.hold(lambda point: point.status == LIMITED)
    process = outside.started(*outside.second_day())
    hold.wait(lambda: process.dead)
    hold.release()
    process.asleep()
    told(fault, column, stopped(outside, process, ONE[column.id]))


@cells([signals.POLLING])
def test_while_it_follows_a_job(fault: Fault, column: Column, outside: Outside) -> None:
    given = {"kind": "job_stuck", "name_contains": f"-add-{ACTIVE_LIST}"}
    outside.service.state.faults.append(SandboxFault.parse(given))
    process = outside.started(*outside.second_day())
    looks = outside.wire.hold(lambda at: at.is_look("/v2/jobs"), skip=2)
    looks.wait(lambda: process.dead)
    looks.release()
    process.asleep()
    with contextlib.closing(Control(outside.service.url)) as control:
        end = gone(process, ONE[column.id])
        control.release_jobs()
    told(fault, column, ended_well(outside, end))


@cells([signals.LOCKED])
def test_while_somebody_else_writes_to_the_ledger(
    fault: Fault, column: Column, outside: Outside
) -> None:
    process = outside.start()
    process.feed(text_of(outside.second_day()))
    process.drained()
    with locked(outside):
        process.close_input()
        process.until(lambda: "completed processing" in process.stderr)
        process.asleep()
        end = gone(process, ONE[column.id])
    told(fault, column, ended_well(outside, end))


def stopped(
    scene: Outside,
    process: Process,
    numbers: Signals,
    then: Callable[[], None] = lambda: None,
) -> str:
    """Tell a run to stop, see it go, and let the next one bring the lists to the truth.

    Args:
        scene: The scene.
        process: The run.
        numbers: The signals, in their order.
        then: What happens after the last of them.

    Returns:
        What became of it, in the words of the page.
    """
    return ended_well(scene, gone(process, numbers, then))


def gone(process: Process, numbers: Signals, then: Callable[[], None] = lambda: None) -> Ended:
    """Tell a run to stop, and see it go in time."""
    for number in numbers:
        process.send(number)
    then()
    return process.wait(GONE_SECONDS)


def ended_well(scene: Outside, ended: Ended) -> str:
    """Hold how a run has ended that was told to stop, and let the next one converge."""
    assert ended.code > 0, "it has ended itself, and not well"
    assert " | Run failed: " in ended.last_line
    assert "The run was told to stop" in ended.last_line
    assert ended.report["status"] == "failed"
    seen = scene.broken_off(ended)
    how = "" if "was abandoned" in ended.last_line else IN_ORDER
    return f"gone within {GONE_SECONDS} s{how}, {seen}; {scene.third_day()}"


def reading(scene: Outside) -> Process:
    """Start a run, and give it half of its input."""
    text = text_of(scene.second_day())
    process = scene.start()
    process.feed(text[: len(text) // 2])
    process.drained()
    return process


def delivering(scene: Outside) -> tuple[Hold, Process]:
    """Start a run, and hold its changes of lists from the second on."""
    skip = SECOND_LIST_CHANGE[scene.column.delivery]
    hold = scene.wire.hold(changes(scene, REQUEST), skip)
    process = scene.started(*scene.second_day())
    hold.wait(lambda: process.dead)
    return hold, process


@contextlib.contextmanager
def locked(scene: Outside) -> Iterator[None]:
    """Write to the ledger, and be slow with it."""
    place = scene.place
    if isinstance(place, SQLitePlace):
        with contextlib.closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    else:
        with place.connection() as connection:
            connection.exec_driver_sql("LOCK TABLE run, cohort, member, entry")
            yield
