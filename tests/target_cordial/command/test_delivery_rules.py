"""What every delivery keeps to, whatever Cordial answers and whoever else is at work there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from target_cordial.cordial import retry
from target_cordial.cordial.rest import RestClient
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
from tests.target_cordial.cordial.transport import OneAnswerServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cordial_sandbox.server import Running

OTHER = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}
NOT_THERE = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once."""
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(retry, "LONGEST_SECONDS", 0.001)


@pytest.fixture
def endpoint(sandbox: Running, tmp_path: Path) -> Commands:
    return Commands(sandbox, tmp_path, "endpoint")


def contact_writes(sandbox: Running) -> list[dict[str, Any]]:
    return [call for call in sandbox.control.write_calls() if "/v2/contacts" in call["path"]]


def batches(sandbox: Running) -> list[dict[str, Any]]:
    return [call for call in sandbox.control.write_calls() if "/lists/" in call["path"]]


def import_calls(sandbox: Running) -> list[dict[str, Any]]:
    return [call for call in sandbox.control.write_calls() if "/contactimports" in call["path"]]


def ids(calls: list[dict[str, Any]]) -> list[str]:
    return [person for call in calls for person in (call["body"] or {}).get("userIds", [])]


def list_reads(sandbox: Running) -> int:
    calls = [(call["method"], call["path"]) for call in sandbox.control.calls()]
    return calls.count(("GET", "/v2/accountlists"))


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], None], after: int) -> None:
    """Let somebody else do something in Cordial before the n-th contact is made."""
    real = RestClient.upsert_contact
    lock = threading.Lock()
    made = 0

    def upsert(self: RestClient, body: dict[str, Any]) -> Any:
        nonlocal made
        with lock:
            made += 1
            if made == after:
                what()
        return real(self, body)

    monkeypatch.setattr(RestClient, "upsert_contact", upsert)


# -- circuit breakers -----------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.usefixtures("hasty")
def test_calls_in_a_row_that_use_up_their_tries_stop_the_delivery(
    commands: Commands, sandbox: Running, workers: int
) -> None:
    sandbox.control.add_fault("status", path_contains="/v2/contacts", times=None, status=503)
    ended = commands.target(*snapshot(*people(60)), max_concurrency=workers)
    assert ended.code == 1
    assert "Delivery stopped" in ended.last_line
    assert "used up all tries" in ended.last_line
    assert "503" in ended.last_line
    assert "Run again when Cordial answers" in ended.last_line
    assert retry.TRIES * workers <= len(contact_writes(sandbox)) <= retry.TRIES * 3 * workers
    assert ended.cohort(COHORT)["pending"] == 60
    sandbox.control.clear_faults()
    assert commands.target().code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 61))


@pytest.mark.usefixtures("hasty")
def test_batches_in_a_row_that_use_up_their_tries_stop_the_delivery(
    endpoint: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("drop_before", path_contains="/add", times=None)
    ended = endpoint.target(*snapshot(*people(60)), max_concurrency=2, endpoint_batch_size=5)
    assert ended.code == 1
    assert "2 calls in a row used up all tries" in ended.last_line
    assert len(batches(sandbox)) <= retry.TRIES * 6
    assert ended.cohort(COHORT)["pending"] == 60
    sandbox.control.clear_faults()
    assert endpoint.target().code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 61))


@pytest.mark.usefixtures("hasty")
def test_single_calls_that_use_up_their_tries_stop_nothing(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(20)))
    sandbox.control.add_fault("status", method="PUT", path_contains="user7%40", status=503, times=8)
    ended = commands.target(*snapshot(*people(14, first=7)[1:]))
    assert ended.code == 1
    assert "Delivery stopped" not in ended.last_line
    assert ended.cohort(COHORT)["pending"] == 1
    assert ended.cohort(COHORT)["removed"] == 6


def test_the_first_two_hundred_all_rejected_stop_the_delivery(
    commands: Commands, sandbox: Running
) -> None:
    ended = commands.target(*snapshot(*people(300)), create_contacts=False)
    assert ended.code == 1
    assert "the first 200 changes were all rejected, as contact_not_found" in ended.last_line
    assert "create_contacts" in ended.last_line
    assert "cordial-ledger retry" in ended.last_line
    sent = len(contact_writes(sandbox))
    assert 200 <= sent <= 200 + 2 * 8
    part = ended.cohort(COHORT)
    assert part["rejected"] == {"contact_not_found": sent}
    assert part["pending"] == 300 - sent
    assert len(commands.rejects()) == sent
    sandbox.control.put_list("mail", addresses(*range(1, 301)))
    again = commands.target(create_contacts=False)
    assert (again.code, again.cohort(COHORT)["pending"]) == (1, 0)  # what was rejected rests
    assert len(sandbox.control.lists()["activeusers"]) == 300 - sent


