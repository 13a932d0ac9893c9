"""Every row that must be understood with no mapper in between, through the real command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MARKER_PROPERTIES,
    MEMBER_PROPERTIES,
    MEMBERS,
    NAME,
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
    user,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands


def loose(stream: str, columns: Iterable[str]) -> dict[str, Any]:
    """Columns of any type."""
    return schema(stream, {column: {} for column in columns})


LOOSE = loose("changes", [*FLAGGED["schema"]["properties"], "users"])

OTHER = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}


# -- rows and markers -----------------------------------------------------------------------------


def test_the_rows_of_tap_amplitude(either: Commands, sandbox: Running) -> None:
    ana = {
        "cohort_id": "9zx41kq",
        "cohort_name": "active users",
        "amplitude_id": "356893043036",
        "user_id": "u-1",
        "user_properties": {"email": "ana@shop.example"},
        "snapshot_id": "Rk7w2Q",
    }
    whole = {
        "cohort_id": "9zx41kq",
        "cohort_name": "active users",
        "snapshot_id": "Rk7w2Q",
        "member_count": 1,
        "complete": True,
        "computed_at": "2026-11-23T10:00:00Z",
    }
    bo = {**ana, "amplitude_id": "2", "user_id": None, "user_properties": {"email": "bo@x.io"}}
    rows = [record("cohort_members", ana), record("cohort_members", bo)]
    marked = record("cohort_snapshots", {**whole, "member_count": 2})
    assert either.target(MEMBERS, SNAPSHOTS, *rows, marked).code == 0
    assert sandbox.control.lists() == {"activeusers": ["ana@shop.example", "bo@x.io"]}
    ended = either.target(MEMBERS, SNAPSHOTS, rows[0], record("cohort_snapshots", whole))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": ["ana@shop.example"]}


def test_flags_of_every_type(either: Commands, sandbox: Running) -> None:
    yes: list[Any] = [True, 1, "true", "TRUE", "1"]
    no: list[Any] = [False, 0, "false", "False", "0"]
    either.target(*snapshot(*people(len(no))))
    ended = either.target(
        LOOSE,
        *(change(number, in_cohort=flag) for number, flag in enumerate(no, 1)),
        *(change(number, in_cohort=flag) for number, flag in enumerate(yes, 11)),
    )
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(11, 11 + len(yes)))


def test_operations_in_every_case(either: Commands, sandbox: Running) -> None:
    add = ["add", "added", "enter", "entering", "existing"]
    remove = ["remove", "removed", "exit", "exiting", "delete", "deleted"]
    cased = [str.lower, str.upper, str.title]
    adding = [case(word) for word in add for case in cased]
    removing = [case(word) for word in remove for case in cased]
    either.target(*snapshot(*people(len(removing))))
    ended = either.target(
        LOOSE,
        *(change(number, operation=word) for number, word in enumerate(removing, 1)),
        *(change(number, operation=word) for number, word in enumerate(adding, 101)),
        max_removal_percent=100,
    )
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(*range(101, 101 + len(adding)))


def test_a_deletion_mark_wins_with_a_warning_and_an_empty_one_is_none(
    either: Commands, sandbox: Running
) -> None:
    either.target(*snapshot(*people(4)))
    ended = either.target(
        LOOSE,
        change(1, _sdc_deleted_at="2026-01-02T00:00:00Z", in_cohort=True),
        change(2, _sdc_deleted_at="2026-01-02T00:00:00Z", in_cohort=False),
        change(3, _sdc_deleted_at="", in_cohort=True),
        change(4, _sdc_deleted_at=None, in_cohort=True),
    )
    assert ended.code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(3, 4)
    warnings = [text for text in ended.stderr.splitlines() if "deletion mark" in text]
    assert len(warnings) == 1
    assert "line 2" in warnings[0]


@pytest.mark.parametrize(
    "spell",
    [
        lambda key: key.replace("_", ""),
        lambda key: key.upper(),
        lambda key: "".join([key[0], key.title().replace("_", "")[1:]]),
        lambda key: f"gp:{key}",
    ],
    ids=["without _", "upper case", "camelCase", "gp:"],
)
def test_keys_however_they_are_spelt(either: Commands, sandbox: Running, spell: Any) -> None:
    def spelt(values: dict[str, Any]) -> dict[str, Any]:
        return {
            spell(key): {spell("email"): value["email"]} if isinstance(value, dict) else value
            for key, value in values.items()
        }

    def rows(*numbers: int) -> list[dict[str, Any]]:
        return [
            loose("m", spelt(user(1))),
            loose("s", spelt(marker(1)["record"])),
            *(record("m", spelt(user(number))) for number in numbers),
            record("s", spelt(marker(len(numbers))["record"])),
        ]

    assert either.target(*rows(1, 2, 3)).code == 0
    assert either.target(*rows(2, 3)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3)}
    words = spelt(user(2) | {"in_cohort": False}), spelt(user(4) | {"operation": "add"})
    both = loose("c", [*words[0], *words[1]])
    assert either.target(both, *(record("c", word) for word in words)).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(3, 4)}


def test_the_exact_key_goes_before_the_others(either: Commands, sandbox: Running) -> None:
    row = {"Cohort_ID": "wrong", "amplitudeID": "wrong", "IN_COHORT": False, **user(1)}
    either.target(loose("c", [*row, "in_cohort"]), record("c", {**row, "in_cohort": True}))
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


# -- flattened properties -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        "user_properties__email",
        "properties__email",
        "userProperties__Email",
        "user_properties__gp:email",
        "gp:email",
    ],
)
def test_properties_that_are_flat_already(either: Commands, sandbox: Running, column: str) -> None:
    columns: dict[str, Any] = {
        "cohort_id": {},
        "cohort_name": {},
        "user_id": {},
        "operation": {},
        column: {},
    }
    row = {"cohort_id": COHORT, "cohort_name": NAME, "user_id": "u-1", "operation": "add"}
    ended = either.target(
        schema("flat", columns), record("flat", {**row, column: "user1@shop.example"})
    )
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1)}


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("typed", [True, False], ids=["typed", "of any properties"])
def test_the_flattening_of_the_sdk_loses_nobody(
    either: Commands, sandbox: Running, *, typed: bool, depth: int
) -> None:
    """Objects whose schema names no properties, and lists, become JSON text."""
    of = {"properties": {"email": {"type": ["array", "string"]}}} if typed else {}
    columns = {**MEMBER_PROPERTIES, "user_properties": {"type": ["object", "null"], **of}}
    listed = member(3, user_properties={"email": ["", "user3@shop.example"], "deep": {"er": 1}})
    whole = [schema("cohort_members", columns), *snapshot(*people(2), listed)[1:]]
    flat = {"flattening_enabled": True, "flattening_max_depth": depth}
    assert either.target(*whole, **flat).code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}
    gone = record("changes", {"cohort_id": COHORT, "in_cohort": False, "users": [user(1)]})
    batches = schema("changes", {**FLAGGED["schema"]["properties"], "users": {"type": "array"}})
    ended = either.target(batches, gone, **flat)
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(2, 3)}


# -- what cannot be read --------------------------------------------------------------------------

UNREADABLE: list[tuple[dict[str, Any], str]] = [
    ({"operation": "SECRET"}, "operation"),
    ({"operation": None}, "operation"),
    ({"operation": ""}, "operation"),
    ({"in_cohort": "SECRET"}, "in_cohort"),
    ({"in_cohort": None}, "in_cohort"),
    ({"in_cohort": True, "operation": "removed"}, "operation"),
    ({"in_cohort": False, "operation": "added"}, "operation"),
    ({"amplitude_id": None, "user_id": None, "user_properties": {"email": "SECRET"}}, "amplitude_"),
    ({"amplitude_id": ["SECRET"]}, "amplitude_id"),
    ({"amplitude_id": 3.5e17}, "amplitude_id"),
    ({"user_id": {"SECRET": 1}}, "user_id"),
    ({"users": "SECRET"}, "users"),
    ({"users": [{"user_id": None, "email": "SECRET"}]}, "users.0.amplitude_id"),
    ({"users": ["SECRET"]}, "users.0"),
]


@pytest.mark.parametrize(("values", "field"), UNREADABLE, ids=lambda value: str(value)[:50])
def test_a_row_that_cannot_be_read_is_rejected_alone(
    commands: Commands, sandbox: Running, values: dict[str, Any], field: str
) -> None:
    commands.target(*snapshot(*people(3)), *snapshot(*people(3), **OTHER))
    bad = change(9, **{"in_cohort": True, **values} if "users" in values else values)
    ended = commands.target(
        *snapshot(*people(2)), LOOSE, bad, change(4, in_cohort=True), *snapshot(member(1), **OTHER)
    )
    assert ended.code == 3
    assert ended.states == []
    assert f"stream 'changes', line 8, field '{field}" in ended.stderr
    assert "1 records of stream 'changes' could not be read" in ended.last_line
    assert "SECRET" not in ended.stderr
    assert ended.cohort(COHORT)["snapshot"] == "incomplete"
    assert sandbox.control.lists() == {
        "activeusers": addresses(1, 2, 3, 4),
        "VIPs": addresses(1),
    }
    assert commands.target(*snapshot(*people(2)), *snapshot(member(1), **OTHER)).code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)


@pytest.mark.parametrize(
    "values", [{"cohort_id": None, "cohort_name": " "}, {"cohort_id": [COHORT]}]
)
@pytest.mark.parametrize("completion", ["marker", "end_of_input"])
def test_a_row_of_no_cohort_is_rejected_and_may_be_of_any(
    commands: Commands, sandbox: Running, values: dict[str, Any], completion: str
) -> None:
    commands.target(*snapshot(*people(3)))
    columns = loose("cohort_members", MEMBER_PROPERTIES)
    rows = [member(1), member(2), member(3, **values)]
    ended = commands.target(columns, *rows, state({"n": 1}), snapshot_completion=completion)
    assert ended.code == 3
    assert ended.states == []
    assert "stream 'cohort_members', line 4, field 'cohort_id'" in ended.stderr
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"member_count": "SECRET"}, "member_count"),
        ({"member_count": -2}, "member_count"),
        ({"complete": "SECRET"}, "complete"),
        ({"complete": None}, "complete"),
        ({"snapshot_id": ["SECRET"]}, "snapshot_id"),
    ],
)
def test_a_marker_that_cannot_be_read_is_no_marker(
    commands: Commands, sandbox: Running, values: dict[str, Any], field: str
) -> None:
    commands.target(*snapshot(*people(3)))
    columns = loose("cohort_snapshots", MARKER_PROPERTIES)
    # the marker before it, of which nothing is wrong, does not make up for it
    ended = commands.target(MEMBERS, columns, *people(2), marker(2), marker(2, **values))
    assert ended.code == 3
    assert f"stream 'cohort_snapshots', line 6, field '{field}'" in ended.stderr
    assert "SECRET" not in ended.stderr
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}


def test_a_record_that_breaks_its_schema_is_named_by_its_place(
    either: Commands, sandbox: Running
) -> None:
    strict = schema(
        "changes",
        {
            **FLAGGED["schema"]["properties"],
            "user_properties": {"properties": {"age": {"type": "integer", "maximum": 150}}},
        },
    )
    old = {"email": "user1@shop.example", "age": 151}
    ended = either.target(
        strict, change(1, in_cohort=True, user_properties=old), change(2, in_cohort=True)
    )
    assert ended.code == 3
    assert "line 2, field 'user_properties.age' breaks its schema (maximum)" in ended.stderr
    assert "151" not in ended.stderr
    assert sandbox.control.lists() == {"activeusers": addresses(2)}


# -- roles of streams -----------------------------------------------------------------------------


@pytest.mark.parametrize("properties", [{}, None], ids=["no columns", "no properties"])
def test_streams_without_columns_have_the_role_of_their_first_row(
    commands: Commands, sandbox: Running, properties: dict[str, Any] | None
) -> None:
    def bare(stream: str) -> dict[str, Any]:
        message = schema(stream, {})
        if properties is None:
            message["schema"] = {"type": "object", "additionalProperties": True}
        return message

    rows = people(2)
    for row in rows:
        row["stream"] = "a"
    whole = {**marker(2), "stream": "b"}
    event = record("c", {"event_id": 1, "user_id": "u-1"})
    ended = commands.target(bare("a"), bare("b"), bare("c"), *rows, whole, event)
    if properties is None:
        assert ended.code == 1
        assert "SCHEMA has no properties" in ended.last_line
        return
    assert ended.code == 0
    assert ended.cohort(COHORT)["snapshot"] == "complete"
    assert ended.stderr.count("Stream 'c'") == 1
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}


@pytest.mark.parametrize(
    "row",
    [
        {"id": COHORT, "name": NAME, "size": 3, "archived": False, "last_computed": None},
        {"cohort_id": COHORT, "cohort_name": NAME, "size": 0},
        {"cohort_id": COHORT, "member_count": 0},
        {"event_type": "play", "amplitude_id": 35689301, "user_properties": {}},
        {"_sdc_source_file": "187520_9zx41kq_2026-11-23T10-00_exiting.csv", "price": 3},
    ],
    ids=["cohorts of the tap", "cohorts elsewhere", "half a marker", "events", "other files"],
)
def test_a_stream_without_membership_never_means_an_empty_cohort(
    commands: Commands, sandbox: Running, row: dict[str, Any]
) -> None:
    commands.target(*snapshot(*people(3)))
    rows = [record("other", row)] * 3
    ended = commands.target(
        loose("other", row),
        *rows,
        state({"n": 1}),
        snapshot_completion="end_of_input",
    )
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    assert ended.stderr.count("Stream 'other'") == 1
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2, 3)}
