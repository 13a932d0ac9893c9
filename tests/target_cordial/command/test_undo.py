"""``cordial-ledger undo``: a bad run is reversed by the next one, under the guard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.target_cordial.command.messages import COHORT, addresses, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands, Ended

VIPS = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Vw3"}


def undo(commands: Commands, ended: Ended, *words: str) -> dict[str, Any]:
    answer = commands.ledger_command("undo", ended.report["run_id"], *words, "--json")
    assert answer.code == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_a_bad_run_is_reversed_by_the_next_one_without_new_records(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(5)))
    bad = either.target(*snapshot(*people(4, 3)))
    assert sandbox.control.lists()["activeusers"] == addresses(3, 4, 5, 6)
    said = undo(either, bad)
    assert said == {
        "run_id": bad.report["run_id"],
        "lists": [{"cohort_id": COHORT, "list_name": "activeusers", "to_remove": 1, "to_add": 2}],
    }
    assert sandbox.control.lists()["activeusers"] == addresses(3, 4, 5, 6)  # nothing is sent yet
    mended = either.target()
    assert mended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3, 4, 5)
    again = either.target(*snapshot(*people(5)))
    assert (again.cohort(COHORT)["added"], again.cohort(COHORT)["removed"]) == (0, 0)


def test_it_goes_out_under_the_guard(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(30)))
    bad = commands.target(*snapshot(*people(60)))
    undo(commands, bad)
    held = commands.target()
    assert held.code != 0
    assert "30 removals from list 'activeusers' are withheld" in held.last_line
    assert len(sandbox.control.lists()["activeusers"]) == 60
    commands.ledger_command("approve", COHORT, "--up-to", "30", "--only", "removals")
    assert commands.target().code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 31))


def test_one_list_alone_can_be_reversed(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(2)), *snapshot(*people(2), **VIPS))
    bad = commands.target(*snapshot(*people(3)), *snapshot(*people(3), **VIPS))
    said = undo(commands, bad, "--cohort", COHORT)
    assert [one["list_name"] for one in said["lists"]] == ["activeusers"]
    commands.target()
    lists = sandbox.control.lists()
    assert (lists["activeusers"], lists["VIPs"]) == (addresses(1, 2), addresses(1, 2, 3))


def test_it_says_what_it_will_do(commands: Commands) -> None:
    ended = commands.target(*snapshot(*people(3)))
    run_id = ended.report["run_id"]
    plain = commands.ledger_command("undo", run_id)
    assert plain.code == 0
    assert "'activeusers' of cohort 'active users' (9zx41kq): 3 members are to be taken off" in (
        plain.stdout
    )
    assert "mend it there first" in plain.stdout
    again = commands.ledger_command("undo", run_id)
    assert again.code == 0
    assert f"nothing to undo of run {run_id}" in again.stdout


def test_a_run_that_is_not_known_is_named(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    answer = commands.ledger_command("undo", "2020-01-01T00:00:00Z-nope")
    assert answer.code == 1
    assert "knows no run 2020-01-01T00:00:00Z-nope" in answer.stderr
    assert "cordial-ledger history" in answer.stderr
