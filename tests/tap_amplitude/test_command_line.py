"""The real command, over real HTTP, against the sandbox."""

from __future__ import annotations

import base64
import gzip
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_amplitude.__main__ import main
from tap_amplitude.tap import TapAmplitude
from tests import forked
from tests.tap_amplitude.conftest import TapCommand, clean_environment, sandbox_config

if TYPE_CHECKING:
    from pathlib import Path

    from cordial_sandbox.server import Running

ACTIVE = "9zx41kq"
SMALL = "5win1bk"
OTHER = "5win2bk"
EXPECTED_FIELDS = {
    "cohort_id",
    "cohort_name",
    "amplitude_id",
    "user_id",
    "user_properties",
    "snapshot_id",
}


def paths(sandbox: Running) -> list[str]:
    return [call["path"] for call in sandbox.control.calls() if call["api"] == "amplitude"]


def requests_made(sandbox: Running) -> list[str]:
    return [
        path.rsplit("/", 1)[1]
        for path in paths(sandbox)
        if path.startswith("/api/5/cohorts/request/") and not path.endswith("/file")
    ]


def test_a_cohort_comes_whole_with_its_marker_behind_it(tap: TapCommand) -> None:
    outcome = tap(cohort_ids=[ACTIVE])
    assert outcome.code == 0, outcome.log
    members = outcome.records("cohort_members")
    assert len(members) == 12
    assert all(set(row) == EXPECTED_FIELDS for row in members)
    assert members[0]["user_properties"] == {"email": "Ana@Shop.example"}
    assert members[-1]["user_id"] is None
    (marker,) = outcome.records("cohort_snapshots")
    assert marker == {
        "cohort_id": ACTIVE,
        "cohort_name": "active users",
        "snapshot_id": members[0]["snapshot_id"],
        "member_count": 12,
        "complete": True,
        "computed_at": "2026-01-01T06:00:00Z",
    }
    order = [m.get("stream") for m in outcome.messages if m["type"] == "RECORD"]
    assert order[:14] == ["cohort_members"] * 12 + ["cohort_snapshots", "cohorts"]
    assert not [m for m in outcome.messages if m["type"] == "ACTIVATE_VERSION"]


def test_no_state_calls_a_cohort_complete_before_its_marker(tap: TapCommand) -> None:
    outcome = tap(cohort_ids=[SMALL, OTHER])
    marked: set[str] = set()
    states = 0
    for message in outcome.messages:
        if message.get("stream") == "cohort_snapshots" and message["type"] == "RECORD":
            marked.add(message["record"]["cohort_id"])
        if message["type"] == "STATE":
            states += 1
            partitions = (
                message["value"]["bookmarks"].get("cohort_members", {}).get("partitions", [])
            )
            done = {p["context"]["cohort_id"] for p in partitions if "completed_at" in p}
            assert done <= marked
    assert marked == {SMALL, OTHER}
    assert states >= 4


def test_the_next_run_skips_what_is_unchanged_and_takes_the_next_day(
    tap: TapCommand, sandbox: Running
) -> None:
    first = tap(cohort_ids=[SMALL, ACTIVE])
    sandbox.control.clear_calls()
    second = tap(cohort_ids=[SMALL, ACTIVE], state=first.state)
    assert second.code == 0
    assert requests_made(sandbox) == []
    assert second.records("cohort_members") == second.records("cohort_snapshots") == []
    assert len(second.records("cohorts")) == 6
    sandbox.control.move_to_day(2)
    third = tap(cohort_ids=[ACTIVE], state=second.state)
    assert third.code == 0
    assert requests_made(sandbox) == [ACTIVE]
    assert {row["user_id"] for row in third.records("cohort_members")} >= {"u-1013", "u-1014"}


def test_a_run_killed_on_the_way_is_resumed(tap: TapCommand, sandbox: Running) -> None:
    first = tap(cohort_ids=[SMALL])
    states = [m["value"] for m in first.messages if m["type"] == "STATE"]
    second = tap(cohort_ids=[SMALL], state=states[0])
    assert requests_made(sandbox) == [SMALL]
    assert second.records("cohort_members") == first.records("cohort_members")
    assert second.records("cohort_snapshots") == first.records("cohort_snapshots")


