"""What is taken as proof that somebody left: the setting ``snapshot_completion``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

END = {"snapshot_completion": "end_of_input"}
NEVER = {"snapshot_completion": "never"}
OTHER = {"cohort_id": "7khm89c", "cohort_name": "VIPs"}
PLAIN = schema("members", {"cohort_id": {}, "cohort_name": {}, "user_id": {}, "email": {}})
"""What a tap sends that knows of no snapshots."""


def plain(number: int, **values: Any) -> dict[str, Any]:
    row = member(number)["record"]
    kept = {name: row[name] for name in ("cohort_id", "cohort_name", "user_id")}
    return record("members", {**kept, "email": row["user_properties"]["email"], **values})


# -- end_of_input ---------------------------------------------------------------------------------


def test_the_end_of_the_input_is_proof_for_the_cohorts_that_sent_rows(
    either: Commands, sandbox: Running
) -> None:
    rows = [plain(number, **more) for number in (1, 2, 3) for more in ({}, OTHER)]
    first = either.target(PLAIN, *rows, **END)
    assert first.code == 0
    assert first.cohort(COHORT)["snapshot"] == "complete"
    ended = either.target(PLAIN, plain(2), plain(4), state({"n": 1}), **END)
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    # the cohort that sent nothing is not taken for an empty one
    assert sandbox.control.lists() == {"activeusers": addresses(2, 4), "VIPs": addresses(1, 2, 3)}


def test_rows_with_a_flag_are_no_proof(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    ended = either.target(FLAGGED, change(1, in_cohort=True), change(2, operation="remove"), **END)
    assert ended.code == 0
    assert ended.cohort(COHORT)["snapshot"] == "none"
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3)}


def test_an_empty_input_removes_nobody(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    for messages in ([], [PLAIN], [MEMBERS, state({})]):
        assert either.target(*messages, **END).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


@pytest.mark.parametrize(
    "spoilt",
    [
        ['{"type":"RECORD","stream":"cohort_mem'],
        ['{"type":"NOPE"}\n'],
        [member(1, amplitude_id=None, user_id=None, user_properties={})],
        [member(1, user_properties="no object")],
        [member(3, snapshot_id="B")],
        [member(1), member(2), marker(4)],
        [member(1), marker(2, complete=False)],
    ],
    ids=[
        "a line broke off",
        "a message of no type",
        "an unreadable row",
        "a row that breaks its schema",
        "another snapshot",
        "a marker that does not add up",
        "a marker that says incomplete",
    ],
)
def test_a_doubtful_end_is_no_proof(either: Commands, sandbox: Running, spoilt: list[Any]) -> None:
    either.target(*snapshot(*people(4)))
    ended = either.target(MEMBERS, SNAPSHOTS, *people(2), state({"n": 1}), *spoilt, **END)
    assert ended.code == 3
    assert ended.states == []
    assert ended.cohort(COHORT)["snapshot"] == "incomplete"
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3, 4)}


def test_a_marker_that_is_there_decides(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(4)), **END)
    ended = either.target(*snapshot(*people(2)), **END)
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}
    # of one cohort; another has none, and the end of the input
    either.target(*snapshot(*people(2)), *(plain(number, **OTHER) for number in (1, 2)))
    ended = either.target(PLAIN, plain(1, **OTHER), *snapshot(member(2)), **END)
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(2), "VIPs": addresses(1)}


def test_one_cohorts_doubt_is_not_anothers(either: Commands, sandbox: Running) -> None:
    both = [plain(number, **more) for number in (1, 2) for more in ({}, OTHER)]
    either.target(PLAIN, *both, **END)
    unreadable = plain(9, user_id=None, email="nobody")
    ended = either.target(PLAIN, plain(1), unreadable, plain(1, **OTHER), **END)
    assert ended.code == 3
    assert ended.cohort("7khm89c")["snapshot"] == "complete"
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2), "VIPs": addresses(1)}


# -- never ----------------------------------------------------------------------------------------


def test_never_adds_only_and_complains_of_nothing(either: Commands, sandbox: Running) -> None:
    either.target(PLAIN, plain(1), plain(2), **NEVER)
    ended = either.target(PLAIN, plain(2), plain(3), state({"n": 1}), **NEVER)
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    assert ended.report["errors"] == []
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}
    whole = either.target(*snapshot(member(3)), **NEVER)
    assert whole.code == 0
    assert whole.cohort(COHORT)["snapshot"] == "complete"
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


def test_never_adds_a_changed_address_and_keeps_the_former_one(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(2)), **NEVER)
    ended = either.target(*snapshot(member(1, "new@shop.example"), member(2)), **NEVER)
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": ["new@shop.example", *addresses(1, 2)]}
    either.target(FLAGGED, change(1, "new@shop.example", in_cohort=False), **NEVER)
    assert sandbox.control.lists() == {"activeusers": addresses(2)}


def test_never_means_absences_and_explicit_removals_still_go_out(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(3)), **NEVER)
    ended = either.target(
        MEMBERS, FLAGGED, member(1), change(2, operation="remove"), state({"n": 1}), **NEVER
    )
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    assert sandbox.control.lists() == {"activeusers": addresses(1, 3)}


def test_the_next_proof_takes_off_what_never_left_on(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(2)), **NEVER)
    either.target(*snapshot(member(1, "new@shop.example")), **NEVER)
    assert either.target(*snapshot(member(1, "new@shop.example"))).code == 0
    assert sandbox.control.lists() == {"activeusers": ["new@shop.example"]}


# -- marker ---------------------------------------------------------------------------------------


def test_without_a_marker_the_run_names_the_cohort_and_the_remedy(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(2)))
    ended = either.target(PLAIN, plain(2), plain(3), state({"n": 1}))
    assert ended.code == 3
    assert ended.states == []
    assert "'active users' (9zx41kq)" in ended.last_line
    assert "no marker came" in ended.last_line
    assert "snapshot_completion" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


@pytest.mark.parametrize("completion", ["marker", "end_of_input", "never"])
@pytest.mark.parametrize("at", ["before", "after", "around"])
def test_activate_version_removes_nobody(
    commands: Commands, sandbox: Running, completion: str, at: str
) -> None:
    commands.target(*snapshot(*people(3)))
    version = {"type": "ACTIVATE_VERSION", "stream": "changes", "version": 1795428000}
    rows = [change(4, in_cohort=True), change(5, in_cohort=True)]
    for row in rows:
        row["version"] = version["version"]
    messages = [version] * (at != "after") + rows + [version] * (at != "before")
    ended = commands.target(FLAGGED, *messages, snapshot_completion=completion)
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3, 4, 5)}
