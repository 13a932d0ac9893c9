"""``cordial-ledger erase``: the ledger forgets a person, and says where they still are."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.ledger import postgres
from tests.ledgers import SQLITE
from tests.target_cordial.command.clock import DAY, let_pass
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
    from tests.ledgers import LedgerPlace
    from tests.target_cordial.command.conftest import Commands

MARKED = "zzmarked7"
ADDRESS = f"{MARKED}@shop.example"
VIPS = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Vw3"}
LIST = {"cohort_id": COHORT, "cohort_name": "active users", "list_name": "activeusers"}


FILE = pytest.mark.ledger(SQLITE)
"""Tests that are about files, or for which the kind of ledger means nothing."""


def marked(email: str = ADDRESS, **values: Any) -> dict[str, Any]:
    """One whose every id can be found again: nothing else holds MARKED."""
    return member(MARKED, email, **values)


def erase(commands: Commands, *words: str) -> dict[str, Any]:
    ended = commands.ledger_command("erase", *words, "--json")
    assert ended.code == 0, ended.stderr
    assert MARKED not in ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def holds(place: LedgerPlace, text: str = MARKED) -> list[str]:
    """Name the tables of a ledger that hold a text, in whichever column."""
    return [
        table
        for table in place.tables()
        if any(text in str(row) for row in place.read(f"SELECT * FROM {table}"))  # noqa: S608  names of the ledger's own
    ]


def files_with(folder: Path, text: str = MARKED) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(
    "word", [f"  {ADDRESS.upper()}\t", f"u-{MARKED}", f"3568930{MARKED}"], ids=["@", "user", "id"]
)
def test_everything_that_the_ledger_has_of_a_person_goes(commands: Commands, word: str) -> None:
    commands.target(*snapshot(*people(2), marked()), *snapshot(marked(), **VIPS))
    assert set(holds(commands.place)) == {"member", "entry"}
    before = len(commands.place.read("SELECT * FROM entry"))
    answer = erase(commands, word)
    assert (answer["known"], answer["users"], answer["rows"]) == (True, 1, 4)
    assert [(one["list_name"], one["state"]) for one in answer["lists"]] == [
        ("activeusers", "on"),
        ("VIPs", "on"),
    ]
    assert holds(commands.place) == []
    assert len(commands.place.read("SELECT * FROM entry")) == before - 2


@FILE
def test_no_byte_of_a_person_stays_in_the_ledgers_folder(commands: Commands) -> None:
    crowd = [member(number, f"{number:04}{'x' * 60}@shop.example") for number in range(300)]
    commands.target(*snapshot(*crowd[:150], marked(), *crowd[150:]))
    folder = commands.ledger.parent
    # Bytes of old: what is only moved stays where it was, whatever the pragmas say.
    with closing(sqlite3.connect(commands.ledger)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("UPDATE entry SET rejected_message = ?", [f"{ADDRESS} again"])
        connection.commit()
        connection.execute("UPDATE entry SET rejected_message = NULL")
        connection.commit()
    assert files_with(folder)
    erase(commands, ADDRESS)
    assert files_with(folder) == []
    assert {path.name for path in folder.iterdir()} == {".gitignore", "ledger.db", "ledger.db.lock"}


@FILE
def test_files_that_could_not_be_written_anew_are_said_and_done_the_next_time(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_cordial.ledger.sqlite.PATIENCE_SECONDS", 0.1)
    commands.target(*snapshot(*people(1), marked()))
    with closing(sqlite3.connect(commands.ledger)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM entry").fetchall()
        ended = commands.ledger_command("erase", ADDRESS)
        assert ended.code == 1
        assert "deleted bytes may still be in them" in ended.stderr
        assert MARKED not in ended.stderr
    assert erase(commands, ADDRESS)["known"] is False
    assert files_with(commands.ledger.parent) == []


@FILE
def test_the_retention_of_leavers_leaves_no_byte_either(commands: Commands) -> None:
    commands.target(*snapshot(*people(3), marked()))
    commands.target(*snapshot(*people(3)))
    let_pass(commands.place, 30 * DAY - 60)
    commands.target()
    assert files_with(commands.ledger.parent) == ["ledger.db"]
    let_pass(commands.place, 120)
    commands.target()
    assert files_with(commands.ledger.parent) == []


# -- who is meant ---------------------------------------------------------------------------------


def test_another_user_with_the_same_address_keeps_it(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(2), member(3, "user2@shop.example")))
    answer = erase(commands, "u-3")
    assert answer["lists"] == [{**LIST, "state": "shared"}]
    assert holds(commands.place, "u-3") == []
    assert set(holds(commands.place, "user2@")) == {"member", "entry"}
    assert commands.target(*snapshot(*people(2))).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_by_an_address_everybody_goes_who_has_it(commands: Commands) -> None:
    commands.target(*snapshot(*people(2), marked("user2@shop.example")))
    answer = erase(commands, "user2@shop.example")
    assert (answer["users"], answer["rows"]) == (2, 3)
    assert (
        holds(commands.place),
        holds(commands.place, "user2@"),
        holds(commands.place, "u-2"),
    ) == ([], [], [])
    assert set(holds(commands.place, "user1@")) == {"member", "entry"}


def test_a_former_address_goes_with_its_user(commands: Commands) -> None:
    commands.target(*snapshot(*people(2), marked()))
    # No proof: the former address stays wanted, in a row of its own.
    commands.target(*snapshot(marked("new@shop.example"))[:-2])
    assert len(commands.place.read("SELECT * FROM member WHERE held_of IS NOT NULL")) == 1
    assert erase(commands, ADDRESS)["users"] == 1
    assert (holds(commands.place), holds(commands.place, "new@")) == ([], [])


def test_one_person_with_two_amplitude_ids_is_one_person(commands: Commands) -> None:
    same = {"user_id": f"u-{MARKED}"}
    commands.target(*snapshot(*people(1), marked(), member(77, "other@shop.example", **same)))
    assert erase(commands, ADDRESS)["users"] == 2
    assert (holds(commands.place), holds(commands.place, "other@")) == ([], [])


def test_a_placeholder_is_no_person(commands: Commands) -> None:
    crowd = [member(number, user_id="guest") for number in range(30)]
    commands.target(*snapshot(*crowd))
    for word in ("guest", "user7@shop.example"):
        ended = commands.ledger_command("erase", word)
        assert ended.code == 1
        assert "--by amplitude-id. Nothing was done" in ended.stderr
    assert len(commands.place.read("SELECT * FROM member")) == 30
    assert erase(commands, "35689307", "--by", "amplitude-id")["users"] == 1
    assert len(commands.place.read("SELECT * FROM member")) == 29


def test_an_id_that_means_two_people_is_asked_about(commands: Commands) -> None:
    commands.target(*snapshot(*people(2), member(3, user_id="35689301")))
    ended = commands.ledger_command("erase", "35689301")
    assert ended.code == 1
    assert "different people as user-id and as amplitude-id" in ended.stderr
    assert len(commands.place.read("SELECT * FROM member")) == 3
    erase(commands, "35689301", "--by", "user-id")
    assert set(holds(commands.place, "user1@")) == {"member", "entry"}
    assert holds(commands.place, "user3@") == []


def test_what_cordial_said_of_others_may_name_a_person_too(commands: Commands) -> None:
    commands.target(*snapshot(*people(2), marked()))
    commands.place.write(
        f"UPDATE entry SET rejected_message = 'is {ADDRESS.title()} already' "  # noqa: S608  words of ours
        "WHERE identifier = 'user1@shop.example'",
        "UPDATE entry SET rejected_message = 'unsubscribed' "
        "WHERE identifier = 'user2@shop.example'",
    )
    erase(commands, ADDRESS)
    assert holds(commands.place, MARKED.title()) == []
    assert holds(commands.place, "unsubscribed") == ["entry"]


def test_who_has_left_is_known_by_address_and_by_id_apart(commands: Commands) -> None:
    timed = {"computed_time": 1_795_000_000_000}
    commands.target(FLAGGED, change(MARKED, ADDRESS, in_cohort=True, **timed))
    commands.target(FLAGGED, change(MARKED, ADDRESS, in_cohort=False, **timed))
    assert set(holds(commands.place)) == {"entry", "leaver"}
    answer = commands.ledger_command("erase", ADDRESS)
    assert "their other address and ids, too" in answer.stdout
    assert "delete the contact" not in answer.stdout  # they are on no list
    assert holds(commands.place) == ["leaver"]
    assert erase(commands, f"u-{MARKED}")["known"] is True
    assert holds(commands.place) == []


@FILE
def test_somebody_who_was_adopted_goes(commands: Commands, sandbox: Running) -> None:
    sandbox.control.put_list("activeusers", [ADDRESS])
    commands.target(*snapshot(*people(1)))
    file = commands.folder / "members.csv"
    file.write_text(f"email\n{ADDRESS}\n", encoding="utf-8")
    assert commands.ledger_command("adopt", COHORT, "--file", str(file)).code == 0
    assert erase(commands, ADDRESS)["lists"] == [{**LIST, "state": "on"}]
    assert files_with(commands.ledger.parent) == []


def test_an_identifier_that_is_no_address_keeps_its_letter_case(commands: Commands) -> None:
    by_key = {"contact_identifier_name": "customerId", "contact_identifier_mapping": "email"}
    commands.settings.update(by_key)
    commands.target(*snapshot(member(1, "Ab"), member(2, "aB")))
    erase(commands, " Ab ")
    assert [row["identifier"] for row in commands.place.read("SELECT * FROM entry")] == ["aB"]


# -- what is said ---------------------------------------------------------------------------------


def test_a_person_whom_the_ledger_does_not_know_is_no_failure(commands: Commands) -> None:
    """A script that erases everywhere may ask twice, and asks systems that never knew them."""
    commands.target(*snapshot(*people(1)))
    assert erase(commands, ADDRESS)["known"] is False
    assert "knows nobody by this" in commands.ledger_command("erase", ADDRESS).stdout
    assert len(commands.place.read("SELECT * FROM entry")) == 1


def test_it_says_on_which_lists_a_person_still_is_and_who_brings_them_back(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(40), marked()))
    withheld = commands.target(*snapshot(*people(10)))
    assert "withheld" in withheld.last_line
    said = commands.ledger_command("erase", ADDRESS).stdout
    assert "is still on, since the removal was not carried out, list 'activeusers'" in said
    assert "delete the contact in Cordial" in said
    assert "a later run brings them back" in said
    assert ("PostgreSQL keeps deleted rows" in said) == (commands.place.kind != SQLITE)
    commands.ledger_command("approve", COHORT, "--up-to", "40")
    assert commands.target().code == 0
    assert sandbox.control.lists()["activeusers"] == sorted([*addresses(*range(1, 11)), ADDRESS])


@FILE
def test_amplitude_brings_a_person_back(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(1), marked()))
    erase(commands, ADDRESS)
    ended = commands.target(*snapshot(*people(1), marked()))
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 1)
    assert commands.target(*snapshot(*people(1))).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1)


@FILE
def test_somebody_whose_addition_waited_is_not_added_any_more(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("status", status=401, path_contains="/v2/contacts", times=None)
    assert commands.target(*snapshot(*people(1), marked())).code == 1
    sandbox.control.clear_faults()
    assert erase(commands, ADDRESS)["lists"] == []
    commands.target()
    assert ADDRESS not in sandbox.control.lists()["activeusers"]


@FILE
def test_the_rejects_file_forgets_too(commands: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault("reject_contact", identifier=ADDRESS, times=None)
    commands.target(*snapshot(*people(1), member(2, "\u2028"), marked()))
    assert len(commands.rejects()) == 2
    assert erase(commands, f"u-{MARKED}")["rejects"] == 1
    assert [line["user"] for line in commands.rejects()] == ["35689302"]
    assert commands.rejects_path.stat().st_mode & 0o777 == 0o600
    assert files_with(commands.rejects_path.parent) == ["input.jsonl"]
    commands.rejects_path.unlink()
    assert erase(commands, "user1@shop.example")["rejects"] == 0


# -- what it needs --------------------------------------------------------------------------------


def test_the_identifier_can_come_by_standard_input(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.target(*snapshot(*people(1), marked()))
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{ADDRESS}\n"))
    assert erase(commands, "-")["known"] is True
    assert holds(commands.place) == []
    refused = commands.ledger_command("erase", "-")
    assert (refused.code, refused.stderr) == (
        1,
        "Error: There is no IDENTIFIER: nothing was done.\n",
    )


@FILE
def test_what_is_one_too_many_is_not_repeated(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    ended = commands.ledger_command("erase", "ana", ADDRESS, "--json")
    assert ended.code == 2
    assert MARKED not in ended.stdout + ended.stderr


def test_nobody_is_erased_while_a_run_holds_the_ledger(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "HOLD_SECONDS", 0)
    from target_cordial.ledger.store import Ledger  # noqa: PLC0415  a run, in short

    commands.target(*snapshot(*people(1), marked()))
    run = Ledger(commands.place.url, exclusive=True)
    ended = commands.ledger_command("erase", ADDRESS)
    run.close()
    assert ended.code == 1
    assert "Another run is using the ledger" in ended.stderr
    assert set(holds(commands.place)) == {"member", "entry"}


@FILE
@pytest.mark.usefixtures("quick")
def test_an_import_that_may_carry_a_person_is_named_and_followed_all_the_same(
    imports: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("job_stuck", strategy="updateOnly")
    imports.target(*snapshot(*people(2), marked()), import_timeout_seconds=1)
    answer = erase(imports, ADDRESS)
    assert [one["state"] for one in answer["lists"]] == ["unknown"]
    assert len(answer["imports"]) == 1
    said = imports.ledger_command("status").stdout
    assert answer["imports"][0] in said
    sandbox.control.release_jobs()
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 2)
    assert files_with(imports.ledger.parent) == []