def test_a_run_in_which_somebody_arrives_is_not_stopped_by_rejects(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.put_list("mail", ["user1@shop.example"])
    ended = commands.target(*snapshot(*people(260)), create_contacts=False, max_concurrency=1)
    assert "Delivery stopped" not in ended.last_line
    assert ended.cohort(COHORT)["rejected"] == {"contact_not_found": 259}
    assert sandbox.control.lists()["activeusers"] == addresses(1)


def test_batches_that_are_refused_to_the_last_id_stop_the_delivery(
    endpoint: Commands, sandbox: Running
) -> None:
    body = {"error": True, "message": "not valid"}
    sandbox.control.add_fault("status", path_contains="/add", times=None, status=422, body=body)
    ended = endpoint.target(*snapshot(*people(900)), endpoint_batch_size=300, max_concurrency=1)
    assert ended.code == 1
    assert "the first 200 changes were all rejected, as rejected_by_cordial" in ended.last_line
    assert "rejects_path" in ended.last_line
    part = ended.cohort(COHORT)
    assert 200 <= part["rejected"]["rejected_by_cordial"] <= 202  # with the call in flight
    assert part["rejected"]["rejected_by_cordial"] + part["pending"] == 900
    assert len(batches(sandbox)) < 450  # halves go first


# -- a list that others rename or delete meanwhile ------------------------------------------------


def test_a_list_renamed_in_the_middle_is_followed(
    commands: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: sandbox.control.rename_list("activeusers", "best"), after=8)
    ended = commands.target(*snapshot(*people(40)))
    assert ended.code == 0
    assert sandbox.control.lists() == {"best": addresses(*range(1, 41))}
    assert ended.cohort(COHORT)["list_name"] == "best"
    assert ended.cohort(COHORT)["rejected"] == {}
    assert (ended.cohort(COHORT)["count_in_cordial"], ended.cohort(COHORT)["drift"]) == (40, 0)
    assert "is now called 'best'" in ended.stderr
    # proof of the key, following, after making the list; one for all workers; one at the end
    assert list_reads(sandbox) == 5
    monkeypatch.undo()
    assert commands.target(*snapshot(*people(39))).code == 0
    assert sandbox.control.lists() == {"best": addresses(*range(1, 40))}


def test_a_list_deleted_in_the_middle_is_lost_alone(
    commands: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: sandbox.control.remove_list("activeusers"), after=8)
    ended = commands.target(*snapshot(*people(40)), *snapshot(*people(40), **OTHER))
    assert ended.code == 1
    assert sandbox.control.lists() == {"VIPs": addresses(*range(1, 41))}
    assert "its list 'activeusers' is not in Cordial any more" in ended.last_line
    assert f"cordial-ledger forget {COHORT}" in ended.last_line
    lost, kept = ended.cohort(COHORT), ended.cohort("7khm89c")
    assert 40 - 8 <= lost["pending"] < 40
    assert lost["added"] + lost["pending"] == 40
    assert (kept["added"], kept["pending"], lost["rejected"], kept["rejected"]) == (40, 0, {}, {})
    assert list_reads(sandbox) <= 8
    monkeypatch.undo()
    sandbox.control.clear_calls()
    again = commands.target()
    assert again.code != 0
    assert f"cordial-ledger forget {COHORT}" in again.last_line
    assert contact_writes(sandbox) == []


def test_an_unknown_key_that_is_no_list_is_rejected_and_reads_the_lists_once(
    commands: Commands, sandbox: Running
) -> None:
    told = {"activeusers": ["key activeusers is not part of the schema for this resource"]}
    body = {"error": True, "messages": {"validationErrors": told}}
    sandbox.control.add_fault(
        "status", method="POST", path_contains="/v2/contacts", times=6, status=422, body=body
    )
    ended = commands.target(*snapshot(*people(20)))
    assert ended.cohort(COHORT)["rejected"] == {"rejected_by_cordial": 6}
    assert ended.cohort(COHORT)["added"] == 14
    assert list_reads(sandbox) == 4


# -- who a contact is -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["email", "channels.email.address"])
def test_two_names_of_the_address_mean_the_same(
    commands: Commands, sandbox: Running, name: str
) -> None:
    ended = commands.target(*snapshot(*people(2)), contact_identifier_name=name)
    assert ended.code == 0
    for call in contact_writes(sandbox):
        assert (call["method"], call["path"]) == ("POST", "/v2/contacts")
        assert call["body"]["identifyBy"] == [name]
        assert list(call["body"]["channels"]) == ["email"]
    sandbox.control.clear_calls()
    other = {"email": "channels.email.address"}.get(name, "email")
    assert commands.target(*snapshot(*people(1)), contact_identifier_name=other).code == 0
    [call] = contact_writes(sandbox)
    assert (call["method"], call["path"]) == ("PUT", "/v2/contacts/email:user2%40shop.example")
    assert sandbox.control.lists()["activeusers"] == addresses(1)


def test_another_channels_address_makes_contacts_too(commands: Commands, sandbox: Running) -> None:
    mapping = {
        "contact_identifier_name": "channels.sms.address",
        "contact_identifier_mapping": "phone",
    }
    rows = [member(n, user_properties={"phone": f"+49 30/{n}"}) for n in (1, 2)]
    assert commands.target(*snapshot(*rows), **mapping).code == 0
    assert commands.target(*snapshot(*rows[:1]), **mapping).code == 0
    first, second, removal = contact_writes(sandbox)
    for call in (first, second):
        assert call["body"]["identifyBy"] == ["channels.sms.address"]
    assert removal["method"] == "PUT"
    assert removal["path"] == "/v2/contacts/channels.sms.address:%2B49%2030%2F2"
    assert sandbox.control.lists()["activeusers"] == ["+49 30/1"]


def test_a_key_that_is_no_channels_address_makes_no_contact(
    commands: Commands, sandbox: Running
) -> None:
    mapping = {"contact_identifier_name": "custID", "contact_identifier_mapping": "id"}
    rows = [member(n, user_properties={"id": f"c/{n} ü"}) for n in (1, 2)]
    ended = commands.target(*snapshot(*rows), **mapping)
    assert ended.cohort(COHORT)["rejected"] == {"contact_not_found": 2}
    assert {call["path"] for call in contact_writes(sandbox)} == {
        "/v2/contacts/custID:c%2F1%20%C3%BC",
        "/v2/contacts/custID:c%2F2%20%C3%BC",
    }
    assert sandbox.control.contacts() == []


def test_without_create_contacts_nobody_is_made(commands: Commands, sandbox: Running) -> None:
    sandbox.control.put_list("mail", addresses(1, 2))
    ended = commands.target(*snapshot(*people(3)), create_contacts=False)
    assert ended.cohort(COHORT)["rejected"] == {"contact_not_found": 1}
    assert {call["method"] for call in contact_writes(sandbox)} == {"PUT"}
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)
    assert len(sandbox.control.contacts()) == 2


