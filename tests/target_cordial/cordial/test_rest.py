from __future__ import annotations

from typing import Any

import pytest

from target_cordial.cordial.answers import Kind
from target_cordial.cordial.rest import ContactLists, CordialList, RestClient
from target_cordial.errors import RefusedError, UnavailableError, UnexpectedError
from tests.target_cordial.cordial.transport import BASE, wire

NO_RECORD = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}


def test_lists_are_read_with_their_ids_as_text() -> None:
    line = wire({"json": [{"id": 7, "name": "vip", "enhanced": True}, {"id": "8", "name": "b"}]})
    assert RestClient(line.session).lists() == [CordialList("7", "vip"), CordialList("8", "b")]
    assert line.sent() == [("GET", "/accountlists", None)]


def test_an_account_without_lists_has_none_by_either_answer() -> None:
    assert RestClient(wire({"json": []}).session).lists() == []
    assert RestClient(wire({"status_code": 404, "json": NO_RECORD}).session).lists() == []


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 404, "text": "<html>404 Not Found</html>"},
        {"status_code": 404, "json": {"error": True, "message": "no such route"}},
        {"status_code": 200, "text": "<html>Sign in</html>"},
        {"status_code": 200, "text": ""},
        {"status_code": 200, "json": {"lists": []}},
        {"status_code": 200, "json": {"error": True}},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status_code": 400, "json": {"error": True}},
    ],
)
def test_whatever_is_not_cordials_answer_is_never_read_as_no_lists(
    response: dict[str, Any],
) -> None:
    line = wire(response)
    with pytest.raises(UnexpectedError, match=str(response["status_code"])) as caught:
        RestClient(line.session).lists()
    assert "api_url" in str(caught.value)
    assert len(line.calls) == 1


@pytest.mark.parametrize(
    ("response", "error"),
    [({"status_code": 401}, RefusedError), ({"status_code": 500}, UnavailableError)],
)
def test_a_list_reading_that_fails_is_never_read_as_no_lists(
    response: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        RestClient(wire(response).session).lists()


def test_a_list_is_made_with_its_joining_dates() -> None:
    line = wire({"json": {"success": True, "id": 9}})
    assert RestClient(line.session).create_list("vip").kind is Kind.OK
    assert line.sent() == [("POST", "/accountlists", {"name": "vip", "enhanced": True})]


@pytest.mark.parametrize(
    ("response", "count"),
    [
        ({"json": {"id": 7, "name": "vip", "enhanced": True, "count": 12}}, 12),
        ({"json": {"count": 0}}, 0),
        ({"json": {"count": True}}, None),
        ({"json": {"count": "12"}}, None),
        ({"json": []}, None),
        ({"text": ""}, None),
        ({"status_code": 404, "json": {"error": True, "message": "List does not exist"}}, None),
    ],
)
def test_a_count_is_a_number_or_unknown(response: dict[str, Any], count: int | None) -> None:
    line = wire(response)
    assert RestClient(line.session).count("7") == count
    assert line.last.url == f"{BASE}/accountlists/7/count"


def test_a_contact_is_made_or_updated_by_post() -> None:
    line = wire({"status_code": 201, "json": {"success": True, "message": "contact created"}})
    assert RestClient(line.session).upsert_contact({"vip": True}).kind is Kind.OK
    assert line.sent() == [("POST", "/contacts", {"vip": True})]


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("email", "ana@shop.example", "/contacts/email:ana%40shop.example"),
        ("email", "ana+news@shop.example", "/contacts/email:ana%2Bnews%40shop.example"),
        ("email", "50%@shop.example", "/contacts/email:50%25%40shop.example"),
        ("email", "a/b@shop.example", "/contacts/email:a%2Fb%40shop.example"),
        ("email", "a#b@shop.example", "/contacts/email:a%23b%40shop.example"),
        ("email", "a?b&c=d@shop.example", "/contacts/email:a%3Fb%26c%3Dd%40shop.example"),
        ("customer_id", "no 1", "/contacts/customer_id:no%201"),
        ("customer_id", "..", "/contacts/customer_id:.."),
        ("customer_id", "ñ:1", "/contacts/customer_id:%C3%B1%3A1"),
        ("my key", "1", "/contacts/my%20key:1"),
        ("channels.sms.address", "+4930", "/contacts/channels.sms.address:%2B4930"),
        ("channels.email.address", "ana@shop.example", "/contacts/email:ana%40shop.example"),
    ],
)
def test_a_path_holds_its_value_percent_encoded(key: str, value: str, path: str) -> None:
    line = wire()
    client = RestClient(line.session)
    client.update_contact(key, value, {"vip": False})
    client.contact_lists(key, value)
    assert line.sent() == [("PUT", path, {"vip": False}), ("GET", path, None)]


