"""Single fields; how rows are read by them is in ``test_membership``."""

from __future__ import annotations

import pytest

from target_cordial.core import fields
from target_cordial.core.values import (
    ADD_WORDS,
    REMOVE_WORDS,
    UnreadableFieldError,
    boolean,
    identity,
    is_deleted,
    presence,
)


def test_no_word_adds_and_removes() -> None:
    assert len(ADD_WORDS) == 5
    assert len(REMOVE_WORDS) == 6
    assert not ADD_WORDS & REMOVE_WORDS


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"_sdc_deleted_at": "2026-01-02T00:00:00Z"}, True),
        ({"_SDC_DELETED_AT": "2026-01-02T00:00:00Z"}, True),
        ({"_sdc_deleted_at": 1767312000}, True),
        ({"_sdc_deleted_at": None}, False),
        ({"_sdc_deleted_at": ""}, False),
        ({"_sdc_deleted_at": " "}, False),
        ({"_sdc_deleted_at": 0}, True),
        ({"deleted_at": "2026-01-02T00:00:00Z"}, False),
        ({}, False),
    ],
)
def test_deletion_marks(record: dict[str, object], expected: bool) -> None:  # noqa: FBT001  part of a table
    assert is_deleted(record) is expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, None),
        ({"in_cohort": "1"}, True),
        ({"operation": "Exit"}, False),
        ({"in_cohort": 0, "operation": "removed"}, False),
    ],
)
def test_presence(record: dict[str, object], expected: bool | None) -> None:  # noqa: FBT001  part of a table
    assert presence(record) is expected


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"in_cohort": "SECRET"}, "in_cohort"),
        ({"operation": "SECRET"}, "operation"),
        ({"in_cohort": False, "operation": "add"}, "operation"),
    ],
)
def test_what_says_neither_is_named_without_its_value(record: dict[str, object], name: str) -> None:
    with pytest.raises(UnreadableFieldError) as caught:
        presence(record)
    assert caught.value.name == name
    assert "SECRET" not in str(caught.value)


def test_a_float_is_no_flag_and_may_be_an_id() -> None:
    assert boolean(1.0) is None
    assert identity({"user_id": 7.0}, fields.USER_ID) == "7"
    assert identity({"user_id": "\t"}, fields.USER_ID) is None
