from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from target_cordial.cordial.rest import RestClient
from target_cordial.core.outcome import CONTACT_NOT_FOUND, REJECTED_BY_CORDIAL, Outcome, Result
from target_cordial.core.plan import Change, Sent
from target_cordial.delivery.contacts import ContactsDelivery
from target_cordial.delivery.list_watch import ListWatch
from target_cordial.errors import (
    InterruptedRunError,
    RefusedError,
    UnavailableError,
    UnexpectedError,
)
from tests.target_cordial.cordial.transport import Wire, wire
from tests.target_cordial.delivery.changes import ADDRESS, TARGETS, add, remove, results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.delivery.base import Call

PATH = "/contacts/email:ana%2Bvip%40shop.example"
NOT_THERE = {
    "status_code": 404,
    "json": {"error": True, "errorKey": "CONTACTS_CONTACT_NOT_FOUND", "message": "not found"},
}
NOT_THERE_422 = {
    "status_code": 422,
    "json": {"error": True, "messages": {"contact": ["Contact doesn't exist"]}},
}
AS_PLANNED = {target.list_id: target.list_name for target in TARGETS.values()}
REFUSED = {
    "status_code": 422,
    "json": {"error": True, "messages": {"validationErrors": {"age": ["age is required"]}}},
}


def delivery(
    line: Wire,
    *,
    name: str = "email",
    create: bool = True,
    suppress: str = "always",
    lists: Mapping[str, str] | None = None,
) -> ContactsDelivery:
    """Make a delivery; ``lists`` are those that are found when they are read again."""
    return ContactsDelivery(
        RestClient(line.session),
        ListWatch(lambda: AS_PLANNED if lists is None else lists),
        identifier_name=name,
        create_contacts=create,
        suppress_triggers=suppress,
    )


# -- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["email", "channels.email.address"])
def test_an_addition_makes_or_updates_the_contact_by_its_channel(name: str) -> None:
    line = wire({"status_code": 201, "json": {"success": True}})
    assert results(delivery(line, name=name).send((add(),), TARGETS)) == [Result.CONFIRMED]
    assert line.sent() == [
        (
            "POST",
            "/contacts",
            {
                "channels": {"email": {"address": ADDRESS}},
                "identifyBy": [name],
                "vip": True,
                "suppressTriggers": True,
            },
        )
    ]


def test_an_addition_by_another_channel_has_that_channels_address() -> None:
    line = wire()
    delivery(line, name="channels.sms.address").send((add("+4930"),), TARGETS)
    [(method, path, body)] = line.sent()
    assert (method, path) == ("POST", "/contacts")
    assert body["channels"] == {"sms": {"address": "+4930"}}
    assert body["identifyBy"] == ["channels.sms.address"]


@pytest.mark.parametrize(
    ("name", "create", "path"),
    [
        ("email", False, PATH),
        ("channels.email.address", False, PATH),
        ("customer_id", True, "/contacts/customer_id:ana%2Bvip%40shop.example"),
        ("customer_id", False, "/contacts/customer_id:ana%2Bvip%40shop.example"),
    ],
)
def test_an_addition_that_may_make_nobody_is_a_put(name: str, create: bool, path: str) -> None:  # noqa: FBT001  a column of the table
    line = wire()
    delivery(line, name=name, create=create).send((add(),), TARGETS)
    assert line.sent() == [("PUT", path, {"vip": True, "suppressTriggers": True})]


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("name", ["email", "channels.email.address"])
def test_a_removal_is_always_a_put(name: str, create: bool) -> None:  # noqa: FBT001  a column of the table
    line = wire()
    sent = delivery(line, name=name, create=create).send((remove(),), TARGETS)
    assert results(sent) == [Result.CONFIRMED]
    assert line.sent() == [("PUT", PATH, {"vip": False, "suppressTriggers": True})]


def test_all_changes_of_a_contact_go_in_one_call() -> None:
    line = wire()
    call = (add(cohort=1), remove(cohort=2), add(cohort=3))
    assert results(delivery(line).send(call, TARGETS)) == [Result.CONFIRMED] * 3
    [(method, _, body)] = line.sent()
    assert method == "POST"
    assert (body["vip"], body["dormant"], body["fresh"]) == (True, False, True)


def test_several_removals_of_a_contact_go_in_one_put() -> None:
    line = wire()
    delivery(line).send((remove(cohort=1), remove(cohort=2)), TARGETS)
    body = {"vip": False, "dormant": False, "suppressTriggers": True}
    assert line.sent() == [("PUT", PATH, body)]


