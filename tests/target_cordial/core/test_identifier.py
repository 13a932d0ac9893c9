from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.identifier import (
    AMBIGUOUS_IDENTIFIER,
    INVALID_IDENTIFIER,
    UNRESOLVED_MAPPING,
    Mapping,
    Resolved,
    channel_of,
    clean,
    is_email_address,
    is_text,
    resolve,
)

EMAIL = Mapping("email", ("email",))
CUSTOMER = Mapping("customer_id", ("customer_id",))

PADDING = " \t\r\n\u00a0\u2003\u3000\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""White space that ``str.strip`` knows, and the invisible characters that it does not."""


# -- one value ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pad", list(PADDING))
def test_padding_is_trimmed_on_both_sides(pad: str) -> None:
    assert clean(f"{pad}ana@shop.example{pad}", EMAIL) == Resolved("ana@shop.example")
    assert clean(f"{pad}{pad}C-7{pad}", CUSTOMER) == Resolved("C-7")


def test_mixed_padding_is_trimmed_and_the_inside_is_kept() -> None:
    assert clean("\t\u200b\u00a0 C 7\u00a0\u200b\t", CUSTOMER) == Resolved("C 7")


@pytest.mark.parametrize("name", ["email", "channels.email.address"])
def test_addresses_are_sent_in_lower_case(name: str) -> None:
    assert clean("Ana@SHOP.Example", Mapping(name, ("email",))) == Resolved("ana@shop.example")


def test_other_identifiers_keep_their_case() -> None:
    assert clean("Ab-Cd", CUSTOMER) == Resolved("Ab-Cd")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "  ",
        "\u200b\t",
        "None",
        "none",
        "null",
        "NULL",
        "undefined",
        "(none)",
        " (none)\t",
    ],
    ids=repr,
)
@pytest.mark.parametrize("mapping", [EMAIL, CUSTOMER])
def test_placeholders_count_as_absent(value: str | None, mapping: Mapping) -> None:
    assert clean(value, mapping) == Resolved(None, UNRESOLVED_MAPPING)


@pytest.mark.parametrize("value", ["nonesuch", "(null)x", "undefined-7"])
def test_words_that_only_begin_like_placeholders_are_values(value: str) -> None:
    assert clean(value, CUSTOMER) == Resolved(value)


@pytest.mark.parametrize("value", ["shop.example", "ana", "ana@shop", 5, -1, "ana@bo@shop.example"])
def test_what_is_no_address_is_refused_as_one(value: object) -> None:
    assert clean(value, EMAIL) == Resolved(None, INVALID_IDENTIFIER)


@pytest.mark.parametrize(("value", "expected"), [(42, "42"), (0, "0"), (2**63, str(2**63))])
def test_whole_numbers_identify(value: int, expected: str) -> None:
    assert clean(value, CUSTOMER) == Resolved(expected)


@pytest.mark.parametrize("value", [True, False, 1.5, {"id": 1}, b"C-7"])
def test_other_types_are_never_guessed_at(value: object) -> None:
    assert clean(value, CUSTOMER) == Resolved(None, INVALID_IDENTIFIER)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["ana@shop.example"], Resolved("ana@shop.example")),
        (("ana@shop.example",), Resolved("ana@shop.example")),
        (["", None, "Ana@shop.example", "null"], Resolved("ana@shop.example")),
        (["no address", "ana@shop.example"], Resolved("ana@shop.example")),
        (["Ana@shop.example", "ana@shop.example "], Resolved("ana@shop.example")),
        (["ana@shop.example", "bo@shop.example"], Resolved(None, AMBIGUOUS_IDENTIFIER)),
        (["no address", ""], Resolved(None, INVALID_IDENTIFIER)),
        (["", None], Resolved(None, UNRESOLVED_MAPPING)),
        ([], Resolved(None, UNRESOLVED_MAPPING)),
    ],
)
def test_a_list_counts_when_it_holds_exactly_one_usable_value(
    value: list[str | None], expected: Resolved
) -> None:
    assert clean(value, EMAIL) == expected


@given(
    st.builds(
        "{}{}@{}{}".format,
        st.text(PADDING),
        st.text("abzABZ09._+-'", min_size=1, max_size=12),
        st.sampled_from(["shop.example", "SHOP.example", "mail.Shop.example", "shop"]),
        st.text(PADDING),
    )
    | st.text()
)
def test_a_cleaned_address_is_clean(value: str) -> None:
    cleaned = clean(value, EMAIL)
    if cleaned.identifier is None:
        assert cleaned.reason in {UNRESOLVED_MAPPING, INVALID_IDENTIFIER}
        return
    assert clean(cleaned.identifier, EMAIL) == cleaned
    assert cleaned.identifier == cleaned.identifier.lower()
    assert not {cleaned.identifier[0], cleaned.identifier[-1]} & set(PADDING)
    assert "@" in cleaned.identifier


