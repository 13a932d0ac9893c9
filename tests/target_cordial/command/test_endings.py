"""How a run ends, what it leaves behind, and what nobody may ever read in it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import ConfigValidationError

from target_cordial.__main__ import main
from target_cordial.singer.target import TargetCordial
from tests.ledgers import POSTGRES
from tests.target_cordial.command.conftest import TIMEOUT, Commands, begun, called, line
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
    snapshot,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

    from cordial_sandbox.server import Running


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
    kept = commands.place.dump()
    sandbox.control.clear_calls()
    ended = commands.target(*snapshot(*people(5)), dry_run=True)
    assert ended.code == 3
    assert ended.cohort(COHORT)["withheld"] == 35
    assert commands.place.dump() == kept
    assert sandbox.control.write_calls() == []


@pytest.mark.ledger("sqlite")
def test_only_the_owner_can_read_ledger_and_rejects(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    folder = commands.ledger.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
    for path in (*folder.iterdir(), commands.rejects_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


TOLD = """
import signal, sys
from target_cordial.__main__ import main
from target_cordial.singer.target import TargetCordial
begin = TargetCordial.begin
def told(target):
    signal.raise_signal(signal.{signal})
    return begin(target)
TargetCordial.begin = told
main()
"""


@pytest.mark.ledger("sqlite")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_before_the_run_begins_is_no_success(
    commands: Commands, sandbox: Running, number: str
) -> None:
    """The SDK's own handler ends with 0."""
    ended = subprocess.run(
        [sys.executable, "-c", TOLD.format(signal=number), "--config", commands.config()],
        input="".join(map(line, snapshot(*people(1)))),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        cwd=commands.folder,
    )
    assert ended.returncode == 143
    assert "Run failed: " in ended.stderr.splitlines()[-1]
    assert "The run was told to stop." in ended.stderr.splitlines()[-1]
    assert commands.report()["status"] == "failed"
    assert sandbox.control.write_calls() == []


@pytest.mark.ledger("sqlite")
def test_a_signal_before_the_sdk_hears_it_is_no_success(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TargetCordial, "__init__", told)
    ended = commands.target(*snapshot(*people(1)))
    assert ended.code == 143
    assert "Run failed: The run was told to stop." in ended.last_line


def test_a_second_run_is_refused_at_once(commands: Commands, sandbox: Running) -> None:
    first = commands.start()
    begun(first)
    second = commands.pipe(*snapshot(*people(1)))
    assert second.code == 1
    assert "Another run is using the ledger" in second.last_line
    assert sandbox.control.write_calls() == []
    first.kill()
    first.communicate()
    assert commands.pipe(*snapshot(*people(1))).code == 0


@pytest.mark.ledger(POSTGRES)
def test_a_run_that_loses_its_ledger_begins_no_other_call(
    commands: Commands, sandbox: Running
) -> None:
    everybody = snapshot(*people(300))
    path = commands.write_path
    sandbox.control.add_fault("latency", path_contains=path, times=None, seconds=0.2)
    process = commands.start(max_concurrency=2)
    assert process.stdin is not None
    process.stdin.write("".join(line(message) for message in everybody))
    process.stdin.close()
    process.stdin = None
    while len(sandbox.control.write_calls()) < 2:
        assert process.poll() is None
    commands.place.read(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'target-cordial'"
    )
    ended = commands.end(process)
    assert ended.code == 1
    assert "The ledger could not be used" in ended.last_line
    assert len(sandbox.control.lists()["activeusers"]) < 150
    sandbox.control.clear_faults()
    assert commands.target(*everybody).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 301))


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_reading_infers_nothing(
    commands: Commands, sandbox: Running, number: signal.Signals
) -> None:
    commands.target(*snapshot(*people(3)))
    sandbox.control.clear_calls()
    process = commands.start()
    begun(process)
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
    sandbox.control.add_fault("drop_after", path_contains=either.write_path, times=1)
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


def test_settings_that_are_no_json_are_named(commands: Commands) -> None:
    path = commands.folder / "broken.json"
    path.write_text("{s3cret", encoding="utf-8")
    code, _, said = called(main, "--config", str(path))
    assert code == 1
    assert said.splitlines()[-1].endswith("the file given with --config is missing or not JSON.")
    assert "s3cret" not in said


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


def test_the_report_never_speaks_of_another_run(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(1)))
    process = commands.start()
    begun(process)
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
    assert ended.code == 3
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
    assert "stream_maps" in commands.pipe(stream_maps="x").last_line
    several = commands.pipe(ledger_url="sqlite://", api_key="k\u00e9y-4711")
    assert "ledger in memory" in several.last_line
    assert "api_key is blank or holds characters" in several.last_line
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


@pytest.mark.parametrize("wrong", [{"api_key": "wrong"}, {"region": "mars"}])
def test_a_run_that_ends_early_leaves_no_rejects_of_another(
    commands: Commands, wrong: dict[str, str]
) -> None:
    commands.target(*snapshot(member(1), member(2, "")))
    assert commands.rejects()
    assert commands.target(*snapshot(member(1)), **wrong).code == 1
    assert not commands.rejects_path.exists() or not commands.rejects()
