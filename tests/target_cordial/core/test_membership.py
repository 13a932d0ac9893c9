from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.identifier import INVALID_IDENTIFIER, UNRESOLVED_MAPPING, Mapping, Resolved
from target_cordial.core.membership import (
    Cohort,
    MarkerRow,
    Membership,
    Role,
    Unreadable,
    cohort_of,
    read_marker,
    read_membership,
    role_of,
)
from target_cordial.core.times import FORMS
from target_cordial.core.values import ADD_WORDS, REMOVE_WORDS

EMAIL = Mapping("email", ("email",))

ROW = {
    "cohort_id": "9zx41kq",
    "cohort_name": "active users",
    "amplitude_id": "356893043036",
    "user_id": "u-1",
    "user_properties": {"email": "Ana@shop.example"},
    "snapshot_id": "Rk7w2Q",
}
MARKER = {
    "cohort_id": "9zx41kq",
    "cohort_name": "active users",
    "snapshot_id": "Rk7w2Q",
    "member_count": 1,
    "complete": True,
    "computed_at": "2026-11-23T10:00:00Z",
}
COHORT = Cohort("9zx41kq", "active users")
TEN = 1_795_428_000_000
"""The marker's time in milliseconds."""


def member(record: dict[str, Any], *, deleted: bool = False) -> Membership:
    [read] = read_membership(record, EMAIL, deleted=deleted)
    assert isinstance(read, Membership)
    return read


def unreadable(record: dict[str, Any], *, deleted: bool = False) -> Unreadable:
    [read] = read_membership(record, EMAIL, deleted=deleted)
    assert isinstance(read, Unreadable)
    return read


def batch(record: dict[str, Any]) -> list[Membership | Unreadable]:
    return list(read_membership(record, EMAIL, deleted=False))


# -- roles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (list(ROW), Role.MEMBERSHIP),
        (list(MARKER), Role.MARKER),
        (["cohort_id", "user_id"], Role.MEMBERSHIP),
        (["cohort_id", "email"], Role.MEMBERSHIP),
        (["cohort_id", "user_properties__email"], Role.MEMBERSHIP),
        (["cohort_id", "properties__email"], Role.MEMBERSHIP),
        (["cohort_name", "amplitude_id"], Role.MEMBERSHIP),
        (["cohortId", "amplitudeID", "in_cohort"], Role.MEMBERSHIP),
        (["audience_id", "userId", "operation"], Role.MEMBERSHIP),
        (["cohortID", "memberCount", "Complete"], Role.MARKER),
        (["cohort_id", "in_cohort", "message_id", "users"], Role.MEMBERSHIP),
        (["amplitude_id", "_sdc_source_file"], Role.MEMBERSHIP),
        (["email", "_smart_source_file"], Role.MEMBERSHIP),
        (["price", "_sdc_source_file"], Role.OTHER),
        # tap-amplitude's cohorts: a cohort, and nobody in it
        (["id", "name", "size", "archived", "last_computed"], Role.OTHER),
        (["cohort_id", "cohort_name", "size"], Role.OTHER),
        # a marker has all three columns, the id among them
        (["cohort_id", "member_count"], Role.OTHER),
        (["cohort_id", "complete"], Role.OTHER),
        (["cohort_name", "member_count", "complete"], Role.OTHER),
        (["cohort_id", "complete", "user_id"], Role.MEMBERSHIP),
        # users, and no cohort
        (["amplitude_id", "user_id", "email"], Role.OTHER),
        (["event_type", "user_id", "member_count", "complete"], Role.OTHER),
        (["cohort_id", "phone"], Role.OTHER),
        ([], Role.OTHER),
    ],
)
def test_a_role_is_read_from_the_columns(columns: list[str], expected: Role) -> None:
    assert role_of(columns, EMAIL) is expected
    assert role_of(iter(reversed(columns)), EMAIL) is expected


def test_any_property_of_the_mapping_makes_a_membership() -> None:
    mapping = Mapping("customer_id", ("loyalty_id", "customer_id"))
    assert role_of(["cohort_id", "Loyalty_ID"], mapping) is Role.MEMBERSHIP
    assert role_of(["cohort_id", "user_properties__customer_id"], mapping) is Role.MEMBERSHIP
    assert role_of(["cohort_id", "email"], mapping) is Role.OTHER


