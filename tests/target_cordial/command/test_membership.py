"""Who is on the list after a run, and what it took: the rules, through the real command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MEMBERS,
    SNAPSHOTS,
    addresses,
    change,
    marker,
    member,
    people,
    record,
    schema,
    snapshot,
    state,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands


def test_joiners_join_and_leavers_leave(either: Commands, sandbox: Running) -> None:
    first = either.target(*snapshot(*people(3)))
    assert first.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}
    second = either.target(*snapshot(member(2), member(3), member(4)))
    assert second.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3, 4)}
    cohort = second.cohort(COHORT)
    assert (cohort["added"], cohort["removed"], cohort["members"]) == (1, 1, 3)
    assert (cohort["snapshot"], cohort["count_in_cordial"], cohort["drift"]) == ("complete", 3, 0)


def test_a_second_identical_run_makes_no_write_call(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    sandbox.control.clear_calls()
    assert either.target(*snapshot(*people(3))).code == 0
    assert sandbox.control.write_calls() == []


def test_a_contact_of_several_cohorts_is_written_in_one_call(
    commands: Commands, sandbox: Running
) -> None:
    other = snapshot(*people(2), cohort_id="7khm89c", cohort_name="VIPs", snapshot_id="Rk2")
    commands.target(*snapshot(*people(3)), *other)
    writes = [call for call in sandbox.control.write_calls() if "contacts" in call["path"]]
    assert len(writes) == 3
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3), "VIPs": addresses(1, 2)}


def test_a_shared_address_stays_until_its_last_user_leaves(
    either: Commands, sandbox: Running
) -> None:
    shared = "Family@Shop.example"
    either.target(*snapshot(member(1, shared), member(2, " family@shop.example\t"), member(3)))
    either.target(*snapshot(member(2, shared), member(3)))
    assert sandbox.control.lists()["activeusers"] == ["family@shop.example", *addresses(3)]
    either.target(*snapshot(member(3)))
    assert sandbox.control.lists()["activeusers"] == addresses(3)


def test_a_removal_by_id_that_leaves_an_address_is_told_of(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    stranger = change(9, "user1@shop.example", user_id="u-9", in_cohort=False)
    ended = commands.target(FLAGGED, stranger)
    assert ended.code == 0
    assert "1 removals by id leave an address on the list" in ended.last_line


def test_a_changed_address_moves(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(member(1), member(2)))
    either.target(*snapshot(member(1, "new@shop.example"), member(2)))
    assert sandbox.control.lists()["activeusers"] == ["new@shop.example", *addresses(2)]


def test_an_address_that_moves_to_another_user_stays(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(member(1, "x@shop.example"), member(2)))
    sandbox.control.clear_calls()
    either.target(*snapshot(member(1, "y@shop.example"), member(2, "x@shop.example")))
    assert sandbox.control.lists()["activeusers"] == ["x@shop.example", "y@shop.example"]
    removed = [
        call
        for call in sandbox.control.write_calls()
        if call["method"] == "PUT"
        or call["path"].endswith("/remove")
        or "removeFrom" in call["body"].get("lists", {})
    ]
    assert len(removed) == 1  # user 2's former address, and nothing of x


@pytest.mark.parametrize(
    "markers",
    [[], [marker(2)], [marker(4)], [marker(3, complete=False)], [marker(3, snapshot_id="other")]],
    ids=["missing", "one too few", "one too many", "not complete", "of another snapshot"],
)
def test_without_proof_nobody_is_removed(
    either: Commands, sandbox: Running, markers: list[dict[str, object]]
) -> None:
    either.target(*snapshot(*people(3)))
    half = either.target(
        MEMBERS,
        SNAPSHOTS,
        member(1, "moved@shop.example"),
        *people(2, first=4),
        *markers,
        state({"bookmarks": {"seen": 3}}),
    )
    assert half.code != 0
    assert half.states == []
    assert half.cohort(COHORT)["snapshot"] == "incomplete"
    assert "active users" in half.last_line
    assert sandbox.control.lists()["activeusers"] == [
        "moved@shop.example",
        *addresses(1, 2, 3, 4, 5),
    ]
    either.target(*snapshot(member(1, "moved@shop.example"), *people(2, first=4)))
    assert sandbox.control.lists()["activeusers"] == ["moved@shop.example", *addresses(4, 5)]


def test_rows_and_marker_come_in_any_order(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    ended = either.target(SNAPSHOTS, MEMBERS, marker(2), member(2), member(3), member(3))
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(2, 3)


def test_an_empty_complete_cohort_has_an_empty_list(either: Commands, sandbox: Running) -> None:
    assert either.target(*snapshot()).code == 0
    assert sandbox.control.lists() == {"activeusers": []}
    either.target(*snapshot(member(1)))
    either.target(*snapshot())
    assert sandbox.control.lists() == {"activeusers": []}


def test_flags_and_operations_change_one_user_each(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(4)))
    ended = either.target(
        FLAGGED,
        change(1, in_cohort=False),
        change(2, operation="EXITING"),
        change(5, in_cohort=True),
        change(6, operation="Entering"),
        state({"n": 1}),
    )
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    assert sandbox.control.lists()["activeusers"] == addresses(3, 4, 5, 6)


def test_a_log_based_deletion_is_never_an_addition(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)))
    either.target(
        FLAGGED,
        change(1, _sdc_deleted_at="2026-01-02T00:00:00Z"),
        change(2, _sdc_deleted_at=None, in_cohort=True),
        change(3, _sdc_deleted_at="2026-01-02T00:00:00Z", in_cohort=True),
    )
    assert sandbox.control.lists()["activeusers"] == addresses(2)


def test_a_removal_that_knows_only_the_user_id_takes_the_user_off(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(2)))
    either.target(FLAGGED, change(1, amplitude_id=None, operation="remove"))
    assert sandbox.control.lists()["activeusers"] == addresses(2)


def test_order_holds_when_the_schema_changes_in_mid_stream(
    either: Commands, sandbox: Running
) -> None:
    wider = schema("changes", {**FLAGGED["schema"]["properties"], "plan": {"type": "string"}})
    either.target(
        FLAGGED, change(1, operation="add"), wider, change(1, operation="remove"), batch_size_rows=1
    )
    assert sandbox.control.lists()["activeusers"] == []


def test_an_explicit_removal_of_somebody_unknown_is_sent(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(1)))
    sandbox.control.put_list("activeusers", ["user9@shop.example", "other@shop.example"])
    either.target(FLAGGED, change(9, operation="remove"))
    assert sandbox.control.lists()["activeusers"] == ["other@shop.example", *addresses(1)]


def test_foreign_members_are_not_touched(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)))
    sandbox.control.put_list("activeusers", ["foreign@shop.example"])
    either.target(*snapshot(member(2)))
    assert sandbox.control.lists()["activeusers"] == ["foreign@shop.example", *addresses(2)]


def test_a_skip_is_never_a_removal(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2), member(3, "")))
    ended = either.target(*snapshot(member(1), member(2, "undefined"), member(3, "no address")))
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)
    assert ended.cohort(COHORT)["skipped"] == {"identifier_lost": 1, "invalid_identifier": 1}
    assert {(entry["user"], entry["kind"], entry["reason"]) for entry in either.rejects()} == {
        ("35689302", "skipped", "identifier_lost"),
        ("35689303", "skipped", "invalid_identifier"),
    }


def test_a_cohort_of_whom_none_resolves_is_left_alone(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)))
    ended = either.target(
        *snapshot(member(1, ""), member(2, "")),
        *snapshot(member(7), cohort_id="7khm89c", cohort_name="VIPs", snapshot_id="Rk2"),
    )
    assert ended.code != 0
    assert ended.states == []
    assert "'email'" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2), "VIPs": addresses(7)}


def test_the_mapping_may_name_several_properties(either: Commands, sandbox: Running) -> None:
    rows = [
        member(1, user_properties={"gp:Work_Email": "w@shop.example", "email": "p@shop.example"}),
        member(2, user_properties={"email": "only@shop.example"}),
    ]
    either.target(*snapshot(*rows), contact_identifier_mapping="work_email, email")
    assert sandbox.control.lists()["activeusers"] == ["only@shop.example", "w@shop.example"]


def test_colliding_names_are_refused_and_the_others_delivered(
    either: Commands, sandbox: Running
) -> None:
    ended = either.target(
        *snapshot(member(1), cohort_id="a", cohort_name="Win back", snapshot_id="1"),
        *snapshot(member(2), cohort_id="b", cohort_name="winback", snapshot_id="2"),
        *snapshot(member(3)),
    )
    assert ended.code != 0
    assert sandbox.control.lists() == {"activeusers": addresses(3)}
    assert "'Win back' (a)" in ended.last_line
    assert "'winback' (b)" in ended.last_line
    assert either.target().code != 0  # still so, with nothing new
    assert either.ledger_command("forget", "b").code == 0
    assert either.target().code == 0
    assert sandbox.control.lists()["Winback"] == addresses(1)


def test_a_bound_cohort_keeps_its_list_in_a_collision(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(member(1)))
    ended = either.target(
        *snapshot(member(1), member(2)),
        *snapshot(member(3), cohort_id="late", cohort_name="ActiveUsers", snapshot_id="2"),
    )
    assert ended.code != 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


def test_a_renamed_cohort_keeps_its_list(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)))
    either.target(*snapshot(member(1), cohort_name="very active users"))
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


def test_streams_without_membership_are_counted_and_ignored(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(2)))
    events = schema("events", {"event_id": {"type": "string"}, "user_id": {"type": "string"}})
    ended = either.target(events, record("events", {"event_id": "1", "user_id": "u-1"}))
    assert ended.code == 0
    assert ended.stderr.count("Stream 'events'") == 1
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_a_removal_makes_no_contact_and_nobody_is_subscribed(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(FLAGGED, change(9, operation="remove"), change(1, operation="add"))
    assert [contact["channels"]["email"] for contact in sandbox.control.contacts()] == [
        {"address": "user1@shop.example", "subscribeStatus": "none"}
    ]
    for call in sandbox.control.write_calls():
        assert "ubscribe" not in str(call["body"])
        if "contacts" in call["path"]:
            assert call["body"]["suppressTriggers"] is True
