from __future__ import annotations

from typing import Any

import pytest

from target_cordial.cordial.answers import SHARED_NAMES
from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.core.endpoint_requests import EndpointRequests
from target_cordial.core.plan import Operation
from target_cordial.errors import RefusedError, UnavailableError, UnexpectedError
from tests.target_cordial.cordial.transport import wire

VALUES = {
    "list_id": "7/a",
    "list_name": "activeusers",
    "cohort_id": "9zx41kq",
    "cohort_name": "active users",
}


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
    assert ListProtocolClient(line.session).list_id(VALUES) == list_id
    assert line.sent() == [("POST", "/lists", {"name": "activeusers"})]


@pytest.mark.parametrize(
    "response",
    [
        {"json": {}},
        {"json": {"listId": ""}},
        {"json": {"listId": None}},
        {"json": {"listId": ["abc"]}},
        {"json": {"id": True}},
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
        ListProtocolClient(line.session).list_id(VALUES)
    assert len(line.calls) == 1


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refused_name_is_told_with_the_services_words(status: int) -> None:
    told = {"error": True, "message": "Name must be unique"}
    line = wire({"status_code": status, "json": told})
    with pytest.raises(UnexpectedError) as caught:
        ListProtocolClient(line.session).list_id({**VALUES, "list_name": "age"})
    words = f"The endpoint refused to make the list 'age' ({status}: Name must be unique)."
    assert str(caught.value) == f"{words} {SHARED_NAMES}"


def test_a_refused_key_is_a_refused_key_here_too() -> None:
    with pytest.raises(RefusedError):
        ListProtocolClient(wire({"status_code": 403}).session).list_id(VALUES)


@pytest.mark.parametrize(
    ("operation", "path"),
    [(Operation.ADD, "/lists/a%2Fb%20c/add"), (Operation.REMOVE, "/lists/a%2Fb%20c/remove")],
)
def test_members_go_by_id_in_a_batch(operation: Operation, path: str) -> None:
    line = wire()
    values = {**VALUES, "list_id": "a/b c"}
    ListProtocolClient(line.session).change(values, operation, ("x@s.example", "y@s.example"))
    assert line.sent() == [("POST", path, {"userIds": ["x@s.example", "y@s.example"]})]


# -- calls of another shape -----------------------------------------------------------------------

OTHER = EndpointRequests.of(
    {
        "create": {
            "method": "PUT",
            "path": "/s3cret/segments/$cohort_id?name=$cohort_name",
            "body": {"segment": {"name": "$list_name", "source": "amplitude/$cohort_id"}},
        },
        "add": {
            "path": "/s3cret/segments/$list_id/members",
            "body": {"key": "$contact_identifier_name", "members": "$items"},
            "item": "$contact_identifier_name",
        },
        "remove": {
            "method": "DELETE",
            "path": "/s3cret/segments/$list_id/members",
            "body": ["$items"],
            "item": {"$contact_identifier_name": "$identifier", "on": False, "of": "$list_name"},
        },
    }
)


def test_calls_take_the_shape_of_the_setting() -> None:
    line = wire({"json": {"id": 5}})
    client = ListProtocolClient(line.session, OTHER, identifier_name="customer_id")
    assert client.list_id(VALUES) == "5"
    client.change(VALUES, Operation.ADD, ["c-1", "$x"])
    client.change(VALUES, Operation.REMOVE, ["c-1"])
    assert line.sent() == [
        (
            "PUT",
            "/s3cret/segments/9zx41kq?name=active%20users",
            {"segment": {"name": "activeusers", "source": "amplitude/9zx41kq"}},
        ),
        (
            "POST",
            "/s3cret/segments/7%2Fa/members",
            {
                "key": "customer_id",
                "members": [{"customer_id": "c-1"}, {"customer_id": "$x"}],
            },
        ),
        (
            "DELETE",
            "/s3cret/segments/7%2Fa/members",
            [[{"customer_id": "c-1", "on": False, "of": "activeusers"}]],
        ),
    ]


def test_no_message_holds_a_path_of_the_setting() -> None:
    line = wire({"json": {}}, {"status_code": 403}, {"status_code": 503})
    client = ListProtocolClient(line.session, OTHER)
    with pytest.raises(UnexpectedError) as unexpected:
        client.list_id(VALUES)
    with pytest.raises(RefusedError) as refused:
        client.change(VALUES, Operation.ADD, ["c-1"])
    with pytest.raises(UnavailableError) as unavailable:
        client.change(VALUES, Operation.REMOVE, ["c-1"])
    told = [str(caught.value) for caught in (unexpected, refused, unavailable)]
    assert told[0].startswith(
        "The endpoint answered 200 to PUT <endpoint_requests.create.path> without a listId"
    )
    assert told[0].endswith("Check the settings endpoint and endpoint_requests.")
    assert "to POST <endpoint_requests.add.path>" in told[1]
    assert told[2].startswith("DELETE <endpoint_requests.remove.path> failed")
    assert "s3cret" not in "".join(told)


@pytest.mark.parametrize(
    "values", [{"list_id": ".."}, {"list_id": "."}, {"list_id": ""}, {"list_id": "../7"}]
)
def test_a_value_leads_to_no_other_path(values: dict[str, str]) -> None:
    line = wire()
    with pytest.raises(UnexpectedError, match="'activeusers': a value makes it another path"):
        ListProtocolClient(line.session).change({**VALUES, **values}, Operation.ADD, ["c-1"])
    assert line.calls == []


def test_a_call_that_would_lose_its_people_is_not_sent() -> None:
    """A list may be called like another key of the body."""
    requests = EndpointRequests.of({"add": {"body": {"$list_name": "$items", "mode": "add"}}})
    line = wire()
    client = ListProtocolClient(line.session, requests)
    client.change(VALUES, Operation.ADD, ["c-1"])
    with pytest.raises(UnexpectedError, match="two keys of an object are the same"):
        client.change({**VALUES, "list_name": "mode"}, Operation.ADD, ["c-1"])
    assert [body for _, _, body in line.sent()] == [{"activeusers": ["c-1"], "mode": "add"}]