def test_cohorts_with_bad_files_fail_alone(tap: TapCommand, sandbox: Running) -> None:
    page, cut = (
        b"<html><p>ana@shop.example</p></html>",
        gzip.compress(b"amplitude_id,user_id\n")[:-4],
    )
    bad = {
        "page": ({"encoding": "plain", "body": page}, "it is a web page"),
        "json": ({"encoding": "gzip", "body": b'{"error":{"http_code":500}}'}, "it is JSON"),
        "wide": (
            {"encoding": "plain", "body": b"amplitude_id,user_id\n1,ana@shop.example,2\n"},
            "row 1 has 3 cells",
        ),
        "none": ({"encoding": "plain", "body": b""}, "it is empty"),
        "cut": ({"encoding": "plain", "body": cut}, "its compressed data ends too early"),
    }
    for cohort_id, (file, _) in bad.items():
        sandbox.control.put_cohort(cohort_id, f"Bad {cohort_id}", [], file=file, size=2)
    outcome = tap(cohort_ids=[*bad, SMALL])
    assert outcome.code == 1
    assert [row["cohort_id"] for row in outcome.records("cohort_snapshots")] == [SMALL]
    for cohort_id, (_, words) in bad.items():
        assert f'"Bad {cohort_id}" ({cohort_id}): {words}' in outcome.last_line
    assert "Run again" in outcome.last_line
    assert "Win back" not in outcome.last_line
    assert "ana@" not in outcome.log
    partitions = outcome.state["bookmarks"]["cohort_members"]["partitions"]
    assert [p["context"]["cohort_id"] for p in partitions if "completed_at" in p] == [SMALL]


def test_the_file_in_all_wrappings_is_fetched_over_a_redirect_without_the_keys(
    tap: TapCommand, sandbox: Running
) -> None:
    users = [{"amplitude_id": "1", "user_id": "u", "properties": {"email": "a@b.example"}}]
    form = {"redirect": True, "tabs": True, "bom": True, "line_ending": "\r\n"}
    encodings = ["gzip", "gzip_without_header", "plain"]
    for encoding in encodings:
        sandbox.control.put_cohort(encoding, encoding, users, file=form | {"encoding": encoding})
    outcome = tap(cohort_ids=encodings)
    assert outcome.code == 0, outcome.log
    assert [row["user_properties"] for row in outcome.records("cohort_members")] == [
        {"email": "a@b.example"}
    ] * 3
    stored = [call for call in sandbox.control.calls() if "/_s3/" in call["path"]]
    assert len(stored) == 3
    assert not any(call["authorized_as"] for call in stored)


def test_a_truncated_transfer_is_begun_again(tap: TapCommand, sandbox: Running) -> None:
    sandbox.control.add_fault(kind="truncate", path_contains="/file", times=1)
    outcome = tap(cohort_ids=[SMALL])
    assert outcome.code == 0, outcome.log
    assert len([path for path in paths(sandbox) if path.endswith("/file")]) == 2
    assert requests_made(sandbox) == [SMALL]


def test_a_lost_poll_does_not_cost_a_request(tap: TapCommand, sandbox: Running) -> None:
    sandbox.control.add_fault(kind="drop_before", path_contains="request-status", times=1)
    outcome = tap(cohort_ids=[SMALL])
    assert outcome.code == 0, outcome.log
    assert requests_made(sandbox) == [SMALL]


def test_a_spent_quota_stops_requests(tap: TapCommand, sandbox: Running) -> None:
    outcome = tap(cohort_ids=[SMALL], monthly_request_reserve=500)
    assert outcome.code == 1
    assert requests_made(sandbox) == []
    assert '"Win back" (5win1bk): the monthly limit' in outcome.last_line


def test_wrong_keys_end_the_run_with_a_hint(tap: TapCommand) -> None:
    outcome = tap(cohort_ids=[SMALL], secret_key="sandbox-wrong-word")
    assert outcome.code == 1
    assert all(word in outcome.last_line for word in ("api_key", "secret_key", "region"))
    assert "sandbox-wrong-word" not in outcome.log


