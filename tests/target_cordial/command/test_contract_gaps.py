"""Sentences of the contract that only a whole run can hold, and that nothing else does."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from singer_sdk import Target

from cordial_sandbox.server import serving
from tap_amplitude.tap import TapAmplitude
from target_cordial.cordial import retry
from target_cordial.cordial.imports import Import, ImportsClient
from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.cordial.rest import RestClient
from target_cordial.core.import_counts import Kind
from target_cordial.core.plan import Sent
from target_cordial.settings import SCHEMA
from tests import forked
from tests.tap_amplitude.conftest import clean_environment, sandbox_config
from tests.target_cordial.command.clock import DAY, HOUR, let_pass
from tests.target_cordial.command.conftest import Commands, line
from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MEMBERS,
    SNAPSHOTS,
    addresses,
    change,
    member,
    people,
    snapshot,
    state,
)
from tests.target_cordial.cordial.transport import OneAnswerServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cordial_sandbox.server import Running

LONG = 20.0
"""A wait that only a wrong target lets run out."""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once."""
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(retry, "LONGEST_SECONDS", 0.001)


def before_every_change(monkeypatch: pytest.MonkeyPatch, look: Callable[[list[str]], None]) -> None:
    """Look at the world when the people of a call are just about to be sent."""
    upsert, batch = RestClient.upsert_contact, ListProtocolClient.change
    start = ImportsClient.start

    def one(self: RestClient, body: dict[str, Any]) -> Any:
        look([body["channels"]["email"]["address"]])
        return upsert(self, body)

    def many(self: ListProtocolClient, values: Any, operation: Any, members: Any) -> Any:
        look(list(members))
        return batch(self, values, operation, members)

    def file(self: ImportsClient, asked: Import) -> str:
        if asked.kind is not Kind.CREATE:  # that is no change of a membership
            text = requests.get(asked.address, timeout=LONG).text
            look([row["channels.email.address"] for row in csv.DictReader(io.StringIO(text))])
        return start(self, asked)

    monkeypatch.setattr(RestClient, "upsert_contact", one)
    monkeypatch.setattr(ListProtocolClient, "change", many)
    monkeypatch.setattr(ImportsClient, "start", file)


# -- what comes in --------------------------------------------------------------------------------


def test_the_name_of_a_stream_says_nothing(either: Commands, sandbox: Running) -> None:
    names = {"cohort_members": "cohort_snapshots", "cohort_snapshots": "orders"}
    crossed = [
        {**message, "stream": names[message["stream"]]} if "stream" in message else message
        for message in snapshot(*people(2))
    ]
    ended = either.target(*crossed)
    assert (ended.code, ended.cohort(COHORT)["snapshot"]) == (0, "complete")
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