@pytest.mark.parametrize(
    ("suppress", "cohorts", "sent"),
    [
        ("always", (1,), True),
        ("always", (3,), True),
        ("never", (1,), False),
        ("never", (3,), False),
        ("first_sync", (1,), False),
        ("first_sync", (3,), True),
        ("first_sync", (1, 3), True),
    ],
)
def test_triggers_are_always_told_explicitly(
    suppress: str,
    cohorts: tuple[int, ...],
    sent: bool,  # noqa: FBT001  a column of the table
) -> None:
    line = wire()
    call = tuple(add(cohort=cohort) for cohort in cohorts)
    delivery(line, suppress=suppress).send(call, TARGETS)
    assert line.sent()[0][2]["suppressTriggers"] is sent
    removals = tuple(remove(cohort=cohort) for cohort in cohorts)
    delivery(line, suppress=suppress).send(removals, TARGETS)
    assert line.sent()[1][2]["suppressTriggers"] is sent


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("call", [(add(),), (remove(),), (add(cohort=2), remove(cohort=1))])
def test_a_cohort_is_no_consent(call: Call, create: bool) -> None:  # noqa: FBT001  a column of the table
    line = wire()
    delivery(line, create=create).send(call, TARGETS)
    body = line.last.text
    assert "subscribeStatus" not in body
    assert "forceSubscribe" not in body


def test_calls_are_made_by_contact_in_the_order_of_the_plan() -> None:
    changes = [add("a", 1), remove("a", 2), add("b", 1), remove("c", 1), remove("c", 3)]
    assert list(delivery(wire()).calls(changes)) == [
        (changes[0], changes[1]),
        (changes[2],),
        (changes[3], changes[4]),
    ]


# -- what becomes of it ---------------------------------------------------------------------------


@pytest.mark.parametrize("response", [NOT_THERE, NOT_THERE_422])
def test_a_removal_of_a_contact_that_is_not_there_is_done(response: dict[str, Any]) -> None:
    sent = delivery(wire(response)).send((remove(cohort=1), remove(cohort=2)), TARGETS)
    assert results(sent) == [Result.ALREADY_ABSENT] * 2


@pytest.mark.parametrize("response", [NOT_THERE, NOT_THERE_422])
def test_an_addition_of_a_contact_that_is_not_there_is_rejected(response: dict[str, Any]) -> None:
    call = (add(cohort=1), remove(cohort=2))
    sent = delivery(wire(response), create=False).send(call, TARGETS)
    assert results(sent) == [Result.REJECTED, Result.ALREADY_ABSENT]
    assert sent.outcomes[0].reason == CONTACT_NOT_FOUND


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (REFUSED, "age is required"),
        ({"status_code": 400, "json": {"error": True, "message": "bad address"}}, "bad address"),
        ({"status_code": 409, "json": {"error": True, "errors": ["clash"]}}, "clash"),
        ({"status_code": 200, "json": {"error": True, "message": "not valid"}}, "not valid"),
        ({"status_code": 200, "json": {"success": False}}, ""),
    ],
)
@pytest.mark.parametrize("change", [add(), remove()])
def test_a_refused_contact_is_rejected_with_cordials_words(
    change: Any,
    response: dict[str, Any],
    words: str,
) -> None:
    sent = delivery(wire(response)).send((change,), TARGETS)
    assert sent.outcomes == (Outcome(change, Result.REJECTED, REJECTED_BY_CORDIAL, words),)


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 404, "text": "<html>404 Not Found</html>"},
        {"status_code": 404, "json": {"error": True, "message": "no route"}},
        {"status_code": 404, "json": {"message": "Not Found"}},
        {"status_code": 400, "text": "<html>"},
        {"status_code": 413, "text": "<html>"},
        {"status_code": 415, "json": {"error": True}},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status_code": 308, "headers": {"Location": "/v3/contacts"}},
        {"status_code": 200, "text": "<html>Sign in</html>"},
        {"status_code": 200, "json": "Good"},
        {"status_code": 200, "text": ""},
        {"status_code": 204},
    ],
)
@pytest.mark.parametrize("change", [add(), remove()])
def test_whatever_is_not_cordials_answer_ends_the_delivery(
    change: Any,
    response: dict[str, Any],
) -> None:
    """Whoever it was that answered: what was sent may have been applied all the same."""
    line = wire(response)
    with pytest.raises(UnexpectedError) as caught:
        delivery(line).send((change,), TARGETS)
    assert len(line.calls) == 1
    assert ADDRESS not in str(caught.value)
    assert caught.value.may_be_applied


