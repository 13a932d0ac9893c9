"""A list that has members already, when its cohort is new to the ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

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
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands, Ended

FOREIGN = "foreign@shop.example"
ADOPT = f"cordial-ledger adopt {COHORT}"


@pytest.fixture
def filled(either: Commands, sandbox: Running) -> Commands:
    """Users 1 to 5 and a stranger are on the list; the ledger is new."""
    sandbox.control.put_list("activeusers", [*addresses(1, 2, 3, 4, 5), FOREIGN])
    return either


def on_list(sandbox: Running) -> list[str]:
    return sandbox.control.lists()["activeusers"]


def csv(commands: Commands, *lines: str) -> str:
    path: Path = commands.folder / "ours.csv"
    path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    return str(path)


def waits(ended: Ended) -> None:
    assert ended.code == 3
    assert "had 6 members" in ended.last_line
    assert f"{ADOPT} --file CSV" in ended.last_line
    assert f"{ADOPT} --none" in ended.last_line


def test_everyone_present_is_added_nobody_removed_and_every_run_says_so(
    filled: Commands, sandbox: Running
) -> None:
    first = filled.target(*snapshot(*people(4, first=3)))
    waits(first)
    assert first.states  # nothing has to be sent again
    assert first.cohort(COHORT)["added"] == 4
    assert on_list(sandbox) == sorted([*addresses(1, 2, 3, 4, 5, 6), FOREIGN])
    second = filled.target(*snapshot(*people(3, first=4)))  # user 3 left
    waits(second)
    part = second.cohort(COHORT)
    assert (part["removed"], part["withheld"], part["pending"]) == (0, 1, 0)
    waits(filled.target(FLAGGED, change(4, operation="remove")))
    waits(filled.target())  # a run in which that cohort does not come
    other = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}
    waits(filled.target(*snapshot(*people(1), **other)))
    assert on_list(sandbox) == sorted([*addresses(1, 2, 3, 4, 5, 6), FOREIGN])
    assert sandbox.control.lists()["VIPs"] == addresses(1)


def test_an_approval_is_no_adoption(filled: Commands, sandbox: Running) -> None:
    filled.target(*snapshot(*people(5)))
    filled.target(*snapshot(*people(3)))
    filled.ledger_command("approve", COHORT, "--up-to", "500")
    waits(filled.target(max_removal_percent=100))
    assert on_list(sandbox) == sorted([*addresses(1, 2, 3, 4, 5), FOREIGN])


def test_left_there_only_what_we_added_is_taken_off(filled: Commands, sandbox: Running) -> None:
    filled.target(*snapshot(*people(2, first=4)))
    filled.target(*snapshot(member(5)))
    answer = filled.ledger_command("adopt", COHORT, "--none")
    assert answer.code == 0
    assert "left there" in answer.stdout
    assert filled.target().code == 0
    assert on_list(sandbox) == sorted([*addresses(1, 2, 3, 5), FOREIGN])
    assert filled.target(*snapshot(member(1))).code == 0
    assert on_list(sandbox) == sorted([*addresses(1, 2, 3), FOREIGN])


def test_who_is_adopted_is_taken_off_by_the_next_complete_snapshot_and_not_before(
    filled: Commands, sandbox: Running
) -> None:
    filled.target(*snapshot(*people(4, first=3)))
    sandbox.control.clear_calls()
    ours = csv(filled, "email", *addresses(1, 2, 3, 4, 5))
    answer = filled.ledger_command("--json", "adopt", COHORT, "--file", ours)
    assert answer.code == 0
    assert json.loads(answer.stdout) == {
        "cohort_id": COHORT,
        "list_name": "activeusers",
        "found": 6,
        "adopted": 2,
        "known": 3,
        "unusable": 0,
        "not_on_list": 0,
    }
    assert filled.target().code == 0
    assert sandbox.control.write_calls() == []
    half = snapshot(*people(4, first=3))[:-2]  # without its marker
    assert filled.target(*half).code == 3
    assert sandbox.control.write_calls() == []
    assert filled.target(*snapshot(*people(4, first=3))).code == 0
    assert on_list(sandbox) == sorted([*addresses(3, 4, 5, 6), FOREIGN])


def test_whoever_adopts_a_file_is_not_told_that_its_people_are_on_the_list(
    filled: Commands, sandbox: Running
) -> None:
    filled.target(*snapshot(*people(1)))
    ours = csv(filled, "email", *addresses(2, 70))  # nobody looks whether user 70 is on it
    said = filled.ledger_command("adopt", COHORT, "--file", ours).stdout
    assert "2 identifiers of the file count as members of list 'activeusers'" in said
    assert "Whether the others are on it was not looked up" in said
    assert "had only" not in said
    [command] = [word for word in said.split(". ") if "cordial-ledger" in word]
    assert command.endswith(f"cordial-ledger verify {COHORT}")
    verified = filled.ledger_command("verify", COHORT)
    assert (verified.code, "1 of 3 that were read are not on it" in verified.stdout) == (3, True)
    assert on_list(sandbox) == sorted([*addresses(1, 2, 3, 4, 5), FOREIGN])


def test_who_is_claimed_and_not_on_the_list_is_added_where_the_source_wants_it(
    filled: Commands, sandbox: Running
) -> None:
    """An old file's word is no confirmation; and nobody is added by it alone."""
    filled.target(*snapshot(*people(5)))
    ours = csv(filled, "email", *addresses(*range(1, 6), 7, 8))
    filled.ledger_command("adopt", COHORT, "--file", ours)
    sandbox.control.clear_calls()
    assert filled.target(*snapshot(*people(5))[:-2]).code == 3
    assert sandbox.control.write_calls() == []
    assert filled.target(*snapshot(*people(5), member(7))).code == 0
    assert on_list(sandbox) == sorted([*addresses(1, 2, 3, 4, 5, 7), FOREIGN])
    sandbox.control.clear_calls()
    assert filled.target(*snapshot(*people(5), member(7))).code == 0
    assert sandbox.control.write_calls() == []