# -- member rows ----------------------------------------------------------------------------------


def test_a_row_of_tap_amplitude() -> None:
    assert member(ROW) == Membership(
        cohort=COHORT,
        user="a:356893043036",
        user_id="u-1",
        resolved=Resolved("ana@shop.example"),
        present=True,
        explicit=False,
        snapshot_id="Rk7w2Q",
    )


@pytest.mark.parametrize("key", ["in_cohort", "inCohort", "IN_COHORT"])
@pytest.mark.parametrize(
    ("flag", "present"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        ("1", True),
        ("0", False),
        ("true", True),
        ("false", False),
        ("TRUE", True),
        ("FALSE", False),
        (" False\t", False),
    ],
    ids=repr,
)
def test_flags(key: str, flag: object, present: bool) -> None:  # noqa: FBT001  part of a table
    row = member({**ROW, key: flag})
    assert row.present is present
    assert row.explicit
    assert not row.contradicted


@pytest.mark.parametrize(
    "flag", [None, "", "yes", "no", "t", "f", "truth", 2, -1, 0.0, 1.0, [True], {"in": True}]
)
def test_a_flag_that_says_neither_is_never_guessed_at(flag: object) -> None:
    row = unreadable({**ROW, "in_cohort": flag})
    assert row.field == "in_cohort"
    assert row.cohort == COHORT


@pytest.mark.parametrize(
    ("word", "present"),
    [
        ("add", True),
        ("added", True),
        ("enter", True),
        ("entering", True),
        ("existing", True),
        ("remove", False),
        ("removed", False),
        ("exit", False),
        ("exiting", False),
        ("delete", False),
        ("deleted", False),
    ],
)
@pytest.mark.parametrize("spell", [str, str.upper, str.title, " {}\t".format])
def test_operations_in_any_case(
    word: str,
    present: bool,  # noqa: FBT001  part of a table
    spell: Any,
) -> None:
    row = member({**ROW, "operation": spell(word)})
    assert row.present is present
    assert row.explicit


@pytest.mark.parametrize(
    "word", [None, "", "upsert", "removes", "re move", "true", True, 0, ["add"]]
)
def test_an_unknown_operation_is_never_guessed_at(word: object) -> None:
    row = unreadable({**ROW, "operation": word})
    assert row.field == "operation"
    assert row.cohort == COHORT


@given(st.text().filter(lambda word: word.strip().lower() not in ADD_WORDS | REMOVE_WORDS))
def test_only_the_known_words_are_operations(word: str) -> None:
    assert unreadable({**ROW, "operation": word}).field == "operation"


@pytest.mark.parametrize(
    ("flag", "word", "present"),
    [(True, "add", True), (False, "exiting", False), ("1", "ADD", True)],
)
def test_flag_and_operation_may_agree(
    flag: object,
    word: str,
    present: bool,  # noqa: FBT001  part of a table
) -> None:
    assert member({**ROW, "in_cohort": flag, "operation": word}).present is present


@pytest.mark.parametrize(("flag", "word"), [(True, "remove"), (False, "add"), ("0", "existing")])
def test_flag_against_operation_is_unreadable(flag: object, word: str) -> None:
    row = unreadable({**ROW, "in_cohort": flag, "operation": word})
    assert (row.field, row.cohort) == ("operation", COHORT)
    assert "in_cohort" in row.problem


@pytest.mark.parametrize(
    ("more", "contradicted"),
    [
        ({}, False),
        ({"in_cohort": True}, True),
        ({"operation": "add"}, True),
        ({"in_cohort": False}, False),
        ({"operation": "delete"}, False),
    ],
)
def test_a_deletion_mark_wins(
    more: dict[str, object],
    contradicted: bool,  # noqa: FBT001  part of a table
) -> None:
    row = member({**ROW, **more}, deleted=True)
    assert not row.present
    assert row.explicit
    assert row.contradicted is contradicted


