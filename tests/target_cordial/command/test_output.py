"""What becomes of a run whose STATE nobody takes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.target_cordial.command.conftest import BIN, TIMEOUT, Commands, line
from tests.target_cordial.command.messages import addresses, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running


def run_into(commands: Commands, sink: str) -> tuple[int, str]:
    """Run the command with another end of its output."""
    given = commands.folder / "input.jsonl"
    given.write_text("".join(map(line, snapshot(*people(3)))), encoding="utf-8")
    command = f"exec '{BIN}/target-cordial' --config '{commands.config()}' --input '{given}'"
    ended = subprocess.run(
        ["sh", "-c", f"{command} {sink}"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("sink", [">/dev/full", ">&-"])
def test_a_run_whose_state_can_not_be_written_delivers_and_says_so(
    commands: Commands, sandbox: Running, sink: str
) -> None:
    code, said = run_into(commands, sink)
    assert code == 3
    assert "STATE could not be written" in said.splitlines()[-1]
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}
    assert commands.target(*snapshot(*people(3))).code == 0


def test_a_reader_that_has_gone_is_told_of_and_loses_nobody(
    commands: Commands, sandbox: Running
) -> None:
    process = commands.start()
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate("".join(map(line, snapshot(*people(3)))), timeout=TIMEOUT)
    assert process.returncode == 3
    assert "STATE could not be written (Broken pipe)" in said.splitlines()[-1]
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}
