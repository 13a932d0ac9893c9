"""Which list a cohort has: every sentence of the contract's section 2.4, through the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.__main__ import main
from tests.target_cordial.command.clock import HOUR, let_pass
from tests.target_cordial.command.conftest import called, line
from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MEMBERS,
    addresses,
    change,
    member,
    people,
    snapshot,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands, Ended

OTHER = "7khm89c"


def cohort(name: str, *members: dict[str, Any], cohort_id: str = COHORT) -> list[dict[str, Any]]:
    return snapshot(*members, cohort_id=cohort_id, cohort_name=name, snapshot_id=f"S{cohort_id}")


def names(sandbox: Running) -> set[str]:
    return set(sandbox.control.lists())


# -- the name -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("active users", "activeusers"),
        (" Active\u00a0\tUsers\u2003", "ActiveUsers"),
        ("Ana's VIPs 🛍️ (Größe)", "AnasVIPsGroe"),
        ("\uff26ull \ufb01t", "Fullfit"),
        ("win-back_2", "win-back_2"),
        ("🛍️", "cohort-9zx41kq"),
        ("  ", "cohort-9zx41kq"),
        ("e mail", "cohort-9zx41kq"),
        ("CID", "cohort-9zx41kq"),
        ("x" * 128, "x" * 128),
    ],
)
def test_a_list_is_named_like_its_cohort(
    either: Commands, sandbox: Running, name: str, expected: str
) -> None:
    assert either.target(*cohort(name, member(1))).code == 0
    assert sandbox.control.lists() == {expected: addresses(1)}


def test_a_long_name_is_cut_and_ends_in_a_hash_of_the_cohorts_id(
    commands: Commands, sandbox: Running
) -> None:
    long = "x" * 200
    commands.target(*cohort(long, member(1)), *cohort(long, member(2), cohort_id=OTHER))
    assert len(names(sandbox)) == 2
    for name in names(sandbox):
        assert len(name) == 128
        assert name.startswith("x" * 119 + "-")


# -- names from the settings ----------------------------------------------------------------------


@pytest.mark.parametrize("key", [COHORT, "active users"])
def test_the_settings_give_a_list_another_name(
    either: Commands, sandbox: Running, key: str
) -> None:
    ended = either.target(*snapshot(*people(1)), cohorts={key: {"list_name": "Actives"}})
    assert ended.code == 0
    assert ended.cohort(COHORT)["list_name"] == "Actives"
    assert sandbox.control.lists() == {"Actives": addresses(1)}


def test_a_cohort_keeps_its_list_when_the_settings_say_otherwise_later(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(1)))
    ended = either.target(*snapshot(*people(2)), cohorts={COHORT: {"list_name": "Late"}})
    assert ended.code == 0
    assert "keeps its list 'activeusers'" in ended.last_line
    assert "'Late'" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}
    same = either.target(cohorts={COHORT: {"list_name": "activeusers"}})
    assert "keeps its list" not in same.last_line


def test_an_entry_for_no_known_cohort_is_one_warning(commands: Commands) -> None:
    single = {"lapsed": {"max_removal_percent": 5}, "c-4711": {}, COHORT: {}}
    ended = commands.target(*snapshot(*people(1)), cohorts=single)
    assert ended.code == 0
    warnings = [text for text in ended.stderr.splitlines() if "WARNING" in text]
    assert len(warnings) == 1
    assert "'c-4711', 'lapsed'" in warnings[0]
    assert COHORT not in warnings[0]


def test_an_entry_by_the_former_name_of_a_renamed_cohort_is_named_in_every_run(
    either: Commands, sandbox: Running
) -> None:
    by_name = {"active users": {"max_removal_percent": 0, "list_name": "Actives"}}
    limits = {"max_removal_count": 1, "max_removal_percent": 100, "cohorts": by_name}
    first = either.target(*snapshot(*people(4)), **limits)
    assert "has no effect" not in first.last_line
    entry = (
        "the entry 'active users' of the setting cohorts has no effect, for no cohort is called "
        "so: cohort 'loyal users' (9zx41kq) "
    )
    remedy = "Put the cohort's id '9zx41kq' in the place of the name"
    renamed = cohort("loyal users", *people(4))
    ended = either.target(*renamed, **limits)
    assert ended.code == 0
    assert f"{entry}was until now. {remedy}" in ended.last_line
    again = either.target(*renamed, **limits)
    assert f"{entry}has the list that goes with that name. {remedy}" in again.last_line
    limits["cohorts"] = {COHORT: by_name["active users"]}
    guarded = either.target(*cohort("loyal users", *people(2)), **limits)
    assert "has no effect" not in guarded.last_line
    assert guarded.cohort(COHORT)["withheld"] == 2
    assert sandbox.control.lists() == {"Actives": addresses(1, 2, 3, 4)}


def test_an_entry_by_a_former_name_is_known_by_a_list_that_is_called_like_it(
    commands: Commands,
) -> None:
    commands.target(*snapshot(*people(2)))
    commands.target(*cohort("loyal users", *people(2)))
    single = {"active users": {"max_removal_percent": 5}, "lapsed": {"max_removal_percent": 5}}
    ended = commands.target(cohorts=single)
    assert "the entry 'active users'" in ended.last_line
    assert "the entry 'lapsed'" not in ended.last_line


def test_an_entry_by_a_name_that_another_cohort_took_over_is_its_entry(
    commands: Commands,
) -> None:
    commands.target(*cohort("first", member(1), cohort_id="a"))
    ended = commands.target(
        *cohort("second", member(1), cohort_id="a"),
        *cohort("first", member(2), cohort_id="b"),
        cohorts={"first": {"list_name": "Firsts"}},
    )
    assert ended.code == 0
    assert "has no effect" not in ended.last_line


@pytest.mark.parametrize("name", ["active users", "cid", "x" * 129, "größe", ""])
def test_a_name_that_cordial_would_not_take_is_refused_before_anything_else(
    commands: Commands, sandbox: Running, name: str
) -> None:
    ended = commands.pipe(*snapshot(*people(1)), cohorts={"vip": {"list_name": name}})
    assert ended.code == 1
    assert "cohorts.vip.list_name" in ended.last_line
    assert sandbox.control.calls() == []


def test_single_cohorts_come_from_the_environment_too(
    commands: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = commands.folder / "given.jsonl"
    given.write_text("".join(line(message) for message in snapshot(*people(1))), encoding="utf-8")
    for name, value in (
        ("API_KEY", "sandbox-key"),
        ("API_URL", sandbox.url),
        ("LEDGER_URL", commands.settings["ledger_url"]),
        ("COHORTS", json.dumps({COHORT: {"list_name": "Actives"}})),
    ):
        monkeypatch.setenv(f"TARGET_CORDIAL_{name}", value)
    code, _, stderr = called(main, "--config", "ENV", "--input", str(given))
    assert code == 0, stderr
    assert sandbox.control.lists() == {"Actives": addresses(1)}


def test_broken_json_in_the_environment_is_refused_by_name_without_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TARGET_CORDIAL_API_KEY", "sandbox-key")
    monkeypatch.setenv("TARGET_CORDIAL_COHORTS", '{"s3cret": ')
    code, stdout, stderr = called(main, "--config", "ENV")
    assert code == 1
    assert "The setting cohorts (from the environment) is not JSON." in stderr.splitlines()[-1]
    assert "s3cret" not in stdout + stderr


# -- collisions -----------------------------------------------------------------------------------


def test_of_two_cohorts_with_one_name_neither_is_written_and_both_are_named(
    either: Commands, sandbox: Running
) -> None:
    ended = either.target(
        *cohort("Win back", member(1), cohort_id="a"),
        *cohort("winback", member(2), cohort_id="b"),
        *cohort("third", member(3), cohort_id="c"),
    )
    assert ended.code == 3
    assert "'Win back' (a)" in ended.last_line
    assert "'winback' (b)" in ended.last_line
    assert sandbox.control.lists() == {"third": addresses(3)}
    apart = {"b": {"list_name": "winback-b"}}
    assert either.target(cohorts=apart).code == 0  # from the ledger, without a new download
    assert sandbox.control.lists() == {
        "Winback": addresses(1),
        "winback-b": addresses(2),
        "third": addresses(3),
    }


def test_a_name_from_the_settings_can_collide_too(either: Commands, sandbox: Running) -> None:
    either.target(*cohort("first", member(1), cohort_id="a"))
    ended = either.target(
        *cohort("first", member(1), member(2), cohort_id="a"),
        *cohort("second", member(3), cohort_id="b"),
        cohorts={"b": {"list_name": "FIRST"}},
    )
    assert ended.code == 3
    assert "'second' (b) comes to the list name 'FIRST', as does 'first' (a)" in ended.last_line
    assert sandbox.control.lists() == {"first": addresses(1, 2)}


# -- lists that are made, renamed, deleted --------------------------------------------------------


def test_the_list_of_an_empty_but_complete_cohort_is_made_too(
    either: Commands, sandbox: Running
) -> None:
    ended = either.target(*snapshot())
    assert (ended.code, ended.cohort(COHORT)["snapshot"]) == (0, "complete")
    assert sandbox.control.lists() == {"activeusers": []}


def test_the_list_of_an_empty_cohort_that_is_not_complete_is_not_made(
    either: Commands, sandbox: Running
) -> None:
    assert either.target(MEMBERS, *snapshot()[:1]).code == 0
    assert sandbox.control.lists() == {}


def test_what_joins_an_empty_list_joins_after_its_first_sync(commands: Commands) -> None:
    few = {"max_addition_count": 3, "max_addition_percent": 50}
    commands.target(*snapshot(), **few)
    assert commands.target(*snapshot(*people(4)), **few).cohort(COHORT)["withheld"] == 4


def test_what_follows_half_a_first_snapshot_is_still_the_first_sync(
    commands: Commands, sandbox: Running
) -> None:
    few = {"max_addition_count": 3, "max_addition_percent": 50}
    half = [
        message for message in snapshot(*people(2)) if message.get("stream") != "cohort_snapshots"
    ]
    assert commands.target(*half, **few).code == 3
    assert commands.target(*snapshot(*people(9)), **few).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(1, 10))


def test_a_renamed_cohort_keeps_its_list(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)))
    ended = either.target(*cohort("very active users", member(1)))
    assert (ended.code, ended.cohort(COHORT)["cohort_name"]) == (0, "very active users")
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


def test_a_list_renamed_in_cordial_is_followed_with_one_warning(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(2)))
    sandbox.control.rename_list("activeusers", "Stammkunden")
    ended = commands.target()  # also where nothing is to be written
    assert ended.code == 0
    assert "'activeusers'" in ended.stderr
    assert "'Stammkunden'" in ended.stderr
    assert ended.cohort(COHORT)["list_name"] == "Stammkunden"
    again = commands.target(*snapshot(member(1)))
    assert "is now called" not in again.stderr
    assert sandbox.control.lists() == {"Stammkunden": addresses(1)}


def test_a_list_deleted_in_cordial_is_an_error_that_says_so(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(2)))
    sandbox.control.remove_list("activeusers")
    ended = commands.target(*snapshot(*people(1)))
    assert ended.code == 3
    assert "its list 'activeusers' is not in Cordial any more" in ended.last_line
    assert f"cordial-ledger forget {COHORT}" in ended.last_line
    assert sandbox.control.lists() == {}
    commands.ledger_command("forget", COHORT)
    assert commands.target(*snapshot(*people(1))).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


def test_a_name_taken_by_a_contact_attribute_is_an_error_that_says_so(
    either: Commands, sandbox: Running
) -> None:
    sandbox.control.put_attribute("activeusers")
    ended = either.target(*snapshot(*people(1)), *cohort("VIPs", member(2), cohort_id=OTHER))
    assert ended.code == 3
    assert "activeusers" in ended.last_line
    assert "give the cohort another list_name in the setting cohorts" in ended.last_line
    assert sandbox.control.lists() == {"VIPs": addresses(2)}
    assert either.target(cohorts={COHORT: {"list_name": "Actives"}}).code == 0
    assert sandbox.control.lists()["Actives"] == addresses(1)


def test_a_missing_list_is_an_error_where_none_may_be_made(
    either: Commands, sandbox: Running
) -> None:
    ended = either.target(*snapshot(*people(1)), create_lists=False)
    assert ended.code == 3
    assert "create_lists" in ended.last_line
    assert sandbox.control.lists() == {}


# -- cohorts that do not come any more ------------------------------------------------------------


def other_only(commands: Commands, **settings: Any) -> Ended:
    return commands.target(*cohort("VIPs", member(7), cohort_id=OTHER), **settings)


def test_the_list_of_a_deselected_cohort_is_left_alone_and_reported(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(2)))
    sandbox.control.clear_calls()
    ended = other_only(either)
    assert ended.code == 0
    part = ended.cohort(COHORT)
    assert (part["snapshot"], part["members"], part["list_name"]) == ("none", 2, "activeusers")
    assert part["last_complete_at"] is not None
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)
    assert [c for c in sandbox.control.write_calls() if "activeusers" in str(c)] == []


def test_a_list_that_is_too_old_fails_the_run_and_is_named(either: Commands) -> None:
    either.target(*snapshot(*people(2)))
    let_pass(either.place, 49 * HOUR)
    assert other_only(either, max_list_age_hours=50).code == 0
    assert other_only(either).code == 0  # off
    ended = other_only(either, max_list_age_hours=48)
    assert ended.code == 1
    assert ended.report["status"] == "failed"
    assert "'active users' (9zx41kq)" in ended.last_line
    assert "49 hours ago" in ended.last_line
    assert f"cordial-ledger forget {COHORT}" in ended.last_line
    assert "VIPs" not in ended.last_line
    assert either.target(*snapshot(*people(2)), max_list_age_hours=48).code == 0


def test_a_list_that_was_never_complete_ages_since_it_was_first_seen(commands: Commands) -> None:
    half = [
        message for message in snapshot(*people(2)) if message.get("stream") != "cohort_snapshots"
    ]
    commands.target(*half)
    assert other_only(commands, max_list_age_hours=1).code == 0
    let_pass(commands.place, 2 * HOUR)
    ended = other_only(commands, max_list_age_hours=1)
    assert ended.code == 1
    assert "never complete" in ended.last_line


def test_a_cohort_without_a_list_has_none_that_could_be_old(commands: Commands) -> None:
    commands.target(
        *cohort("Win back", member(1), cohort_id="a"), *cohort("winback", member(2), cohort_id="b")
    )
    let_pass(commands.place, 2 * HOUR)
    assert other_only(commands, max_list_age_hours=1).code == 3


def test_where_nothing_is_taken_for_proof_the_first_sync_ends_all_the_same(
    commands: Commands,
) -> None:
    settings: dict[str, Any] = {
        "max_addition_count": 3,
        "max_addition_percent": 50,
        "snapshot_completion": "never",
    }
    unmarked = [MEMBERS, *people(2)]
    assert commands.target(*unmarked, **settings).code == 0
    ended = commands.target(MEMBERS, *people(9), **settings)
    assert (ended.code, ended.cohort(COHORT)["withheld"]) == (3, 7)


def test_a_dry_run_names_the_list_that_it_would_make(commands: Commands) -> None:
    gone = [change(number, operation="remove") for number in range(12)]
    ended = commands.target(FLAGGED, *gone, dry_run=True)
    assert ended.code == 3
    assert "12 removals from list 'activeusers' are withheld" in ended.last_line


def test_a_deleted_list_is_an_error_in_both_deliveries_though_nothing_is_to_be_written(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(3)))
    sandbox.control.remove_list("activeusers")
    ended = either.target(*snapshot(*people(3)))
    assert ended.code == 3
    assert "is not in Cordial any more" in ended.last_line
    assert "activeusers" not in sandbox.control.lists()


def test_a_deleted_list_is_an_error_even_if_its_cohort_did_not_come(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(3)))
    sandbox.control.remove_list("activeusers")
    ended = either.target(*cohort("VIPs", member(2), cohort_id=OTHER))
    assert ended.code == 3
    assert "Cohort 'active users' (9zx41kq): its list 'activeusers' is not in" in ended.last_line
    assert sandbox.control.lists() == {"VIPs": addresses(2)}


def test_a_renamed_list_is_followed_in_both_deliveries(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    sandbox.control.rename_list("activeusers", "renamed")
    ended = either.target(*snapshot(*people(2)))
    assert ended.code == 0
    assert "is now called 'renamed' in Cordial; it is followed" in ended.stderr
    assert ended.cohort(COHORT)["list_name"] == "renamed"
    assert ended.cohort(COHORT)["count_in_cordial"] == 2
    assert sandbox.control.lists() == {"renamed": addresses(1, 2)}