def test_a_deletion_mark_makes_nothing_readable() -> None:
    assert unreadable({**ROW, "in_cohort": None}, deleted=True).field == "in_cohort"


# -- who is meant ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (356893043036, "a:356893043036"),
        (" 356893043036\t", "a:356893043036"),
        (356893043036.0, "a:356893043036"),
        (float(2**53 - 1), "a:9007199254740991"),
        (2**60 + 1, "a:1152921504606846977"),
        (0, "a:0"),
        ("", "u:u-1"),
        ("  ", "u:u-1"),
        (None, "u:u-1"),
    ],
)
def test_amplitude_ids_in_every_type(value: object, key: str) -> None:
    assert member({**ROW, "amplitude_id": value}).user == key


@pytest.mark.parametrize("name", ["amplitude_id", "user_id", "snapshot_id"])
@pytest.mark.parametrize(
    "value",
    [True, False, 1.5, float(2**53), -float(2**53), float("nan"), float("inf"), ["1"], {"id": "1"}],
)
def test_ids_that_may_have_lost_digits_or_are_none_are_unreadable(name: str, value: object) -> None:
    row = unreadable({**ROW, name: value})
    assert (row.field, row.cohort) == (name, COHORT)


def test_user_ids_are_case_sensitive() -> None:
    first = member({"cohort_id": "c", "user_id": "Bob"})
    second = member({"cohort_id": "c", "user_id": "bob"})
    assert (first.user, second.user) == ("u:Bob", "u:bob")
    assert first.user_id == "Bob"


def test_a_row_with_an_identifier_only_is_a_user() -> None:
    row = member({"cohort_id": "c", "email": " Ana@shop.example"})
    assert (row.user, row.user_id) == ("i:ana@shop.example", None)


@pytest.mark.parametrize("email", ["", "no address", None])
def test_a_row_without_user_is_unreadable(email: str | None) -> None:
    row = unreadable({"cohort_id": "c", "user_id": "", "email": email})
    assert (row.field, row.cohort) == ("amplitude_id", Cohort("c", None))


@pytest.mark.parametrize(
    ("email", "reason"), [("", UNRESOLVED_MAPPING), ("no address", INVALID_IDENTIFIER)]
)
def test_a_known_user_without_identifier_is_read_all_the_same(email: str, reason: str) -> None:
    row = member({"cohort_id": "c", "amplitude_id": "1", "email": email})
    assert row.present
    assert row.resolved == Resolved(None, reason)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"cohort_id": "c", "cohort_name": "n"}, Cohort("c", "n")),
        ({"cohort_id": 17}, Cohort("17", None)),
        ({"amp_cohort_id": "c", "amp_cohort_name": "n"}, Cohort("c", "n")),
        ({"audienceId": " c "}, Cohort("c", None)),
        ({"cohort_name": "active users"}, Cohort(None, "active users")),
        ({"cohort_id": "", "cohort_name": "n"}, Cohort(None, "n")),
        ({"cohort_id": "c", "cohort_name": "  "}, Cohort("c", None)),
        ({"cohort_id": "c", "cohort_name": 5}, Cohort("c", None)),
        ({"cohort_id": "c", "cohort_name": None}, Cohort("c", None)),
        ({"cohort_id": None, "cohort_name": None}, None),
        ({"cohort_id": " ", "cohort_name": " "}, None),
        ({"cohort_id": True, "cohort_name": "n"}, None),
        ({"cohort_id": ["c"], "cohort_name": "n"}, None),
        ({"id": "c", "name": "n"}, None),
        ({}, None),
    ],
)
def test_which_cohort_a_row_speaks_of(record: dict[str, Any], expected: Cohort | None) -> None:
    assert cohort_of(record) == expected


def test_a_row_without_cohort_is_unreadable() -> None:
    row = unreadable({**ROW, "cohort_id": None, "cohort_name": ""})
    assert (row.field, row.cohort) == ("cohort_id", None)


