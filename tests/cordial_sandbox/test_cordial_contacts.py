from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Http

NOT_FOUND = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}


def add(address: str, **more: Any) -> dict[str, Any]:
    return {"channels": {"email": {"address": address}}, "identifyBy": ["email"], **more}


def test_post_is_an_upsert_that_always_says_created(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    first = cordial("POST", "/contacts", json=add("Ana@Shop.example", vips=True))
    second = cordial("POST", "/contacts", json=add("ana@shop.example", vips=True))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first.json()["message"] == "contact created"
    assert len(sandbox.control.contacts()) == 1
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}


def test_a_flat_email_is_the_address_of_its_channel(sandbox: Running, cordial: Http) -> None:
    body = {"email": "ana@shop.example", "identifyBy": ["email"]}
    assert cordial("POST", "/contacts", json=body).status_code == 201
    (contact,) = sandbox.control.contacts()
    assert contact["channels"] == {
        "email": {"subscribeStatus": "none", "address": "ana@shop.example"}
    }


def test_one_unknown_key_refuses_the_whole_write(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example"])
    body = {"vips": False, "gone": True}
    problem = {"gone": ["key gone is not part of the schema for this resource"]}
    refusal = {"error": True, "messages": {"validationErrors": problem}}
    put = cordial("PUT", "/contacts/email:ana%40shop.example", json=body)
    post = cordial("POST", "/contacts", json=add("bo@shop.example", **body))
    assert (put.status_code, put.json()) == (422, refusal)
    assert (post.status_code, post.json()) == (422, refusal)
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}


def test_put_changes_several_lists_and_never_creates(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("a", ["ana@shop.example"])
    sandbox.control.put_list("b")
    answer = cordial("PUT", "/contacts/email:ana%40shop.example", json={"a": False, "b": True})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert sandbox.control.lists() == {"a": [], "b": ["ana@shop.example"]}
    nobody = cordial("PUT", "/contacts/email:nobody%40shop.example", json={"a": False})
    assert (nobody.status_code, nobody.json()) == (404, NOT_FOUND)
    assert len(sandbox.control.contacts()) == 1


@pytest.mark.parametrize(
    "key",
    [
        "a%2Bb%2Fc%40shop.example",
        "email:a%2Bb%2Fc%40shop.example",
        "email%3Aa%2Bb%2Fc%40shop.example",
        "email:A%2BB%2FC%40shop.example",
        "channels.email.address:a%2Bb%2Fc%40shop.example",
        "customID:7%3A1",
        "cID:{cid}",
        "{cid}",
    ],
)
def test_a_path_names_a_contact_in_several_ways(sandbox: Running, cordial: Http, key: str) -> None:
    sandbox.control.put_attribute("customID")
    made = cordial("POST", "/contacts", json=add("a+b/c@shop.example", customID="7:1"))
    cid = made.json()["cID"]
    found = cordial("GET", "/contacts/" + key.format(cid=cid))
    assert found.status_code == 200
    assert found.json()["_id"] == cid


@pytest.mark.parametrize("key", ["email:nobody%40shop.example", "other:1", "x", "a/b", "%20"])
def test_a_path_that_names_nobody_is_a_404(cordial: Http, key: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = cordial(method, f"/contacts/{key}", json={})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("lists_in", ["contact", "attributes"])
def test_a_contact_shows_its_lists_and_when_it_joined(
    sandbox: Running, cordial: Http, lists_in: str
) -> None:
    sandbox.control.configure(lists_in=lists_in)
    list_id = sandbox.control.put_list("vips", ["ana@shop.example"])
    sandbox.control.put_list("plain", ["ana@shop.example"], enhanced=False)
    contact = cordial("GET", "/contacts/ana%40shop.example").json()
    where = contact if lists_in == "contact" else contact["attributes"]
    assert where["lists"] == ["vips", "plain"]
    assert list(where["listJoinDate"]) == ["vips"]
    assert list(where["lj"]) == [str(list_id)]
    assert ("lists" in contact) == (lists_in == "contact")


def test_contacts_are_searched_and_paged(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("all", [f"p{n}@shop.example" for n in range(3)])
    found = cordial("GET", "/contacts?email=P1%40shop.example").json()
    assert [entry["channels"]["email"]["address"] for entry in found] == ["p1@shop.example"]
    assert cordial("GET", "/contacts?email=nobody").json() == NOT_FOUND
    assert len(cordial("GET", "/contacts?per_page=2&page=2").json()) == 1
    assert cordial("GET", "/contacts?audience-key=x").status_code == 404


def test_a_deleted_contact_is_on_no_list(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example"])
    assert cordial("DELETE", "/contacts/ana%40shop.example").json() == {"success": True}
    assert sandbox.control.lists() == {"vips": []}
    assert cordial("GET", "/contacts").status_code == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"identifyBy": ["email"]}, "Search field is not correct"),
        (add("a@shop.example") | {"identifyBy": ["customID"]}, "Search field is not correct"),
        (add("a@shop.example") | {"identifyBy": "email"}, "Search field is not correct"),
        ({"customID": "1", "identifyBy": ["customID"]}, "Address not exists"),
        ({}, "Address not exists"),
        (add("a@shop.example", suppressTriggers="yes"), "Incorrect value for suppressTriggers"),
        (add("a@shop.example", customID="taken"), None),
        (
            {**add("ana@shop.example", customID="taken"), "identifyBy": ["customID"]},
            "Unique constraint error",
        ),
    ],
)
def test_writes_that_are_refused(
    sandbox: Running, cordial: Http, body: dict[str, Any], message: str | None
) -> None:
    sandbox.control.put_attribute("customID")
    cordial("POST", "/contacts", json=add("ana@shop.example"))
    cordial("POST", "/contacts", json=add("bo@shop.example", customID="taken"))
    answer = cordial("POST", "/contacts", json=body)
    assert answer.json().get("errorKey") == (message and "GENERIC_ERROR_KEY")
    assert answer.status_code == (422 if message else 201)
    assert message is None or answer.json()["message"] == message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vips", "yes"),
        ("channels", []),
        ("channels", {"email": "ana@shop.example"}),
        ("channels", {"email": {"address": " "}}),
        ("channels", {"email": {"subscribeStatus": "maybe"}}),
        ("email", 1),
    ],
)
def test_values_of_the_wrong_kind_are_refused(
    sandbox: Running, cordial: Http, key: str, value: object
) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example"])
    answer = cordial("PUT", "/contacts/ana%40shop.example", json={key: value})
    assert answer.status_code == 422
    assert answer.json()["messages"]["validationErrors"]


