from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.list_name import MAX_LENGTH, RESERVED, collisions, list_name

ALLOWED = re.compile(r"[A-Za-z0-9_-]{1,128}")


@pytest.mark.parametrize(
    ("cohort_name", "expected"),
    [
        ("active users", "activeusers"),
        ("Active Users", "ActiveUsers"),
        (" \t active\u00a0\u2003users\r\n", "activeusers"),
        ("weekly_specials-2026", "weekly_specials-2026"),
        ("Lapsed buyers (30d) \U0001f6d2", "Lapsedbuyers30d"),
        ("Ana's friends", "Anasfriends"),
        ("Ana\u2019s friends", "Anasfriends"),
        ("K\u00e4ufer in K\u00f6ln", "KauferinKoln"),
        ("Ka\u0308ufer", "Kaufer"),
        ("\uff36\uff29\uff30", "VIP"),
        ("VIP \u2460", "VIP1"),
        ("50% off / A&B", "50offAB"),
    ],
)
def test_a_list_is_named_like_its_cohort(cohort_name: str, expected: str) -> None:
    assert list_name(cohort_name, "9zx41kq") == expected


@pytest.mark.parametrize(
    "cohort_name",
    [
        "",
        "   ",
        "\U0001f6d2\U0001f389",
        "\u65e5\u672c",
        "...",
        "cid",
        "CID",
        "c i d",
        "Email",
        "identifyBy",
    ],
)
def test_empty_and_reserved_names_fall_back_to_the_id(cohort_name: str) -> None:
    assert list_name(cohort_name, "9zx41kq") == "cohort-9zx41kq"


def test_no_reserved_word_is_ever_a_list_name() -> None:
    for word in RESERVED:
        assert list_name(word, "9zx41kq") == list_name(word.upper(), "9zx41kq") == "cohort-9zx41kq"


@pytest.mark.parametrize("cohort_name", ["cidx", "emails", "my email"])
def test_names_that_only_hold_a_reserved_word_are_kept(cohort_name: str) -> None:
    assert list_name(cohort_name, "9zx41kq") == cohort_name.replace(" ", "")


def test_a_name_as_long_as_allowed_is_kept() -> None:
    assert list_name("x" * MAX_LENGTH, "9zx41kq") == "x" * 128


def test_a_longer_name_is_cut_and_ends_in_a_hash_of_the_id() -> None:
    first = list_name("x" * 129, "9zx41kq")
    second = list_name("x" * 129, "7khm89c")
    assert re.fullmatch(r"x{119}-[0-9a-f]{8}", first)
    assert re.fullmatch(r"x{119}-[0-9a-f]{8}", second)
    assert first != second


def test_the_hash_follows_the_id_and_not_the_name() -> None:
    assert list_name("x" * 129, "9zx41kq") == list_name("x" * 300, "9zx41kq")


def test_the_length_counts_after_folding() -> None:
    assert list_name("x " * MAX_LENGTH, "9zx41kq") == "x" * 128


def test_an_over_long_id_is_cut_as_well() -> None:
    assert re.fullmatch(r"cohort-9{112}-[0-9a-f]{8}", list_name("", "9" * 200))


@given(st.text(max_size=200), st.text(max_size=160))
def test_every_name_is_one_that_cordial_takes(cohort_name: str, cohort_id: str) -> None:
    name = list_name(cohort_name, cohort_id)
    assert ALLOWED.fullmatch(name)
    assert name.lower() not in RESERVED
    assert list_name(cohort_name, cohort_id) == name


@given(st.text("abcXYZ019_-", min_size=1, max_size=40), st.text(" \t\n\u00a0\u2003", max_size=5))
def test_white_space_makes_no_difference(cohort_name: str, space: str) -> None:
    spaced = space + space.join(cohort_name) + space
    assert list_name(spaced, "9zx41kq") == list_name(cohort_name, "9zx41kq")


def test_cohorts_with_names_of_their_own_do_not_collide() -> None:
    assert collisions([("a", "VIP"), ("b", "VIP2"), ("c", "V-IP")]) == {}


def test_collisions_are_found_whatever_the_letter_case() -> None:
    names = [("c", "vip"), ("a", "VIP"), ("x", "other"), ("b", "Vip")]
    assert collisions(names) == {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"]}


def test_a_cohort_does_not_collide_with_itself() -> None:
    assert collisions([("a", "VIP"), ("a", "vip")]) == {}


@given(
    st.dictionaries(
        st.text("abcd", max_size=2), st.sampled_from(["VIP", "vip", "Vip", "new", "NEW"])
    )
)
def test_collisions_are_mutual_and_complete(names: dict[str, str]) -> None:
    found = collisions(names.items())
    for cohort, name in names.items():
        others = sorted(
            other
            for other, theirs in names.items()
            if other != cohort and theirs.lower() == name.lower()
        )
        assert found.get(cohort, []) == others


def test_an_id_without_a_usable_character_still_makes_a_name_of_its_own() -> None:
    first, second = list_name("🛒", "🛒"), list_name("🎁", "🎁")
    assert first.startswith("cohort-")
    assert first != second
    assert list_name("x" * 200, "\ud800") != list_name("x" * 200, "\ud801")