# -- reading a contact ----------------------------------------------------------------------------

VIP = CordialList("7", "vip")


def shown(body: dict[str, Any]) -> bool | None:
    found = RestClient(wire({"json": body}).session).contact_lists("email", "ana@shop.example")
    assert found is not None
    return found.hold(VIP)


@pytest.mark.parametrize(
    ("body", "on"),
    [
        ({"lists": ["old", "vip"]}, True),
        ({"lists": ["old"]}, False),
        ({"lists": []}, False),
        ({"lists": [3, 7]}, True),
        ({"lists": [3, 70]}, False),
        ({"attributes": {"lists": ["vip"]}}, True),
        ({"attributes": {"lists": []}}, False),
        ({"lists": [], "attributes": {"lists": ["vip"]}}, True),
        ({"vip": True}, True),
        ({"vip": False}, False),
        ({"attributes": {"vip": True}}, True),
        ({"lists": ["VIP"]}, False),
        ({"lists": ["7"]}, False),
        ({}, None),
        ({"lists": None}, None),
        ({"lists": "vip"}, None),
        ({"lists": [{"id": 7}, ["vip"]]}, False),
        ({"attributes": ["vip"]}, None),
        ({"listJoinDate": {"vip": "2026-01-01T00:00:00Z"}, "lj": {"7": {"sec": 1}}}, None),
        ({"old": True}, None),
    ],
)
def test_a_contacts_lists_are_looked_for_wherever_cordial_may_show_them(
    body: dict[str, Any],
    on: bool | None,  # noqa: FBT001  a column of the table
) -> None:
    assert shown({"_id": "69565ea0", "channels": {}, **body}) is on


def test_a_list_whose_id_is_no_number_is_found_by_its_name() -> None:
    assert ContactLists(({"lists": ["vip"]},)).hold(CordialList("", "vip"))
    assert not ContactLists(({"lists": [None, 7]},)).hold(CordialList("abc", "vip"))


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 404, "json": NO_RECORD},
        {"status_code": 404, "json": {**NO_RECORD, "errorKey": "CONTACTS_CONTACT_NOT_FOUND"}},
        {"status_code": 422, "json": {"error": True, "messages": "Contact doesn't exist"}},
    ],
)
def test_a_contact_that_cordial_does_not_have_has_no_lists(response: dict[str, Any]) -> None:
    assert RestClient(wire(response).session).contact_lists("email", "a@shop.example") is None


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"status_code": 404, "text": "<html>404 Not Found</html>"}, UnexpectedError),
        ({"status_code": 404, "json": {"message": "no Route matched"}}, UnexpectedError),
        ({"text": "<html>Sign in</html>"}, UnexpectedError),
        ({"json": [{"lists": []}]}, UnexpectedError),
        ({"text": ""}, UnexpectedError),
        ({"json": {"error": True, "message": "no"}}, UnexpectedError),
        ({"status_code": 302, "headers": {"Location": "https://x.example/"}}, UnexpectedError),
        ({"status_code": 422, "json": {"error": True, "message": "no"}}, UnexpectedError),
        ({"status_code": 403, "json": {"error": True}}, RefusedError),
        ({"status_code": 503}, UnavailableError),
    ],
)
def test_a_contact_that_can_not_be_read_is_never_taken_for_one_that_is_not_there(
    response: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        RestClient(wire(response).session).contact_lists("email", "ana@shop.example")
    assert "shop.example" not in str(caught.value)
