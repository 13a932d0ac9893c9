"""What a run takes from its input, and what it does with what it cannot take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.conftest import Commands, line
from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MEMBER_PROPERTIES,
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


def test_state_goes_out_as_it_came_floats_and_all(commands: Commands) -> None:
    value = {"bookmarks": {"a": {"x": 1.5, "big": 12345678901234567890, "text": "ü"}}}
    ended = commands.target(*snapshot(*people(1)), state({"old": 1}), state(value))
    assert ended.code == 0
    assert ended.states == [value]


def test_state_goes_out_before_a_delivery_that_fails_and_the_next_run_finishes_it(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("status", path_contains="/v2/contacts", times=None, status=403)
    failed = commands.target(*snapshot(*people(3)))
    assert failed.code == 1
    assert failed.report["status"] == "failed"
    assert failed.states == [{"bookmarks": {"seen": 3}}]
    assert failed.cohort(COHORT)["pending"] == 3
    assert "IP allow-list" in failed.stderr
    sandbox.control.clear_faults()
    ended = commands.target()
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


def test_a_float_in_a_record_is_no_trouble(commands: Commands, sandbox: Running) -> None:
    row = member(1, user_properties={"email": "user1@shop.example", "value": 1.25})
    assert commands.target(*snapshot(row)).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1)


@pytest.mark.parametrize(
    "bad",
    ['{"type":"RECORD","stream":"cohort_mem', "[1,2]\n", '"text"\n', "\xff\n"],
)
def test_a_bad_line_ends_the_input_there(commands: Commands, sandbox: Running, bad: str) -> None:
    commands.target(*snapshot(*people(2)))
    ended = commands.target(MEMBERS, SNAPSHOTS, member(2), member(3), state({"n": 1}), bad)
    assert ended.code == 3
    assert ended.states == []
    assert "line 6" in ended.last_line
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


def test_an_unreadable_record_is_rejected_alone(commands: Commands, sandbox: Running) -> None:
    ended = commands.target(
        FLAGGED,
        change(1, operation="add"),
        change(2, operation="perhaps-secret-word"),
        change(3, in_cohort=None),
        change(4, in_cohort=True, operation="remove"),
        record("changes", {"cohort_id": COHORT, "amplitude_id": 5, "user_properties": {}}),
        change(6, operation="add"),
        state({"n": 1}),
    )
    assert ended.code == 3
    assert ended.states == []
    for line_number, field in ((3, "operation"), (4, "in_cohort"), (5, "operation")):
        assert f"stream 'changes', line {line_number}, field '{field}'" in ended.stderr
    assert "line 6, field 'amplitude_id' breaks its schema" in ended.stderr
    assert "perhaps-secret-word" not in ended.stderr
    assert sandbox.control.lists()["activeusers"] == addresses(1, 6)


def test_a_record_that_breaks_its_schema_makes_the_snapshot_incomplete(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(2)))
    broken = member(3)
    broken["record"]["user_properties"] = "no object"
    ended = commands.target(MEMBERS, SNAPSHOTS, member(2), broken, marker(2), state({"n": 1}))
    assert ended.code == 3
    assert ended.states == []
    assert ended.cohort(COHORT)["snapshot"] == "incomplete"
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_batch_messages_are_refused(commands: Commands, sandbox: Running) -> None:
    batch = {"type": "BATCH", "stream": "cohort_members", "encoding": {}, "manifest": []}
    ended = commands.target(MEMBERS, member(1), batch)
    assert ended.code == 1
    assert "BATCH" in ended.last_line
    assert sandbox.control.write_calls() == []


def test_activate_version_removes_nobody(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(2)))
    version = {"type": "ACTIVATE_VERSION", "stream": "cohort_members", "version": 17}
    assert commands.target(version, MEMBERS, version).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_proof_counts_what_the_tap_sent_not_what_a_map_left(
    commands: Commands, sandbox: Running
) -> None:
    maps = {"cohort_members": {"__filter__": "user_id != 'u-2'"}}
    ended = commands.target(*snapshot(*people(3)), stream_maps=maps)
    assert ended.code == 0
    assert ended.cohort(COHORT)["snapshot"] == "complete"
    assert sandbox.control.lists()["activeusers"] == addresses(1, 3)


def test_a_deletion_mark_survives_a_stream_map(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(2)))
    maps = {"changes": {"added": "'x'", "__else__": None, "cohort_id": "cohort_id",
                        "amplitude_id": "amplitude_id", "user_id": "user_id",
                        "user_properties": "user_properties"}}  # fmt: skip
    deleted = change(1, _sdc_deleted_at="2026-01-02T00:00:00Z")
    ended = commands.target(FLAGGED, deleted, stream_maps=maps)
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(2)


def test_flattened_properties_are_found(commands: Commands, sandbox: Running) -> None:
    typed = {"user_properties": {"type": "object", "properties": {"email": {"type": "string"}}}}
    flat = json.loads(json.dumps(MEMBERS))
    flat["schema"]["properties"].update(typed)
    ended = commands.target(
        flat, *snapshot(*people(2))[1:], flattening_enabled=True, flattening_max_depth=1
    )
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_members_that_only_a_stream_map_makes_need_proof_too(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(2)))
    plain = schema("people", {"id": {"type": "string"}, "email": {"type": "string"}})
    row = record("people", {"id": "7", "email": "user7@shop.example"})
    maps = {
        "people": {
            "cohort_id": f"'{COHORT}'",
            "amplitude_id": "id",
            "email": "email",
            "__else__": None,
        }
    }
    ended = commands.target(plain, row, stream_maps=maps)
    assert ended.code == 3
    assert ended.cohort(COHORT)["snapshot"] == "incomplete"
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 7)


def test_a_cohort_whose_rows_a_stream_map_diverts_loses_nobody(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(2)))
    maps = {"cohort_members": {"cohort_id": "'other'"}}
    ended = commands.target(*snapshot(*people(2)), stream_maps=maps)
    assert ended.code == 3
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_a_removal_by_address_alone_takes_the_address_off(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(2)))
    gone = change(1, amplitude_id=None, user_id=None, in_cohort=False)
    assert either.target(FLAGGED, gone).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(2)


def test_a_second_snapshot_without_its_marker_removes_nobody(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(3)))
    ended = either.target(
        MEMBERS,
        SNAPSHOTS,
        member(2, snapshot_id="B"),
        member(1, snapshot_id="A"),
        member(7, snapshot_id="A"),
        marker(1, snapshot_id="B"),
        state({"n": 1}),
    )
    assert ended.code == 3
    assert ended.states == []
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3, 7)


def test_the_second_of_two_proven_snapshots_counts(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    ended = either.target(
        MEMBERS,
        SNAPSHOTS,
        member(1, snapshot_id="A"),
        member(2, snapshot_id="A"),
        marker(2, snapshot_id="A"),
        member(2, snapshot_id="B"),
        marker(1, snapshot_id="B"),
    )
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(2)


def test_a_stream_map_that_drops_all_members_removes_nobody(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(3)))
    flagged = [FLAGGED, change(9, in_cohort=False)]  # another row of the cohort makes no difference
    maps = {"cohort_members": None}
    ended = commands.target(*flagged, *snapshot(*people(3)), stream_maps=maps)
    assert ended.code == 3
    assert "stream maps" in ended.last_line
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


@pytest.mark.parametrize(
    "odd",
    [
        '{"type":"RECORD","stream":"cohort_members","record":null}\n',
        '{"type":"RECORD","stream":"cohort_members"}\n',
        '{"type":"NOPE"}\n',
        '{"type":"STATE"}\n',
    ],
)
def test_a_message_that_is_json_and_unusable_is_rejected_alone(
    commands: Commands, sandbox: Running, odd: str
) -> None:
    ended = commands.target(
        MEMBERS, SNAPSHOTS, member(1), odd, member(2), marker(2), state({"n": 1})
    )
    assert ended.code == 3
    assert ended.states == []
    assert "line 4" in ended.stderr
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


@pytest.mark.parametrize("value", ["cut \ud83d", "9" * 5000])
def test_an_odd_value_beside_the_point_is_no_trouble(
    commands: Commands, sandbox: Running, value: str
) -> None:
    row = line(member(1, user_properties={"email": "user1@shop.example", "nick": "ODD"}))
    odd = row.replace('"ODD"', value if value.isdigit() else json.dumps(value))
    ended = commands.target(MEMBERS, SNAPSHOTS, odd, member(2), marker(2))
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_an_odd_value_in_a_column_of_texts_is_no_trouble(
    commands: Commands, sandbox: Running
) -> None:
    columns = {**MEMBER_PROPERTIES, "nick": {"type": "string", "maxLength": 9}}
    members = schema("cohort_members", columns)
    cut = member(1, nick="cut \ud83d")
    ended = commands.target(members, SNAPSHOTS, cut, member(2, nick="x"), marker(2))
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)
    ended = commands.target(members, SNAPSHOTS, member(3, nick="cut short \ud83d"), marker(1))
    assert ended.code == 3
    assert "line 3, field 'nick' breaks its schema (maxLength)" in ended.stderr
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


@pytest.mark.parametrize("odd", ["\x00", "\ud83d"])
@pytest.mark.parametrize("name", ["amplitude_id", "user_id"])
def test_what_no_ledger_can_hold_is_refused_by_its_field_alike(
    commands: Commands, sandbox: Running, name: str, odd: str
) -> None:
    ended = commands.target(*snapshot(member(1, **{name: f"7{odd}"}), member(2)))
    assert (ended.code, ended.states) == (3, [])
    assert f"line 3, field '{name}'" in ended.stderr
    assert sandbox.control.lists()["activeusers"] == addresses(2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"properties": None}, "a SCHEMA's properties are no object"),
        ({"properties": []}, "a SCHEMA's properties are no object"),
        (
            {"properties": {"cohort_id": {"type": 7}, "email": {}}},
            "a SCHEMA is no valid JSON Schema",
        ),
    ],
)
def test_a_schema_that_is_none_ends_the_run_and_is_named(
    commands: Commands, given: dict[str, Any], said: str
) -> None:
    odd = {"type": "SCHEMA", "stream": "cohort_members", "schema": given, "key_properties": []}
    ended = commands.target(odd, member(1))
    assert ended.code == 1
    assert f"Line 1 of the input: {said}" in ended.last_line
