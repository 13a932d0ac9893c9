"""What is withheld, approved, rejected or doubted."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    commands.ledger_command("approve", COHORT, "--up-to", "30")
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