@pytest.mark.parametrize(
    "record",
    [
        {**ROW, "operation": "s3cret"},
        {**ROW, "in_cohort": "s3cret"},
        {**ROW, "amplitude_id": ["s3cret"]},
        {"cohort_id": ["s3cret"]},
        {"cohort_id": "c", "email": "s3cret"},
    ],
)
def test_what_is_said_of_an_unreadable_row_never_holds_a_value(record: dict[str, Any]) -> None:
    row = unreadable(record)
    assert "s3cret" not in f"{row.field} {row.problem}"


# -- markers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, MarkerRow(COHORT, "Rk7w2Q", 1, complete=True, time=TEN)),
        ({"member_count": 0}, MarkerRow(COHORT, "Rk7w2Q", 0, complete=True, time=TEN)),
        ({"complete": False}, MarkerRow(COHORT, "Rk7w2Q", 1, complete=False, time=TEN)),
        ({"complete": "FALSE"}, MarkerRow(COHORT, "Rk7w2Q", 1, complete=False, time=TEN)),
        ({"complete": "true"}, MarkerRow(COHORT, "Rk7w2Q", 1, complete=True, time=TEN)),
        ({"complete": 1}, MarkerRow(COHORT, "Rk7w2Q", 1, complete=True, time=TEN)),
        ({"snapshot_id": None}, MarkerRow(COHORT, None, 1, complete=True, time=TEN)),
        ({"snapshot_id": 7}, MarkerRow(COHORT, "7", 1, complete=True, time=TEN)),
        ({"snapshot_id": "Rk7w2Q "}, MarkerRow(COHORT, "Rk7w2Q", 1, complete=True, time=TEN)),
    ],
)
def test_markers(more: dict[str, Any], expected: MarkerRow) -> None:
    assert read_marker({**MARKER, **more}) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("member_count", None),
        ("member_count", True),
        ("member_count", "one"),
        ("member_count", -1),
        ("member_count", 1.5),
        ("complete", None),
        ("complete", "yes"),
        ("complete", 2),
        ("complete", []),
        ("snapshot_id", True),
        ("snapshot_id", 1.5),
    ],
)
def test_a_marker_with_wrong_types_is_unreadable(name: str, value: object) -> None:
    row = read_marker({**MARKER, name: value})
    assert isinstance(row, Unreadable)
    assert (row.field, row.cohort) == (name, COHORT)


@pytest.mark.parametrize("name", ["member_count", "complete"])
def test_a_marker_that_lacks_a_part_is_unreadable(name: str) -> None:
    row = read_marker({key: value for key, value in MARKER.items() if key != name})
    assert isinstance(row, Unreadable)
    assert row.field == name


def test_a_marker_of_no_cohort_is_unreadable() -> None:
    assert read_marker({"member_count": 0, "complete": True}) == Unreadable(
        "cohort_id", "names no cohort"
    )


def test_a_stream_that_can_hold_an_identifier_inside_properties_is_membership() -> None:
    mapping = Mapping("email", ("email",))
    assert role_of(["cohort_id", "user_properties"], mapping) is Role.MEMBERSHIP
    assert role_of(["cohort_id", "userProperties__plan"], mapping) is Role.MEMBERSHIP
    assert role_of(["cohort_id", "size"], mapping) is Role.OTHER


# -- half a surrogate pair ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["amplitude_id", "user_id", "snapshot_id"])
def test_an_id_with_half_a_surrogate_pair_is_unreadable(name: str) -> None:
    read = unreadable(ROW | {name: "7\ud83d"})
    assert (read.field, read.cohort) == (name, COHORT)
    assert "\ud83d" not in read.problem


def test_a_cohort_id_with_half_a_surrogate_pair_names_no_cohort() -> None:
    read = unreadable(ROW | {"cohort_id": "7\ud83d"})
    assert (read.field, read.cohort) == ("cohort_id", None)
    marker = read_marker(MARKER | {"cohort_id": "7\ud83d"})
    assert isinstance(marker, Unreadable)


def test_a_cohort_name_with_half_a_surrogate_pair_is_none() -> None:
    assert member(ROW | {"cohort_name": "vip \ud83d"}).cohort == Cohort("9zx41kq", None)
    assert cohort_of({"cohort_name": "vip \ud83d"}) is None
    assert cohort_of({"cohort_name": "vip \U0001f600"}) == Cohort(None, "vip \U0001f600")


