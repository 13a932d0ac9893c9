"""``cordial-ledger why``: on which lists somebody is, since when, through whom, or why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    change,
    member,
    people,
    snapshot,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

VIPS = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Vw3"}
ANA = "user1@shop.example"


def why(commands: Commands, *words: str) -> dict[str, Any]:
    answer = commands.ledger_command("why", *words, "--json")
    assert answer.code == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def states(commands: Commands, word: str = ANA) -> list[tuple[str, str]]:
    return [(one["list_name"], one["state"]) for one in why(commands, word)["lists"]]


@pytest.mark.parametrize("word", [ANA, f" {ANA.upper()}\t", "u-1", "35689301"])
def test_on_which_lists_since_when_and_through_whom(commands: Commands, word: str) -> None:
    ended = commands.target(*snapshot(*people(2)), *snapshot(*people(1), **VIPS))
    found = why(commands, word)
    assert [one["list_name"] for one in found["lists"]] == ["activeusers", "VIPs"]
    for one in found["lists"]:
        assert one["state"] == "on"
        assert one["users"] == ["35689301"]
        assert one["run_id"] == ended.report["run_id"]
        assert one["added_at"].startswith("20")
    shown = commands.ledger_command("why", word).stdout
    assert "List 'activeusers' of cohort 'active users' (9zx41kq): on it since 20" in shown
    assert "through user 35689301" in shown
    assert ended.report["run_id"] in shown


def test_the_answer_shows_no_identifier(commands: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault("reject_contact", identifier=ANA)
    commands.target(*snapshot(*people(2)), max_rejected_percent=100)
    for answer in (
        commands.ledger_command("why", ANA),
        commands.ledger_command("why", "u-1", "--json"),
    ):
        assert ANA not in answer.stdout + answer.stderr
        assert "u***@shop.example" in answer.stdout


def test_two_users_of_one_address_are_both_named(commands: Commands) -> None:
    commands.target(*snapshot(member(1), member(2, ANA)))
    assert why(commands, ANA)["lists"][0]["users"] == ["35689301", "35689302"]
    assert "through users 35689301, 35689302" in commands.ledger_command("why", ANA).stdout


def test_who_left_is_not_on_it(commands: Commands) -> None:
    commands.target(*snapshot(*people(3)))
    commands.target(*snapshot(*people(2, 2)))
    (one,) = why(commands, ANA)["lists"]
    assert one["state"] == "off"
    assert one["removed_at"].startswith("20")
    assert "not on it: nobody who is in the cohort" in commands.ledger_command("why", ANA).stdout


def test_who_left_by_an_id_alone_is_said_to_have_left(commands: Commands) -> None:
    commands.target(*snapshot(*people(3)))
    left = change(1, in_cohort=False, computed_time="2027-01-01T00:00:00Z")
    commands.target(FLAGGED, left)
    found = why(commands, "35689301", "--by", "amplitude-id")
    assert [one["state"] for one in found["lists"]] == ["left"]
    assert "the user left the cohort" in commands.ledger_command("why", "35689301").stdout


def test_a_removal_that_is_withheld_waits(commands: Commands) -> None:
    commands.target(*snapshot(*people(40)))
    commands.target(*snapshot(*people(10, 31)))
    assert states(commands) == [("activeusers", "removal_waits")]
    assert "still on it, though not in the cohort" in commands.ledger_command("why", ANA).stdout


def test_what_cordial_refused_is_said_with_its_words_and_when_it_is_tried_again(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("reject_contact", identifier=ANA)
    commands.target(*snapshot(*people(2)), max_rejected_percent=100)
    (one,) = why(commands, ANA)["lists"]
    assert one["state"] == "addition_rejected"
    assert one["reason"] == "rejected_by_cordial"
    assert one["message"]
    assert one["retried_at"] > one["rejected_at"]
    shown = commands.ledger_command("why", ANA).stdout
    assert "Cordial rejected the addition" in shown
    assert "cordial-ledger retry" in shown


def test_what_could_not_be_sent_waits(commands: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault("status", path_contains="/v2/contacts", times=None, status=401)
    commands.target(*snapshot(*people(1)))
    assert states(commands)[0][1] in {"addition_waits", "addition_unknown"}
    assert "The next run sends it" in commands.ledger_command("why", ANA).stdout


def test_who_was_skipped_is_found_in_the_rejects_file(commands: Commands) -> None:
    commands.target(*snapshot(*people(1), member(2, "no address")))
    found = why(commands, "35689302")
    assert found["lists"] == []
    assert [one["reason"] for one in found["skipped"]] == ["invalid_identifier"]
    assert "Skipped by the last run in cohort 'active users' (9zx41kq)" in (
        commands.ledger_command("why", "35689302").stdout
    )


def test_a_rejects_file_that_cant_be_read_is_an_error(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    commands.rejects_path.unlink()
    assert why(commands, ANA)["skipped"] == []
    commands.rejects_path.mkdir()
    answer = commands.ledger_command("why", ANA)
    assert answer.code == 1
    assert "rejects_path" in answer.stderr


def test_who_is_not_known_is_said_to_be_nobody(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    found = why(commands, "nobody@shop.example")
    assert found == {"known": False, "lists": [], "skipped": []}
    shown = commands.ledger_command("why", "nobody@shop.example")
    assert shown.code == 0
    assert "knows nobody by this" in shown.stdout
    assert "nobody@" not in shown.stdout


@pytest.mark.parametrize("words", [("",), ("  ",), ("a", "b")])
def test_a_question_about_nobody_is_refused(commands: Commands, words: tuple[str, ...]) -> None:
    commands.target(*snapshot(*people(1)))
    assert commands.ledger_command("why", *words).code != 0


def test_a_word_that_means_two_people_has_to_be_told_apart(commands: Commands) -> None:
    commands.target(*snapshot(member("1"), member("2", user_id="35689301")))
    answer = commands.ledger_command("why", "35689301")
    assert answer.code == 1
    assert "--by" in answer.stderr
    assert [one["state"] for one in why(commands, "35689301", "--by", "user-id")["lists"]] == ["on"]


def test_a_former_address_that_is_held_names_its_user(commands: Commands) -> None:
    commands.target(*snapshot(*people(3)))
    commands.target(*snapshot(member(1, "new@shop.example"))[:-2])  # no marker: nothing is proven
    found = {one["identifier"]: one for one in why(commands, "35689301")["lists"]}
    assert found["u***@shop.example"]["formerly"] == ["35689301"]
    assert found["n***@shop.example"]["users"] == ["35689301"]
    assert "kept for 35689301 until a complete snapshot" in (
        commands.ledger_command("why", "35689301").stdout
    )


def test_who_is_held_by_somebodys_word_is_said_to_be(commands: Commands) -> None:
    commands.target(*snapshot(*people(3)))
    bad = commands.target(*snapshot(*people(2, 2)))
    commands.ledger_command("undo", bad.report["run_id"])
    assert states(commands) == [("activeusers", "addition_waits")]
    assert "held by somebody's word" in commands.ledger_command("why", ANA).stdout
    assert COHORT in commands.ledger_command("why", ANA).stdout
