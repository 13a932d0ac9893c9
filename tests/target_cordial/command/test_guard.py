"""What is withheld, approved, rejected or doubted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.target_cordial.command.clock import DAY, HOUR, let_pass
from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    addresses,
    change,
    member,
    people,
    snapshot,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands


def test_a_mass_removal_is_withheld_until_approved_and_a_ceiling_holds(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(40)))
    ended = either.target(*snapshot(*people(10), member(99)))
    assert ended.code == 3
    assert ended.cohort(COHORT)["withheld"] == 30
    assert ended.cohort(COHORT)["added"] == 1
    assert f"cordial-ledger approve {COHORT} --up-to 30" in ended.last_line
    assert len(sandbox.control.lists()["activeusers"]) == 41
    either.ledger_command("approve", COHORT, "--up-to", "29")
    assert either.target().code == 3
    assert len(sandbox.control.lists()["activeusers"]) == 41
    either.ledger_command("approve", COHORT, "--up-to", "30")
    assert either.target().code == 0
    assert len(sandbox.control.lists()["activeusers"]) == 11


def test_an_approval_is_used_once(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(60)))
    commands.target(*snapshot(*people(40)))  # 20 of 60 are more than 10 and more than 30 %
    commands.ledger_command("approve", COHORT, "--up-to", "60")  # more than both plans together
    assert commands.target().code == 0
    assert len(sandbox.control.lists()["activeusers"]) == 40
    assert commands.target(*snapshot(*people(20))).code == 3
    assert len(sandbox.control.lists()["activeusers"]) == 40


def test_removals_of_the_last_day_count_together(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(30)))
    assert commands.target(*snapshot(*people(22))).code == 0
    ended = commands.target(*snapshot(*people(14)))
    assert ended.code == 3
    assert ended.cohort(COHORT)["withheld"] == 8
    assert len(sandbox.control.lists()["activeusers"]) == 22


def test_a_hundred_percent_switches_the_guard_off(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(30)))
    assert commands.target(*snapshot(), max_removal_percent=100).code == 0
    assert sandbox.control.lists()["activeusers"] == []


def test_one_rejected_contact_is_tolerated_and_named(either: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault("reject_contact", identifier="user2@shop.example", times=None)
    ended = either.target(*snapshot(*people(3)))
    assert ended.code == 0
    assert ended.cohort(COHORT)["rejected"] == {"rejected_by_cordial": 1}
    assert "1 changes are rejected" in ended.last_line
    entry = either.rejects()[0]
    assert (entry["user"], entry["identifier"], entry["kind"]) == (
        "35689302",
        "user2@shop.example",
        "rejected",
    )
    assert (entry["operation"], entry["reason"]) == (
        "add",
        "rejected_by_cordial",
    )
    assert sandbox.control.lists()["activeusers"] == addresses(1, 3)
    sandbox.control.clear_calls()
    assert either.target(*snapshot(*people(3))).code == 0
    assert sandbox.control.write_calls() == []


def test_more_rejects_than_tolerated_fail_the_run(commands: Commands) -> None:
    ended = commands.target(*snapshot(*people(12)), create_contacts=False)
    assert ended.code == 1
    assert ended.cohort(COHORT)["rejected"] == {"contact_not_found": 12}
    assert "max_rejected_percent" in ended.last_line


def test_many_people_unknown_to_cordial_are_no_success(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(60)))
    body = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}
    sandbox.control.add_fault(
        "status", method="PUT", path_contains="/v2/contacts", times=None, status=404, body=body
    )
    ended = commands.target(*snapshot(*people(48)))
    assert ended.code == 1
    assert ended.cohort(COHORT)["already_absent"] == 0
    assert ended.cohort(COHORT)["pending"] == 12
    assert "activeusers" in ended.last_line
    sandbox.control.clear_faults()
    assert commands.target().code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 49))


def test_a_few_people_unknown_to_cordial_are_absent_already(
    commands: Commands, sandbox: Running
) -> None:
    ended = commands.target(FLAGGED, change(1, operation="remove"), change(2, operation="add"))
    assert ended.code == 0
    assert ended.cohort(COHORT)["already_absent"] == 1
    sandbox.control.clear_calls()
    assert commands.target().code == 0
    assert sandbox.control.write_calls() == []


def test_removals_that_were_approved_count_in_the_day_too(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(60)))
    commands.target(*snapshot(*people(30)))
    commands.ledger_command("approve", COHORT, "--up-to", "30")
    assert commands.target().code == 0
    assert commands.target(*snapshot(*people(20))).code == 3
    assert len(sandbox.control.lists()["activeusers"]) == 30


def test_rejects_stay_a_failure_until_they_are_mended(commands: Commands) -> None:
    assert commands.target(*snapshot(*people(12)), create_contacts=False).code == 1
    again = commands.target(*snapshot(*people(12)), create_contacts=False)
    assert again.code == 1
    assert again.cohort(COHORT)["rejected"] == {"contact_not_found": 12}


def test_a_plan_that_passed_is_not_withheld_half_done(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(50)))
    body = {"error": True, "message": "down"}
    sandbox.control.add_fault(
        "status",
        method="PUT",
        path_contains="/v2/contacts",
        times=None,
        status=403,
        body=body,
        skip=7,
    )
    died = commands.target(*snapshot(*people(35)), max_concurrency=1)  # 15 of 50 are 30 %
    assert died.code == 1
    assert died.cohort(COHORT)["removed"] == 7
    sandbox.control.clear_faults()
    assert commands.target().code == 0
    assert len(sandbox.control.lists()["activeusers"]) == 35


# -- additions ------------------------------------------------------------------------------------

FEW = {"max_addition_count": 3, "max_addition_percent": 50}


def test_a_mass_addition_is_withheld_until_approved_and_a_ceiling_holds(
    either: Commands, sandbox: Running
) -> None:
    assert either.target(*snapshot(*people(10)), **FEW).code == 0  # the first sync passes
    ended = either.target(*snapshot(*people(15, first=2)), **FEW)  # one left, six joined
    assert ended.code == 3
    assert ended.states  # what is withheld waits in the ledger
    part = ended.cohort(COHORT)
    assert (part["withheld"], part["added"], part["removed"], part["pending"]) == (6, 0, 1, 0)
    assert f"cordial-ledger approve {COHORT} --up-to 6 --only additions" in ended.last_line
    assert sandbox.control.lists()["activeusers"] == addresses(*range(2, 11))
    either.ledger_command("approve", COHORT, "--up-to", "5")
    assert either.target(**FEW).code == 3
    either.ledger_command("approve", COHORT, "--up-to", "6")
    assert either.target(**FEW).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(2, 17))


def test_additions_of_a_first_sync_do_not_count_against_the_day(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(8)), **FEW)
    assert commands.target(*snapshot(*people(12)), **FEW).code == 0  # four of eight
    ended = commands.target(*snapshot(*people(13)), **FEW)
    assert ended.code == 3
    assert ended.cohort(COHORT)["withheld"] == 1
    assert "with 4 in the last 24 hours" in ended.last_line
    let_pass(commands.place, DAY + HOUR)
    assert commands.target(**FEW).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 14))


def test_zero_percent_switches_the_guard_of_additions_off(commands: Commands) -> None:
    off = {"max_addition_count": 0, "max_addition_percent": 0}
    commands.target(*snapshot(*people(2)), **off)
    assert commands.target(*snapshot(*people(20)), **off).code == 0


def test_a_thousand_additions_always_pass_by_default(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    assert commands.target(*snapshot(*people(30))).code == 0


def test_both_directions_can_be_withheld_and_approved_together(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(20)), **FEW)
    ended = either.target(*snapshot(*people(20, first=16)), **FEW)  # 15 left, 15 joined
    assert ended.code == 3
    part = ended.cohort(COHORT)
    assert (part["withheld"], part["pending"]) == (30, 0)
    assert "15 removals from list" in ended.last_line
    assert "15 additions to list" in ended.last_line
    assert f"cordial-ledger approve {COHORT} --up-to 15 " in ended.last_line
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 21))
    either.ledger_command("approve", COHORT, "--up-to", "15")
    assert either.target(**FEW).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(16, 36))
    assert (
        json.loads(either.ledger_command("status", "--json").stdout)["cohorts"][0]["approved_up_to"]
        is None
    )


def test_an_approval_of_one_direction_keeps_the_other_back(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(20)), **FEW)
    either.target(*snapshot(*people(20, first=16)), **FEW)
    either.ledger_command("approve", COHORT, "--up-to", "15", "--only", "removals")
    ended = either.target(**FEW)
    assert ended.code == 3
    assert (ended.cohort(COHORT)["removed"], ended.cohort(COHORT)["withheld"]) == (15, 15)
    assert "15 additions to list" in ended.last_line
    assert sandbox.control.lists()["activeusers"] == addresses(*range(16, 21))


def test_an_approval_is_void_after_a_week(commands: Commands) -> None:
    commands.target(*snapshot(*people(40)))
    commands.target(*snapshot(*people(10)))
    commands.ledger_command("approve", COHORT, "--up-to", "30")
    let_pass(commands.place, 7 * DAY + 60)
    assert commands.target().code == 3


def test_removals_of_the_last_day_are_those_of_24_hours(commands: Commands) -> None:
    commands.target(*snapshot(*people(30)))
    commands.target(*snapshot(*people(21)))
    assert commands.target(*snapshot(*people(15))).code == 3
    let_pass(commands.place, DAY + HOUR)
    assert commands.target().code == 0


def test_explicit_rows_are_guarded_as_absence_is(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(20)), **FEW)
    gone = [change(number, operation="remove") for number in range(1, 13)]
    new = [change(number, operation="add") for number in range(30, 45)]
    ended = either.target(FLAGGED, *gone, *new, **FEW)
    assert (ended.code, ended.cohort(COHORT)["withheld"]) == (3, 27)
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 21))


def test_a_dry_run_withholds_as_the_real_run_would(commands: Commands) -> None:
    commands.target(*snapshot(*people(20)), **FEW)
    ended = commands.target(*snapshot(*people(40)), **FEW, dry_run=True)
    assert ended.code == 3
    part = ended.cohort(COHORT)
    assert (part["added"], part["withheld"], part["pending"]) == (0, 20, 0)


# -- numbers of single cohorts --------------------------------------------------------------------


@pytest.mark.parametrize("key", [COHORT, "active users"])
def test_a_single_cohort_has_numbers_of_its_own(
    commands: Commands, sandbox: Running, key: str
) -> None:
    strict = {key: {"max_removal_percent": 0, "max_addition_percent": 1}}
    numbers = {"max_removal_count": 0, "max_addition_count": 0, "cohorts": strict}
    other = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}
    commands.target(*snapshot(*people(4)), *snapshot(*people(4), **other), **numbers)
    ended = commands.target(
        *snapshot(*people(4, first=2)), *snapshot(*people(4, first=2), **other), **numbers
    )
    assert ended.code == 3
    assert (ended.cohort(COHORT)["withheld"], ended.cohort("7khm89c")["withheld"]) == (2, 0)
    assert sandbox.control.lists() == {
        "activeusers": addresses(1, 2, 3, 4),
        "VIPs": addresses(2, 3, 4, 5),
    }


def test_the_guard_can_be_off_for_a_single_cohort(commands: Commands, sandbox: Running) -> None:
    off = {COHORT: {"max_removal_percent": 100}}
    commands.target(*snapshot(*people(20)))
    assert commands.target(*snapshot(), cohorts=off).code == 0
    assert sandbox.control.lists()["activeusers"] == []