@pytest.mark.parametrize("name", ["amplitude_id", "user_id", "snapshot_id", "cohort_id"])
def test_an_id_with_a_nul_is_unreadable(name: str) -> None:
    assert unreadable(ROW | {name: "7\x00"}).field == name
    assert member(ROW | {"cohort_name": "vip\x00"}).cohort == Cohort("9zx41kq", None)


def test_an_identifier_with_half_a_surrogate_pair_names_no_user() -> None:
    mapping = Mapping("customer_id", ("customer_id",))
    row = {"cohort_id": "c1", "amplitude_id": "1", "customer_id": "C-\udc00"}
    [read] = read_membership(row, mapping, deleted=False)
    assert isinstance(read, Membership)
    assert read.resolved == Resolved(None, INVALID_IDENTIFIER)
    del row["amplitude_id"]
    [read] = read_membership(row, mapping, deleted=False)
    assert isinstance(read, Unreadable)


# -- batches of users -----------------------------------------------------------------------------

BATCH: dict[str, Any] = {
    "cohort_id": "9zx41kq",
    "cohort_name": "active users",
    "in_cohort": False,
    "computed_time": "1795428000",
    "message_id": "9zx41kq::exit::0",
    "users": [
        {"user_id": "u-1", "user_properties": {"email": "Ana@shop.example"}},
        {"user_id": "u-2"},
    ],
}


def test_a_batch_says_the_same_of_each_of_its_users() -> None:
    ana, bo = batch(BATCH)
    assert isinstance(ana, Membership)
    assert isinstance(bo, Membership)
    assert ana == Membership(
        cohort=COHORT,
        user="u:u-1",
        user_id="u-1",
        resolved=Resolved("ana@shop.example"),
        present=False,
        explicit=True,
        snapshot_id=None,
        time=TEN,
        message=ana.message,
    )
    assert (bo.user, bo.resolved) == ("u:u-2", Resolved(None, UNRESOLVED_MAPPING))
    assert ana.message is not None
    assert ana.message == bo.message


def test_a_batch_without_a_flag_says_present() -> None:
    [said] = batch({"cohort_id": "c1", "users": [{"user_id": "u-1"}]})
    assert isinstance(said, Membership)
    assert (said.present, said.explicit, said.message) == (True, False, None)


@pytest.mark.parametrize("word", [{"in_cohort": False}, {"operation": "exit"}])
def test_a_user_of_a_batch_may_have_a_word_of_its_own(word: dict[str, Any]) -> None:
    users = [{"user_id": "u-1"}, {"user_id": "u-2", **word}]
    said = batch({"cohort_id": "c1", "users": users})
    assert [(each.present, each.explicit) for each in said if isinstance(each, Membership)] == [
        (True, False),
        (False, True),
    ]
    assert len(batch(BATCH | {"users": users})) == 2
    [_, against] = batch(BATCH | {"in_cohort": True, "users": users})
    assert isinstance(against, Unreadable)
    assert against.field == "users.1"
    [one] = batch({"cohort_id": "c1", "users": [{"user_id": "u-1", **dict.fromkeys(word)}]})
    assert isinstance(one, Unreadable)
    assert one.field == f"users.0.{next(iter(word))}"


def test_a_batch_of_nobody_says_nothing() -> None:
    assert batch(BATCH | {"users": []}) == []


def test_a_batch_that_came_as_json_text_is_the_same_batch() -> None:
    assert batch(BATCH | {"users": json.dumps(BATCH["users"])}) == batch(BATCH)


@pytest.mark.parametrize("users", [None, "u-1", '{"user_id":"u-1"}', "[", {"user_id": "u-1"}, 7])
def test_users_that_are_no_list_are_unreadable(users: Any) -> None:
    assert unreadable(BATCH | {"users": users}).field == "users"