def test_nothing_personal_or_secret_is_logged_at_any_level(
    tap: TapCommand, sandbox: Running
) -> None:
    users = [{"amplitude_id": "41", "user_id": "u-secret", "properties": {"email": "x@y.example"}}]
    sandbox.control.put_cohort("far", "Far", users, file={"redirect": True})
    sandbox.control.put_cohort("bad", "Bad", users, file={"body": "a\nx@y.example,1\n"})
    outcome = tap(cohort_ids=["far", "bad"], environment={"LOGLEVEL": "DEBUG"})
    assert outcome.code == 1
    assert "DEBUG" in outcome.log
    basic = base64.b64encode(b"sandbox-key:sandbox-secret").decode()
    for secret in ("sandbox-key", "sandbox-secret", basic, "x@y.example", "u-secret", "/_s3/"):
        assert secret not in outcome.log


def test_wrong_settings_are_refused_all_at_once_before_anything_else(
    tap: TapCommand, sandbox: Running
) -> None:
    outcome = tap(
        cohort_idz=["a"], batch_config={}, secret_key=123454321, api_url="http://api.example"
    )
    assert outcome.code == 1
    for line in (
        "one of cohort_ids, cohort_names, select_all is required",
        "cohort_idz: there is no such setting",
        "batch_config: there is no such setting",
        "secret_key: must be a text",
        "api_url: must begin with https",
    ):
        assert sum(line in text for text in outcome.log.splitlines()) == 1
    assert "Traceback" not in outcome.log
    assert "123454321" not in outcome.log
    assert outcome.messages == []
    assert paths(sandbox) == []


def run_bare(*arguments: str, environment: dict[str, str] | None = None, cwd: Path) -> Any:
    return forked.run(
        ["tap-amplitude", *arguments],
        cwd=cwd,
        env=clean_environment() | (environment or {}),
    )


def test_settings_from_the_environment(sandbox: Running, tmp_path: Path) -> None:
    environment = {
        "TAP_AMPLITUDE_API_KEY": "sandbox-key",
        "TAP_AMPLITUDE_SECRET_KEY": "sandbox-secret",
        "TAP_AMPLITUDE_API_URL": sandbox.url,
        "TAP_AMPLITUDE_COHORT_NAMES": '["Win back"]',
        "TAP_AMPLITUDE_USER_PROPERTIES": '["plan"]',
        "TAP_AMPLITUDE_POLL_INTERVAL_SECONDS": "1",
    }
    done = run_bare("--config", "ENV", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"user_properties":{"plan":"silver"}' in done.stdout


def test_the_settings_of_the_sdk_keep_working(tap: TapCommand) -> None:
    flat = tap(cohort_ids=[SMALL], flattening_enabled=True, flattening_max_depth=1)
    assert flat.code == 0, flat.log
    assert flat.records("cohort_members")[0]["user_properties__email"] == "oona@shop.example"
    maps = {"cohort_members": {"plan": "user_properties['plan']"}}
    mapped = tap(cohort_ids=[SMALL], user_properties=["plan"], stream_maps=maps)
    assert mapped.code == 0, mapped.log
    assert mapped.records("cohort_members")[0]["plan"] == "silver"


@pytest.mark.parametrize(
    ("name", "value"), [("POLL_INTERVAL_SECONDS", "soon"), ("SKIP_UNCHANGED", "ture")]
)
def test_wrong_words_in_the_environment_are_refused_by_name(
    tmp_path: Path, name: str, value: str
) -> None:
    environment = {
        "TAP_AMPLITUDE_API_KEY": "k",
        "TAP_AMPLITUDE_SECRET_KEY": "s",
        "TAP_AMPLITUDE_SELECT_ALL": "true",
        f"TAP_AMPLITUDE_{name}": value,
    }
    done = run_bare("--config", "ENV", environment=environment, cwd=tmp_path)
    assert done.returncode == 1
    assert f"{name.lower()}: must be" in done.stderr
    assert "Traceback" not in done.stderr


def test_discovery_and_about_need_no_settings(tmp_path: Path) -> None:
    catalog = json.loads(run_bare("--discover", cwd=tmp_path).stdout)
    assert [stream["tap_stream_id"] for stream in catalog["streams"]] == [
        "cohort_members",
        "cohort_snapshots",
        "cohorts",
    ]
    about = json.loads(run_bare("--about", "--format", "json", cwd=tmp_path).stdout)
    assert about["name"] == "tap-amplitude"
    assert "batch" not in about["capabilities"]


def test_files_that_are_missing_or_no_json_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"api_key": "s3cret')
    missing = run_bare("--config", "none.json", cwd=tmp_path)
    assert missing.returncode == 1
    assert "does not exist" in missing.stderr
    bad = run_bare("--config", "bad.json", cwd=tmp_path)
    assert bad.returncode == 1
    assert "not JSON" in bad.stderr
    assert "s3cret" not in bad.stderr


def catalog_with(tmp_path: Path, *selected: str) -> str:
    catalog = TapAmplitude(validate_config=False, setup_mapper=False).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in selected
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(catalog))
    return str(path)


