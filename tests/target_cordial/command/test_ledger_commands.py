"""``cordial-ledger``: what its commands say, what they need, and that none disturbs a run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.ledger import postgres
from tests import forked
from tests.target_cordial.command.clock import DAY, let_pass
from tests.target_cordial.command.conftest import begun
from tests.target_cordial.command.messages import (
    COHORT,
    addresses,
    people,
    snapshot,
)

if TYPE_CHECKING:
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

ADOPT_NONE = ("adopt", COHORT, "--none")
EXCLUSIVE: tuple[tuple[str, ...], ...] = (
    ("forget", COHORT),
    ("retry",),
    ("retry", COHORT),
    ADOPT_NONE,
    ("rebind",),
    ("erase", "nobody@shop.example"),
)
BESIDE: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("approve", COHORT, "--up-to", "9"),
    ("verify",),
    ("why", "nobody@shop.example"),
    ("history",),
)


def asked(commands: Commands, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(commands.ledger_command("--json", *arguments).stdout)
    return found


# -- beside a run ---------------------------------------------------------------------------------


def test_what_would_disturb_a_run_is_refused_and_what_does_not_is_answered(
    commands: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "HOLD_SECONDS", 0)
    commands.target(*snapshot(*people(3)))
    process = commands.start()
    begun(process)
    for arguments in EXCLUSIVE:
        refused = commands.ledger_command(*arguments, "--json")
        assert refused.code == 1, arguments
        assert json.loads(refused.stdout)["error"]["code"] == "ledger_locked"
        assert "Another run is using the ledger" in refused.stderr
    for arguments in BESIDE:
        assert commands.ledger_command(*arguments).code == 0, arguments
    ended = commands.end(process, "".join(json.dumps(m) + "\n" for m in snapshot(*people(2))))
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


def test_status_is_answered_while_somebody_writes(
    commands: Commands,
) -> None:
    commands.target(*snapshot(*people(1)))
    with commands.place.connection() as writing:
        writing.exec_driver_sql("UPDATE cohort SET name = 'another'")
        assert asked(commands, "status")["cohorts"][0]["members"] == 1
    assert asked(commands, *BESIDE[1])["approved_up_to"] == 9


# -- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [*EXCLUSIVE, *BESIDE])
def test_every_command_answers_in_json_asked_before_or_behind(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    commands.target(*snapshot(*people(1)))
    before = commands.ledger_command("--json", *arguments)
    assert before.code == 0
    assert isinstance(json.loads(before.stdout), dict)
    if "forget" in arguments:
        commands.target(*snapshot(*people(1)))
    behind = commands.ledger_command(*arguments, "--json")
    assert json.loads(behind.stdout).keys() == json.loads(before.stdout).keys()
    if "forget" in arguments:
        commands.target(*snapshot(*people(1)))
    plain = commands.ledger_command(*arguments)
    assert plain.code == 0
    assert plain.stdout.strip()
    assert not plain.stdout.startswith("{")


@pytest.mark.parametrize(
    "arguments",
    [
        ("approve", "nope", "--up-to", "1"),
        ("forget", "nope"),
        ("retry", "nope"),
        ("verify", "nope"),
        ("adopt", "nope", "--none"),
    ],
)
def test_a_cohort_that_is_not_known_is_named(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    commands.target(*snapshot(*people(1)))
    answer = commands.ledger_command(*arguments)
    assert answer.code == 1
    assert f"knows no cohort nope. Known: {COHORT}." in answer.stderr


@pytest.mark.parametrize("arguments", [*EXCLUSIVE, *BESIDE])
def test_without_a_ledger_there_is_nothing_to_look_after(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    answer = commands.ledger_command(*arguments)
    assert answer.code == 1
    assert "There is no ledger yet" in answer.stderr
    assert commands.place.tables() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("approve", COHORT),
        ("approve", COHORT, "--up-to", "0"),
        ("approve", COHORT, "--up-to", "3", "--only", "all"),
        ("verify", "--sample", "-1"),
        ("nonsense",),
    ],
)
def test_a_command_that_is_wrong_is_told_in_json_too(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    answer = commands.ledger_command("--json", *arguments)
    assert answer.code == 2
    assert json.loads(answer.stdout)["error"]["code"] == "usage"


def test_status_shows_how_every_cohort_stands(commands: Commands) -> None:
    commands.target(*snapshot(*people(40)))
    commands.target(*snapshot(*people(10)))
    commands.ledger_command("approve", COHORT, "--up-to", "12", "--only", "removals")
    shown = commands.ledger_command("status").stdout
    assert "'active users'" not in shown
    assert "active users (9zx41kq) -> activeusers: 40 members" in shown
    assert "30 removals waiting" in shown
    assert "up to 12 removals approved" in shown
    assert "Last run: degraded" in shown
    (cohort,) = asked(commands, "status")["cohorts"]
    assert (cohort["approved_up_to"], cohort["approved_only"]) == (12, "removals")
    let_pass(commands.place, 8 * DAY)
    assert asked(commands, "status")["cohorts"][0]["approved_up_to"] is None


# -- settings -------------------------------------------------------------------------------------


def run_with(environment: dict[str, str], *arguments: str, cwd: Path) -> tuple[int, str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TARGET_CORDIAL_")}
    done = forked.run(
        ["cordial-ledger", *arguments],
        env={**kept, **{f"TARGET_CORDIAL_{k}": v for k, v in environment.items()}},
        cwd=cwd,
    )
    return done.returncode, done.stdout, done.stderr


def test_settings_come_from_the_environment_as_the_targets_do(
    commands: Commands, sandbox: Running
) -> None:
    single = {"active users": {"list_name": "Actives"}}
    commands.target(*snapshot(*people(2)), cohorts=single)
    environment = {
        "API_KEY": "sandbox-key",
        "API_URL": sandbox.url,
        "LEDGER_URL": commands.place.url,
        "COHORTS": json.dumps(single),
    }
    for arguments in (("status",), ("verify",), ("rebind",)):
        code, stdout, stderr = run_with(environment, *arguments, cwd=commands.folder)
        assert code == 0, stderr
        assert stdout
    for wrong, named in (
        ({"COHORTS": "{s3cret"}, "cohorts"),
        ({"MAX_CONCURRENCY": "s3cret"}, "max_concurrency"),
    ):
        code, _, stderr = run_with({**environment, **wrong}, "status", cwd=commands.folder)
        assert code == 1
        assert f"The setting {named} (from the environment) is not" in stderr
        assert "s3cret" not in stderr
    code, _, stderr = run_with({**environment, "MAX_REMOVALS": "5"}, "verify", cwd=commands.folder)
    assert code == 1
    assert "There is no setting max_removals" in stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_a_config_file_that_is_none_is_named(commands: Commands, text: str) -> None:
    path = commands.folder / "broken.json"
    path.write_text(text, encoding="utf-8")
    code, _, stderr = run_with({}, "--config", str(path), "status", cwd=commands.folder)
    assert code == 1
    assert "is not a JSON object" in stderr


@pytest.mark.parametrize(
    "arguments", [("rebind",), ("verify",), ("adopt", COHORT, "--file", __file__)]
)
def test_commands_that_need_all_settings_refuse_wrong_ones_by_name(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    commands.target(*snapshot(*people(1)))
    commands.settings["cohorts"] = {"vip": {"list_name": "not allowed"}}
    commands.settings["stream_maps"] = {}  # the SDK's own settings are no mistake
    answer = commands.ledger_command(*arguments)
    assert answer.code == 1
    assert "cohorts.vip.list_name" in answer.stderr
    assert "stream_maps" not in answer.stderr
    assert "not allowed" not in answer.stderr


@pytest.mark.parametrize("arguments", [("verify",), ("adopt", COHORT, "--file", __file__)])
def test_commands_that_need_the_binding_refuse_another(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    commands.target(*snapshot(*people(1)))
    commands.settings["contact_identifier_mapping"] = "work"
    answer = commands.ledger_command(*arguments)
    assert answer.code == 1
    assert "cordial-ledger rebind" in answer.stderr


# -- retry ----------------------------------------------------------------------------------------


def test_what_cordial_rejected_rests_until_it_is_tried_again(
    either: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("reject_contact", identifier="user2@shop.example", times=None)
    either.target(*snapshot(*people(3)))
    sandbox.control.clear_faults()
    sandbox.control.clear_calls()
    assert either.target(*snapshot(*people(3))).cohort(COHORT)["rejected"] != {}
    assert sandbox.control.write_calls() == []
    assert asked(either, "retry", COHORT) == {"cohort_id": COHORT, "retried": 1}
    ended = either.target()
    assert (ended.code, ended.cohort(COHORT)["rejected"]) == (0, {})
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)
    assert asked(either, "retry")["retried"] == 0


def test_what_cordial_rejected_is_tried_again_after_seven_days(
    either: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("reject_contact", identifier="user2@shop.example", times=None)
    either.target(*snapshot(*people(3)))
    sandbox.control.clear_faults()
    let_pass(either.place, 7 * DAY - 60)
    either.target()
    assert sandbox.control.lists()["activeusers"] == addresses(1, 3)
    let_pass(either.place, 60)
    either.target()
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


def test_what_cordial_rejected_is_tried_again_when_the_settings_change(
    commands: Commands, sandbox: Running
) -> None:
    assert commands.target(*snapshot(*people(3)), create_contacts=False).code == 0
    assert commands.target(create_contacts=False).cohort(COHORT)["rejected"] != {}
    sandbox.control.clear_calls()
    assert commands.target(create_contacts=False, max_removal_count=3).code == 0
    assert sandbox.control.write_calls() == []
    ended = commands.target()
    assert ended.cohort(COHORT)["rejected"] == {}
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2, 3)


def test_a_dry_run_with_other_settings_leaves_the_rejects_as_they_are(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(3)), create_contacts=False)
    assert commands.target(dry_run=True).cohort(COHORT)["added"] == 3
    assert commands.target(create_contacts=False).cohort(COHORT)["rejected"] != {}
    assert sandbox.control.lists()["activeusers"] == []


# -- verify ---------------------------------------------------------------------------------------


def test_lists_that_fit_are_said_to_fit(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    sandbox.control.clear_calls()
    answer = either.ledger_command("verify", "--json")
    assert answer.code == 0
    data = json.loads(answer.stdout)
    assert data["fits"] is True
    (one,) = data["lists"]
    assert (one["cohort_id"], one["list_name"]) == (COHORT, "activeusers")
    assert (one["members"], one["count_in_cordial"], one["drift"]) == (3, 3, 0)
    assert (one["sampled"], one["missing"]) == (3, 0)
    assert sandbox.control.write_calls() == []


def test_members_whom_somebody_took_off_are_found(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    sandbox.control.remove_list("activeusers")
    answer = either.ledger_command("verify")
    assert answer.code == 3
    assert "it is not in Cordial" in answer.stdout
    sandbox.control.put_list("activeusers", ["foreign@shop.example"])
    if "endpoint" in either.settings:  # its lists are known by name alone
        answer = either.ledger_command("verify", COHORT, "--json")
        assert answer.code == 3
        (one,) = json.loads(answer.stdout)["lists"]
        assert (one["drift"], one["sampled"], one["missing"]) == (-2, 3, 3)
        assert "shop.example" not in answer.stdout


def test_members_of_others_are_drift(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    sandbox.control.put_list("activeusers", ["foreign@shop.example"])
    answer = either.ledger_command("verify", "--json", "--sample", "0")
    assert answer.code == 3
    (one,) = json.loads(answer.stdout)["lists"]
    assert (one["drift"], one["sampled"], one["missing"]) == (1, 0, 0)
    plain = either.ledger_command("verify")
    assert "List 'activeusers' of cohort 9zx41kq: 3 members, 4 in Cordial (+1" in plain.stdout


def test_as_many_are_read_back_as_the_settings_say(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(5)))
    for sample, reads in (("2", 2), (None, 4), ("0", 0)):
        commands.settings["verify_sample"] = 4
        sandbox.control.clear_calls()
        more = [] if sample is None else ["--sample", sample]
        assert commands.ledger_command("verify", *more).code == 0
        read = [c for c in sandbox.control.calls() if c["path"].startswith("/v2/contacts/")]
        assert len(read) == reads


def test_a_single_list_can_be_verified(commands: Commands, sandbox: Running) -> None:
    other = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}
    commands.target(*snapshot(*people(2)), *snapshot(*people(1), **other))
    sandbox.control.put_list("VIPs", ["foreign@shop.example"])
    assert commands.ledger_command("verify", COHORT).code == 0
    assert commands.ledger_command("verify").code == 3


def test_an_account_that_can_not_be_asked_is_an_error(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    commands.settings["api_key"] = "wrong-key-4711"
    answer = commands.ledger_command("verify", "--json")
    assert answer.code == 1
    assert json.loads(answer.stdout)["error"]["code"] == "refused"
    assert "4711" not in answer.stdout + answer.stderr
