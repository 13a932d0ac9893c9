"""Several ledgers in one database: one for each group of cohorts, at work at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ledgers import POSTGRES
from tests.target_cordial.command.conftest import Commands, line
from tests.target_cordial.command.messages import addresses, people, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.ledgers import LedgerPlace

GROUPS = range(4)


def test_four_runs_with_a_schema_each_work_at_once(
    sandbox: Running, tmp_path: Path, make_place: Callable[[str], LedgerPlace]
) -> None:
    """They share people, each has a list of its own; nobody waits for anybody."""
    groups = []
    for number in GROUPS:
        folder = tmp_path / f"group{number}"
        folder.mkdir()
        groups.append(Commands(sandbox, folder, place=make_place(POSTGRES)))
    for first, count in ((1, 6), (3, 6)):  # two days: some leave, some join, most stay
        running = [group.start() for group in groups]
        for number, process in enumerate(running):
            assert process.stdin is not None
            cohort = {"cohort_id": f"c{number}", "cohort_name": f"Group {number}"}
            process.stdin.write("".join(map(line, snapshot(*people(count, first), **cohort))))
            process.stdin.flush()  # all of them hold their ledgers before the first has ended
        ended = [group.end(process) for group, process in zip(groups, running, strict=True)]
        assert [end.code for end in ended] == [0] * len(GROUPS), [end.last_line for end in ended]
        expected = addresses(*range(first, first + count))
        assert sandbox.control.lists() == {f"Group{number}": expected for number in GROUPS}
    for number, group in enumerate(groups):
        assert [row["cohort_id"] for row in group.place.read("SELECT * FROM cohort")] == [
            f"c{number}"
        ]