@pytest.mark.parametrize(
    ("response", "result"),
    [
        ({"status_code": 500}, Result.UNKNOWN),
        ({"exc": requests.exceptions.ReadTimeout}, Result.UNKNOWN),
        ({"status_code": 429}, Result.NOT_SENT),
        ({"exc": requests.exceptions.ConnectTimeout}, Result.NOT_SENT),
    ],
)
def test_used_up_tries_leave_the_changes_pending(response: dict[str, Any], result: Result) -> None:
    sent = delivery(wire(response)).send((add(cohort=1), remove(cohort=2)), TARGETS)
    assert results(sent) == [result, result]
    kept = [outcome.sent for outcome in sent.outcomes]
    unknown = result is Result.UNKNOWN
    assert kept == ([Sent.UNKNOWN] * 2 if unknown else [Sent.OFF, Sent.ON])


def test_a_refused_key_and_a_stop_go_through() -> None:
    with pytest.raises(RefusedError):
        delivery(wire({"status_code": 401})).send((add(),), TARGETS)
    with pytest.raises(InterruptedRunError):
        delivery(wire({"status_code": 429}, stop_at=1)).send((add(),), TARGETS)


# -- after a lost answer -------------------------------------------------------------------------

LOST = {"exc": requests.exceptions.ReadTimeout}


@pytest.mark.parametrize(
    "second",
    [
        REFUSED,
        {"status_code": 200, "json": {"error": True, "message": "not valid"}},
        {"status_code": 200, "text": "<html>Sign in</html>"},
        {"status_code": 204},
        {"status_code": 404, "text": "<html>"},
        {"status_code": 413, "text": "<html>"},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example/"}},
    ],
)
@pytest.mark.parametrize("create", [True, False])
def test_only_a_success_ends_the_doubt_that_a_lost_answer_leaves(
    second: dict[str, Any],
    create: bool,  # noqa: FBT001  a column of the table
) -> None:
    """The first try may have put the contact on the list, whatever is said of the second."""
    for call in ((add(),), (remove(),), (add(cohort=1), remove(cohort=2))):
        sent = delivery(wire(LOST, second), create=create).send(call, TARGETS)
        assert results(sent) == [Result.UNKNOWN] * len(call)
        assert [outcome.sent for outcome in sent.outcomes] == [Sent.UNKNOWN] * len(call)
        sent = delivery(wire(LOST, {"json": {"success": True}}), create=create).send(call, TARGETS)
        assert results(sent) == [Result.CONFIRMED] * len(call)


@pytest.mark.parametrize("second", [NOT_THERE, NOT_THERE_422])
def test_a_contact_that_is_not_there_after_a_lost_answer_is_on_no_list(
    second: dict[str, Any],
) -> None:
    sent = delivery(wire(LOST, second)).send((remove(cohort=1), remove(cohort=2)), TARGETS)
    assert results(sent) == [Result.ALREADY_ABSENT] * 2
    sent = delivery(wire(LOST, second), create=False).send((add(),), TARGETS)
    assert results(sent) == [Result.UNKNOWN]


def test_an_answer_after_a_try_that_certainly_did_nothing_is_in_no_doubt() -> None:
    sent = delivery(wire({"status_code": 429}, REFUSED)).send((add(),), TARGETS)
    assert results(sent) == [Result.REJECTED]


# -- a list that was renamed or deleted meanwhile -------------------------------------------------


def unknown_key(*names: str) -> dict[str, Any]:
    """Refuse a write as Cordial was seen to refuse unknown keys."""
    told = {name: [f"key {name} is not part of the schema for this resource"] for name in names}
    return {"status_code": 422, "json": {"error": True, "messages": {"validationErrors": told}}}


def to_the_end(made: ContactsDelivery, call: Call) -> dict[Change, Result]:
    """Send a call and whatever it leaves to be sent again, as the engine does."""
    waiting, ended = [call], {}
    while waiting:
        delivered = made.send(waiting.pop(), TARGETS)
        waiting += delivered.again
        ended.update({out.change: out.result for out in delivered.outcomes})
    return ended


def bodies(line: Wire) -> list[dict[str, Any]]:
    own = ("channels", "identifyBy", "suppressTriggers")
    return [{k: v for k, v in body.items() if k not in own} for _, _, body in line.sent()]


def test_a_renamed_list_is_written_under_its_new_name() -> None:
    line = wire(unknown_key("vip"), {"json": {"success": True}})
    made = delivery(line, lists={"101": "best", "102": "dormant"})
    ended = to_the_end(made, (add(cohort=1), remove(cohort=2)))
    assert set(ended.values()) == {Result.CONFIRMED}
    assert bodies(line) == [{"vip": True, "dormant": False}, {"best": True, "dormant": False}]
    to_the_end(made, (remove(cohort=1),))
    assert bodies(line)[-1] == {"best": False}


