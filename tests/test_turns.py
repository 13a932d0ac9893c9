"""Nothing is left out by turns but what another test does in another way."""

from __future__ import annotations

from tests.turns import by_turns

NAMES = "abcdefghijklmnop"
WAYS = ("contacts-sqlite", "contacts-postgres", "imports-sqlite", "imports-postgres")


def test_one_of_every_group_is_taken_and_all_that_has_none() -> None:
    items = [(name, way) for name in NAMES for way in WAYS]
    alone = [("alone", way) for way in WAYS]
    taken = by_turns(items + alone, lambda item: None if item[0] == "alone" else item[0])
    assert [item for item in taken if item[0] == "alone"] == alone
    assert [name for name, _ in taken if name != "alone"] == list(NAMES)
    assert {way for name, way in taken if name != "alone"} == set(WAYS)


def test_who_has_more_turns_is_taken_more_often() -> None:
    items = [(number, way) for number in range(300) for way in WAYS]
    taken = by_turns(items, lambda item: item[0], lambda item: 1 + 2 * item[1].endswith("sqlite"))
    assert 0.6 < sum(way.endswith("sqlite") for _, way in taken) / len(taken) < 0.9


def test_what_is_taken_is_up_to_the_names_alone() -> None:
    few = [(name, way) for name in "cab" for way in WAYS]
    many = [(name, way) for name in NAMES for way in WAYS]
    assert set(by_turns(few, lambda item: item[0])) <= set(by_turns(many, lambda item: item[0]))
