from __future__ import annotations

from typing import Any

import pytest

from target_cordial.cordial.answers import SHARED_NAMES
from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.core.plan import Operation
from target_cordial.errors import RefusedError, UnexpectedError
from tests.target_cordial.cordial.transport import wire


@pytest.mark.parametrize(
    ("body", "list_id"),
    [
        ({"listId": "abc"}, "abc"),
        ({"listId": 12}, "12"),
        ({"id": 12}, "12"),
        ({"listId": "abc", "id": 12}, "abc"),
    ],
)
def test_a_list_is_looked_up_by_name(body: dict[str, Any], list_id: str) -> None:
    line = wire({"json": body})
    assert ListProtocolClient(line.session).list_id("activeusers") == list_id
    assert line.sent() == [("POST", "/lists", {"name": "activeusers"})]


@pytest.mark.parametrize(
    "response",
    [
        {"json": {}},
        {"json": {"listId": ""}},
        {"json": {"listId": None}},
        {"json": {"listId": ["abc"]}},
        {"json": ["abc"]},
        {"text": ""},
        {"text": "<html>"},
        {"json": {"listId": "abc", "error": True}},
        {"status_code": 404, "json": {"listId": "abc", "error": True, "message": "not found"}},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example/lists"}},
    ],
)
def test_an_answer_without_an_id_is_an_error_that_names_the_setting(
    response: dict[str, Any],
) -> None:
    line = wire(response)
    with pytest.raises(UnexpectedError, match="setting endpoint"):
        ListProtocolClient(line.session).list_id("activeusers")
    assert len(line.calls) == 1


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refused_name_is_told_with_the_services_words(status: int) -> None:
    told = {"error": True, "message": "Name must be unique"}
    line = wire({"status_code": status, "json": told})
    with pytest.raises(UnexpectedError) as caught:
        ListProtocolClient(line.session).list_id("age")
    words = f"The endpoint refused to make the list 'age' ({status}: Name must be unique)."
    assert str(caught.value) == f"{words} {SHARED_NAMES}"


def test_a_refused_key_is_a_refused_key_here_too() -> None:
    with pytest.raises(RefusedError):
        ListProtocolClient(wire({"status_code": 403}).session).list_id("activeusers")


@pytest.mark.parametrize(
    ("operation", "path"),
    [(Operation.ADD, "/lists/a%2Fb%20c/add"), (Operation.REMOVE, "/lists/a%2Fb%20c/remove")],
)
def test_members_go_by_id_in_a_batch(operation: Operation, path: str) -> None:
    line = wire()
    ListProtocolClient(line.session).change("a/b c", operation, ("x@s.example", "y@s.example"))
    assert line.sent() == [("POST", path, {"userIds": ["x@s.example", "y@s.example"]})]
