"""Cells: input that is not whole, or not right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.input import BY_NAME, ROWS
from tests.faults.inputs import STATE_WITH_FLOATS
from tests.faults.matrix import cells, told

if TYPE_CHECKING:
    from tests.faults.matrix import Column, Fault
    from tests.faults.scene import Scene


@cells(ROWS)
def test_input_that_is_not_right(fault: Fault, column: Column, scene: Scene) -> None:
    case = BY_NAME[fault.name]
    messages = scene.changed(case.after)
    scene.commands.settings.update(case.settings)
    ended = scene.run(*case.given())
    for said in case.says:
        assert said in ended.last_line
    assert case.logs in ended.stderr
    if fault.name == "floats":
        assert ended.states == [STATE_WITH_FLOATS]
    seen = scene.seen(ended)
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen}; {took}")
