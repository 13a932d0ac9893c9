from __future__ import annotations

import pytest

from target_cordial.cordial.rest import ContactLists, CordialList
from target_cordial.errors import UnexpectedError
from target_cordial.run.readback import Expected, differing

VIP = CordialList("7", "vip")
OLD = CordialList("8", "old")


def on(identifier: str, listed: CordialList = VIP) -> Expected:
    return Expected(1, identifier, listed, on=True)


def off(identifier: str, listed: CordialList = VIP) -> Expected:
    return Expected(1, identifier, listed, on=False)


def contact(*names: str) -> ContactLists:
    return ContactLists(({"lists": list(names)},))


SILENT = ContactLists(({"channels": {}},))


def test_what_is_as_confirmed_differs_in_nothing() -> None:
    expected = [on("a"), off("b"), off("c"), on("a", OLD)]
    found = {"a": contact("vip", "old"), "b": contact("old"), "c": None}
    assert differing(expected, found) == []


def test_who_is_not_on_the_list_or_still_on_it_or_not_there_differs() -> None:
    expected = [on("a"), off("b"), on("c")]
    found = {"a": contact("old"), "b": contact("vip"), "c": None}
    assert differing(expected, found) == expected


def test_every_list_of_a_contact_is_held_by_itself() -> None:
    expected = [on("a"), off("a", OLD)]
    assert differing(expected, {"a": contact("vip", "old")}) == [expected[1]]


def test_who_was_not_read_is_not_judged() -> None:
    assert differing([on("a"), on("b")], {"b": contact("vip")}) == []
    assert differing([on("a")], {}) == []


def test_a_contact_without_lists_is_on_none_if_others_show_theirs() -> None:
    expected = [on("a"), on("b"), off("c")]
    found = {"a": contact("vip"), "b": SILENT, "c": SILENT}
    assert differing(expected, found) == [expected[1]]


def test_where_no_contact_shows_any_lists_nothing_is_told() -> None:
    with pytest.raises(UnexpectedError, match="no lists"):
        differing([on("a"), off("b"), on("c")], {"a": SILENT, "b": SILENT, "c": None})


def test_removals_need_no_lists_to_be_shown() -> None:
    assert differing([off("a"), off("b")], {"a": SILENT, "b": None}) == []


def test_a_contact_that_is_not_there_differs_whatever_others_show() -> None:
    assert differing([on("a"), off("b")], {"a": None, "b": SILENT}) == [on("a")]