def test_who_is_claimed_and_was_never_added_still_is(filled: Commands, sandbox: Running) -> None:
    address = "user9@shop.example"
    sandbox.control.add_fault("reject_contact", identifier=address, times=None)
    filled.target(*snapshot(*people(5), member(9)))
    filled.ledger_command("adopt", COHORT, "--file", csv(filled, "email", address))
    sandbox.control.clear_faults()
    assert filled.target().code == 0
    assert address in on_list(sandbox)


def test_who_is_claimed_and_comes_back_while_the_removal_waits_is_added(
    filled: Commands, sandbox: Running
) -> None:
    filled.target(*snapshot(*people(5)))
    ours = csv(filled, "email", *addresses(*range(20, 40)))
    filled.ledger_command("adopt", COHORT, "--file", ours)
    assert filled.target(*snapshot(*people(5))).code == 3  # twenty removals are withheld
    filled.target(*snapshot(*people(5), member(20)))
    assert "user20@shop.example" in on_list(sandbox)


def test_a_file_that_claims_more_than_the_list_had_is_named(filled: Commands) -> None:
    filled.target(*snapshot(*people(1)))
    ours = csv(filled, "email", *addresses(*range(11, 18)))
    said = filled.ledger_command("adopt", COHORT, "--file", ours).stdout
    assert "The list had only 6 members when its cohort was new" in said


def test_adopted_members_leave_under_the_guard(filled: Commands, sandbox: Running) -> None:
    filled.target(*snapshot(*people(1)))
    filled.ledger_command(
        "adopt", COHORT, "--file", csv(filled, "email", *addresses(1, 2, 3, 4, 5))
    )
    ended = filled.target(*snapshot(*people(1)), max_removal_count=3)
    assert ended.code == 3
    assert f"approve {COHORT} --up-to 4 --only removals" in ended.last_line
    assert len(on_list(sandbox)) == 6


def test_an_adopted_member_is_the_user_who_comes_with_that_address(
    filled: Commands, sandbox: Running
) -> None:
    filled.target(*snapshot(*people(1)))
    filled.ledger_command(
        "adopt", COHORT, "--file", csv(filled, "email", *addresses(1, 2, 3, 4, 5))
    )
    assert filled.target(FLAGGED, change(2, operation="add")).code == 0
    gone = [change(2, operation="remove"), change(3, operation="remove")]
    assert filled.target(FLAGGED, *gone).code == 0
    assert on_list(sandbox) == sorted([*addresses(1, 4, 5), FOREIGN])


def test_an_export_of_cordials_is_taken_as_it_is(filled: Commands, sandbox: Running) -> None:
    filled.target(*snapshot(*people(1)))
    export = csv(
        filled,
        "\ufeffcID,Channels.Email.Address,otherlist,activeusers",
        "1,User1@shop.example,1,1",
        "2, user2@shop.example ,0,true",
        "3,user3@shop.example,1,0",
        "4,not an address,1,1",
        '5,"user5@shop.example",1,TRUE',
        "6",
        "",
    )
    answer = json.loads(filled.ledger_command("adopt", COHORT, "--file", export, "--json").stdout)
    assert (answer["adopted"], answer["known"]) == (2, 1)
    assert (answer["unusable"], answer["not_on_list"]) == (1, 2)
    assert filled.target(*snapshot(*people(1))).code == 0
    assert on_list(sandbox) == sorted([*addresses(1, 3, 4), FOREIGN])


