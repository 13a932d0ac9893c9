"""A dry run's plan: per list and for all contacts, on the log and in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.ledgers import SQLITE
from tests.target_cordial.command.conftest import Commands
from tests.target_cordial.command.messages import COHORT, people, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Ended

VIPS = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Vw3"}


def planned(ended: Ended) -> dict[str, Any]:
    plan: dict[str, Any] = ended.report["plan"]
    return plan


def test_a_plan_says_of_each_list_what_was_what_comes_and_what_the_guard_does(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(40)))
    sandbox.control.clear_calls()
    ended = commands.target(*snapshot(*people(22, 21)), *snapshot(*people(3), **VIPS), dry_run=True)
    assert ended.code != 0  # as the real run would: removals are withheld
    assert sandbox.control.write_calls() == []
    vips, actives = planned(ended)["lists"]
    assert actives == {
        "cohort_id": COHORT,
        "cohort_name": "active users",
        "list_name": "activeusers",
        "new": False,
        "before": 40,
        "add": 2,
        "remove": 0,
        "withheld_additions": 0,
        "withheld_removals": 20,
        "after": 42,
        "guard_additions": "passes",
        "guard_removals": "withholds",
    }
    assert (vips["list_name"], vips["new"], vips["after"]) == ("VIPs", True, 3)
    assert planned(ended)["contacts"] == 5
    assert (
        "Plan for list 'activeusers' of cohort 'active users' (9zx41kq): 40 members before, "
        "2 to add, 0 to remove, 42 after; guard, removals: withholds 20."
    ) in ended.stderr
    assert "Plan: 5 contacts would change, and no automation is set off" in ended.stderr


def test_an_approval_and_members_whom_nobody_claimed_are_said(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.put_list("VIPs", ["other@shop.example"])
    commands.target(*snapshot(*people(40)), *snapshot(*people(3), **VIPS))
    commands.target(*snapshot(*people(10)))
    commands.ledger_command("approve", COHORT, "--up-to", "30")
    plans = planned(commands.target(*snapshot(*people(2), **VIPS), dry_run=True))["lists"]
    said = {one["list_name"]: (one["remove"], one["guard_removals"]) for one in plans}
    assert said["activeusers"] == (30, "passes by an approval")
    assert said["VIPs"] == (0, "waits for cordial-ledger adopt")


@pytest.mark.ledger(SQLITE)
@pytest.mark.parametrize(
    ("suppress_triggers", "firing"), [("always", 0), ("first_sync", 4), ("never", 6)]
)
def test_a_plan_says_how_many_contacts_set_off_automations(
    commands: Commands, suppress_triggers: str, firing: int
) -> None:
    commands.target(*snapshot(*people(3)))
    # Six more join the list that there is; the last two of them come to a new one, too.
    ended = commands.target(
        *snapshot(*people(9, 1)),
        *snapshot(*people(2, 8), **VIPS),
        dry_run=True,
        suppress_triggers=suppress_triggers,
    )
    assert planned(ended)["contacts"] == 6
    assert planned(ended)["contacts_that_fire_triggers"] == firing
    assert (f"{firing} of them setting off automations" in ended.stderr) is bool(firing)


@pytest.mark.ledger(SQLITE)
def test_with_imports_the_lists_of_a_contact_are_apart(imports: Commands) -> None:
    imports.target(*snapshot(*people(3)))
    ended = imports.target(
        *snapshot(*people(9)),
        *snapshot(*people(2, 8), **VIPS),
        dry_run=True,
        suppress_triggers="first_sync",
    )
    assert planned(ended)["contacts_that_fire_triggers"] == 6


@pytest.mark.ledger(SQLITE)
def test_behind_the_endpoint_triggers_are_not_the_targets(sandbox: Running, tmp_path: Path) -> None:
    ended = Commands(sandbox, tmp_path, "endpoint").target(*snapshot(*people(1)), dry_run=True)
    assert planned(ended)["contacts_that_fire_triggers"] is None
    assert "Plan: 1 contact would change; whether automations" in ended.stderr


def test_a_real_run_has_no_plan_in_its_report(commands: Commands) -> None:
    assert "plan" not in commands.target(*snapshot(*people(1))).report
