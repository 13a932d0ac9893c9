"""A user stands under one key, whose beginning says what kind of id it is."""

from __future__ import annotations

import pytest

from target_cordial.core.user_key import (
    AMPLITUDE_KIND,
    IDENTIFIER_KIND,
    USER_ID_KIND,
    keys_of,
    user_key,
)


@pytest.mark.parametrize(
    ("amplitude_id", "user_id", "identifier", "expected"),
    [
        ("1", "u-1", "ana@shop.example", "a:1"),
        ("1", None, None, "a:1"),
        (None, "u-1", "ana@shop.example", "u:u-1"),
        (None, None, "ana@shop.example", "i:ana@shop.example"),
        (None, None, None, None),
        ("", "", "", None),
    ],
)
def test_a_user_is_known_by_the_best_id_there_is(
    amplitude_id: str | None, user_id: str | None, identifier: str | None, expected: str | None
) -> None:
    assert user_key(amplitude_id, user_id, identifier) == expected


@pytest.mark.parametrize("kind", [AMPLITUDE_KIND, USER_ID_KIND, IDENTIFIER_KIND])
def test_the_keys_of_a_kind_are_in_its_range_and_no_others(kind: str) -> None:
    first, after = keys_of(kind)
    keys = {
        user_key("\U0010ffff", None, None),
        user_key(None, "1", None),
        user_key(None, None, " "),
    }
    within = {key for key in keys if key is not None and first <= key < after}
    assert [key[:2] for key in within] == [kind]