@pytest.mark.parametrize(
    "address", ["ana+vip@shop.example", "50%off@shop.example", "a/b@shop.example", "o'k@x.example"]
)
def test_any_address_joins_and_leaves(either: Commands, sandbox: Running, address: str) -> None:
    either.target(*snapshot(member(1, address), member(2)))
    assert address in sandbox.control.lists()["activeusers"]
    assert either.target(*snapshot(member(2))).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(2)


# -- what "not found" means -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 404, "body": "<html>404 Not Found</html>"},
        {
            "kind": "status",
            "status": 404,
            "body": {"message": "no Route matched with those values"},
        },
        {"kind": "status", "status": 404},
        {"kind": "html"},
    ],
)
def test_only_cordials_own_word_makes_a_leaver_absent(
    commands: Commands, sandbox: Running, fault: dict[str, Any]
) -> None:
    commands.target(*snapshot(*people(3)))
    sandbox.control.add_fault(method="PUT", path_contains="/v2/contacts", times=None, **fault)
    ended = commands.target(*snapshot(*people(2)))
    assert ended.code == 1
    assert ended.cohort(COHORT)["already_absent"] == 0
    assert ended.cohort(COHORT)["pending"] == 1
    sandbox.control.clear_faults()
    assert commands.target().code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, NOT_THERE),
        (404, {"error": True, "errorKey": "CONTACTS_CONTACT_NOT_FOUND"}),
        (404, {"error": True, "message": "record not found"}),
        (422, {"error": True, "messages": {"contact": ["Contact doesn't exist"]}}),
    ],
)
def test_a_leaver_whom_cordial_does_not_have_is_absent_already(
    commands: Commands, sandbox: Running, status: int, body: dict[str, Any]
) -> None:
    commands.target(*snapshot(*people(3)))
    for method in ("PUT", "GET"):
        sandbox.control.add_fault(
            "status",
            method=method,
            path_contains="/v2/contacts/",
            times=None,
            status=status,
            body=body,
        )
    ended = commands.target(*snapshot(*people(2)))
    assert ended.code == 0
    assert ended.cohort(COHORT)["already_absent"] == 1
    sandbox.control.clear_calls()
    assert commands.target().code == 0
    assert contact_writes(sandbox) == []


