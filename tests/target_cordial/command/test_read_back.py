"""Reading back what was delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from target_cordial.cordial import retry
from tests.target_cordial.command.conftest import Commands
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

OTHER = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}


def reads(sandbox: Running) -> list[str]:
    """The contacts that were read."""
    return [
        call["path"]
        for call in sandbox.control.calls()
        if call["method"] == "GET" and "/v2/contacts/" in call["path"]
    ]


def swallow(sandbox: Running, method: str = "POST", times: int = 1) -> None:
    """Let Cordial confirm writes of contacts that it does not carry out."""
    sandbox.control.add_fault(
        "status",
        method=method,
        path_contains="/v2/contacts",
        times=times,
        status=200,
        body={"success": True, "message": "contact updated"},
    )


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once."""
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(retry, "LONGEST_SECONDS", 0.001)


@pytest.mark.parametrize("place", ["contact", "attributes"])
def test_what_was_delivered_is_read_back_and_found_so(
    either: Commands, sandbox: Running, place: str
) -> None:
    sandbox.control.configure(lists_in=place)
    assert either.target(*snapshot(*people(4))).code == 0
    assert len(reads(sandbox)) == 4
    sandbox.control.clear_calls()
    ended = either.target(*snapshot(*people(3)))
    assert ended.code == 0
    assert reads(sandbox) == ["/v2/contacts/email:user4%40shop.example"]
    assert "read back" not in ended.last_line


@pytest.mark.parametrize(("sample", "read"), [(0, 0), (3, 3), (10, 10), (100, 25)])
def test_so_many_contacts_of_a_list_are_read_as_the_setting_says(
    either: Commands, sandbox: Running, sample: int, read: int
) -> None:
    assert either.target(*snapshot(*people(25)), verify_sample=sample).code == 0
    assert len(set(reads(sandbox))) == len(reads(sandbox)) == read


def test_only_what_was_confirmed_in_this_run_is_read(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(5)))
    sandbox.control.clear_calls()
    sandbox.control.add_fault("reject_contact", identifier="user7@shop.example")
    either.target(*snapshot(*people(7)))
    assert reads(sandbox) == ["/v2/contacts/email:user6%40shop.example"]
    sandbox.control.clear_calls()
    either.target(*snapshot(*people(7)))
    assert reads(sandbox) == []


def test_a_contact_of_several_lists_is_read_once(either: Commands, sandbox: Running) -> None:
    ended = either.target(*snapshot(*people(3)), *snapshot(*people(3), **OTHER))
    assert ended.code == 0
    assert len(reads(sandbox)) == 3


def test_a_dry_run_reads_nobody(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(2)), dry_run=True)
    assert reads(sandbox) == []


@pytest.mark.parametrize("count", [1, 3])
def test_an_addition_that_is_not_there_degrades_the_run_and_is_sent_again(
    commands: Commands, sandbox: Running, count: int
) -> None:
    swallow(sandbox, times=count)
    ended = commands.target(*snapshot(*people(5)))
    assert ended.code == 3
    assert ended.report["status"] == "degraded"
    assert f"Cohort 'active users' ({COHORT}), list 'activeusers': of" in ended.last_line
    assert f"of 5 contacts that were read back, {count} are not on it" in ended.last_line
    assert "still on it" not in ended.last_line
    assert "the next run sends them again" in ended.last_line
    assert "shop.example" not in ended.stderr
    part = ended.cohort(COHORT)
    assert (part["members"], part["pending"], part["drift"]) == (5 - count, count, -count)
    sandbox.control.clear_calls()
    assert commands.target().code == 0
    assert len([c for c in sandbox.control.write_calls() if "contacts" in c["path"]]) == count
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3, 4, 5)


def test_a_removal_that_is_still_there_degrades_the_run_and_is_sent_again(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(5)))
    swallow(sandbox, method="PUT")
    ended = commands.target(*snapshot(*people(3)))
    assert ended.code == 3
    assert "read back, 1 are still on it though they were removed" in ended.last_line
    assert (ended.cohort(COHORT)["members"], ended.cohort(COHORT)["pending"]) == (3, 1)
    assert commands.target().code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


