from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Http

NOT_FOUND = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}
NO_LIST = {"error": True, "errorKey": "ACCOUNT_LISTS_NOT_FOUND", "message": "List does not exist"}


def test_no_list_at_all_is_a_404(cordial: Http) -> None:
    answer = cordial("GET", "/accountlists")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_a_list_is_made_found_renamed_and_deleted(cordial: Http) -> None:
    made = cordial("POST", "/accountlists", json={"name": "active_users", "enhanced": True})
    assert made.status_code == 200
    list_id = made.json()["id"]
    assert made.json() == {"success": True, "id": list_id}
    entry = {"id": list_id, "name": "active_users", "enhanced": True}
    assert cordial("GET", "/accountlists?name=active_users").json() == [entry]
    assert cordial("GET", "/accountlists?name=other").status_code == 404
    assert cordial("GET", f"/accountlists/{list_id}").json() == entry
    renamed = cordial("PUT", f"/accountlists/{list_id}", json={"name": "b", "enhanced": False})
    assert renamed.json() == [{"id": list_id, "name": "b", "enhanced": False}]
    assert cordial("DELETE", f"/accountlists/{list_id}").json() == {"success": True}
    assert cordial("GET", f"/accountlists/{list_id}").json() == NO_LIST


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("taken", "Name must be unique"),
        ("an_attribute", "Name must be unique"),
        ("cid", "cid is not allowed for list names."),
        ("a b", "Name must contain only letters, numbers, and dashes. Should not exceed 128"),
        ("é", "Name must contain only letters"),
        ("x" * 129, "Name must contain only letters"),
        ("", "Name must contain only letters"),
        (None, "Name must contain only letters"),
    ],
)
def test_a_bad_name_is_refused(
    sandbox: Running, cordial: Http, name: str | None, message: str
) -> None:
    sandbox.control.put_list("taken")
    sandbox.control.put_attribute("an_attribute")
    answer = cordial("POST", "/accountlists", json={"name": name})
    assert answer.status_code == 422
    assert answer.json()["errorKey"] == "GENERIC_ERROR_KEY"
    assert answer.json()["message"].startswith(message)
    assert list(sandbox.control.lists()) == ["taken"]


def test_a_name_of_128_characters_passes(cordial: Http) -> None:
    assert cordial("POST", "/accountlists", json={"name": "x" * 128}).status_code == 200


def test_count_and_clear(sandbox: Running, cordial: Http) -> None:
    list_id = sandbox.control.put_list("vips", ["a@shop.example", "b@shop.example"])
    counted = cordial("GET", f"/accountlists/{list_id}/count").json()
    assert counted == {"id": list_id, "name": "vips", "enhanced": True, "count": 2}
    cleared = cordial("PUT", f"/accountlists/{list_id}/clear")
    assert cleared.json() == {"success": True, "id": list_id}
    assert sandbox.control.lists() == {"vips": []}
    assert len(sandbox.control.contacts()) == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", NO_LIST),
        ("GET", "/count", NO_LIST),
        ("PUT", "/clear", NO_LIST),
        ("DELETE", "", NOT_FOUND),
        ("PUT", "", {**NOT_FOUND, "errorKey": "GENERIC_ERROR_KEY", "message": "List is not found"}),
    ],
)
@pytest.mark.parametrize("list_id", ["999", "x", "-1"])
def test_an_unknown_list_is_a_404_of_its_own_kind(
    cordial: Http, method: str, path: str, body: dict[str, object], list_id: str
) -> None:
    answer = cordial(method, f"/accountlists/{list_id}{path}")
    assert (answer.status_code, answer.json()) == (404, body)


def test_attributes_and_lists_share_their_names(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    attribute = {"key": "vips", "name": "VIPs", "type": "string"}
    taken = cordial("POST", "/accountcontactattributes", json=attribute)
    assert (taken.status_code, taken.json()["message"]) == (422, "Key must be unique")
    made = cordial("POST", "/accountcontactattributes", json={**attribute, "key": "vip"})
    assert made.json() == {"success": True}
    assert cordial("GET", "/accountcontactattributes").json()[0]["key"] == "vip"
    assert cordial("GET", "/accountcontactattributes/vip").json()["type"] == "string"
    assert cordial("POST", "/accountlists", json={"name": "vip"}).status_code == 422


@pytest.mark.parametrize(
    "auth", [None, ("wrong", ""), ("sandbox-key", "password"), ("sandbox-key", "sandbox-secret")]
)
def test_only_the_key_with_an_empty_password_passes(
    sandbox: Running, auth: tuple[str, str] | None
) -> None:
    answer = requests.get(f"{sandbox.url}/v2/accountlists", auth=auth, timeout=30)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Access Denied: Authentication Failure"}
    assert sandbox.control.calls()[0]["authorized_as"] is None