@pytest.mark.parametrize(("absent", "code"), [(10, 0), (11, 1)])
def test_more_than_ten_absent_leavers_above_the_share_are_not_believed(
    commands: Commands, sandbox: Running, absent: int, code: int
) -> None:
    commands.target(*snapshot(*people(60)))
    sandbox.control.add_fault(
        "status",
        method="PUT",
        path_contains="/v2/contacts",
        times=absent,
        status=404,
        body=NOT_THERE,
    )
    ended = commands.target(*snapshot(*people(45)), verify_sample=0)
    assert ended.code == code
    part = ended.cohort(COHORT)
    assert (part["already_absent"], part["pending"]) == ((0, 11) if code else (10, 0))


# -- what Cordial rejects ------------------------------------------------------------------------


@pytest.mark.parametrize("removals", [1, 11])
def test_rejects_are_named_by_cohort_direction_and_reason(
    either: Commands, sandbox: Running, removals: int
) -> None:
    either.target(*snapshot(*people(60)))
    for number in (*range(1, removals + 1), 99):
        address = f"user{number}@shop.example"
        sandbox.control.add_fault("reject_contact", identifier=address, times=None)
    rows = [*people(60 - removals, first=removals + 1), member(99)]
    ended = either.target(*snapshot(*rows), *snapshot(*people(1, first=99), **OTHER))
    assert ended.code == (0 if removals == 1 else 1)
    count = removals + 2
    assert f"{count} changes are rejected by Cordial (rejected_by_cordial {count})" in (
        ended.last_line
    )
    assert (
        f"cohort 'active users' ({COHORT}): 1 not added, {removals} not taken off: STILL on the "
        "list; cohort 'VIPs' (7khm89c): 1 not added"
    ) in ended.last_line
    assert "see the file of the setting rejects_path" in ended.last_line
    assert "cordial-ledger retry" in ended.last_line
    again = either.target(rejects_path=None)  # they rest, and are named all the same
    assert f"{removals} not taken off: STILL on the list" in again.last_line
    assert "set rejects_path for who and why" in again.last_line


# -- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "first", "later"),
    [("always", True, True), ("first_sync", True, False), ("never", False, False)],
)
def test_triggers_are_suppressed_as_the_setting_says(
    commands: Commands, sandbox: Running, setting: str, *, first: bool, later: bool
) -> None:
    commands.target(*snapshot(*people(3)), suppress_triggers=setting)
    assert [call["body"]["suppressTriggers"] for call in contact_writes(sandbox)] == [first] * 3
    sandbox.control.clear_calls()
    commands.target(*snapshot(*people(3, first=2)), suppress_triggers=setting)
    assert [call["body"]["suppressTriggers"] for call in contact_writes(sandbox)] == [later] * 2
    assert bool(sandbox.control.triggers()) is not later


def test_a_first_sync_lasts_until_all_of_it_was_delivered(
    commands: Commands, sandbox: Running
) -> None:
    """The part that failed is the first sync's too: it mails nobody."""
    sandbox.control.add_fault(
        "status", path_contains="/v2/contacts", times=None, status=403, skip=2
    )
    commands.target(*snapshot(*people(5)), suppress_triggers="first_sync", max_concurrency=1)
    sandbox.control.clear_faults()
    assert commands.target(suppress_triggers="first_sync").code == 0
    assert len(sandbox.control.lists()["activeusers"]) == 5
    assert sandbox.control.triggers() == []