def test_without_its_lost_list_a_contact_is_written_all_the_same() -> None:
    line = wire(unknown_key("vip"), {"json": {"success": True}})
    made = delivery(line, lists={"102": "dormant"})
    lost, kept = add(cohort=1), remove(cohort=2)
    assert to_the_end(made, (lost, kept)) == {lost: Result.NOT_SENT, kept: Result.CONFIRMED}
    assert bodies(line) == [{"vip": True, "dormant": False}, {"dormant": False}]
    assert [method for method, _, _ in line.sent()] == ["POST", "PUT"]  # a removal makes nobody


def test_a_list_that_is_lost_is_not_written_again_in_this_run() -> None:
    line = wire(unknown_key("vip"))
    made = delivery(line, lists={"102": "dormant"})
    assert set(to_the_end(made, (add("a"),)).values()) == {Result.NOT_SENT}
    ended = made.send((remove("b"),), TARGETS)
    assert results(ended) == [Result.NOT_SENT]
    assert ended.answered is None
    assert len(line.calls) == 1


def test_two_lists_lost_at_once_are_both_left_out() -> None:
    line = wire(unknown_key("vip", "dormant"), {"json": {"success": True}})
    made = delivery(line, lists={"103": "fresh"})
    call = (add(cohort=1), add(cohort=2), add(cohort=3))
    assert list(to_the_end(made, call).values()) == [Result.NOT_SENT] * 2 + [Result.CONFIRMED]


@pytest.mark.parametrize("change", [add(), remove()])
def test_what_a_second_look_does_not_explain_is_rejected(change: Change) -> None:
    sent = delivery(wire(unknown_key("vip"))).send((change,), TARGETS)
    words = "key vip is not part of the schema for this resource"
    assert sent.outcomes == (Outcome(change, Result.REJECTED, REJECTED_BY_CORDIAL, words),)


@pytest.mark.parametrize("response", [REFUSED, NOT_THERE, unknown_key("age")])
def test_a_refusal_that_names_no_list_asks_for_none(response: dict[str, Any]) -> None:
    gone = delivery(wire(response), lists={})
    assert delivery(wire(response)).send((remove(),), TARGETS) == gone.send((remove(),), TARGETS)


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 422, "json": {"error": True, "message": "List does not exist"}},
        {"status_code": 404, "json": {"error": True, "errorKey": "ACCOUNT_LISTS_NOT_FOUND"}},
        {"status_code": 422, "json": {"error": True, "message": "List vip doesn't exist"}},
    ],
)
def test_a_list_that_is_not_there_is_no_contact_that_is_not_there(response: dict[str, Any]) -> None:
    """Else the removals of a deleted list would all count as done."""
    line = wire(response)
    assert results(delivery(line).send((remove(),), TARGETS)) == [Result.REJECTED]
    ended = to_the_end(delivery(line, lists={}), (remove(),))
    assert list(ended.values()) == [Result.NOT_SENT]


@pytest.mark.parametrize("words", [unknown_key("vip"), unknown_key("vip", "dormant")])
def test_a_contact_in_doubt_is_left_to_the_next_run_whatever_became_of_its_lists(
    words: dict[str, Any],
) -> None:
    for call in ((add(cohort=1), remove(cohort=2)), (remove(cohort=1),)):
        sent = delivery(wire(LOST, words), lists={"102": "dormant"}).send(call, TARGETS)
        assert results(sent) == [Result.UNKNOWN] * len(call)
        assert sent.again == ()


def test_a_deleted_list_is_no_absent_contact_even_in_doubt() -> None:
    gone = {"status_code": 422, "json": {"error": True, "message": "List vip does not exist"}}
    sent = delivery(wire(LOST, gone), lists={}).send((remove(),), TARGETS)
    assert results(sent) == [Result.UNKNOWN]


def test_lists_that_can_not_be_read_leave_the_contact_pending() -> None:
    def down() -> dict[str, str]:
        raise UnavailableError("GET /accountlists failed 8 times.")

    line = wire(unknown_key("vip"))
    made = ContactsDelivery(
        RestClient(line.session),
        ListWatch(down),
        identifier_name="email",
        create_contacts=True,
        suppress_triggers="always",
    )
    sent = made.send((add(),), TARGETS)
    assert results(sent) == [Result.NOT_SENT]
    assert sent.answered is False
