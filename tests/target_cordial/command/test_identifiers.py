"""Which address stands for a user, and what becomes of those who have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MEMBER_PROPERTIES,
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
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands


def columns(*more: str) -> dict[str, Any]:
    return schema(
        "cohort_members",
        {**MEMBER_PROPERTIES, "user_properties": {}, **{column: {} for column in more}},
    )


def whole(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A complete snapshot of one member for each of these rows."""
    members = [member(number, user_properties=None) for number in range(1, len(rows) + 1)]
    for message, values in zip(members, rows, strict=True):
        message["record"].update(values)
    names = {name for row in rows for name in row} - set(MEMBER_PROPERTIES)
    return [columns(*names), SNAPSHOTS, *members, marker(len(rows)), state({"n": 1})]


def email(value: object) -> dict[str, Any]:
    return {"user_properties": {"email": value}}


def test_the_places_in_their_order(either: Commands, sandbox: Running) -> None:
    places: list[dict[str, Any]] = [
        {"email": "{}row@x.io"},
        {"user_properties": {"email": "{}nested@x.io"}},
        {"properties": {"email": "{}other@x.io"}},
        {"user_properties__email": "{}flat@x.io"},
        {"properties__email": "{}flatter@x.io"},
        {"Email": "{}folded@x.io"},
        {"user_properties__gp:E_Mail": "{}flat.folded@x.io"},
    ]

    def from_place(number: int) -> dict[str, Any]:
        """This place and all that come after it."""
        found: dict[str, Any] = {}
        for place in places[number:]:
            found.update(_filled(place, f"{number}."))
        return found

    ended = either.target(*whole([from_place(number) for number in range(len(places))]))
    assert ended.code == 0
    assert sandbox.control.lists() == {
        "activeusers": [
            "0.row@x.io",
            "1.nested@x.io",
            "2.other@x.io",
            "3.flat@x.io",
            "4.flatter@x.io",
            "5.folded@x.io",
            "6.flat.folded@x.io",
        ]
    }


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, text) for key, inner in value.items()}
    return value.format(text)


def test_several_properties_in_their_order_of_preference(
    either: Commands, sandbox: Running
) -> None:
    rows: list[dict[str, Any]] = [
        {"user_properties": {"email": "p1@x.io", "work": "w1@x.io"}},
        {"user_properties": {"email": "p2@x.io", "work": "undefined"}},
        {"user_properties": {"email": "p3@x.io", "gp:Work": "w3@x.io"}},
        {"email": "p4@x.io", "user_properties": {"work": "no address"}},
        {"email": "p5@x.io", "user_properties": {"work": ["a@x.io", "b@x.io"]}},
    ]
    ended = either.target(*whole(rows), contact_identifier_mapping=" work ,email")
    assert ended.code == 0
    assert sandbox.control.lists() == {
        "activeusers": ["p2@x.io", "p4@x.io", "p5@x.io", "w1@x.io", "w3@x.io"]
    }


def test_addresses_are_cleaned(either: Commands, sandbox: Running) -> None:
    values = [
        "\tAna@Shop.Example\t",
        "\u00a0bo@shop.example\u00a0",
        "\u200bcy@shop.example\ufeff",
        " \r\nDI@SHOP.EXAMPLE ",
        ["", None, " Eva@shop.example"],
        ["Flo@shop.example", "flo@shop.example\t"],
        ["no address", "gil@shop.example"],
        "h.i+news@mail.shop.example",
        "j\u00f6rg@shop.example",
    ]
    ended = either.target(*whole([email(value) for value in values]))
    assert ended.code == 0
    assert ended.cohort(COHORT)["skipped"] == {}
    assert sandbox.control.lists() == {
        "activeusers": sorted(
            [
                *(
                    f"{name}@shop.example"
                    for name in ("ana", "bo", "cy", "di", "eva", "flo", "gil")
                ),
                "h.i+news@mail.shop.example",
                "j\u00f6rg@shop.example",
            ]
        )
    }


SKIPPED: list[tuple[str, dict[str, Any]]] = [
    *(
        ("unresolved_mapping", email(value))
        for value in (None, "", " \u200b", "None", "null", "undefined", "(none)", [], ["", None])
    ),
    ("unresolved_mapping", {"user_properties": {"work": "w@x.io"}}),
    ("unresolved_mapping", {"user_properties": None}),
    *(
        ("invalid_identifier", email(value))
        for value in (
            "shop.example",
            "a@b@shop.example",
            ".ana@shop.example",
            "an a@shop.example",
            "ana@shop..example",
            "ana@localhost",
            "ana@shop.example,bo@shop.example",
            "Ana <ana@shop.example>",
            True,
            1.5,
            {"address": "ana@shop.example"},
            ["no address", ""],
        )
    ),
    ("ambiguous_identifier", email(["a@x.io", "b@x.io"])),
    ("ambiguous_identifier", {"user_properties": {"Email": "a@x.io", "gp:email": "b@x.io"}}),
    ("ambiguous_identifier", {"EMAIL": "a@x.io", "e_mail": "b@x.io"}),
]


