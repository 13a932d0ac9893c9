from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
import requests_mock

from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.core.endpoint_requests import EndpointRequests
from target_cordial.core.outcome import REJECTED_BY_CORDIAL, Result
from target_cordial.core.plan import Sent
from target_cordial.delivery.base import Target
from target_cordial.delivery.endpoint import EndpointDelivery
from target_cordial.errors import InterruptedRunError, RefusedError
from tests.target_cordial.cordial.transport import Wire, wire
from tests.target_cordial.delivery.changes import TARGETS, add, remove, results

if TYPE_CHECKING:
    from target_cordial.core.outcome import Outcome
    from target_cordial.core.plan import Change


def delivery(line: Wire, size: int = 1000) -> EndpointDelivery:
    return EndpointDelivery(ListProtocolClient(line.session), batch_size=size)


def batch(count: int, cohort: int = 1) -> tuple[Change, ...]:
    return tuple(add(f"p{number}@shop.example", cohort) for number in range(count))


def to_the_end(endpoint: EndpointDelivery, call: tuple[Change, ...]) -> list[Outcome]:
    """Send a call and whatever smaller ones it leaves, as the engine does."""
    waiting = [call]
    outcomes: list[Outcome] = []
    while waiting:
        delivered = endpoint.send(waiting.pop(0), TARGETS)
        waiting.extend(delivered.again)
        outcomes.extend(delivered.outcomes)
    return outcomes


def refusing(*culprits: str, status: int = 422, most: int = 1000) -> Wire:
    """Refuse every batch that holds a culprit, and with 413 every one above a size."""
    line = wire()

    def answer(request: Any, context: Any) -> dict[str, Any]:
        ids = request.json()["userIds"]
        if len(ids) > most:
            context.status_code = 413
            return {"error": True}
        if set(ids) & set(culprits):
            context.status_code = status
            return {"error": True, "message": "no such id"}
        return {"success": True}

    line.adapter.register_uri(requests_mock.ANY, requests_mock.ANY, json=answer)
    return line


def test_batches_are_of_one_list_and_one_operation_up_to_the_size() -> None:
    changes = [*batch(5), *batch(2, cohort=2), *(remove(f"r{n}", 1) for n in range(3))]
    calls = list(delivery(wire(), size=2).calls(changes))
    assert [len(call) for call in calls] == [2, 2, 1, 2, 2, 1]
    assert all(len({(c.operation, c.cohort) for c in call}) == 1 for call in calls)
    assert [change for call in calls for change in call] == changes


def test_a_batch_of_the_whole_size_is_one_call() -> None:
    assert [len(call) for call in delivery(wire(), size=4).calls(batch(4))] == [4]
    assert list(delivery(wire()).calls([])) == []


def test_a_batch_goes_to_its_lists_id() -> None:
    line = wire()
    assert results(delivery(line).send((add("x", 2), add("y", 2)), TARGETS)) == [
        Result.CONFIRMED,
        Result.CONFIRMED,
    ]
    delivery(line).send((remove("z", 3),), TARGETS)
    assert line.sent() == [
        ("POST", "/lists/102/add", {"userIds": ["x", "y"]}),
        ("POST", "/lists/103/remove", {"userIds": ["z"]}),
    ]


def test_an_empty_success_is_acceptance() -> None:
    """The service answers before it writes; what it says then is not published."""
    sent = delivery(wire({"status_code": 202, "text": ""})).send(batch(2), TARGETS)
    assert results(sent) == [Result.CONFIRMED] * 2


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refused_batch_is_halved_until_the_culprits_are_alone(status: int) -> None:
    culprits = {"p3@shop.example", "p9@shop.example"}
    line = refusing(*culprits, status=status)
    call = batch(11)
    outcomes = to_the_end(delivery(line), call)
    assert sorted(outcome.change.identifier for outcome in outcomes) == sorted(
        change.identifier for change in call
    )
    rejected = [outcome for outcome in outcomes if outcome.result is Result.REJECTED]
    assert {outcome.change.identifier for outcome in rejected} == culprits
    assert {(o.reason, o.message) for o in rejected} == {(REJECTED_BY_CORDIAL, "no such id")}
    assert {o.result for o in outcomes if o not in rejected} == {Result.CONFIRMED}


def test_a_batch_too_large_is_made_smaller_and_nobody_is_rejected() -> None:
    line = refusing(most=3)
    outcomes = to_the_end(delivery(line), batch(10))
    assert [outcome.result for outcome in outcomes] == [Result.CONFIRMED] * 10
    assert max(len(body["userIds"]) for _, _, body in line.sent()[-4:]) <= 3


def test_one_id_that_is_too_large_stays_pending() -> None:
    assert results(delivery(refusing(most=0)).send(batch(1), TARGETS)) == [Result.NOT_SENT]


