"""Delivery by imports: what is sent, and to whom it comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from target_cordial.delivery.imports.staging import Staging
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
    from collections.abc import Callable, Iterable

    from cordial_sandbox.server import Running
    from tests.staging import StagingStore
    from tests.target_cordial.command.conftest import Commands

OTHER = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Vw3"}


def strategies(sandbox: Running) -> list[tuple[str, list[str], list[str]]]:
    return [(job["strategy"], job["add_to"], job["remove_from"]) for job in sandbox.control.jobs()]


def contact_writes(sandbox: Running) -> list[str]:
    """Tell whom single calls wrote."""
    written = []
    for call in sandbox.control.write_calls():
        if "/v2/contacts" in call["path"]:
            channels = call["body"].get("channels", {})
            written += [channel["address"] for channel in channels.values()] or [call["path"]]
    return written


def test_members_come_and_go(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    ended = imports.target(*snapshot(*people(20)))
    assert (ended.code, ended.report["delivery"]) == (0, "imports")
    assert ended.cohort(COHORT)["added"] == 20
    ended = imports.target(*snapshot(*people(15)))
    assert ended.code == 0
    assert (ended.cohort(COHORT)["removed"], ended.cohort(COHORT)["already_absent"]) == (5, 0)
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 16))
    assert staging_store.names() == []
    assert strategies(sandbox) == [
        ("insertOnly", [], []),
        ("updateOnly", ["activeusers"], []),
        ("updateOnly", [], ["activeusers"]),
    ]
    assert contact_writes(sandbox) == []


def test_an_unchanged_cohort_makes_no_import(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    imports.target(*snapshot(*people(3)))
    sandbox.control.clear_calls()
    assert imports.target(*snapshot(*people(3))).code == 0
    assert sandbox.control.write_calls() == []
    assert staging_store.names() == []


def test_the_calls_of_a_first_sync_do_not_grow_with_the_members(
    imports: Commands, sandbox: Running
) -> None:
    made = []
    for count, cohort in ((50, OTHER), (3_000, {})):
        sandbox.control.clear_calls()
        ended = imports.target(*snapshot(*people(count), **cohort), verify_sample=5)
        assert (ended.code, len(sandbox.control.lists()["VIPs"])) == (0, 50)
        made.append(
            [
                (call["method"], re.sub(r"/\d+|/email:.*", "/", call["path"]))
                for call in sandbox.control.calls()
                if "/jobs/" not in call["path"]
            ]
        )
    assert len(sandbox.control.lists()["activeusers"]) == 3_000
    assert made[0] == made[1]


def test_only_known_contacts_are_written_where_none_may_be_made(
    imports: Commands, sandbox: Running
) -> None:
    sandbox.control.put_list("others", addresses(1, 2, 3))
    ended = imports.target(*snapshot(*people(5)), create_contacts=False)
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)
    assert len(sandbox.control.contacts()) == 3
    part = ended.cohort(COHORT)
    assert (part["added"], part["pending"]) == (3, 0)
    assert part["rejected"] == {"contact_not_found": 2}
    assert {(line["identifier"], line["reason"]) for line in imports.rejects()} == {
        (address, "contact_not_found") for address in addresses(4, 5)
    }
    assert {job["strategy"] for job in sandbox.control.jobs()} == {"updateOnly"}


def test_people_whom_a_file_can_not_hold_go_by_single_calls(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    unfit = ["+tag@shop.example", "-minus@shop.example", "=sum@shop.example"]
    rows = [member(n, address) for n, address in enumerate(unfit, 10)]
    ended = imports.target(*snapshot(*people(4), *rows))
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 7)
    assert sandbox.control.lists()["activeusers"] == sorted([*unfit, *addresses(1, 2, 3, 4)])
    assert sorted(contact_writes(sandbox)) == unfit
    assert [job["rows"] for job in sandbox.control.jobs()] == [4, 4]
    sandbox.control.clear_calls()
    ended = imports.target(*snapshot(*people(4)))
    assert (ended.code, ended.cohort(COHORT)["removed"]) == (0, 3)
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3, 4)
    assert len(sandbox.control.jobs()) == 2  # nothing was left for a file
    assert staging_store.names() == []


def test_phone_numbers_go_by_file_and_what_only_looks_like_one_does_not(
    imports: Commands, sandbox: Running
) -> None:
    numbers = ["+491700000001", "+491700000002", "+49170=1", "@handle"]
    rows = [member(n, user_properties={"phone": number}) for n, number in enumerate(numbers)]
    ended = imports.target(
        *snapshot(*rows),
        contact_identifier_name="channels.sms.address",
        contact_identifier_mapping="phone",
    )
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 4)
    assert [job["rows"] for job in sandbox.control.jobs()] == [2, 2]
    assert contact_writes(sandbox) == ["+49170=1", "@handle"]
    assert len(sandbox.control.lists()["activeusers"]) == 4
    for contact in sandbox.control.contacts():
        assert contact["channels"]["sms"]["subscribeStatus"] == "none"


@pytest.mark.parametrize("subscribe", ["ignored", "honoured", "needed"])
def test_nobody_is_subscribed_however_cordial_reads_the_request(
    imports: Commands, sandbox: Running, subscribe: str
) -> None:
    """Known contacts keep what they are: a status in their file could undo a subscription."""
    sandbox.control.configure(import_subscribe=subscribe)
    sandbox.control.put_list("others", addresses(1))
    before = {contact["_id"]: contact["channels"] for contact in sandbox.control.contacts()}
    imports.target(*snapshot(*people(3)))
    imports.target(*snapshot(*people(2, first=3)))
    contacts = sandbox.control.contacts()
    assert len(contacts) == 4
    for contact in contacts:
        expected = before.get(contact["_id"])
        if expected is None:
            assert contact["channels"]["email"]["subscribeStatus"] == "none"
        else:
            assert contact["channels"] == expected


def test_a_removal_makes_no_contact(imports: Commands, sandbox: Running) -> None:
    imports.target(*snapshot(*people(2)))
    ended = imports.target(FLAGGED, *(change(n, in_cohort=False) for n in (2, 8, 9)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["removed"], part["already_absent"]) == (0, 1, 2)
    assert sandbox.control.lists()["activeusers"] == addresses(1)
    assert len(sandbox.control.contacts()) == 2


def test_removals_of_many_unknown_contacts_stay_pending(
    imports: Commands, sandbox: Running
) -> None:
    """An account without its contacts, or the wrong identifier, looks like this."""
    imports.target(*snapshot(*people(20)))
    sandbox.control.put_list("others", addresses(99))
    gone = [change(n, in_cohort=False) for n in (*range(1, 5), *range(100, 111))]
    ended = imports.target(FLAGGED, *gone, max_removal_percent=100)
    part = ended.cohort(COHORT)
    assert (ended.code, part["removed"], part["already_absent"]) == (1, 0, 0)
    assert part["pending"] == 15
    assert "Cordial does not know most of the people" in ended.last_line
    again = imports.target(max_removal_percent=100, max_rejected_percent=100)
    part = again.cohort(COHORT)
    assert (again.code, part["removed"], part["already_absent"]) == (0, 4, 11)
    assert sandbox.control.lists()["activeusers"] == addresses(*range(5, 21))


@pytest.mark.parametrize(
    ("setting", "first", "later"),
    [("always", True, True), ("first_sync", True, False), ("never", False, False)],
)
def test_automations_are_as_silent_as_the_setting_says(
    imports: Commands, sandbox: Running, setting: str, *, first: bool, later: bool
) -> None:
    imports.target(*snapshot(*people(3)), suppress_triggers=setting)
    assert bool(sandbox.control.triggers()) is not first
    before = len(sandbox.control.triggers())
    sandbox.control.clear_calls()
    imports.target(*snapshot(*people(3, first=2)), suppress_triggers=setting)
    assert (len(sandbox.control.triggers()) > before) is not later
    starts = [call["body"] for call in sandbox.control.write_calls()]
    assert [body["suppressTriggers"] for body in starts] == [later] * 3


def test_an_addition_and_a_removal_of_one_person_are_never_in_flight_together(
    imports: Commands, sandbox: Running
) -> None:
    """The sandbox notes jobs that overlap: as long as their end was not told, jobs are running."""
    sandbox.control.configure(import_polls=1)
    imports.target(*snapshot(*people(9)), *snapshot(**OTHER))
    imports.target(*snapshot(), *snapshot(*people(9), **OTHER))
    assert sandbox.control.lists() == {"activeusers": [], "VIPs": addresses(*range(1, 10))}
    assert strategies(sandbox)[-2:] == [
        ("updateOnly", ["VIPs"], []),
        ("updateOnly", [], ["activeusers"]),
    ]


# -- lists that others change meanwhile -----------------------------------------------------------


def while_staging(
    monkeypatch: pytest.MonkeyPatch, event: Callable[[], None], *, kind: str = "create"
) -> None:
    """Let something happen between the plan and a job."""
    put = Staging.put
    events = [event]

    def slow(self: Staging, name: str, chunks: Iterable[bytes]) -> int:
        if events and f"-{kind}-" in name:
            events.pop()()
        return put(self, name, chunks)

    monkeypatch.setattr(Staging, "put", slow)


def test_a_list_renamed_between_plan_and_job_is_written_under_its_new_name(
    imports: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_staging(monkeypatch, lambda: sandbox.control.rename_list("activeusers", "everyone"))
    ended = imports.target(*snapshot(*people(3)))
    assert sandbox.control.lists() == {"everyone": addresses(1, 2, 3)}
    assert ended.code == 0
    assert "everyone" in ended.stderr
    assert ended.cohort(COHORT)["list_name"] == "everyone"


def test_a_list_deleted_between_plan_and_job_waits_and_others_go_on(
    imports: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_staging(monkeypatch, lambda: sandbox.control.remove_list("activeusers"))
    ended = imports.target(*snapshot(*people(3)), *snapshot(*people(2), **OTHER))
    assert ended.code != 0
    assert "activeusers" in ended.last_line
    assert sandbox.control.lists() == {"VIPs": addresses(1, 2)}
    assert ended.cohort(COHORT)["pending"] == 3


def test_a_list_deleted_just_before_its_job_confirms_nobody(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    while_staging(monkeypatch, lambda: sandbox.control.remove_list("activeusers"), kind="add")
    ended = imports.target(*snapshot(*people(3)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["members"], part["pending"]) == (1, 0, 0, 3)
    assert "lists.addTo is invalid" in ended.last_line
    again = imports.target()
    assert again.code != 0
    assert "activeusers" in again.last_line
    assert staging_store.names() == []


# -- which delivery a run takes -------------------------------------------------------------------


@pytest.mark.parametrize(("count", "by"), [(5_000, "contacts"), (5_001, "imports")])
def test_auto_takes_imports_where_many_contacts_change(
    imports: Commands, sandbox: Running, count: int, by: str
) -> None:
    ended = imports.target(*snapshot(*people(count)), delivery="auto", dry_run=True)
    assert (ended.code, ended.report["delivery"]) == (0, by)
    assert f"Delivery by {by}: {count} contacts change." in ended.stderr
    assert sandbox.control.write_calls() == []


def test_auto_delivers_by_what_it_says(imports: Commands, sandbox: Running) -> None:
    """What counts are contacts, not memberships."""
    rows = people(3_000)
    ended = imports.target(
        *snapshot(*rows), *snapshot(*rows, **OTHER), delivery="auto", dry_run=True
    )
    assert ended.report["delivery"] == "contacts"
    ended = imports.target(*snapshot(*people(5_001)), delivery="auto")
    assert (ended.code, ended.report["delivery"]) == (0, "imports")
    ended = imports.target(*snapshot(*people(4_999)), delivery="auto")
    assert (ended.code, ended.report["delivery"]) == (0, "contacts")
    assert len(sandbox.control.jobs()) == 2
    assert len(sandbox.control.lists()["activeusers"]) == 4_999


def test_auto_takes_the_endpoint_where_it_is_set(imports: Commands, sandbox: Running) -> None:
    ended = imports.target(
        *snapshot(*people(3)), delivery="auto", endpoint=sandbox.url, verify_sample=0
    )
    assert (ended.code, ended.report["delivery"]) == (0, "endpoint")
    assert sandbox.control.jobs() == []


# -- dry runs -------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing_anywhere(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imports.target(*snapshot(*people(3)))
    sandbox.control.clear_calls()
    put: list[str] = []
    monkeypatch.setattr(Staging, "put", lambda _self, name, _chunks: put.append(name))
    ended = imports.target(*snapshot(*people(3, first=2)), dry_run=True)
    part = ended.cohort(COHORT)
    assert (ended.code, ended.report["delivery"]) == (0, "imports")
    assert (part["added"], part["removed"]) == (1, 1)
    assert sandbox.control.write_calls() == []
    assert (put, staging_store.names()) == ([], [])
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


@pytest.mark.usefixtures("quick")
def test_a_dry_run_does_not_follow_the_imports_of_others(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    sandbox.control.add_fault("job_stuck", strategy="updateOnly")
    imports.target(*snapshot(*people(3)), import_timeout_seconds=1)
    sandbox.control.release_jobs()
    sandbox.control.clear_calls()
    before = imports.place.dump()
    ended = imports.target(dry_run=True)
    assert ended.code == 1
    assert all("/jobs" not in call["path"] for call in sandbox.control.calls())
    assert len(staging_store.names()) == 1
    assert imports.place.dump() == before