def test_a_contact_that_is_not_there_is_on_no_list(commands: Commands, sandbox: Running) -> None:
    """It was taken off as asked, however it went on; who was added should be there."""
    commands.target(*snapshot(*people(3)))
    sandbox.control.add_fault(
        "status",
        method="GET",
        path_contains="/v2/contacts/",
        times=1,
        status=404,
        body={"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"},
    )
    assert commands.target(*snapshot(*people(2))).code == 0
    sandbox.control.add_fault(
        "status",
        method="GET",
        path_contains="/v2/contacts/",
        times=1,
        status=404,
        body={"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"},
    )
    ended = commands.target(*snapshot(*people(2), member(9)))
    assert ended.code == 3
    assert "1 are not on it" in ended.last_line


NOT_THERE = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}


def say_absent(sandbox: Running, times: int) -> None:
    """Let a proxy answer removals in Cordial's words for contacts that it does not have."""
    sandbox.control.add_fault(
        "status",
        method="PUT",
        path_contains="/v2/contacts",
        times=times,
        status=404,
        body=NOT_THERE,
    )


def test_who_was_wrongly_said_to_be_absent_degrades_the_run_and_is_removed_by_the_next(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(6)))
    say_absent(sandbox, times=2)
    sandbox.control.clear_calls()
    ended = commands.target(*snapshot(*people(3)))
    assert (ended.code, ended.report["status"]) == (3, "degraded")
    assert len(reads(sandbox)) == 3
    said = "of 3 contacts that were read back, 2 are on it though Cordial said it has no such"
    assert said in ended.last_line
    assert "a proxy answers in Cordial's place" in ended.last_line
    assert "though they were removed" not in ended.last_line
    assert "shop.example" not in ended.stderr
    part = ended.cohort(COHORT)
    assert (part["removed"], part["already_absent"], part["pending"]) == (1, 2, 2)
    assert commands.target().code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


def test_who_is_not_in_cordial_is_on_no_list_and_as_confirmed(
    commands: Commands, sandbox: Running
) -> None:
    ended = commands.target(
        FLAGGED, *(change(number, operation="remove") for number in range(1, 4))
    )
    assert (ended.code, ended.cohort(COHORT)["already_absent"]) == (0, 3)
    assert len(reads(sandbox)) == 3
    assert "read back" not in ended.last_line


def test_absences_that_are_not_believed_are_not_said_to_differ(
    commands: Commands, sandbox: Running
) -> None:
    """They stay pending: nothing was confirmed that reading back could compare."""
    commands.target(*snapshot(*people(60)))
    say_absent(sandbox, times=12)
    sandbox.control.clear_calls()
    ended = commands.target(*snapshot(*people(47)), verify_sample=100)
    assert ended.code == 1
    assert len(reads(sandbox)) == 1
    assert "read back" not in ended.last_line


def test_the_endpoint_writes_later_so_what_differs_is_a_note(
    sandbox: Running, tmp_path: Path
) -> None:
    commands = Commands(sandbox, tmp_path, "endpoint")
    body = {"success": True}
    sandbox.control.add_fault("status", path_contains="/add", times=1, status=200, body=body)
    ended = commands.target(*snapshot(*people(3)))
    assert ended.code == 0
    assert ended.report["status"] == "ok"
    assert "the endpoint writes later" in ended.last_line
    assert ended.cohort(COHORT)["members"] == 3
    sandbox.control.clear_calls()
    assert commands.target().code == 0
    assert sandbox.control.write_calls() == []