@pytest.mark.parametrize("alone", ["cohort_members", "cohort_snapshots"])
def test_members_and_markers_are_selected_together(
    tap: TapCommand, sandbox: Running, tmp_path: Path, alone: str
) -> None:
    outcome = tap("--catalog", catalog_with(tmp_path, alone, "cohorts"), cohort_ids=[SMALL])
    assert outcome.code == 1
    assert "cohort_members and cohort_snapshots belong together" in outcome.log
    assert paths(sandbox) == []


def test_a_catalog_with_cohorts_only_downloads_nothing(
    tap: TapCommand, sandbox: Running, tmp_path: Path
) -> None:
    outcome = tap("--catalog", catalog_with(tmp_path, "cohorts"), cohort_ids=[SMALL])
    assert outcome.code == 0
    assert len(outcome.records("cohorts")) == 6
    assert requests_made(sandbox) == []


def test_a_catalog_without_cohorts_keeps_state_all_the_same(
    tap: TapCommand, tmp_path: Path
) -> None:
    catalog = catalog_with(tmp_path, "cohort_members", "cohort_snapshots")
    outcome = tap("--catalog", catalog, cohort_ids=[SMALL])
    assert outcome.code == 0
    assert outcome.records("cohorts") == []
    (partition,) = outcome.state["bookmarks"]["cohort_members"]["partitions"]
    assert partition["member_count"] == len(outcome.records("cohort_members")) == 2


def test_the_connection_test_takes_one_row_and_tells_failure(
    tap: TapCommand, sandbox: Running
) -> None:
    good = tap("--test", cohort_ids=[SMALL])
    assert good.code == 0
    assert len(good.records("cohort_members")) == 1
    assert good.records("cohort_snapshots") == []
    sandbox.control.put_cohort("bad", "Bad", [], file={"body": "<html>"})
    assert tap("--test", cohort_ids=["bad"]).code == 1
    assert tap("--test", cohort_ids=[SMALL], api_key="wrong").code == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_run_and_is_no_success(
    sandbox: Running, tmp_path: Path, number: signal.Signals
) -> None:
    sandbox.control.put_cohort("slow", "Slow", [], polls=1000)
    (tmp_path / "config.json").write_text(
        json.dumps(sandbox_config(sandbox.url) | {"cohort_ids": ["slow"]})
    )
    with subprocess.Popen(
        [sys.executable, "-m", "tap_amplitude", "--config", "config.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=clean_environment(),
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        while '"pending"' not in line:  # the state that tells of the request: the wait begins
            line = process.stdout.readline()
        process.send_signal(number)
        rest, log = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert f"Stopped by {number.name}" in log.splitlines()[-1]
    assert "Traceback" not in log
    assert "completed_at" not in rest


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("ana@shop.example"), "Unexpected RuntimeError in "),
        (OSError(28, "No space left on device", "/ana@shop.example"), ": No space left on device."),
        (OSError("https://storage.example/?signature=1"), "Unexpected OSError in "),
    ],
)
def test_an_unexpected_error_is_told_by_type_and_place(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    line: str,
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(TapAmplitude, "cli", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert line in caplog.text
    assert "test_command_line.py" in caplog.text
    assert "(fail)" in caplog.text
    assert "ana@" not in caplog.text
    assert "signature" not in caplog.text