@pytest.mark.parametrize(
    ("user", "field"),
    [
        ("u-2", "users.1"),
        (None, "users.1"),
        ({}, "users.1.amplitude_id"),
        ({"user_id": None}, "users.1.amplitude_id"),
        ({"user_id": [1]}, "users.1.user_id"),
    ],
)
def test_one_user_of_a_batch_that_can_not_be_read_is_rejected_alone(user: Any, field: str) -> None:
    ana, other = batch(BATCH | {"users": [BATCH["users"][0], user]})
    assert isinstance(ana, Membership)
    assert isinstance(other, Unreadable)
    assert (other.field, other.cohort) == (field, COHORT)
    # the message is not done with: mended, it may come again
    assert ana.message is None


@pytest.mark.parametrize("flag", [{"in_cohort": None}, {"operation": "paused"}])
def test_a_batch_with_a_flag_that_can_not_be_read_is_unreadable_as_a_whole(
    flag: dict[str, Any],
) -> None:
    assert isinstance(unreadable(BATCH | flag), Unreadable)


def test_messages_are_told_apart_by_their_id_and_cohort_rows_by_their_user_too() -> None:
    def digests(record: dict[str, Any]) -> set[bytes | None]:
        return {said.message for said in batch(record) if isinstance(said, Membership)}

    assert digests(BATCH) == digests(dict(BATCH))
    assert digests(BATCH) != digests(BATCH | {"message_id": "9zx41kq::exit::1"})
    row = ROW | {"message_id": "m-1"}
    assert digests(row) == digests(dict(row)) != {None}
    assert digests(row) != digests(row | {"amplitude_id": "7"})
    assert digests(ROW) == {None}


# -- times and exported files ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["computed_time", "compute_time", "computedTime", "computed_at"])
def test_a_row_may_say_when_it_was_computed(name: str) -> None:
    assert member(ROW | {name: "1795428000"}).time == TEN
    assert member(ROW | {name: "2026-11-23T10:00:00Z"}).time == TEN
    assert member(ROW | {name: None}).time is None


def export(kind: str, **more: Any) -> dict[str, Any]:
    path = f"exports/187520_9zx41kq_2026-11-23T10-00_{kind}.csv"
    row = {"amplitudeID": "356893043036", "userID": "u-1", "email": "Ana@shop.example"}
    return {**row, "_sdc_source_file": path, **more}


@pytest.mark.parametrize(
    ("kind", "present", "time"),
    [("entering", True, TEN), ("existing", True, TEN - 1), ("exiting", False, TEN)],
)
def test_a_row_of_an_exported_file_has_its_cohort_from_the_name(
    kind: str,
    present: bool,  # noqa: FBT001  part of a table
    time: int,
) -> None:
    said = member(export(kind))
    assert said.cohort == Cohort("9zx41kq", None)
    assert (said.user, said.user_id) == ("a:356893043036", "u-1")
    assert said.resolved == Resolved("ana@shop.example")
    assert (said.present, said.explicit, said.time) == (present, True, time)


def test_what_the_row_says_of_cohort_and_time_goes_before_the_name_of_the_file() -> None:
    said = member(export("entering", cohort_id="c7", computed_time="1795420800"))
    assert said.cohort == Cohort("c7", None)
    assert said.time == TEN - 7_200_000


def test_a_row_of_another_file_names_no_cohort() -> None:
    row = export("entering") | {"_sdc_source_file": "customers.csv"}
    assert unreadable(row) == Unreadable("cohort_id", "names no cohort")


def test_a_flag_against_the_name_of_the_file_is_unreadable() -> None:
    said = unreadable(export("exiting", in_cohort=True))
    assert said.field == "_sdc_source_file"
    assert member(export("exiting", in_cohort=False)).present is False


@pytest.mark.parametrize("time", ["latest", "2026-11-31T10-00", "23-11-2026"])
@pytest.mark.parametrize("kind", ["entering", "exiting", "existing"])
def test_a_row_of_a_file_whose_time_is_not_read_is_unreadable(time: str, kind: str) -> None:
    row = export(kind) | {"_sdc_source_file": f"187520_9zx41kq_{time}_{kind}.csv"}
    said = unreadable(row)
    assert (said.field, said.cohort) == ("_sdc_source_file", Cohort("9zx41kq", None))
    assert FORMS in said.problem
    assert member(row | {"computed_at": "2026-11-23T10:00:00Z"}).time == TEN
    unreadable(row | {"computed_at": None})
