from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Http


def test_a_list_is_found_or_made_by_name(sandbox: Running, lists: Http) -> None:
    foreign = sandbox.control.put_list("vips", ["ana@shop.example"])
    assert lists("POST", "/lists", json={"name": "vips"}).json() == {"listId": str(foreign)}
    made = lists("POST", "/lists", json={"name": "new"}).json()
    assert lists("POST", "/lists", json={"name": "new"}).json() == made
    assert [call["write"] for call in sandbox.control.calls()] == [False, True, False]


def test_batches_put_on_and_take_off(sandbox: Running, lists: Http) -> None:
    list_id = lists("POST", "/lists", json={"name": "vips"}).json()["listId"]
    added = lists("POST", f"/lists/{list_id}/add", json={"userIds": ["b@x.example", "a@x.example"]})
    assert added.status_code == 200
    assert sandbox.control.lists() == {"vips": ["a@x.example", "b@x.example"]}
    gone = {"userIds": ["A@x.example", "nobody@x.example"]}
    assert lists("POST", f"/lists/{list_id}/remove", json=gone).status_code == 200
    assert sandbox.control.lists() == {"vips": ["b@x.example"]}
    assert len(sandbox.control.contacts()) == 2
    assert len(sandbox.control.write_calls()) == 3


def test_ids_are_values_of_the_key_that_is_set(sandbox: Running, lists: Http) -> None:
    sandbox.control.put_attribute("customID")
    sandbox.control.configure(list_identifier="customID")
    list_id = sandbox.control.put_list("vips")
    lists("POST", f"/lists/{list_id}/add", json={"userIds": ["7"]})
    assert sandbox.control.lists() == {"vips": ["7"]}
    assert sandbox.control.contacts()[0]["attributes"]["customID"] == "7"
    lists("POST", f"/lists/{list_id}/remove", json={"userIds": ["7"]})
    assert sandbox.control.lists() == {"vips": []}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/lists", {}, 400),
        ("/lists", {"name": "a b"}, 422),
        ("/lists/999/add", {"userIds": ["a@x.example"]}, 404),
        ("/lists/x/add", {"userIds": ["a@x.example"]}, 404),
        ("/lists/101/add", {"userIds": "a@x.example"}, 400),
        ("/lists/101/remove", {"userIds": [1]}, 400),
        ("/lists/101/add", {"userIds": ["a@x.example"] * 3}, 413),
        ("/lists/101/add", {"userIds": ["a@x.example"] * 2}, 200),
    ],
)
def test_answers_to_bad_batches(
    sandbox: Running, lists: Http, path: str, body: dict[str, object], status: int
) -> None:
    sandbox.control.configure(max_batch=2)
    assert sandbox.control.put_list("vips") == 101
    assert lists("POST", path, json=body).status_code == status


@pytest.mark.parametrize(
    ("auth", "key", "status"),
    [
        (("sandbox-key", ""), None, 200),
        (None, "sandbox-key", 200),
        (("sandbox-key", ""), "sandbox-key", 200),
        (("sandbox-key", ""), "wrong", 401),
        (("wrong", ""), "sandbox-key", 401),
        (None, "wrong", 401),
        (None, None, 401),
    ],
)
def test_basic_the_key_header_or_both(
    sandbox: Running, auth: tuple[str, str] | None, key: str | None, status: int
) -> None:
    headers = {"x-api-key": key} if key else {}
    answer = requests.post(
        f"{sandbox.url}/lists", json={"name": "vips"}, auth=auth, headers=headers, timeout=30
    )
    assert answer.status_code == status