def test_nobody_is_ever_subscribed(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    either.target(*snapshot(*people(3, first=2)))
    for call in sandbox.control.write_calls():
        assert call["body"].pop("subscribe", False) is False  # imports have to say so
        assert "ubscribe" not in str(call["body"])
    for contact in sandbox.control.contacts():
        assert contact["channels"]["email"]["subscribeStatus"] == "none"


def test_the_key_is_proven_and_lists_are_made_before_the_first_write(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(2)), *snapshot(*people(2), **OTHER))
    calls = sandbox.control.calls()
    assert (calls[0]["method"], calls[0]["path"]) == ("GET", "/v2/accountlists")
    lists = [n for n, call in enumerate(calls) if call["path"] in ("/v2/accountlists", "/lists")]
    members = [
        n
        for n, call in enumerate(calls)
        if call["write"] and call["path"] not in ("/v2/accountlists", "/lists")
    ]
    made = [n for n in lists if calls[n]["method"] == "POST"]
    assert len(made) == 2
    assert max(made) < min(members)


def test_lists_are_made_with_their_joining_dates(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(1)))
    [made] = [c for c in sandbox.control.write_calls() if c["path"] == "/v2/accountlists"]
    assert made["body"] == {"name": "activeusers", "enhanced": True}
    assert "listJoinDate" in sandbox.control.contacts()[0]


def test_an_identifier_is_never_added_and_removed_at_once(
    either: Commands, sandbox: Running
) -> None:
    """Everybody changes lists: with contacts in one call each, else all additions come first."""
    either.target(*snapshot(*people(9)), *snapshot(**OTHER))
    sandbox.control.clear_calls()
    either.target(*snapshot(), *snapshot(*people(9), **OTHER), endpoint_batch_size=2)
    assert sandbox.control.lists() == {"activeusers": [], "VIPs": addresses(*range(1, 10))}
    if "endpoint" in either.settings:
        operations = [call["path"].rpartition("/")[2] for call in batches(sandbox)]
        assert operations == ["add"] * 5 + ["remove"] * 5
    elif either.delivery == "imports":
        written = [call["body"].get("lists") for call in import_calls(sandbox)]
        assert written == [None, {"addTo": ["VIPs"]}, {"removeFrom": ["activeusers"]}]
    else:
        assert [
            (call["body"]["activeusers"], call["body"]["VIPs"]) for call in contact_writes(sandbox)
        ] == [(False, True)] * 9


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_at_once_and_names_the_likely_cause(
    either: Commands, sandbox: Running, status: int
) -> None:
    where = either.write_path
    sandbox.control.add_fault(
        "status", method="POST", path_contains=where, times=None, status=status
    )
    ended = either.target(*snapshot(*people(50)), max_concurrency=2, endpoint_batch_size=1)
    assert ended.code == 1
    assert len([c for c in sandbox.control.write_calls() if where in c["path"]]) <= 4
    assert "key" in ended.last_line
    assert "IP allow-list" in ended.last_line
    assert ("region" if status == 401 else "permission") in ended.last_line
    assert ended.cohort(COHORT)["pending"] == 50


def test_a_limit_below_the_workers_is_waited_for_and_nobody_is_lost(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("rate_limit", path_contains="/v2/contacts", per_second=4)
    ended = commands.target(*snapshot(*people(16)), max_concurrency=16, verify_sample=0)
    assert ended.code == 0
    assert ended.report["requests"]["by_status"]["429"] >= 1
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 17))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_carries_the_key_to_another_host(
    either: Commands, sandbox: Running, status: int
) -> None:
    server = OneAnswerServer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    try:
        for where in ("/v2/accountlists", "/v2/contacts", "/lists"):
            sandbox.control.clear_faults()
            sandbox.control.add_fault(
                "status",
                path_contains=where,
                times=None,
                status=status,
                headers={"Location": f"{server.url}{where}"},
            )
            either.target(*snapshot(*people(2)))
        assert server.received == []
    finally:
        server.close()


@pytest.mark.parametrize("url", ["http://api.cordial.io", "http://10.0.0.1/v2", "ftp://localhost"])
@pytest.mark.parametrize("setting", ["api_url", "endpoint"])
def test_the_key_goes_over_https_only(commands: Commands, setting: str, url: str) -> None:
    ended = commands.target(**{setting: url})
    assert ended.code == 1
    assert setting in ended.last_line
    assert "https" in ended.last_line


