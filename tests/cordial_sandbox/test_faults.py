from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from cordial_sandbox.calls import Call
from cordial_sandbox.faults import Fault

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Http

ADD = {"channels": {"email": {"address": "ana@shop.example"}}, "vips": True}


def test_a_status_before_anything_is_applied(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    sandbox.control.add_fault(
        "status", "POST", "/contacts", 2, status=503, body={"a": 1}, headers={"Retry-After": "7"}
    )
    assert cordial("GET", "/accountlists").status_code == 200
    answers = [cordial("POST", "/contacts", json=ADD) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 201]
    assert answers[0].json() == {"a": 1}
    assert answers[0].headers["Retry-After"] == "7"
    assert [call["status"] for call in sandbox.control.write_calls()] == [503, 503, 201]
    assert sandbox.control.faults() == []


def test_a_fault_may_let_calls_pass_first(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    sandbox.control.add_fault("status", status=500, skip=2)
    statuses = [cordial("GET", "/accountlists").status_code for _ in range(4)]
    assert statuses == [200, 200, 500, 200]


def test_a_status_with_a_page_or_without_a_body(sandbox: Running, cordial: Http) -> None:
    sandbox.control.add_fault("status", status=502, body="<html>Bad gateway</html>")
    sandbox.control.add_fault("status", status=500)
    assert cordial("GET", "/contacts").headers["Content-Type"].startswith("text/html")
    answer = cordial("GET", "/contacts")
    assert (answer.status_code, answer.content) == (500, b"")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_lost_connection_has_no_answer(sandbox: Running, cordial: Http, kind: str) -> None:
    sandbox.control.put_list("vips")
    sandbox.control.add_fault(kind, path_contains="/contacts")
    with pytest.raises(requests.ConnectionError) as lost:
        cordial("POST", "/contacts", json=ADD)
    assert isinstance(lost.value.args[0], urllib3.exceptions.ProtocolError)
    applied = ["ana@shop.example"] if kind == "drop_after" else []
    assert sandbox.control.lists() == {"vips": applied}
    (call,) = sandbox.control.calls()
    assert call["status"] is None
    assert cordial("POST", "/contacts", json=ADD).status_code == 201


def test_a_limit_lasts_until_it_is_cleared(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    sandbox.control.add_fault("rate_limit", per_second=0, retry_after=3)
    for _ in range(3):
        answer = cordial("GET", "/accountlists")
        assert answer.status_code == 429
        assert answer.json()["error"] is True
        assert {key: answer.headers[key] for key in ("Retry-After", "X-Rate-Limit-Limit")} == {
            "Retry-After": "3",
            "X-Rate-Limit-Limit": "0",
        }
        assert answer.headers["X-Rate-Limit-Remaining"] == "0"
        assert answer.headers["X-Rate-Limit-Reset"] == "3"
    sandbox.control.clear_faults()
    assert cordial("GET", "/accountlists").status_code == 200


def test_a_limit_lets_its_number_pass_in_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("cordial_sandbox.faults.time.monotonic", lambda: now)
    fault = Fault.parse({"kind": "rate_limit", "per_second": 2})
    call = Call("cordial", "GET", "/v2/accountlists", "", b"", None, write=False)
    assert [fault.hits(call) for _ in range(3)] == [False, False, True]
    now = 101.0
    assert [fault.hits(call) for _ in range(3)] == [False, False, True]


def test_latency_delays_and_another_fault_may_follow(
    sandbox: Running, cordial: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("cordial_sandbox.app.sleep", sleep)
    sandbox.control.add_fault("latency", path_contains="/contacts", seconds=30)
    sandbox.control.add_fault("html", path_contains="/contacts")
    answer = cordial("GET", "/contacts")
    assert waits == [30]
    assert answer.status_code == 200
    assert answer.text.startswith("<html>")


def test_a_refused_contact(sandbox: Running, cordial: Http, lists: Http) -> None:
    list_id = sandbox.control.put_list("vips", ["bo@shop.example"])
    sandbox.control.add_fault("reject_contact", identifier="Bo@shop.example", message="No")
    bodies: list[dict[str, Any]] = [
        {"channels": {"email": {"address": "bo@shop.example"}}},
        {"email": "bo@shop.example"},
    ]
    refusals = [
        *(cordial("POST", "/contacts", json=body) for body in bodies),
        cordial("PUT", "/contacts/email:bo%40shop.example", json={}),
        cordial("PUT", "/contacts/bo%40shop.example", json={}),
        lists("POST", f"/lists/{list_id}/add", json={"userIds": ["a@x.io", "bo@shop.example"]}),
    ]
    for refusal in refusals:
        assert refusal.status_code == 422
        assert refusal.json()["message"] == "No"
    assert sandbox.control.lists() == {"vips": ["bo@shop.example"]}
    assert cordial("POST", "/contacts", json=ADD).status_code == 201
    assert cordial("GET", "/contacts/bo%40shop.example").status_code == 200
    passing = lists("POST", f"/lists/{list_id}/add", json={"userIds": ["a@x.io"]})
    assert passing.status_code == 200


@pytest.mark.parametrize("redirect", [False, True])
def test_half_a_file(sandbox: Running, amplitude: Http, *, redirect: bool) -> None:
    sandbox.control.put_cohort(
        "new", "New", polls=0, file={"redirect": redirect, "encoding": "gzip_without_header"}
    )
    request_id = amplitude("GET", "/api/5/cohorts/request/new").json()["request_id"]
    path = f"/api/5/cohorts/request/{request_id}/file"
    whole = amplitude("GET", path).content
    sandbox.control.add_fault("truncate")
    assert amplitude("GET", "/api/3/cohorts").json()
    half = amplitude("GET", path).content
    assert half == whole[: len(whole) // 2]
    with pytest.raises(EOFError):
        gzip.decompress(half)
    assert amplitude("GET", path).content == whole


def test_amplitude_is_limited_in_its_own_shape(sandbox: Running, amplitude: Http) -> None:
    sandbox.control.add_fault("rate_limit", per_second=0)
    assert amplitude("GET", "/api/3/cohorts").json()["error"]["http_code"] == 429


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "typo"}, "unknown kind"),
        ({"kind": "status"}, "missing"),
        ({"kind": "html", "status": 500}, "unknown"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    sandbox: Running, fault: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sandbox.control.add_fault(**fault)
