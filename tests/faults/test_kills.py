"""A run is killed with -9 at every step, and the cohorts change before the next one."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final

from cordial_sandbox.control import Control
from cordial_sandbox.faults import Fault as SandboxFault
from target_cordial.ledger.stage import BLOCK
from tests.faults import kills
from tests.faults.matrix import cells, told
from tests.faults.outside import (
    outside,
    text_of,
    wire,
    wired_first_days,
)
from tests.faults.people import ACTIVE, ACTIVE_LIST, DAY_2, on_lists, row
from tests.faults.processes import unread, whole_lines
from tests.faults.wire import ANSWER, REQUEST, Point
from tests.target_cordial.command.messages import MEMBERS, SNAPSHOTS, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.matrix import Column, Fault
    from tests.faults.outside import Outside
    from tests.faults.processes import Process

__all__ = ["outside", "wire", "wired_first_days"]  # fixtures: importing is using

SECOND_LIST_CHANGE: Final = {"contacts": 1, "imports": 2, "endpoint": 1}
"""Calls that pass before the one that is the second to change a list: an import makes contacts."""


def killed(scene: Outside, process: Process) -> str:
    """Kill a run.

    Returns:
        What became of it, in the words of the page.
    """
    process.kill()
    ended = process.wait()
    assert ended.code == -signal.SIGKILL
    return scene.broken_off(ended)


def converges(fault: Fault, column: Column, scene: Outside, seen: str) -> None:
    """Let the next run bring the lists to the truth of another day."""
    told(fault, column, f"{seen}; {scene.third_day()}")


@cells([kills.READING])
def test_while_half_of_the_rows_are_written(fault: Fault, column: Column, outside: Outside) -> None:
    text = text_of(outside.second_day())
    process = outside.start()
    process.feed(text[: len(text) // 2])
    process.drained()
    converges(fault, column, outside, killed(outside, process))


@cells([kills.STAGED])
def test_while_thousands_of_rows_are_staged(fault: Fault, column: Column, outside: Outside) -> None:
    outside.second_day()
    process = outside.start()
    visitors = ((number, "") for number in range(1_000, 1_100 + BLOCK))
    rows = (row(ACTIVE, visitor, "visitors") for visitor in visitors)
    process.feed(text_of([MEMBERS, SNAPSHOTS, *rows]))
    process.drained()
    converges(fault, column, outside, killed(outside, process))


@cells([kills.SEALED])
def test_before_anything_is_planned(fault: Fault, column: Column, outside: Outside) -> None:
    # The first look at lists proves the key, before the first record.
    killed_at(fault, column, outside, lambda at: at.is_look("/v2/accountlists"), skip=1)


@cells([kills.STATE])
def test_while_nobody_reads_its_state(fault: Fault, column: Column, outside: Outside) -> None:
    messages = outside.second_day()
    reading, writing = os.pipe()
    try:
        room = filled(reading, writing)
        messages[-1] = state({"bookmarks": {"padding": "x" * 2 * room}})
        process = outside.started(*messages, stdout=writing)
        full = unread(reading) + room
        process.until(lambda: unread(reading) == full)  # as much of it as there was room for
        assert outside.wanted() == on_lists(DAY_2, {})
        process.kill()
        output = os.read(reading, full).decode()
    finally:
        os.close(reading)
        os.close(writing)
    assert "padding" in output
    assert whole_lines(output).strip("\n") == ""
    converges(fault, column, outside, killed(outside, process))


@cells([kills.DELIVERING])
def test_while_a_change_is_on_its_way(fault: Fault, column: Column, outside: Outside) -> None:
    skip = SECOND_LIST_CHANGE[column.delivery]
    killed_at(fault, column, outside, changes(outside, REQUEST), skip=skip)


@cells([kills.ANSWERED])
def test_while_the_answer_to_a_change_is_on_its_way(
    fault: Fault, column: Column, outside: Outside
) -> None:
    skip = SECOND_LIST_CHANGE[column.delivery]
    killed_at(fault, column, outside, changes(outside, ANSWER), skip=skip)


@cells([kills.JOB_SENT])
def test_before_the_id_of_a_job_is_heard(fault: Fault, column: Column, outside: Outside) -> None:
    # The first makes contacts; the second changes a list.
    killed_at(fault, column, outside, changes(outside, ANSWER), skip=1)


@cells([kills.JOB_RUNS, kills.JOB_LATE])
def test_while_a_job_runs(fault: Fault, column: Column, outside: Outside) -> None:
    late = fault is kills.JOB_LATE
    given = {"kind": "job_late" if late else "job_stuck", "name_contains": f"-add-{ACTIVE_LIST}"}
    outside.service.state.faults.append(SandboxFault.parse(given))
    process = outside.started(*outside.second_day())
    jobs = outside.service.state.jobs
    process.until(lambda: any(job.held is not None for job in list(jobs.values())))
    hold = outside.wire.hold(lambda at: at.is_look("/v2/jobs"))
    hold.wait(lambda: process.dead)
    process.kill()
    hold.lose()
    seen = killed(outside, process)
    members = outside.lists()[ACTIVE_LIST]
    assert "still runs in Cordial" in outside.run().last_line
    assert outside.lists()[ACTIVE_LIST] == members
    with contextlib.closing(Control(outside.service.url)) as control:
        control.release_jobs()
    waited = f"{seen}; its list waits while it runs, then {outside.third_day()}"
    told(fault, column, waited)


@cells([kills.READING_BACK])
def test_while_it_reads_back(fault: Fault, column: Column, outside: Outside) -> None:
    killed_at(fault, column, outside, lambda at: at.is_look("/v2/contacts/"))


def killed_at(
    fault: Fault,
    column: Column,
    scene: Outside,
    concerns: Callable[[Point], bool],
    skip: int = 0,
) -> None:
    """Kill a run when it comes to a point on the wire; what is held there is lost."""
    hold = scene.wire.hold(concerns, skip)
    process = scene.started(*scene.second_day())
    hold.wait(lambda: process.dead)
    process.kill()
    hold.lose()
    seen = killed(scene, process)
    converges(fault, column, scene, seen)


def changes(scene: Outside, stage: str) -> Callable[[Point], bool]:
    """Say what changes the members of lists."""
    return lambda point: point.stage == stage and scene.writes(point.method, point.path)


def filled(reading: int, writing: int) -> int:
    """Fill a pipe with empty lines, but for one page.

    Returns:
        How much room is left in it.
    """
    page = os.sysconf("SC_PAGESIZE")
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"\n" * page)
    os.set_blocking(writing, True)
    return len(os.read(reading, page))