# -- the endpoint's batches -----------------------------------------------------------------------


def test_the_call_of_the_endpoint_carries_the_key_in_both_ways(
    endpoint: Commands, sandbox: Running
) -> None:
    endpoint.target(*snapshot(*people(2)))
    made, added = [call for call in sandbox.control.calls() if call["api"] == "lists"]
    assert (made["path"], made["body"]) == ("/lists", {"name": "activeusers"})
    assert sorted(added["body"]["userIds"]) == addresses(1, 2)
    assert {call["authorized_as"] for call in (made, added)} == {"sandbox-key"}


def test_the_id_of_a_list_is_remembered(endpoint: Commands, sandbox: Running) -> None:
    endpoint.target(*snapshot(*people(2)))
    sandbox.control.clear_calls()
    endpoint.target(*snapshot(*people(3)))
    assert [call["path"] for call in batches(sandbox)] == ["/lists/101/add"]


def test_a_batch_that_is_too_large_is_halved(endpoint: Commands, sandbox: Running) -> None:
    sandbox.control.configure(max_batch=7)
    ended = endpoint.target(*snapshot(*people(50)))
    assert ended.code == 0
    assert ended.cohort(COHORT)["rejected"] == {}
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 51))
    assert {call["status"] for call in batches(sandbox)} == {200, 413}


def test_the_culprits_of_a_batch_are_rejected_alone(endpoint: Commands, sandbox: Running) -> None:
    for number in (4, 31):
        sandbox.control.add_fault("reject_contact", identifier=f"user{number}@shop.example")
    ended = endpoint.target(*snapshot(*people(40)))
    assert ended.code == 0
    assert ended.cohort(COHORT)["rejected"] == {"rejected_by_cordial": 2}
    assert {entry["identifier"] for entry in endpoint.rejects()} == set(addresses(4, 31))
    arrived = addresses(*(n for n in range(1, 41) if n not in (4, 31)))
    assert sandbox.control.lists()["activeusers"] == arrived


@pytest.mark.parametrize("status", [404, 405, 410, 415])
def test_another_refusal_of_the_endpoint_is_of_the_list_and_stays_pending(
    endpoint: Commands, sandbox: Running, status: int
) -> None:
    sandbox.control.add_fault("status", path_contains="/lists/102/", times=None, status=status)
    ended = endpoint.target(*snapshot(*people(30)), *snapshot(*people(5), **OTHER))
    assert ended.code == 1
    assert f"Cohort 'active users' ({COHORT}): the endpoint answered {status}" in ended.last_line
    undelivered = f"30 of 35 changes could not be delivered (cohort 'active users' ({COHORT}): 30)"
    assert undelivered in ended.last_line
    assert "list 'activeusers'" in ended.last_line
    part, other = ended.cohort(COHORT), ended.cohort("7khm89c")
    assert (part["pending"], part["rejected"], other["pending"]) == (30, {}, 0)
    assert len(batches(sandbox)) == 2
    sandbox.control.clear_faults()
    assert endpoint.target().code == 0
    assert len(sandbox.control.lists()["activeusers"]) == 30


# -- names that are taken -------------------------------------------------------------------------


def test_a_name_that_a_contact_attribute_has_is_an_error_that_says_so(
    either: Commands, sandbox: Running
) -> None:
    sandbox.control.put_attribute("activeusers")
    ended = either.target(*snapshot(*people(2)), *snapshot(*people(2), **OTHER))
    assert ended.code != 0
    assert "contact attribute" in ended.last_line
    assert "Name must be unique" in ended.last_line
    assert "'active users'" in ended.last_line
    assert ended.cohort(COHORT)["pending"] == 2
    assert sandbox.control.lists() == {"VIPs": addresses(1, 2)}


def test_a_removal_reaches_who_never_was_made(commands: Commands, sandbox: Running) -> None:
    """A removal creates nobody: it asks for the contact by name and is told that there is none."""
    commands.target(FLAGGED, change("new+1", operation="remove"))
    [call] = contact_writes(sandbox)
    assert call["method"] == "PUT"
    assert unquote(call["path"]) == "/v2/contacts/email:usernew+1@shop.example"
    assert sandbox.control.contacts() == []