@pytest.mark.parametrize(
    ("response", "result"),
    [
        (
            {"status_code": 404, "json": {"error": True, "message": "List does not exist"}},
            Result.NOT_SENT,
        ),
        ({"status_code": 404, "text": "<html>"}, Result.UNKNOWN),
        ({"status_code": 405, "json": {}}, Result.UNKNOWN),
        ({"status_code": 410, "json": {}}, Result.UNKNOWN),
        ({"status_code": 415, "json": {}}, Result.UNKNOWN),
        (
            {"status_code": 307, "headers": {"Location": "https://elsewhere.example/"}},
            Result.UNKNOWN,
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 4])
def test_another_answer_is_about_the_list_and_leaves_its_changes_pending(
    response: dict[str, Any], result: Result, size: int
) -> None:
    """Where it is none of Cordial's, what was sent may have been applied all the same."""
    line = wire(response)
    sent = delivery(line).send(batch(size), TARGETS)
    assert results(sent) == [result] * size
    assert sent.again == ()
    problem = sent.problem or ""
    assert f"answered {response['status_code']} to list 'vip'" in problem
    assert "cordial-ledger forget" in problem
    assert "shop.example" not in problem
    assert len(line.calls) == 1


@pytest.mark.parametrize(
    ("response", "result"),
    [
        ({"status_code": 503}, Result.UNKNOWN),
        ({"exc": requests.exceptions.ReadTimeout}, Result.UNKNOWN),
        ({"status_code": 429}, Result.NOT_SENT),
    ],
)
def test_used_up_tries_leave_the_batch_pending(response: dict[str, Any], result: Result) -> None:
    sent = delivery(wire(response)).send(batch(3), TARGETS)
    assert results(sent) == [result] * 3
    assert sent.problem
    assert "shop.example" not in sent.problem


REQUESTS = EndpointRequests.of(
    {"add": {"path": "/s3cret/$list_id", "body": {"$list_name": "$items", "mode": 1}}}
)


def test_a_call_that_can_not_be_written_leaves_its_list_alone_pending() -> None:
    line = wire()
    other = EndpointDelivery(ListProtocolClient(line.session, REQUESTS), batch_size=9)
    targets = {**TARGETS, 2: Target("102", "mode", first_sync=False, cohort="'x' (c2)")}
    sent = other.send(batch(3, cohort=2), targets)
    assert (results(sent), sent.answered) == ([Result.NOT_SENT] * 3, None)
    assert sent.problem is not None
    assert sent.problem.startswith("Cohort 'x' (c2): POST <endpoint_requests.add.path> can't be")
    assert line.calls == []
    assert results(other.send(batch(1), targets)) == [Result.CONFIRMED]
    assert line.sent() == [("POST", "/s3cret/101", {"vip": ["p0@shop.example"], "mode": 1})]


def test_calls_of_another_shape_are_named_as_a_cause() -> None:
    client = ListProtocolClient(wire({"status_code": 405}).session, REQUESTS)
    problem = EndpointDelivery(client, batch_size=9).send(batch(1), TARGETS).problem or ""
    assert problem.endswith("else check the settings endpoint and endpoint_requests")
    assert "s3cret" not in problem


def test_what_is_confirmed_rejected_or_made_smaller_is_no_problem() -> None:
    assert delivery(wire({"json": {}})).send(batch(2), TARGETS).problem is None
    assert delivery(refusing("p0@shop.example")).send(batch(1), TARGETS).problem is None
    assert delivery(refusing("p0@shop.example")).send(batch(2), TARGETS).problem is None


def test_a_refused_key_and_a_stop_go_through() -> None:
    with pytest.raises(RefusedError):
        delivery(wire({"status_code": 403})).send(batch(1), TARGETS)
    with pytest.raises(InterruptedRunError):
        delivery(wire({"status_code": 429}, stop_at=1)).send(batch(1), TARGETS)


@pytest.mark.parametrize(
    "response",
    [
        {"text": "<html>OK</html>"},
        {"json": "Good"},
        {"json": {"error": True, "message": "no"}},
        {"json": {"success": False}},
    ],
)
@pytest.mark.parametrize("size", [1, 4])
def test_a_success_that_is_no_usable_answer_may_have_been_applied(
    response: dict[str, Any], size: int
) -> None:
    line = wire(response)
    sent = delivery(line).send(batch(size), TARGETS)
    assert results(sent) == [Result.UNKNOWN] * size
    assert [outcome.sent for outcome in sent.outcomes] == [Sent.UNKNOWN] * size
    assert sent.problem
    assert len(line.calls) == 1


# -- after a lost answer -------------------------------------------------------------------------

LOST = {"status_code": 504}


@pytest.mark.parametrize(
    ("second", "size"),
    [
        ({"status_code": 404, "text": "<html>"}, 1),
        ({"status_code": 404, "text": "<html>"}, 4),
        ({"status_code": 415, "json": {"error": True}}, 4),
        ({"status_code": 307, "headers": {"Location": "https://elsewhere.example/"}}, 4),
        ({"text": "<html>OK</html>"}, 4),
        ({"status_code": 400, "json": {"error": True}}, 1),
        ({"status_code": 409, "json": {"error": True}}, 1),
        ({"status_code": 413, "json": {"error": True}}, 1),
        ({"status_code": 422, "json": {"error": True}}, 1),
    ],
)
def test_only_a_success_ends_the_doubt_that_a_lost_answer_leaves(
    second: dict[str, Any], size: int
) -> None:
    """The first try may have been accepted: those ids count as ours until a call says more."""
    sent = delivery(wire(LOST, second)).send(batch(size), TARGETS)
    assert results(sent) == [Result.UNKNOWN] * size
    assert [outcome.sent for outcome in sent.outcomes] == [Sent.UNKNOWN] * size
    sent = delivery(wire(LOST, {"json": {}})).send(batch(size), TARGETS)
    assert results(sent) == [Result.CONFIRMED] * size


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_batch_refused_after_a_lost_answer_is_halved_and_the_doubt_is_kept(status: int) -> None:
    line = wire(LOST, {"status_code": status, "json": {"error": True}})
    call = batch(5)
    sent = delivery(line).send(call, TARGETS)
    assert sent.outcomes == ()
    assert [len(half) for half in sent.again] == [2, 3]
    changes = [change for half in sent.again for change in half]
    assert [change.identifier for change in changes] == [change.identifier for change in call]
    assert {change.before for change in changes} == {Sent.UNKNOWN}