@pytest.mark.parametrize("sample", [0, 10])
def test_what_the_endpoint_accepted_is_not_called_proven(
    either: Commands, sandbox: Running, sample: int
) -> None:
    words = "the endpoint has accepted the changes and writes them later: not proven"
    by_endpoint = "endpoint" in either.settings
    ended = either.target(*snapshot(*people(2)), verify_sample=sample)
    assert ended.report["delivery"] == either.delivery
    assert (words in ended.last_line) is by_endpoint
    again = either.target(*snapshot(*people(2)), verify_sample=sample)
    assert words not in again.last_line
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "status", "status": 403, "body": {"error": True}}, "permission"),
        ({"kind": "status", "status": 503}, "503"),
        ({"kind": "status", "status": 404, "body": "<html>Not Found</html>"}, "404"),
        ({"kind": "html"}, "answered 200"),
        ({"kind": "drop_before"}, "connection failed"),
        (
            {"kind": "status", "status": 200, "body": {"channels": {"email": {"address": "x"}}}},
            "shows no lists",
        ),
    ],
)
@pytest.mark.usefixtures("hasty")
def test_reading_that_fails_is_noted_and_undoes_nothing(
    either: Commands, sandbox: Running, fault: dict[str, Any], why: str
) -> None:
    sandbox.control.add_fault(method="GET", path_contains="/v2/contacts/", times=None, **fault)
    ended = either.target(*snapshot(*people(3)))
    assert ended.code == 0
    assert ended.report["status"] == "ok"
    assert "could not all be read back" in ended.last_line
    assert why in ended.last_line
    assert "verify_sample" in ended.last_line
    assert "shop.example" not in ended.stderr
    assert ended.cohort(COHORT)["members"] == 3
    sandbox.control.clear_calls()
    assert either.target().code == 0
    assert sandbox.control.write_calls() == []


def test_a_time_out_of_reading_is_noted(
    commands: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "TRIES", 1)
    sandbox.control.add_fault(
        "latency", method="GET", path_contains="/v2/contacts/", times=None, seconds=1.2
    )
    ended = commands.target(*snapshot(*people(1)), request_timeout_seconds=1)
    assert ended.code == 0
    assert "the time was up" in ended.last_line
    while sandbox.control.calls()[-1]["status"] is None:
        pass  # the slow call ends within this test, so that it meets no fault of the next


def test_what_could_be_read_before_reading_failed_is_judged(
    commands: Commands, sandbox: Running
) -> None:
    swallow(sandbox, times=3)
    sandbox.control.add_fault(
        "status", method="GET", path_contains="/v2/contacts/", times=None, status=403, skip=1
    )
    ended = commands.target(*snapshot(*people(3)), max_concurrency=1)
    assert ended.code == 3
    assert "of 1 contacts that were read back, 1 are not on it" in ended.last_line
    assert "could not all be read back" in ended.last_line
    assert ended.cohort(COHORT)["pending"] == 1


@pytest.mark.parametrize("status", [403, 404])
def test_lists_that_can_not_be_counted_undo_nothing(
    either: Commands, sandbox: Running, status: int
) -> None:
    sandbox.control.add_fault(
        "status", method="GET", path_contains="/count", times=None, status=status, body="<html>"
    )
    ended = either.target(*snapshot(*people(2)))
    assert ended.code == 0
    assert ended.cohort(COHORT)["count_in_cordial"] is None
    assert ended.cohort(COHORT)["drift"] is None
    assert ("could not be counted" in ended.last_line) is (status == 403)
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_a_count_that_differs_is_drift_and_no_failure(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)))
    sandbox.control.add_fault(
        "status", path_contains="/count", times=1, skip=1, status=200, body={"count": 7}
    )
    ended = either.target(FLAGGED, change(3, operation="add"))
    assert ended.code == 0
    assert ended.cohort(COHORT)["count_in_cordial"] == 7
    assert ended.cohort(COHORT)["drift"] == 4
    assert "list 'activeusers' counts 7, +4 from what this run wrote" in ended.last_line


def test_a_list_that_agrees_has_no_drift(either: Commands) -> None:
    part = either.target(*snapshot(*people(2))).cohort(COHORT)
    assert (part["count_in_cordial"], part["drift"]) == (2, 0)


def test_a_list_that_others_have_cleared_is_named_with_what_to_do(
    either: Commands, sandbox: Running
) -> None:
    listed = either.target(*snapshot(*people(5))).cohort(COHORT)["list_id"]
    answer = requests.put(
        f"{sandbox.url}/v2/accountlists/{listed}/clear", auth=("sandbox-key", ""), timeout=60
    )
    assert answer.status_code == 200
    ended = either.target(*snapshot(*people(6)))
    assert ended.code == 0
    said = "counted 0 before this run wrote to it, and 5 members were confirmed"
    assert f"list 'activeusers' of cohort 'active users' ({COHORT}) {said}" in ended.last_line
    assert f"cordial-ledger verify {COHORT}" in ended.last_line
    assert f"cordial-ledger forget {COHORT}" in ended.last_line