def test_a_plain_list_needs_no_header(filled: Commands, sandbox: Running) -> None:
    filled.target(*snapshot(*people(1)))
    filled.ledger_command("adopt", COHORT, "--file", csv(filled, *addresses(1, 2)))
    assert filled.target(*snapshot(*people(1))).code == 0
    assert on_list(sandbox) == sorted([*addresses(1, 3, 4, 5), FOREIGN])


def test_a_file_that_says_nothing_of_our_identifier_adopts_nobody(filled: Commands) -> None:
    filled.target(*snapshot(*people(1)))
    for lines in (
        ["name,age", "user1@shop.example,4"],
        [],
        ["email"],
        ["email,activeusers", "user1@shop.example,0"],
        ["email", "nobody"],
    ):
        answer = filled.ledger_command("adopt", COHORT, "--file", csv(filled, *lines), "--json")
        assert answer.code == 1, lines
        assert json.loads(answer.stdout)["error"]["code"] == "input"
        assert "shop.example" not in answer.stdout + answer.stderr
    waits(filled.target())


@pytest.mark.parametrize("arguments", [[], ["--none", "--file", __file__]])
def test_whose_they_are_has_to_be_said(filled: Commands, arguments: list[str]) -> None:
    filled.target(*snapshot(*people(1)))
    answer = filled.ledger_command("adopt", COHORT, *arguments)
    assert answer.code == 2
    assert "--file" in answer.stderr
    assert "--none" in answer.stderr
    waits(filled.target())


def test_nothing_is_written_where_the_members_can_not_be_counted(
    filled: Commands, sandbox: Running
) -> None:
    body: dict[str, Any] = {"error": True, "message": "down"}
    sandbox.control.add_fault("status", path_contains="/count", times=None, status=404, body=body)
    ended = filled.target(*snapshot(*people(9)))
    assert ended.code == 3
    assert "could not be read" in ended.last_line
    assert "was not written" in ended.last_line
    assert ended.cohort(COHORT)["pending"] == 9
    assert sandbox.control.write_calls() == []
    sandbox.control.clear_faults()
    waits(filled.target())
    assert len(on_list(sandbox)) == 10


def test_a_list_of_our_own_has_nobody_to_adopt(either: Commands, sandbox: Running) -> None:
    assert either.target(*snapshot(*people(3))).code == 0
    sandbox.control.put_list("activeusers", [FOREIGN])
    assert either.target(*snapshot(*people(2))).code == 0
    answer = either.ledger_command("adopt", COHORT, "--none")
    assert (answer.code, "nothing changed" in answer.stdout) == (0, True)
    assert on_list(sandbox) == sorted([*addresses(1, 2), FOREIGN])


def test_an_empty_list_has_nobody_to_adopt(either: Commands, sandbox: Running) -> None:
    sandbox.control.put_list("activeusers")
    assert either.target(*snapshot(*people(3))).code == 0
    assert either.target(*snapshot(*people(2))).code == 0
    assert on_list(sandbox) == addresses(1, 2)


def test_a_lost_ledger_removes_nobody(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(6)))
    either.place.remove()
    waits(either.target(*snapshot(*people(3))))
    assert on_list(sandbox) == addresses(1, 2, 3, 4, 5, 6)
    either.ledger_command("adopt", COHORT, "--file", csv(either, "email", *on_list(sandbox)))
    assert either.target(*snapshot(*people(3))).code == 0
    assert on_list(sandbox) == addresses(1, 2, 3)


def test_a_dry_run_says_so_and_keeps_nothing(filled: Commands, sandbox: Running) -> None:
    waits(filled.target(*snapshot(*people(2)), dry_run=True))
    assert filled.place.tables() == {}
    assert sandbox.control.write_calls() == []


def test_a_forgotten_cohort_is_new_to_the_ledger(filled: Commands, sandbox: Running) -> None:
    filled.target(*snapshot(*people(5)))
    filled.ledger_command("adopt", COHORT, "--none")
    filled.ledger_command("forget", COHORT)
    waits(filled.target(*snapshot(*people(1))))
    assert len(on_list(sandbox)) == 6


def test_forgetting_a_cohort_tells_of_removals_that_were_waiting(filled: Commands) -> None:
    filled.target(*snapshot(*people(3)))
    filled.target(*snapshot(*people(1)))
    told = filled.ledger_command("forget", COHORT).stdout
    assert "So do 2 people who have left it: their removals were waiting" in told


def test_status_shows_what_waits_to_be_adopted(filled: Commands) -> None:
    filled.target(*snapshot(*people(1)))
    shown = filled.ledger_command("status").stdout
    assert f"6 members whom nobody has claimed ({ADOPT})" in shown
    as_json = json.loads(filled.ledger_command("--json", "status").stdout)
    assert as_json["cohorts"][0]["to_adopt"] == 6