@given(st.text() | st.text(PADDING + "aB(none)ul"))
def test_a_cleaned_identifier_is_clean(value: str) -> None:
    cleaned = clean(value, CUSTOMER)
    if cleaned.identifier is None:
        assert cleaned.reason in {UNRESOLVED_MAPPING, INVALID_IDENTIFIER}
        return
    assert clean(cleaned.identifier, CUSTOMER) == cleaned
    assert cleaned.identifier in value
    assert not {cleaned.identifier[0], cleaned.identifier[-1]} & set(PADDING)


@pytest.mark.parametrize(
    "text",
    [
        "ana@shop.example",
        "ana.b@shop.example",
        "a.b.c.d@shop.example",
        "ana+news@mail.shop.example",
        "o'brien@shop.example",
        "7@7.example",
        "j\u00f6rg@shop.example",
        "ana@b\u00fccher.example",
        "ana@xn--bcher-kva.example",
        f"{'x' * 64}@shop.example",
    ],
)
def test_addresses(text: str) -> None:
    assert is_email_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@shop.example",
        "ana@",
        "ana@shop",
        ".ana@shop.example",
        "ana.@shop.example",
        "a..na@shop.example",
        "ana@-shop.example",
        "ana@shop-.example",
        "ana@.example",
        "an a@shop.example",
        "ana\u200b@shop.example",
        "ana@shop.example,bo@shop.example",
        "ana <ana@shop.example>",
        "ana@shop.example\n",
        "ana@[127.0.0.1]",
        f"{'x' * 250}@shop.example",
    ],
)
def test_no_addresses(text: str) -> None:
    assert not is_email_address(text)


# -- a record -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        {"email": "Ana@shop.example"},
        {"gp:email": "ana@shop.example"},
        {"Email": "ana@shop.example"},
        {"user_properties": {"email": "ana@shop.example"}},
        {"user_properties": {"gp:email": "ana@shop.example"}},
        {"userProperties": {"E_Mail": "ana@shop.example"}},
        {"properties": {"email": "ana@shop.example"}},
        {"user_properties__email": "ana@shop.example"},
        {"properties__email": ["ana@shop.example"]},
        {"email": "", "user_properties": {"email": "ana@shop.example"}},
        {"email": "no address", "user_properties": {"email": "ana@shop.example"}},
        {"email": "null", "Email": "ana@shop.example"},
    ],
)
def test_the_identifier_is_found_wherever_it_is(record: dict[str, Any]) -> None:
    assert resolve(record, EMAIL) == Resolved("ana@shop.example")


def test_an_exact_key_wins_over_folded_ones() -> None:
    record = {"EMAIL": "bo@shop.example", "email": "ana@shop.example", "Email": "cy@shop.example"}
    assert resolve(record, EMAIL) == Resolved("ana@shop.example")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"home_email": "ana@home.example", "email": "ana@shop.example"}, "ana@home.example"),
        ({"email": "ana@shop.example", "home_email": "ana@home.example"}, "ana@home.example"),
        ({"home_email": "", "email": "ana@shop.example"}, "ana@shop.example"),
        ({"home_email": "no address", "email": "ana@shop.example"}, "ana@shop.example"),
        ({"email": "ana@shop.example"}, "ana@shop.example"),
        (
            {"email": "ana@shop.example", "user_properties": {"Home_Email": "ana@home.example"}},
            "ana@home.example",
        ),
    ],
)
def test_properties_are_tried_in_order_of_preference(record: dict[str, Any], expected: str) -> None:
    mapping = Mapping("email", ("home_email", "email"))
    assert resolve(record, mapping) == Resolved(expected)


def test_folded_matches_that_differ_are_ambiguous() -> None:
    record = {"user_properties": {"Email": "ana@shop.example", "gp:email": "bo@shop.example"}}
    assert resolve(record, EMAIL) == Resolved(None, AMBIGUOUS_IDENTIFIER)


def test_folded_matches_that_agree_are_one() -> None:
    record = {"user_properties": {"Email": "ANA@shop.example", "gp:email": "ana@shop.example"}}
    assert resolve(record, EMAIL) == Resolved("ana@shop.example")


def test_of_folded_matches_only_usable_ones_count() -> None:
    record = {"Email": "", "gp:email": "ana@shop.example", "EMAIL": None}
    assert resolve(record, EMAIL) == Resolved("ana@shop.example")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, UNRESOLVED_MAPPING),
        ({"user_id": "ana@shop.example"}, UNRESOLVED_MAPPING),
        ({"email": None, "user_properties": {"email": ""}}, UNRESOLVED_MAPPING),
        ({"email": "undefined"}, UNRESOLVED_MAPPING),
        ({"email": [], "Email": "(none)"}, UNRESOLVED_MAPPING),
        ({"email": "no address"}, INVALID_IDENTIFIER),
        ({"email": True}, INVALID_IDENTIFIER),
        ({"email": "", "user_properties": {"email": "no address"}}, INVALID_IDENTIFIER),
        ({"email": "no address", "user_properties": {"email": ""}}, INVALID_IDENTIFIER),
        (
            {"email": "no address", "Email": "ana@shop.example", "EMAIL": "bo@shop.example"},
            AMBIGUOUS_IDENTIFIER,
        ),
    ],
)
def test_of_several_reasons_the_gravest_is_told(record: dict[str, Any], reason: str) -> None:
    assert resolve(record, EMAIL) == Resolved(None, reason)


