from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core import fields
from target_cordial.core.fields import MISSING, candidates, field, fold, has_field


@pytest.mark.parametrize(
    "spelling",
    [
        "amplitude_id",
        "amplitudeID",
        "AMPLITUDE_ID",
        "AmplitudeId",
        "amplitudeid",
        "gp:amplitude_id",
    ],
)
def test_spellings_of_one_key_fold_together(spelling: str) -> None:
    assert fold(spelling) == fold("amplitude_id")


@pytest.mark.parametrize("other", ["amplitude-id", "amplitude_ids", "gp:gp:amplitude_id", "gp"])
def test_other_keys_stay_apart(other: str) -> None:
    assert fold(other) != fold("amplitude_id")


@given(st.text("abcxyzABCXYZ_", max_size=12))
def test_case_and_underscores_and_one_mark_never_tell_keys_apart(key: str) -> None:
    assert fold(key) == fold(key.upper()) == fold(f"gp:{key}") == fold(key.replace("_", "__"))


@pytest.mark.parametrize(
    "record",
    [
        {"userID": "folded", "user_id": "exact"},
        {"user_id": "exact", "userID": "folded"},
        {"gp:user_id": "folded", "user_id": "exact", "USER_ID": "folded"},
    ],
)
def test_the_exact_key_wins_wherever_it_stands(record: dict[str, str]) -> None:
    assert field(record, fields.USER_ID) == "exact"


@pytest.mark.parametrize("key", ["userID", "userid", "USER_ID", "gp:user_id", "gp:userId"])
def test_a_key_is_found_however_a_tap_spells_it(key: str) -> None:
    assert field({"other": 1, key: "u-1"}, fields.USER_ID) == "u-1"


@pytest.mark.parametrize("name", ["cohort_id", "amp_cohort_id", "audience_id"])
def test_a_cohort_id_has_three_names(name: str) -> None:
    assert field({name: "9zx41kq"}, fields.COHORT_ID) == "9zx41kq"


@pytest.mark.parametrize("name", ["cohort_name", "amp_cohort_name"])
def test_a_cohort_name_has_two_names(name: str) -> None:
    assert field({name: "active users"}, fields.COHORT_NAME) == "active users"


def test_of_several_exact_names_the_first_wins() -> None:
    record = {"audience_id": "c", "amp_cohort_id": "b", "cohort_id": "a"}
    assert field(record, fields.COHORT_ID) == "a"


def test_null_is_a_value_and_absence_is_not() -> None:
    assert field({"in_cohort": None}, fields.IN_COHORT) is None
    assert field({"inCohort": None}, fields.IN_COHORT) is None
    assert field({"in_cohorts": True, "cohort": True}, fields.IN_COHORT) is MISSING
    assert field({}, fields.IN_COHORT) is MISSING


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["user_id"], True),
        (["plan", "userID"], True),
        (["gp:User_Id"], True),
        (["plan", "user"], False),
        ([], False),
    ],
)
def test_has_field(keys: list[str], expected: bool) -> None:  # noqa: FBT001  part of a table
    assert has_field(iter(keys), fields.USER_ID) is expected
    assert has_field(dict.fromkeys(keys), fields.USER_ID) is expected


def test_a_property_is_looked_for_in_the_row_then_nested_then_flattened() -> None:
    record = {
        "properties__email": 5,
        "user_properties__email": 4,
        "properties": {"email": 3},
        "user_properties": {"email": 2},
        "email": 1,
    }
    assert list(candidates(record, "email")) == [[1], [2], [3], [4], [5]]


def test_an_exact_match_anywhere_comes_before_a_folded_one() -> None:
    record = {
        "Email": "folded in the row",
        "user_properties": {"EMAIL": "folded", "E_Mail": "folded too"},
        "properties__email": "exact",
    }
    assert list(candidates(record, "email")) == [
        ["exact"],
        ["folded in the row"],
        ["folded", "folded too"],
    ]


def test_beside_an_exact_match_the_folded_ones_of_that_place_come_later() -> None:
    record = {"Email": "folded", "email": "exact"}
    assert list(candidates(record, "email")) == [["exact"], ["folded"]]


@pytest.mark.parametrize("container", ["userProperties", "user_properties", "UserProperties"])
def test_containers_are_found_folded_too(container: str) -> None:
    assert list(candidates({container: {"gp:email": "a"}}, "email")) == [["a"]]


@pytest.mark.parametrize("key", ["user_properties__email", "userProperties__Email"])
def test_flattened_properties_are_found_folded_too(key: str) -> None:
    assert list(candidates({key: "a"}, "email")) == [["a"]]


@pytest.mark.parametrize("properties", [None, "a@x.example", ["email"], 7])
def test_properties_that_hold_no_properties_are_passed_over(properties: Any) -> None:
    assert list(candidates({"user_properties": properties, "email": "a"}, "email")) == [["a"]]


def test_a_property_that_is_nowhere_has_no_candidates() -> None:
    record = {"work_email": "a", "user_properties": {"emails": "b"}}
    assert list(candidates(record, "email")) == []


def test_the_first_name_wins_whatever_the_order_of_the_record() -> None:
    assert field({"audienceId": "b", "cohortId": "a"}, ("cohort_id", "audience_id")) == "a"
