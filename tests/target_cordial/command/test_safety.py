"""What a run must never do: lose, leak, lie, or go on where it has to stop."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import ConfigValidationError

from target_cordial.singer.target import TargetCordial
from tests.target_cordial.command.conftest import Commands, line
from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MEMBERS,
    SNAPSHOTS,
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
    import subprocess
    from pathlib import Path

    from cordial_sandbox.server import Running


def addresses(*numbers: int) -> list[str]:
    return sorted(f"user{number}@shop.example" for number in numbers)


# -- STATE ----------------------------------------------------------------------------------------


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


# -- bad input ------------------------------------------------------------------------------------


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


# -- the guard ------------------------------------------------------------------------------------


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


# -- rejects --------------------------------------------------------------------------------------


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


# -- dry run --------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing_and_says_what_it_would(
    commands: Commands, sandbox: Running, tmp_path: Path
) -> None:
    ended = commands.target(*snapshot(*people(3)), dry_run=True)
    assert ended.code == 0
    assert ended.states == []
    assert ended.report["dry_run"] is True
    assert ended.cohort(COHORT)["added"] == 3
    assert "3 memberships would be added" in ended.last_line
    assert sandbox.control.write_calls() == []
    assert sandbox.control.lists() == {}
    assert not (tmp_path / "state").exists()


def test_a_dry_run_leaves_the_ledger_as_it_was(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(40)))
    kept = _dump(commands.ledger)
    sandbox.control.clear_calls()
    ended = commands.target(*snapshot(*people(5)), dry_run=True)
    assert ended.code == 3
    assert ended.cohort(COHORT)["withheld"] == 35
    assert _dump(commands.ledger) == kept
    assert sandbox.control.write_calls() == []


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


# -- the ledger's place ---------------------------------------------------------------------------


def test_only_the_owner_can_read_ledger_and_rejects(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    folder = commands.ledger.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
    for path in (*folder.iterdir(), commands.rejects_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_second_run_is_refused_at_once(commands: Commands, sandbox: Running) -> None:
    first = commands.start()
    _begun(first)
    second = commands.pipe(*snapshot(*people(1)))
    assert second.code == 1
    assert "Another run is using the ledger" in second.last_line
    assert sandbox.control.write_calls() == []
    first.kill()
    first.communicate()
    assert commands.pipe(*snapshot(*people(1))).code == 0


def test_a_ledger_of_another_destination_is_refused(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(2)))
    sandbox.control.clear_calls()
    for changed in (
        {"contact_identifier_name": "custID"},
        {"contact_identifier_mapping": "work_email"},
        {"endpoint": sandbox.url},
    ):
        ended = commands.target(*snapshot(*people(1)), **changed)
        assert ended.code == 1
        assert "ledger was written with another" in ended.last_line
    assert sandbox.control.write_calls() == []


# -- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_reading_infers_nothing(
    commands: Commands, sandbox: Running, number: signal.Signals
) -> None:
    commands.target(*snapshot(*people(3)))
    sandbox.control.clear_calls()
    process = commands.start()
    _begun(process)
    assert process.stdin is not None
    process.stdin.write("".join(line(m) for m in snapshot(*people(2))))
    process.stdin.flush()
    process.send_signal(number)
    ended = commands.end(process)
    assert ended.code not in (0, None)
    assert ended.states == []
    assert ended.report["status"] == "failed"
    assert sandbox.control.write_calls() == []
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_dies_while_delivering_is_finished_by_the_next(
    either: Commands, sandbox: Running, how: signal.Signals
) -> None:
    either.target(*snapshot(*people(20)))
    sandbox.control.clear_calls()
    sandbox.control.add_fault("latency", times=None, seconds=0.2, method="POST")
    sandbox.control.add_fault("latency", times=None, seconds=0.2, method="PUT")
    process = either.start(endpoint_batch_size=1, max_concurrency=1)
    assert process.stdin is not None
    process.stdin.write("".join(line(m) for m in snapshot(*people(20, first=8))))
    process.stdin.close()
    process.stdin = None
    while not sandbox.control.write_calls():
        assert process.poll() is None
    process.send_signal(how)
    ended = either.end(process)
    assert ended.code != 0
    sandbox.control.clear_faults()
    assert sandbox.control.lists()["activeusers"] != addresses(*range(8, 28))
    assert either.target(*snapshot(*people(20, first=9))).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(9, 29))


def test_a_lost_answer_is_asked_for_again(either: Commands, sandbox: Running) -> None:
    where = "/add" if "endpoint" in either.settings else "/v2/contacts"
    sandbox.control.add_fault("drop_after", path_contains=where, times=1)
    assert either.target(*snapshot(*people(1))).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1)


def test_a_wrong_key_stops_before_anything_is_read(commands: Commands, sandbox: Running) -> None:
    ended = commands.target(*snapshot(*people(1)), api_key="wrong-key-4711")
    assert ended.code == 1
    assert "IP allow-list" in ended.last_line
    assert "wrong-key-4711" not in ended.stderr
    assert sandbox.control.lists() == {}


def test_an_address_without_the_api_stops_before_anything_is_read(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("html", path_contains="accountlists", times=None)
    ended = commands.target(*snapshot(*people(1)))
    assert ended.code == 1
    assert "Check region and api_url" in ended.last_line


# -- privacy --------------------------------------------------------------------------------------


def test_no_log_line_at_any_level_holds_a_person_or_a_key(
    either: Commands, sandbox: Running
) -> None:
    marks = ["markedperson", "sandbox-key"]
    sandbox.control.add_fault("reject_contact", identifier="markedperson2@shop.example", times=None)
    sandbox.control.add_fault("drop_after", path_contains="/v2/contacts", times=1)
    rows = [member(n, f"MarkedPerson{n}@shop.example") for n in range(1, 5)]
    broken = member(5, "markedperson5@shop.example")
    broken["record"]["user_id"] = ["markedperson6@shop.example"]
    birthday = json.loads(json.dumps(MEMBERS))
    birthday["schema"]["properties"]["day"] = {"type": "string", "format": "date"}
    for messages in (
        snapshot(*rows),
        [birthday, member(7, "markedperson7@shop.example", day="markedperson7")],
        [MEMBERS, SNAPSHOTS, *rows[:2], broken, marker(3), '{"type": "markedperson8"'],
        [*snapshot(member(9, "no markedperson9 address")), state({"markedperson": 1.5})],
    ):
        ended = either.pipe(*messages, level="DEBUG")
        assert " DEBUG " in ended.stderr
        said = (ended.stderr + json.dumps(ended.report)).lower()
        assert [mark for mark in marks if mark in said] == []


def _begun(process: subprocess.Popen[str]) -> None:
    """Wait until a run holds its ledger: it says so by asking for the first record."""
    assert process.stderr is not None
    for text in process.stderr:
        if "Parsing env var" in text or "Skipping parse" in text:
            break
    assert process.stdin is not None
    events = {"type": "SCHEMA", "stream": "events", "schema": {"properties": {"id": {}}}}
    row = {"type": "RECORD", "stream": "events", "record": {"id": 1}}
    process.stdin.write(line(events) + line(row))
    process.stdin.flush()
    for text in process.stderr:
        if "Stream 'events'" in text:
            break


# -- messages and places ------------------------------------------------------------------------


def test_a_relative_ledger_is_the_projects_wherever_meltano_is_called(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    ended = commands.target(*snapshot(*people(1)), ledger_url="sqlite:///kept/ledger.db")
    assert ended.code == 0
    assert (tmp_path / "kept" / "ledger.db").exists()
    assert list(below.iterdir()) == []


def test_a_report_that_can_not_be_written_is_said_before_the_run(
    commands: Commands, sandbox: Running
) -> None:
    ended = commands.target(*snapshot(*people(1)), report_path="missing/report.json")
    assert ended.code == 1
    assert "report_path" in ended.last_line
    assert sandbox.control.calls() == []


def test_a_refusal_names_the_permission_that_is_missing(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("status", path_contains="/v2/contacts", times=None, status=403)
    ended = commands.target(FLAGGED, change(1, operation="remove"))
    assert ended.code == 1
    assert "PUT /contacts/<identifier>" in ended.last_line


def test_the_last_line_is_the_runs_whatever_ends_it(commands: Commands) -> None:
    early = commands.target(member(1))  # before its SCHEMA
    assert early.code == 1
    assert "Run failed" in early.last_line
    assert early.report["status"] == "failed"
    refused = commands.target(*snapshot(*people(1)), api_key="wrong")
    assert "Run failed" in refused.last_line


def test_a_setting_of_the_environment_that_is_none_is_refused(
    sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARGET_CORDIAL_API_KEY", "sandbox-key")
    monkeypatch.setenv("TARGET_CORDIAL_MAX_REMOVALS", "5")
    with pytest.raises(ConfigValidationError) as caught:
        TargetCordial(config={"api_url": sandbox.url}, parse_env_config=True)
    assert caught.value.errors == ["There is no setting max_removals (from the environment)."]


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


# -- harm that only looks like success ----------------------------------------------------------


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
    ended = commands.target(*snapshot(*people(3)), stream_maps={"cohort_members": None})
    assert ended.code == 3
    assert "stream maps" in ended.last_line
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


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


def test_the_report_never_speaks_of_another_run(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(1)))
    process = commands.start()
    _begun(process)
    assert commands.report()["status"] == "failed"
    process.kill()
    process.communicate()
    assert commands.report()["errors"] == ["The run has not ended."]
    commands.target(*snapshot(*people(1)))
    commands.pipe(delivery="nonsense")
    assert commands.report() == {}
    assert sandbox.control.lists()["activeusers"] == addresses(1)


def test_a_list_that_is_gone_at_the_endpoint_is_named(sandbox: Running, tmp_path: Path) -> None:
    commands = Commands(sandbox, tmp_path, "endpoint")
    commands.target(*snapshot(*people(1)))
    sandbox.control.remove_list("activeusers")
    ended = commands.target(*snapshot(*people(2)))
    assert ended.code == 1
    assert "list 'activeusers'" in ended.last_line
    assert "cordial-ledger forget" in ended.last_line


def test_a_run_that_wrote_nothing_binds_no_ledger(commands: Commands, sandbox: Running) -> None:
    assert commands.target(contact_identifier_name="emial").code == 0
    assert commands.target(*snapshot(*people(1)), api_key="wrong").code == 1
    assert commands.target(*snapshot(*people(1))).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1)


def test_wrong_settings_are_named_in_the_last_line(commands: Commands) -> None:
    ended = commands.pipe(max_removals=3, ledger_url="sqlite://", api_key="k\u00e9y")
    assert ended.code == 1
    assert "There is no setting max_removals" in ended.last_line
    several = commands.pipe(ledger_url="sqlite://", api_key="k\u00e9y-4711")
    assert "ledger in memory" in several.last_line
    assert "api_key holds characters" in several.last_line
    assert "4711" not in several.stderr


def test_errors_of_the_ledger_command_come_as_json_too(commands: Commands) -> None:
    none = commands.ledger_command("status", "--json")
    assert none.code == 1
    assert json.loads(none.stdout)["error"]["code"] == "ledger"
    commands.target(*snapshot(*people(1)))
    unknown = commands.ledger_command("--json", "approve", "nope", "--up-to", "3")
    assert "knows no cohort nope" in json.loads(unknown.stdout)["error"]["message"]
    shown = json.loads(commands.ledger_command("status", "--json").stdout)
    assert shown["cohorts"][0]["members"] == 1
    assert shown["last_run"]["status"] == "ok"