def test_a_state_waits_for_the_ledger_however_old_it_is(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK writes a state out by itself when records are five minutes old: here, at once."""
    monkeypatch.setattr(Target, "_MAX_RECORD_AGE_IN_MINUTES", -1.0)
    half = [MEMBERS, SNAPSHOTS, member(1), state({"n": 1}), member(2), state({"n": 2})]
    ended = commands.target(*half)
    assert ended.code == 3
    assert ended.states == []
    assert commands.target(*half, *snapshot(*people(2))[-2:-1]).states == [{"n": 2}]


def test_the_key_is_proven_before_the_first_record(commands: Commands, sandbox: Running) -> None:
    bad = member(1)  # before its SCHEMA, which ends a run
    assert "SCHEMA" in commands.target(bad).last_line
    refused = commands.target(bad, api_key="wrong-key-4711")
    assert refused.code == 1
    assert "key" in refused.last_line
    assert "SCHEMA" not in refused.last_line
    assert [call["path"] for call in sandbox.control.calls()] == ["/v2/accountlists"] * 2


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1.5, 2.0, "2", True])
def test_all_numbers_are_whole(commands: Commands, sandbox: Running, value: object) -> None:
    numbers = [
        name for name, of in SCHEMA["properties"].items() if {"integer", "number"} & set(of["type"])
    ]
    assert len(numbers) >= 10
    ended = commands.target(**dict.fromkeys(numbers, value))
    assert ended.code == 1
    for name in numbers:
        assert name in ended.last_line
    assert sandbox.control.calls() == []


def test_the_settings_of_the_tap_and_what_they_are_by_default() -> None:
    properties = TapAmplitude.config_jsonschema["properties"]
    assert {name for name, of in properties.items() if of.get("secret")} == {
        "api_key",
        "secret_key",
    }
    assert set(TapAmplitude.config_jsonschema["required"]) == {"api_key", "secret_key"}
    assert properties["region"]["enum"] == ["us", "eu"]
    own = {
        "cohort_ids": None,
        "cohort_names": None,
        "api_url": None,
        "select_all": False,
        "user_properties": ["email"],
        "skip_unchanged": True,
        "max_snapshot_age_hours": 20,
        "monthly_request_reserve": 0,
        "include_archived": False,
    }
    assert {name: properties[name].get("default") for name in own} == own
    assert properties.keys() >= {"poll_interval_seconds", "poll_timeout_seconds"}


# -- what is sent ---------------------------------------------------------------------------------


def test_every_change_is_in_the_ledger_before_its_first_byte(
    either: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, int] = {}

    def look(identifiers: list[str]) -> None:
        rows = either.place.read("SELECT identifier, sent FROM entry")
        sent = {row["identifier"]: row["sent"] for row in rows}
        kept.update({name: sent[name] for name in identifiers})

    before_every_change(monkeypatch, look)
    assert either.target(*snapshot(*people(3))).code == 0
    assert kept == dict.fromkeys(addresses(1, 2, 3), int(Sent.UNKNOWN))
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


@pytest.mark.usefixtures("hasty")
def test_what_was_sent_and_not_confirmed_is_ours_to_take_off(
    either: Commands, sandbox: Running
) -> None:
    if either.delivery == "imports":  # a lost answer is looked up, so lose what became of the rows
        sandbox.control.add_fault("job_result", strategy="updateOnly")
    else:
        sandbox.control.add_fault("drop_after", path_contains=either.write_path, times=None)
    assert either.target(*snapshot(*people(3))).code == 1
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)  # and nobody knows
    sandbox.control.clear_faults()
    assert either.target(*snapshot(member(2))).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(2)


def test_a_rejected_member_is_tried_again_when_the_identifier_changes(
    either: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("reject_contact", identifier="user2@shop.example")
    either.target(*snapshot(*people(2)))
    ended = either.target(*snapshot(member(1), member(2, "other@shop.example")))
    assert (ended.code, ended.cohort(COHORT)["rejected"]) == (0, {})
    assert sandbox.control.lists()["activeusers"] == ["other@shop.example", *addresses(1)]
    sandbox.control.clear_faults()
    either.target(*snapshot(*people(2)))  # and back: at once, not after seven days
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


@pytest.mark.parametrize("workers", [1, 3])
def test_so_many_calls_at_a_time_as_the_setting_says(
    commands: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    together = threading.Barrier(workers)
    real = RestClient.upsert_contact
    lock = threading.Lock()
    flying: list[int] = [0]

    def upsert(self: RestClient, body: dict[str, Any]) -> Any:
        with lock:
            flying.append(flying[-1] + 1)
        together.wait(LONG)
        answer = real(self, body)
        with lock:
            flying.append(flying[-1] - 1)
        return answer

    monkeypatch.setattr(RestClient, "upsert_contact", upsert)
    assert commands.target(*snapshot(*people(6)), max_concurrency=workers).code == 0
    assert max(flying) == workers
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 7))


def test_the_endpoint_is_sent_the_key_as_user_name_and_as_header(
    commands: Commands, sandbox: Running
) -> None:
    body = b'{"listId":"7"}'
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    server = OneAnswerServer(raw + body)
    try:
        ended = commands.target(*snapshot(*people(1)), endpoint=server.url)
    finally:
        server.close()
    assert ended.code == 0
    made, added = (request.decode().lower() for request in server.received)
    assert made.startswith("post /v2/lists http")
    assert added.startswith("post /v2/lists/7/add http")
    for request in (made, added):
        assert "authorization: basic c2fuzgjvec1rzxk6\r\n" in request  # sandbox-key, a colon
        assert "x-api-key: sandbox-key\r\n" in request
    assert sandbox.control.write_calls() == []


def test_with_the_endpoint_rest_is_only_read(sandbox: Running, tmp_path: Path) -> None:
    commands = Commands(sandbox, tmp_path, "endpoint")
    commands.target(*snapshot(*people(2)))
    commands.target(*snapshot(member(2)))
    calls = [call for call in sandbox.control.calls() if call["path"].startswith("/v2/")]
    assert {call["method"] for call in calls} == {"GET"}
    asked = {call["path"] for call in calls if "accountlists" in call["path"]}
    assert asked == {"/v2/accountlists", "/v2/accountlists/101/count"}


# -- what is left behind --------------------------------------------------------------------------


def test_identifiers_are_in_the_ledger_and_in_the_rejects_file_alone(
    either: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = either.folder / "tmp"
    scratch.mkdir()
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(scratch))
    found: set[str] = set()

    def look(_: list[str]) -> None:
        found.update(
            path.name
            for path in either.folder.rglob("*")
            if path.is_file() and b"@shop.example" in path.read_bytes()
        )

    before_every_change(monkeypatch, look)
    sandbox.control.add_fault("reject_contact", identifier="user2@shop.example")
    either.target(*snapshot(*people(3)))
    look([])
    assert "user2@shop.example" in either.rejects_path.read_text(encoding="utf-8")
    assert found - {"input.jsonl"} <= {"ledger.db", "ledger.db-wal", "rejects.jsonl"}


def test_who_left_is_deleted_from_the_ledger_after_thirty_days(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(3)))
    either.target(*snapshot(member(1), member(2)))
    either.target(FLAGGED, change(2, operation="remove"))
    for passed, known in ((29 * DAY, 3), (DAY + HOUR, 1)):
        let_pass(either.place, passed)
        either.target()
        text = str(either.place.dump())
        assert [f"user{n}@shop" in text for n in (1, 2, 3)].count(True) == known
    assert sandbox.control.lists()["activeusers"] == addresses(1)


def test_a_run_that_hangs_is_gone_ten_seconds_after_a_signal(tmp_path: Path) -> None:
    with serving() as sandbox:
        commands = Commands(sandbox, tmp_path)
        sandbox.control.add_fault("latency", path_contains="/v2/contacts", times=None, seconds=60)
        process = commands.start()
        assert process.stdin is not None
        process.stdin.write("".join(line(message) for message in snapshot(*people(2))))
        process.stdin.close()
        process.stdin = None
        while not [c for c in sandbox.control.write_calls() if c["path"] == "/v2/contacts"]:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=10)
        finally:
            process.kill()
        assert process.returncode == 143
        assert commands.report()["status"] == "failed"
        assert commands.report()["cohorts"][0]["pending"] == 2


def test_without_a_terminal_every_line_of_the_log_has_its_parts(commands: Commands) -> None:
    ended = commands.pipe(*snapshot(*people(2), member(3, "")), change(1))
    lines = ended.stderr.splitlines()
    assert lines
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| [A-Z]+ +\| [\w.-]+ +\| \S.*")
    assert [text for text in lines if not form.fullmatch(text)] == []
    assert "\x1b" not in ended.stderr + ended.stdout
    assert [json.loads(text) for text in ended.stdout.splitlines()] == ended.states


# -- the tap --------------------------------------------------------------------------------------


def start_tap(sandbox: Running, folder: Path, **settings: Any) -> subprocess.Popen[str]:
    config = folder / "tap.json"
    config.write_text(json.dumps(sandbox_config(sandbox.url) | settings), encoding="utf-8")
    (folder / "tmp").mkdir()
    return forked.Popen(
        ["tap-amplitude", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment() | {"TMPDIR": str(folder / "tmp")},
    )


def test_the_tap_keeps_members_in_a_file_without_a_name(sandbox: Running, tmp_path: Path) -> None:
    """Its rows wait in the pipe, so that the file is still open; the folder shows nothing."""
    users = [
        {"amplitude_id": str(n), "user_id": None, "properties": {"email": f"user{n}@x.example"}}
        for n in range(5_000)
    ]
    sandbox.control.put_cohort("large", "Large", users)
    with start_tap(sandbox, tmp_path, cohort_ids=["large"]) as tap:
        assert tap.stdout is not None
        while '"RECORD"' not in tap.stdout.readline():
            assert tap.poll() is None
        left = list((tmp_path / "tmp").iterdir())
        tap.kill()
    assert left == []


def test_the_tap_waits_as_long_as_its_settings_say(sandbox: Running, tmp_path: Path) -> None:
    sandbox.control.put_cohort("slow", "Slow", [], polls=1_000)
    waits = {"poll_interval_seconds": 1, "poll_timeout_seconds": 2}
    with start_tap(sandbox, tmp_path, cohort_ids=["slow"], **waits) as tap:
        _, log = tap.communicate(timeout=LONG)
    assert tap.returncode == 1
    assert "not ready within 2 seconds" in log.splitlines()[-1]
