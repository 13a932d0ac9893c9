from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.request_template import (
    Place,
    Use,
    filled,
    filled_path,
    is_path,
    uses,
)

VALUES: dict[str, Any] = {"items": ["a", "b"], "list_id": "7", "list_name": "vip", "odd": "a/b ?ü"}


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("$items", ["a", "b"]),
        ("$list_id", "7"),
        ("list $list_id of $list_name.", "list 7 of vip."),
        ("$list_id$list_name", "7vip"),
        ("$list_id/add", "7/add"),
        ("$$", "$"),
        ("$$list_id", "$list_id"),
        ("$$$list_id", "$7"),
        ("a $$ b", "a $ b"),
        ("", ""),
        (None, None),
        (5, 5),
        (1.5, 1.5),
        (False, False),
        ([], []),
        ({}, {}),
        ({"$list_name": "$items"}, {"vip": ["a", "b"]}),
        ({"of $list_name": [{"id": "$list_id"}, 1]}, {"of vip": [{"id": "7"}, 1]}),
        ({"a$$": True}, {"a$": True}),
        (["$items", ["$list_id"]], [["a", "b"], ["7"]]),
    ],
)
def test_a_variable_becomes_its_value(template: object, made: object) -> None:
    assert filled(template, VALUES) == made


@given(st.text())
def test_what_was_put_in_is_not_looked_at_again(value: str) -> None:
    values = {"identifier": value, "list_id": "7"}
    template = {"$identifier": ["$identifier", "<$identifier>", "$$identifier"]}
    assert filled(template, values) == {value: [value, f"<{value}>", "$identifier"]}


def test_two_keys_that_become_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="two keys"):
        filled([{"vip": 1, "$list_name": "$items"}], VALUES)


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("$items", [Use("items", Place.ALONE)]),
        ("a $items", [Use("items", Place.TEXT)]),
        ("$list_id$x", [Use("list_id", Place.TEXT), Use("x", Place.TEXT)]),
        ("$$items", []),
        ("$$$items", [Use("items", Place.TEXT)]),
        ("$", [Use("", Place.ALONE)]),
        ("5 $ and ${x}", [Use("", Place.TEXT), Use("", Place.TEXT)]),
        ({"$list_id": [{"a": "$items"}]}, [Use("list_id", Place.KEY), Use("items", Place.ALONE)]),
        ([1, None, True, "x"], []),
    ],
)
def test_the_variables_of_a_template(template: object, found: list[Use]) -> None:
    assert list(uses(template)) == found


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/lists", "/lists"),
        ("/lists/$list_id/add", "/lists/7/add"),
        ("/lists/$odd", "/lists/a%2Fb%20%3F%C3%BC"),
        ("/l?name=$odd&x=$list_id", "/l?name=a%2Fb%20%3F%C3%BC&x=7"),
        ("/lists/$$$list_id", "/lists/$7"),
    ],
)
def test_values_stand_percent_encoded_in_a_path(template: str, path: str) -> None:
    assert filled_path(template, VALUES) == path


@pytest.mark.parametrize("value", ["", ".", "..", "../x", "x/../.."])
def test_a_value_that_leads_elsewhere_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="another path"):
        filled_path("/lists/$list_id/add", {"list_id": value})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/lists",
        "/lists/",
        "/a/b.c/~d;v=1/e@f:g",
        "/a%20b",
        "/a?b=c//d&e=../f?g",
        "/...",
        "/a?",
    ],
)
def test_a_path_stays_below_its_base(path: str) -> None:
    assert is_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "lists",
        "?a=b",
        "//host.example/lists",
        "https://host.example/lists",
        "/a//b",
        "/a/../b",
        "/..",
        "/.",
        "/a/%2e%2E/b",
        "/a/.%2e",
        "/a#b",
        "/a b",
        "/a\\b",
        "/ü",
        "/a%2",
        "/a%zz",
        "/a\n",
        "/a?b c",
        "/a?b#c",
    ],
)
def test_what_does_not_is_no_path(path: str) -> None:
    assert not is_path(path)
