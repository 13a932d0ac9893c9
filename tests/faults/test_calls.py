"""Cells: calls that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.calls import BY_NAME, ROWS
from tests.faults.matrix import cells, told

if TYPE_CHECKING:
    from tests.faults.matrix import Column, Fault
    from tests.faults.scene import Scene


@cells(ROWS)
def test_a_call_that_fails(fault: Fault, column: Column, scene: Scene) -> None:
    case = BY_NAME[fault.name]
    scene.hasty = case.hangs
    messages = scene.changed()
    scene.service.wires = [case.wire(scene)]
    # Where calls take effect and fail, how many do before the run gives up is chance with two.
    ended = scene.run(*messages, max_concurrency=1 if case.applied else 2)
    seen = scene.seen(ended)
    assert ended.code == 0 or case.says in ended.last_line
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen}; {took}")