def test_an_address_moves_with_its_contact(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_attribute("customID")
    cordial("POST", "/contacts", json=add("old@shop.example", customID="7"))
    body = {**add("new@shop.example", customID="7"), "identifyBy": ["customID", "email"]}
    assert cordial("POST", "/contacts", json=body).status_code == 201
    assert cordial("GET", "/contacts/old%40shop.example").status_code == 404
    assert cordial("GET", "/contacts/new%40shop.example").status_code == 200
    assert cordial("PUT", "/contacts/customID:7", json={"customID": "8"}).status_code == 200
    assert cordial("GET", "/contacts/customID:7").status_code == 404


def test_unsubscribed_stays_unless_forced(sandbox: Running, cordial: Http) -> None:
    cordial("POST", "/contacts", json=add("ana@shop.example"))

    def write(status: str, **more: Any) -> str:
        body = {"channels": {"email": {"subscribeStatus": status}}, **more}
        assert cordial("PUT", "/contacts/ana%40shop.example", json=body).status_code == 200
        return str(sandbox.control.contacts()[0]["channels"]["email"]["subscribeStatus"])

    assert write("unsubscribed") == "unsubscribed"
    assert write("subscribed") == "unsubscribed"
    assert write("subscribed", forceSubscribe=True) == "subscribed"


def test_writes_that_would_fire_triggers_are_told(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    for suppress in ({}, {"suppressTriggers": True}, {"suppressTriggers": False}):
        address = f"{len(sandbox.control.contacts())}@shop.example"
        cordial("POST", "/contacts", json=add(address, vips=True, **suppress))
    unchanged = add("2@shop.example", vips=True, suppressTriggers=False)
    cordial("POST", "/contacts", json=unchanged)
    (fired,) = sandbox.control.triggers()
    assert fired["identifier"] == "2@shop.example"
    assert (fired["added"], fired["removed"]) == (["vips"], [])


@pytest.mark.parametrize(
    ("content", "kind", "status", "key"),
    [
        (b"{", "application/json", 400, "INVALID_JSON_PROVIDED"),
        (b"\xff", "application/json", 400, "INVALID_JSON_PROVIDED"),
        (b"[]", "application/json; charset=utf-8", 422, "VALIDATION_ERROR"),
        (b"null", "application/json", 422, "VALIDATION_ERROR"),
        (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_bodies_that_cannot_be_read(
    cordial: Http, content: bytes, kind: str, status: int, key: str
) -> None:
    for path in ("/contacts", "/accountlists", "/accountcontactattributes"):
        answer = cordial("POST", path, data=content, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["errorKey"]) == (status, key)


def test_an_sms_number_is_an_address_too(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    body = {"channels": {"sms": {"address": "+15550100"}}, "vips": True}
    assert cordial("POST", "/contacts", json=body).status_code == 201
    assert sandbox.control.lists() == {"vips": ["+15550100"]}
    assert cordial("GET", "/contacts/channels.sms.address:%2B15550100").status_code == 200
