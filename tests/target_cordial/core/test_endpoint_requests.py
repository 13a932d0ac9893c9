from __future__ import annotations

from typing import Any

import pytest

from target_cordial.core.endpoint_requests import EndpointRequests, Request, joined, problems

VALUES = {
    "list_id": "7",
    "list_name": "activeusers",
    "cohort_id": "9zx41kq",
    "cohort_name": "active users",
    "contact_identifier_name": "email",
}
PEOPLE = ["ana@shop.example", "$list_id"]


def calls(**given: Any) -> EndpointRequests:
    assert problems(given) == []
    return EndpointRequests.of(given)


def problem(**given: Any) -> str:
    """Return the only problem, which holds no value."""
    (found,) = problems(given)
    assert "s3cret" not in found
    return found


# -- the calls ------------------------------------------------------------------------------------


def test_by_default_the_calls_are_those_of_amplitudes_partners() -> None:
    made = calls()
    assert made == EndpointRequests()
    assert made.create.label == "POST /lists"
    assert made.create.path_for(VALUES) == "/lists"
    assert made.create.body_for(VALUES) == {"name": "activeusers"}
    assert (made.add.method, made.add.path_for(VALUES)) == ("POST", "/lists/7/add")
    assert (made.remove.method, made.remove.path_for(VALUES)) == ("POST", "/lists/7/remove")
    assert made.add.body_for(VALUES, PEOPLE) == {"userIds": PEOPLE}
    assert made.remove.body_for(VALUES, PEOPLE) == {"userIds": PEOPLE}


def test_each_part_can_be_replaced_and_the_others_stay() -> None:
    made = calls(
        create={"body": {"listName": "$list_name"}},
        add={"path": "/segments/$list_id", "method": None},
        remove={"method": "DELETE", "item": "email"},
    )
    assert made.create == Request("POST", "/lists", {"listName": "$list_name"})
    assert made.add == Request("POST", "/segments/$list_id", {"userIds": "$items"})
    assert made.remove == Request(
        "DELETE", "/lists/$list_id/remove", {"userIds": "$items"}, {"email": "$identifier"}
    )
    assert calls(create=None, add={}, remove={"item": None}) == EndpointRequests()


@pytest.mark.parametrize(
    ("item", "made"),
    [
        ("email", [{"email": PEOPLE[0]}, {"email": PEOPLE[1]}]),
        ("$contact_identifier_name", [{"email": PEOPLE[0]}, {"email": PEOPLE[1]}]),
        ("$list_id-key", [{"7-key": PEOPLE[0]}, {"7-key": PEOPLE[1]}]),
        ("$$x", [{"$x": PEOPLE[0]}, {"$x": PEOPLE[1]}]),
        ("$identifier", PEOPLE),
        ("email:$identifier", [f"email:{PEOPLE[0]}", f"email:{PEOPLE[1]}"]),
        (
            {"contact": {"email": "$identifier"}, "list": "$list_id"},
            [{"contact": {"email": each}, "list": "7"} for each in PEOPLE],
        ),
        (["$identifier", 1], [[PEOPLE[0], 1], [PEOPLE[1], 1]]),
        ({"$identifier": True}, [{PEOPLE[0]: True}, {PEOPLE[1]: True}]),
    ],
)
def test_an_item_is_the_shape_of_one_person(item: object, made: object) -> None:
    add = calls(add={"item": item}).add
    assert add.body_for(VALUES, PEOPLE) == {"userIds": made}


def test_a_path_of_the_setting_is_shown_nowhere() -> None:
    made = calls(create={"path": "/s3cret/$list_name"}, add={"body": ["s3cret", "$items"]})
    assert made.create.label == "POST <endpoint_requests.create.path>"
    assert made.add.label == "POST /lists/$list_id/add"
    assert "s3cret" not in repr(made)


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["create", "add", "remove"])
@pytest.mark.parametrize("method", ["GET", "post", "", "DELETE", "s3cret"])
def test_a_method_that_writes_is_one_of_few(call: str, method: str) -> None:
    if (call, method) == ("remove", "DELETE"):
        return
    told = problem(**{call: {"method": method}})
    assert told.startswith(f"The setting endpoint_requests.{call}.method must be one of POST, PUT")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "s3cret/$list_id",
        "//s3cret.example/$list_id",
        "https://s3cret.example/$list_id",
        "/s3cret//$list_id",
        "/s3cret/../$list_id",
        "/s3cret/$list_id#part",
        "/s3 cret/$list_id",
    ],
)
def test_a_path_stays_below_the_endpoint(path: str) -> None:
    told = problem(add={"path": path, "body": {"list": "$list_id", "ids": "$items"}})
    assert told.startswith("The setting endpoint_requests.add.path must be a path below ")


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"create": {"body": {"name": "$list_name", "x": "$s3cret"}}}, "create.body"),
        ({"create": {"body": {"name": "$list_name", "x": "$"}}}, "create.body"),
        ({"create": {"body": {"name": "$list_name", "x": "5$"}}}, "create.body"),
        ({"create": {"body": {"name": "$list_name", "$s3cret": 1}}}, "create.body"),
        ({"create": {"body": {"name": "$list_name", "x": "${list_name}"}}}, "create.body"),
        ({"create": {"body": {"name": "$list_name", "x": "$LIST_NAME"}}}, "create.body"),
        ({"create": {"body": {"name": "$list_name", "x": "$items"}}}, "create.body"),
        ({"create": {"body": {"name": "$list_name", "x": "$list_id"}}}, "create.body"),
        ({"create": {"path": "/lists/$list_id"}}, "create.path"),
        ({"create": {"path": "/lists/$items"}}, "create.path"),
        ({"add": {"path": "/lists/$list_id/$items"}}, "add.path"),
        ({"add": {"path": "/lists/$list_id/$identifier"}}, "add.path"),
        ({"add": {"path": "/lists/$list_id?x=$s3cret"}}, "add.path"),
        ({"remove": {"body": {"ids": "$items", "x": "$identifier"}}}, "remove.body"),
        ({"remove": {"item": {"id": "$identifier", "x": "$items"}}}, "remove.item"),
        ({"remove": {"item": {"id": "$identifier", "$s3cret": 1}}}, "remove.item"),
    ],
)
def test_a_variable_stands_only_where_it_has_a_value(given: dict[str, Any], part: str) -> None:
    told = problems(given)[0]
    assert told.startswith(f"The setting endpoint_requests.{part} holds a '$' that is none of $")
    assert "$$" in told
    assert "s3cret" not in told
    assert all(f"endpoint_requests.{part}" in other for other in problems(given))