def test_who_has_no_usable_identifier_is_skipped_with_a_counted_reason(
    either: Commands, sandbox: Running
) -> None:
    rows = [values for _, values in SKIPPED]
    ended = either.target(*whole([*rows, email("ana@shop.example")]))
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    reasons = [reason for reason, _ in SKIPPED]
    assert ended.cohort(COHORT)["skipped"] == {each: reasons.count(each) for each in set(reasons)}
    assert ended.cohort(COHORT)["received"] == len(rows) + 1
    assert sandbox.control.lists() == {"activeusers": ["ana@shop.example"]}
    found = {entry["user"]: entry["reason"] for entry in either.rejects()}
    assert found == {f"3568930{number}": reason for number, reason in enumerate(reasons, 1)}


def test_folded_matches_that_agree_are_one(either: Commands, sandbox: Running) -> None:
    rows: list[dict[str, Any]] = [
        {"user_properties": {"Email": "ANA@x.io", "gp:email": "ana@x.io ", "E_MAIL": "none"}},
        {"Email": "", "user_properties": {"EMAIL": "bo@x.io"}},
    ]
    assert either.target(*whole(rows)).code == 0
    assert sandbox.control.lists() == {"activeusers": ["ana@x.io", "bo@x.io"]}


@pytest.mark.parametrize(
    "lost", ["", None, "undefined", "no address", ["a@x.io", "b@x.io"]], ids=repr
)
def test_a_lost_identifier_keeps_the_last_confirmed_one(
    either: Commands, sandbox: Running, lost: Any
) -> None:
    either.target(*snapshot(*people(3)))
    rows = [email(lost), email("user2@shop.example")]
    ended = either.target(*whole(rows))
    assert ended.code == 0
    assert ended.cohort(COHORT)["skipped"] == {"identifier_lost": 1}
    assert [entry["reason"] for entry in either.rejects()] == ["identifier_lost"]
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}
    # who leaves without it, leaves with the one that is known
    either.target(FLAGGED, change(1, "", in_cohort=False))
    assert sandbox.control.lists() == {"activeusers": addresses(2)}
    # and who is absent then is gone
    either.target(*whole([email(""), email("user2@shop.example")]))
    either.target(*snapshot(member(3)))
    assert sandbox.control.lists() == {"activeusers": addresses(3)}


def test_a_cohort_of_whom_nobody_resolves_fails_by_itself_and_names_the_property(
    either: Commands, sandbox: Running
) -> None:
    mapping = {"contact_identifier_mapping": "work_email,email"}
    either.target(*whole([email("user1@shop.example"), email("user2@shop.example")]), **mapping)
    other = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "2"}
    ended = either.target(
        *whole([email(""), email("no address")]), *snapshot(*people(1), **other), **mapping
    )
    assert ended.code == 3
    assert ended.states == []
    assert "none of its 2 members has a usable 'work_email, email'" in ended.last_line
    assert "contact_identifier_mapping" in ended.last_line
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2), "VIPs": addresses(1)}
    # a new one gets no list at all
    either.target(*snapshot(member(1, ""), cohort_id="new", cohort_name="fresh"), **mapping)
    assert sandbox.control.lists().keys() == {"activeusers", "VIPs"}


def test_a_row_of_an_identifier_alone_is_a_user(either: Commands, sandbox: Running) -> None:
    alone = schema("addresses", {"cohort_id": {}, "cohort_name": {}, "email": {}, "operation": {}})

    def row(address: str, word: str) -> dict[str, Any]:
        said = {"cohort_id": COHORT, "cohort_name": "active users", "email": address}
        return record("addresses", {**said, "operation": word})

    either.target(alone, row("Ana@x.io", "add"), row("bo@x.io", "add"), row("x", "add"))
    assert sandbox.control.lists() == {"activeusers": ["ana@x.io", "bo@x.io"]}
    ended = either.target(alone, row(" ANA@X.IO", "remove"))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": ["bo@x.io"]}


def test_a_removal_by_id_says_that_an_address_stays_which_came_alone(
    either: Commands, sandbox: Running
) -> None:
    """Two users or one: nobody can tell, so nothing is guessed, and the run says what it left."""
    alone = change(1, in_cohort=True, amplitude_id=None, user_id=None)
    either.target(FLAGGED, change(1, in_cohort=True), alone)
    ended = either.target(FLAGGED, change(1, in_cohort=False))
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1)}
    assert "1 removals by id leave an address on the list" in ended.last_line
