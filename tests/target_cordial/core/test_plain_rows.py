"""Rows that are read at a glance are read as those that are looked at closely."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_amplitude.streams import CohortMembersStream
from target_cordial.core.identifier import Mapping, clean, plain
from target_cordial.core.membership import Cohort, Membership, read_membership
from target_cordial.core.plain_rows import PlainStream, Said, Same, plain_stream, said_together
from target_cordial.core.values import is_deleted

EMAIL = Mapping("email", ("email",))
KEY = Mapping("customerId", ("email", "id"))
TEXT = {"type": "string"}
OPTIONAL = {"type": ["string", "null"]}
COLUMNS: dict[str, Any] = {
    "cohort_id": TEXT,
    "cohort_name": OPTIONAL,
    "amplitude_id": TEXT,
    "user_id": OPTIONAL,
    "user_properties": {"type": ["object", "null"], "additionalProperties": True},
    "snapshot_id": OPTIONAL,
}
ROW: dict[str, Any] = {
    "cohort_id": "c1",
    "cohort_name": "active users",
    "amplitude_id": "1",
    "user_id": "u-1",
    "user_properties": {"email": "Ana@Shop.example", "plan": "free"},
    "snapshot_id": "s1",
}
SAID = ("a:1", "u-1", "ana@shop.example")


def schema(**columns: Any) -> dict[str, Any]:
    properties = {**COLUMNS, **columns}
    return {"type": "object", "properties": {k: v for k, v in properties.items() if v is not None}}


def compiled(declared: dict[str, Any] | None = None, mapping: Mapping = EMAIL) -> PlainStream:
    found = plain_stream("members", declared or schema(), (), mapping)
    assert found is not None
    return found


def line(record: Any, **more: Any) -> bytes:
    message = {"type": "RECORD", "stream": "members", "record": record, **more}
    return json.dumps(message).encode() + b"\n"


def read(
    stream: PlainStream, *records: dict[str, Any], mapping: Mapping = EMAIL
) -> list[tuple[Same, list[Said]]]:
    """Read some rows, as long as they are plain."""
    rows = stream.rows(b"".join(map(line, records)))
    if rows is None:
        return []
    found = []
    at = 0
    while at < len(rows):
        same, said = said_together(rows, at, mapping, nested=stream.nested)
        if not said:
            break
        found.append((same, said))
        at += len(said)
    return found


def test_rows_of_one_snapshot_are_read_together() -> None:
    second = {**ROW, "amplitude_id": " 2 ", "user_id": " "}
    third = {**ROW, "amplitude_id": "3", "user_id": None}
    assert read(compiled(), ROW, second, third) == [
        (
            Same(Cohort("c1", "active users"), "s1"),
            [SAID, ("a:2", None, "ana@shop.example"), ("a:3", None, "ana@shop.example")],
        )
    ]


@pytest.mark.parametrize("column", ["cohort_id", "cohort_name", "snapshot_id"])
def test_rows_of_another_snapshot_or_cohort_are_read_apart(column: str) -> None:
    found = read(compiled(), ROW, {**ROW, column: "other"}, ROW)
    assert [said for _, said in found] == [[SAID]] * 3


def test_the_schema_of_the_tap_is_compiled() -> None:
    stream = plain_stream(
        "members", CohortMembersStream.schema, CohortMembersStream.primary_keys, EMAIL
    )
    assert stream is not None
    assert [said for _, said in read(stream, ROW)] == [[SAID]]


def test_the_identifier_may_be_a_column_of_its_own() -> None:
    stream = compiled(schema(email=OPTIONAL))
    row = {**ROW, "email": "bo@shop.example"}
    assert [said for _, said in read(stream, row)] == [[("a:1", "u-1", "bo@shop.example")]]
    assert read(stream, ROW) == []  # it is not where it is expected, so it may be anywhere


def test_of_several_properties_the_first_is_read_at_a_glance() -> None:
    stream = compiled(mapping=KEY)
    assert [said for _, said in read(stream, ROW, mapping=KEY)] == [
        [("a:1", "u-1", "Ana@Shop.example")]
    ]
    other = {**ROW, "user_properties": {"id": "7"}}
    assert read(stream, other, mapping=KEY) == []


@pytest.mark.parametrize(
    "change",
    [
        {"cohort_id": " "},
        {"cohort_id": 7},
        {"amplitude_id": ""},
        {"amplitude_id": 7},
        {"user_id": 7},
        {"user_properties": None},
        {"user_properties": {}},
        {"user_properties": {"email": None}},
        {"user_properties": {"email": "none"}},
        {"user_properties": {"email": "é@shop.example"}},
        {"user_properties": {"email": ["ana@shop.example"]}},
        {"user_properties": {"Email": "ana@shop.example"}},
        {"user_properties": '{"email": "ana@shop.example"}'},
        {"in_cohort": False},
        {"_sdc_deleted_at": "2026-11-23T10:00:00Z"},
        {"snapshotId": "s2"},
        {"user_id": "a\0b"},
    ],
)
def test_a_row_that_is_not_plain_is_left(change: dict[str, Any]) -> None:
    assert read(compiled(), {**ROW, **change}) == []


def test_the_rows_before_one_that_is_not_plain_are_read() -> None:
    other = {**ROW, "user_properties": {"email": "none"}}
    blank = {**ROW, "amplitude_id": " "}
    for odd in (other, blank):
        assert [said for _, said in read(compiled(), ROW, odd, ROW)] == [[SAID]]


@pytest.mark.parametrize(
    "lines",
    [
        line(ROW) + b"\n" + line(ROW),
        line(ROW)[:-1] + line(ROW),
        line(ROW).replace(b' "record"', b'\n"record"') + line(ROW)[:-1] + line(ROW),
        line(ROW).replace(b"}}", b"}\n}") + line(ROW)[:-1] + line(ROW),
        line(ROW) + line(ROW)[:-1] + b"\r\n" + line(ROW),
        line(ROW).replace(b'"plan"', b'"\xff"'),
        line(ROW)[:-5] + b"\n",
        line(ROW).replace(b"RECORD", b"SCHEMA"),
        line(ROW).replace(b"members", b"others"),
        line(ROW).replace(b'"free"', b"NaN"),
        b'{"type": "STATE", "value": {}}\n',
    ],
)
def test_lines_that_are_none_of_plain_records_are_left(lines: bytes) -> None:
    assert compiled().rows(lines) is None


def test_lines_may_end_as_on_windows() -> None:
    rows = compiled().rows(line(ROW).replace(b"\n", b"\r\n") * 3)
    assert rows is not None
    assert len(rows) == 3


@pytest.mark.parametrize(("keys", "plain"), [((), 2), (("user_id",), 1), (("cohort_id",), 2)])
def test_a_row_without_a_key_property_is_left(keys: tuple[str, ...], plain: int) -> None:
    stream = plain_stream("members", schema(), keys, EMAIL)
    assert stream is not None
    keyless = {name: value for name, value in ROW.items() if name != "user_id"}
    assert [len(read(stream, row)) for row in (ROW, keyless)] == [1, plain - 1]


@pytest.mark.parametrize("keys", [("other",), (7,), ([],), 7])
def test_key_properties_that_the_schema_does_not_have_leave_no_plain_rows(keys: Any) -> None:
    assert plain_stream("members", schema(), keys, EMAIL) is None


def test_what_else_a_message_says_does_not_matter() -> None:
    rows = compiled().rows(line(ROW, time_extracted="2026-11-23T10:00:00Z", version=7))
    assert rows is not None


@pytest.mark.parametrize("name", ["computed_time", "message_id", "_sdc_deleted_at"])
def test_a_column_that_speaks_of_its_row_alone_has_to_be_empty(name: str) -> None:
    stream = compiled(schema(**{name: OPTIONAL}))
    assert [said for _, said in read(stream, {**ROW, name: None})] == [[SAID]]
    assert [said for _, said in read(stream, ROW)] == [[SAID]]
    assert read(stream, {**ROW, name: "1795428000000"}) == []
    never = compiled(schema(**{name: TEXT}))
    assert [said for _, said in read(never, ROW)] == [[SAID]]
    assert read(never, {**ROW, name: None}) == []


@pytest.mark.parametrize(
    "declared",
    [
        {"type": "object"},
        schema(in_cohort={"type": "boolean"}),
        schema(operation=OPTIONAL),
        schema(users={"type": "array"}),
        schema(amplitude_id=None),
        schema(cohort_id=None, cohort_name=OPTIONAL),
        schema(user_properties=None),
        schema(user_properties=TEXT),
        schema(cohortId=TEXT),
        schema(amplitude_id={"type": "string", "minLength": 2}),
        schema(plan={"enum": ["a", "b"]}),
        schema(plan={"$ref": "#/definitions/plan"}),
        schema(user_properties={"type": "object", "additionalProperties": {"type": "string"}}),
        schema(user_properties={"type": "object", "additionalProperties": False}),
        schema(amplitude_id={"type": "integer"}),
        schema(plan={"type": []}),
        schema(plan=False),
        {**schema(), "anyOf": [{}]},
        {**schema(), "required": ["other"]},
        {**schema(), "$schema": "http://json-schema.org/draft-07/schema#"},
        {**schema(), "type": "null"},
        {**schema(), "type": ["string", "null"]},
    ],
)
def test_a_schema_that_says_more_or_is_not_clear_has_no_plain_rows(
    declared: dict[str, Any],
) -> None:
    assert plain_stream("members", declared, (), EMAIL) is None


# -- against those who look closely ---------------------------------------------------------------

names = st.sampled_from(
    ["string", "null", "boolean", "integer", "number", "object", "array"],
)
types = names | st.lists(names, min_size=1, max_size=3, unique=True)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", " ", "x", "Ana@Shop.example", "none", "1", "é", "\x00", "[1]", "{}"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["email", "Email", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)
parts = st.recursive(
    st.fixed_dictionaries({}, optional={"type": types, "title": st.just("t")}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": types,
            "properties": st.dictionaries(st.sampled_from(["email", "a"]), inner, max_size=2),
            "required": st.lists(st.sampled_from(["email", "a"]), max_size=1),
            "additionalProperties": st.booleans(),
            "items": inner,
            "format": st.just("date-time"),
            "maxLength": st.just(1),
        },
    ),
    max_leaves=3,
)


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    columns = dict(COLUMNS)
    for name in draw(
        st.lists(
            st.sampled_from([*COLUMNS, "email", "other", "computed_time", "cohortId"]), max_size=2
        )
    ):
        columns[name] = draw(parts)
    declared: dict[str, Any] = {"type": "object", "properties": columns}
    if draw(st.booleans()):
        declared["additionalProperties"] = draw(st.booleans())
    if draw(st.booleans()):
        declared["required"] = [draw(st.sampled_from(sorted(columns)))]
    return declared


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    record = dict(ROW)
    for name in draw(
        st.lists(
            st.sampled_from([*ROW, "email", "other", "computed_time", "cohortId", "in_cohort"]),
            max_size=3,
        )
    ):
        record[name] = draw(values)
    for name in draw(st.lists(st.sampled_from(sorted(record)), max_size=2)):
        record.pop(name, None)
    return record


@given(schemas(), records(), st.sampled_from([EMAIL, KEY]))
@example(schema(), ROW, EMAIL)
@example(schema(), {**ROW, "user_id": ""}, EMAIL)
@example(schema(cohort_id={}), {**ROW, "cohort_id": None}, EMAIL)
@example(schema(amplitude_id={}), {**ROW, "amplitude_id": None}, EMAIL)
def test_a_plain_row_is_valid_and_says_what_it_says_on_a_closer_look(
    declared: dict[str, Any], record: dict[str, Any], mapping: Mapping
) -> None:
    stream = plain_stream("members", declared, (), mapping)
    if stream is None:
        return
    for same, said in read(stream, record, mapping=mapping):
        assert jsonschema_rs.validator_for(declared).is_valid(record)
        [close] = read_membership(record, mapping, deleted=is_deleted(record))
        assert isinstance(close, Membership)
        assert same == Same(close.cohort, close.snapshot_id)
        assert said == [(close.user, close.user_id, close.resolved.identifier)]
        assert close.present
        assert not close.explicit
        assert close.time is None
        assert close.message is None


@given(
    st.lists(
        st.none()
        | st.text(max_size=6)
        | st.sampled_from(
            [
                "Ana@Shop.example",
                " a.b@x.example\t",
                "a@b",
                "\u212a@x.example",
                "none",
                "[1]",
                '"a"',
            ]
        ),
        max_size=4,
    ),
    st.sampled_from([EMAIL, KEY]),
)
def test_a_plain_value_is_what_it_is_on_a_closer_look(
    given_values: list[str | None], mapping: Mapping
) -> None:
    found = plain(given_values, mapping)
    closely = [clean(value, mapping).identifier for value in given_values]
    assert found == closely[: len(found)]