@pytest.mark.parametrize("body", [{"ids": "s3cret"}, ["$list_id"], "s3cret", 0, {"$$items": 1}])
@pytest.mark.parametrize("call", ["add", "remove"])
def test_a_call_without_its_people_is_refused(call: str, body: object) -> None:
    told = problem(**{call: {"body": body}})
    assert told.startswith(f"The setting endpoint_requests.{call}.body must hold $items")


@pytest.mark.parametrize("body", ["ids=$items", {"$items": 1}, {"a": "$items", "b": "x$items"}])
def test_people_are_no_text(body: object) -> None:
    told = problem(add={"body": body})
    assert told.startswith("The setting endpoint_requests.add.body must hold $items as a value of")


@pytest.mark.parametrize("item", ["", {"email": "s3cret"}, [], {}, 5, False, {"a": "$$identifier"}])
def test_an_item_without_its_person_is_refused(item: object) -> None:
    told = problem(remove={"item": item})
    assert told.startswith("The setting endpoint_requests.remove.item must hold $identifier")


def test_nobody_is_put_on_a_list_by_create() -> None:
    told = problem(create={"item": "s3cret"})
    assert told.startswith("The setting endpoint_requests.create.item has no use")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"create": {"body": {"name": "s3cret"}}}, "$cohort_id or $list_name"),
        ({"create": {"body": {"name": "$cohort_name"}}}, "$cohort_id or $list_name"),
        ({"create": {"body": {"name": "$contact_identifier_name"}}}, "$cohort_id or $list_name"),
        ({"add": {"path": "/s3cret"}}, "$cohort_id or $list_id or $list_name"),
        ({"remove": {"path": "/s3cret/$cohort_name"}}, "$cohort_id or $list_id or $list_name"),
    ],
)
def test_a_call_that_does_not_say_which_list_it_means_is_refused(
    given: dict[str, Any], names: str
) -> None:
    """All cohorts would go to one list, or to none."""
    (call,) = given
    told = problem(**given)
    assert told == (
        f"The setting endpoint_requests.{call} says nowhere which list it is about: put {names} "
        "into its path or body."
    )


@pytest.mark.parametrize(
    "given",
    [
        {"create": {"path": "/lists/$cohort_id", "body": {"name": "$cohort_name"}}},
        {"add": {"path": "/add", "body": {"ids": "$items", "list": "$list_name"}}},
        {"add": {"path": "/add", "item": {"id": "$identifier", "list": "$list_id"}}},
        {"remove": {"path": "/remove?list=$cohort_id"}},
    ],
)
def test_it_may_say_so_in_any_part(given: dict[str, Any]) -> None:
    assert problems(given) == []


@pytest.mark.parametrize(
    "given",
    [
        {"remove": {"path": "/lists/$list_id/add"}},
        {
            "add": {"path": "/members/$list_id", "item": "email"},
            "remove": {"path": "/members/$list_id", "item": {"email": "$identifier"}},
        },
    ],
)
def test_a_removal_that_would_be_an_addition_is_refused(given: dict[str, Any]) -> None:
    assert "makes add and remove one call" in problem(**given)
    other = {**given, "remove": {**given["remove"], "method": "DELETE"}}
    assert problems(other) == []


def test_all_problems_are_told_at_once() -> None:
    given = {
        "create": {"method": "GET", "path": "s3cret"},
        "add": {"body": {}, "item": 5},
        "remove": {"path": "/$s3cret"},
    }
    told = problems(given)
    parts = ["create.method", "create.path", "add.body", "add.item", "remove.path"]
    assert [text.split()[2] for text in told] == [
        *(f"endpoint_requests.{part}" for part in parts),
        "endpoint_requests.remove",  # it says nowhere which list it is about
    ]


# -- what Meltano makes of it ---------------------------------------------------------------------


def test_what_meltano_took_apart_is_put_together() -> None:
    whole = {
        "create": {"path": "/cohorts"},
        "add": {"body": {"list": {"id": "$list_id"}, "ids": "$items"}, "item": "a.b"},
    }
    apart = {
        "add.body.ids": "$items",
        "create.path": "/cohorts",
        "add.body.list.id": "$list_id",
        "add.item": "a.b",
    }
    assert joined(apart) == whole
    assert joined(whole) == whole
    assert joined({"add.item": "a.b", "add": whole["add"]}) == {"add": whole["add"]}


def test_nothing_is_lost_where_parts_do_not_fit() -> None:
    assert joined({"add.path": "/x", "add": 5}) == {"add.path": "/x", "add": 5}
    given: dict[str, Any] = {"add": {"path": "/x"}, "add.item": "a"}
    assert joined(given) == {"add": {"path": "/x", "item": "a"}}
    assert given == {"add": {"path": "/x"}, "add.item": "a"}
