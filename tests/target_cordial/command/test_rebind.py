"""A ledger belongs to one destination, identifier name and mapping; ``rebind`` takes it over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cordial_sandbox.server import serving
from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    addresses,
    change,
    marker,
    member,
    people,
    snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands


@pytest.fixture
def other() -> Iterator[Running]:
    """Another account."""
    with serving() as running:
        yield running


def work(number: int, left: int | None = None) -> dict[str, Any]:
    """A user with two addresses."""
    properties = {
        "email": f"user{number}@shop.example",
        "work": f"work{left or number}@shop.example",
    }
    return member(number, user_properties=properties)


def rebind(commands: Commands) -> dict[str, Any]:
    answer = commands.ledger_command("rebind", "--json")
    assert answer.code == 0, answer.stderr
    data: dict[str, Any] = json.loads(answer.stdout)
    return data


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("contact_identifier_name", "customer_id", "contact_identifier_name"),
        ("contact_identifier_mapping", "work", "contact_identifier_mapping"),
        ("api_url", "http://127.0.0.1:9/v2", "destination"),
        ("endpoint", "http://127.0.0.1:9", "destination"),
    ],
)
def test_a_change_stops_the_run_before_any_write_and_names_the_remedy(
    commands: Commands, sandbox: Running, setting: str, value: str, said: str
) -> None:
    commands.target(*snapshot(*people(2)))
    sandbox.control.clear_calls()
    ended = commands.target(*snapshot(*people(1)), **{setting: value})
    assert (ended.code, ended.states) == (1, [])
    assert f"another {said}" in ended.last_line
    assert "cordial-ledger rebind" in ended.last_line
    assert ended.report["status"] == "failed"
    assert sandbox.control.calls() == []


def test_both_names_of_the_mail_address_are_one(either: Commands) -> None:
    either.target(*snapshot(*people(2)))
    either.settings["contact_identifier_name"] = "channels.email.address"
    assert either.target(*snapshot(*people(1))).code == 0
    assert rebind(either)["changed"] == []


def test_nothing_changed_is_said(commands: Commands) -> None:
    commands.target(*snapshot(*people(2)))
    answer = commands.ledger_command("rebind")
    assert answer.code == 0
    assert "nothing changed" in answer.stdout
    assert commands.target(*snapshot(*people(2))).code == 0


def test_another_mapping_moves_people_to_their_other_address(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(work(1), work(2), work(3)))
    either.settings["contact_identifier_mapping"] = "work"
    assert either.target(*snapshot(work(1))).code == 1
    answer = either.ledger_command("rebind")
    assert answer.code == 0
    assert "contact_identifier_mapping" in answer.stdout
    assert "--full-refresh" in answer.stdout
    assert "every run ends degraded" in answer.stdout
    assert either.target().code == 3
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)
    assert either.target(*snapshot(work(1), work(2), member(3))).code == 0
    assert sandbox.control.lists()["activeusers"] == [
        *addresses(3),  # has no other address: keeps the last one
        "work1@shop.example",
        "work2@shop.example",
    ]


REMAPPED = "stand there by the former contact_identifier_mapping"
OTHER = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}


@pytest.fixture
def remapped(commands: Commands) -> Commands:
    """Two cohorts whose members were sent by another property than the settings name now."""
    commands.target(*snapshot(work(1), work(2)), *snapshot(work(1), **OTHER), *snapshot(**EMPTY))
    commands.settings["contact_identifier_mapping"] = "work"
    rebind(commands)
    return commands


EMPTY = {"cohort_id": "0empty", "cohort_name": "nobody", "snapshot_id": "Rk3"}


def waiting(commands: Commands) -> list[str]:
    """The cohorts of which ``status`` says that their members are there by another property."""
    cohorts = json.loads(commands.ledger_command("status", "--json").stdout)["cohorts"]
    return [cohort["cohort_id"] for cohort in cohorts if cohort["remapped_at"] is not None]


def test_every_run_is_degraded_until_the_new_mappings_values_came(
    remapped: Commands, sandbox: Running
) -> None:
    assert waiting(remapped) == ["7khm89c", COHORT]
    assert "(run the tap with --full-refresh)" in remapped.ledger_command("status").stdout
    ended = remapped.target()
    assert (ended.code, ended.report["status"]) == (3, "degraded")
    for label in (f"'active users' ({COHORT})", "'VIPs' (7khm89c)"):
        assert f"Cohort {label}: the members of its list" in ended.last_line
    assert REMAPPED in ended.last_line
    assert "Run the tap with --full-refresh" in ended.last_line
    assert "nobody" not in ended.last_line
    ended = remapped.target(*snapshot(work(1), work(2)))
    assert ended.code == 3
    assert f"({COHORT})" not in ended.last_line
    assert "'VIPs' (7khm89c)" in ended.last_line
    assert waiting(remapped) == ["7khm89c"]
    assert remapped.target(*snapshot(work(1), **OTHER)).code == 0
    assert remapped.target().code == 0
    assert waiting(remapped) == []
    assert sandbox.control.lists()["VIPs"] == ["work1@shop.example"]


@pytest.mark.parametrize(
    "messages",
    [
        snapshot(work(1), work(2))[:-2],  # its marker is missing
        [*snapshot(work(1), work(2))[:-2], marker(3)],
        [*snapshot(work(1), work(2))[:-2], marker(2, computed_at="2026-11-01T10:00:00Z")],
        snapshot(member(1), member(2)),  # nobody has the new property
        [FLAGGED, change(1, user_properties={"work": "work1@shop.example"})],
    ],
    ids=["unproven", "miscounted", "outdated", "unresolved", "flags"],
)
def test_what_is_no_complete_snapshot_ends_no_wait(
    remapped: Commands, messages: list[dict[str, Any]]
) -> None:
    assert remapped.target(*messages).code == 3
    assert COHORT in waiting(remapped)
    ended = remapped.target()
    assert ended.code == 3
    assert f"'active users' ({COHORT}): the members of its list" in ended.last_line


def test_who_adopts_or_forgets_a_cohort_waits_no_more(remapped: Commands) -> None:
    answer = remapped.ledger_command("adopt", COHORT, "--none")
    assert (answer.code, "by the former" in answer.stdout) == (0, True)
    assert waiting(remapped) == ["7khm89c"]
    assert remapped.target().code == 3
    assert remapped.ledger_command("forget", "7khm89c").code == 0
    assert remapped.target().code == 0


def test_a_dry_run_with_the_new_values_ends_as_the_real_one_would(remapped: Commands) -> None:
    remapped.ledger_command("forget", "7khm89c")
    assert remapped.target(*snapshot(work(1), work(2)), dry_run=True).code == 0
    assert waiting(remapped) == [COHORT]


def test_another_mapping_is_planned_under_the_guard(either: Commands, sandbox: Running) -> None:
    everyone = [work(number) for number in range(1, 13)]
    either.target(*snapshot(*everyone))
    either.settings["contact_identifier_mapping"] = "work"
    rebind(either)
    ended = either.target(*snapshot(*everyone))
    assert ended.code == 3
    assert (ended.cohort(COHORT)["added"], ended.cohort(COHORT)["withheld"]) == (12, 12)
    assert len(sandbox.control.lists()["activeusers"]) == 24


def test_another_account_gets_everyone_without_a_new_download(
    commands: Commands, sandbox: Running, other: Running
) -> None:
    commands.target(*snapshot(*people(20)))
    commands.target(*snapshot(*people(8)), max_removal_percent=0)  # the rest is withheld
    commands.settings["api_url"] = f"{other.url}/v2"
    commands.settings["api_key"] = other.api_key
    answer = commands.ledger_command("rebind")
    assert "adds 8 memberships" in answer.stdout
    assert "The lists at the old destination stay as they are." in answer.stdout
    assert "--full-refresh" not in answer.stdout
    assert commands.target(max_addition_count=0, max_addition_percent=1).code == 0  # a first sync
    assert other.control.lists() == {"activeusers": addresses(*range(1, 9))}
    assert sandbox.control.lists() == {"activeusers": addresses(*range(1, 21))}
    assert commands.target(*snapshot(*people(3))).code == 0
    assert other.control.lists() == {"activeusers": addresses(1, 2, 3)}


def test_another_service_finds_the_lists_filled(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(4)))
    commands.settings["endpoint"] = sandbox.url
    assert rebind(commands) == {"changed": ["destination"], "to_add": 4, "to_adopt": []}
    ended = commands.target(*snapshot(*people(3)))
    assert ended.code == 3  # nobody knows there whose they are
    assert f"cordial-ledger adopt {COHORT}" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3, 4)}
    path = commands.folder / "ours.csv"
    path.write_text("\n".join(["email", *addresses(1, 2, 3, 4)]), encoding="utf-8")
    commands.ledger_command("adopt", COHORT, "--file", str(path))
    assert commands.target(*snapshot(*people(3))).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


def test_a_cohort_keeps_its_list_name_at_another_account(
    commands: Commands, other: Running
) -> None:
    commands.target(*snapshot(*people(1)))
    commands.target(*snapshot(*people(1), cohort_name="renamed"))
    commands.settings["api_url"] = f"{other.url}/v2"
    commands.settings["api_key"] = other.api_key
    rebind(commands)
    assert commands.target().code == 0
    assert other.control.lists() == {"activeusers": addresses(1)}


def test_another_identifier_adds_everyone_anew_and_removes_nobody_until_adopted(
    commands: Commands, sandbox: Running
) -> None:
    def customer(number: int) -> dict[str, Any]:
        return member(
            number, user_properties={"email": f"user{number}@shop.example", "id": f"C{number}"}
        )

    commands.target(*snapshot(*(customer(n) for n in range(1, 5))))
    commands.settings["contact_identifier_name"] = "channels.sms.address"
    commands.settings["contact_identifier_mapping"] = "id"
    answer = commands.ledger_command("rebind")
    assert "contact_identifier_name and contact_identifier_mapping" in answer.stdout
    assert "--full-refresh" in answer.stdout
    assert f"cordial-ledger adopt {COHORT} --file CSV or --none" in answer.stdout
    ended = commands.target()
    assert ended.code == 3
    assert "had 4 members" in ended.last_line
    ended = commands.target(*snapshot(*(customer(n) for n in range(1, 4))))
    assert (ended.code, ended.cohort(COHORT)["added"]) == (3, 3)
    assert sandbox.control.lists()["activeusers"] == ["C1", "C2", "C3", *addresses(1, 2, 3, 4)]
    commands.ledger_command("adopt", COHORT, "--none")
    assert commands.target(*snapshot(customer(1))).code == 0
    assert sandbox.control.lists()["activeusers"] == ["C1", *addresses(1, 2, 3, 4)]


def test_rejected_changes_are_tried_again_after_a_rebind(
    either: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("reject_contact", identifier="user2@shop.example", times=None)
    either.target(*snapshot(*people(3)))
    sandbox.control.clear_faults()
    either.settings["contact_identifier_mapping"] = "email,work"
    rebind(either)
    either.target()
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


def test_an_approval_ends_with_a_rebind(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(40)))
    commands.ledger_command("approve", COHORT, "--up-to", "30")
    commands.settings["contact_identifier_mapping"] = "email,work"
    rebind(commands)
    assert commands.target(*snapshot(*people(10))).code == 3
    assert len(sandbox.control.lists()["activeusers"]) == 40


def test_wrong_settings_rebind_nothing(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    commands.settings["max_removals"] = 3
    answer = commands.ledger_command("rebind")
    assert answer.code == 1
    assert "There is no setting max_removals." in answer.stderr