def test_a_list_of_two_addresses_is_nobodys() -> None:
    record = {"user_properties": {"email": ["ana@shop.example", "bo@shop.example"]}}
    assert resolve(record, EMAIL).identifier is None


@pytest.mark.parametrize(
    ("record", "mapping", "reason"),
    [
        ({"email": ["a@x.io", "b@x.io"]}, ("email",), "ambiguous_identifier"),
        ({"email": ["a@x.io", ["b@x.io"]]}, ("email",), "ambiguous_identifier"),
        (
            {"work": "none", "email": ["a@x.io", "b@x.io"]},
            ("work", "email"),
            "ambiguous_identifier",
        ),
        ({"work": "no address", "email": ""}, ("work", "email"), "invalid_identifier"),
    ],
)
def test_the_gravest_reason_is_the_one_that_is_named(
    record: dict[str, object], mapping: tuple[str, ...], reason: str
) -> None:
    assert resolve(record, Mapping("email", mapping)).reason == reason


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"user_properties__gp:email": "a@x.io"}, "email"),
        ({"user_properties__email": "a@x.io"}, "gp:email"),
        ({"properties": {"GP:Email": "a@x.io"}}, "email"),
    ],
)
def test_the_mark_of_custom_properties_never_matters(record: dict[str, object], name: str) -> None:
    assert resolve(record, Mapping("email", (name,))).identifier == "a@x.io"


def test_two_spellings_of_one_letter_are_one_address() -> None:
    composed, decomposed = "\u00e9@x.io", "e\u0301@x.io"
    mapping = Mapping("email", ("email",))
    assert clean(composed, mapping) == clean(decomposed, mapping)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"user_properties": '{"email":"ana@shop.example","plan":{}}'}, "ana@shop.example"),
        ({"properties": ' {"gp:email":["ana@shop.example"]}'}, "ana@shop.example"),
        ({"user_properties__email": '["","Ana@shop.example"]'}, "ana@shop.example"),
        ({"user_properties__email": '["ana@shop.example","bo@shop.example"]'}, None),
        ({"user_properties": '{"email":"ana@shop'}, None),
        ({"user_properties": "[" * 100_000}, None),
        ({"email": '{"email":"ana@shop.example"}'}, None),
    ],
)
def test_objects_and_lists_are_taken_out_of_their_json_text(
    record: dict[str, Any], expected: str | None
) -> None:
    assert resolve(record, EMAIL).identifier == expected


@pytest.mark.parametrize("value", ["[C-7", "C-[7]", "{C-7}"])
def test_a_value_that_only_looks_like_json_is_a_value(value: str) -> None:
    assert clean(value, CUSTOMER) == Resolved(value)


# -- half a surrogate pair ------------------------------------------------------------------------

HALVES = ["\ud800", "\udbff", "\udc00", "\udfff"]


@pytest.mark.parametrize("half", HALVES)
def test_half_a_surrogate_pair_makes_an_identifier_invalid(half: str) -> None:
    assert not is_text(f"C-{half}7")
    assert clean(f"C-{half}7", CUSTOMER) == Resolved(None, INVALID_IDENTIFIER)
    assert clean(f"ana{half}@shop.example", EMAIL) == Resolved(None, INVALID_IDENTIFIER)
    record = {"customer_id": [half, "C-7"]}
    assert resolve(record, CUSTOMER) == Resolved("C-7")


@pytest.mark.parametrize("text", ["", "C-7", "\ud7ff\ue000", "\U0001f600"])
def test_any_other_text_can_be_written_down(text: str) -> None:
    assert is_text(text)
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.text())
def test_what_resolves_can_be_written_down(text: str) -> None:
    identifier = clean(text, CUSTOMER).identifier
    assert identifier is None or identifier.encode("utf-8")


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("email", "email"),
        ("channels.email.address", "email"),
        ("channels.sms.address", "sms"),
        ("channels.sms", None),
        ("channels.sms.status", None),
        ("channels.sms.address.x", None),
        ("customer_id", None),
    ],
)
def test_the_channel_of_an_identifier(name: str, channel: str | None) -> None:
    assert channel_of(name) == channel


def test_a_nul_is_no_text_for_every_ledger() -> None:
    assert not is_text("C-\x007")
    assert clean("C-\x007", CUSTOMER) == Resolved(None, INVALID_IDENTIFIER)
    assert clean("ana\x00@shop.example", EMAIL) == Resolved(None, INVALID_IDENTIFIER)
