from __future__ import annotations

import base64
import json
import threading
from importlib.metadata import version
from typing import Any
from unittest.mock import patch

import pytest
import requests

from target_cordial.cordial.answers import Kind
from target_cordial.cordial.limits import SHARE, Window
from target_cordial.cordial.pace import Pace, StoppableClock
from target_cordial.cordial.retry import TRIES
from target_cordial.cordial.session import Session
from target_cordial.errors import InterruptedRunError, RefusedError, UnavailableError
from tests.target_cordial.cordial.transport import BASE, KEY, FakeClock, OneAnswerServer, wire

OK = {"json": {"success": True}}
LOST = [
    requests.exceptions.ConnectionError,
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ReadTimeout,
    requests.exceptions.ChunkedEncodingError,
]


def test_every_call_carries_the_key_as_user_name_with_an_empty_password() -> None:
    line = wire()
    line.session.call("GET", "/accountlists")
    expected = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    assert line.last.headers["Authorization"] == expected
    assert line.last.headers["User-Agent"] == f"target-cordial/{version('target-cordial')}"
    assert line.last.headers["Accept"] == "application/json"


def test_further_headers_go_with_every_call() -> None:
    line = wire(headers={"x-api-key": KEY})
    line.session.call("POST", "/lists", {"name": "vip"})
    line.session.call("POST", "/lists", {"name": "vip"})
    assert [call.headers["x-api-key"] for call in line.calls] == [KEY, KEY]


def test_a_body_goes_as_json_and_a_call_without_one_has_no_content_type() -> None:
    line = wire()
    line.session.call("POST", "/contacts", {"name": "Zoë", "on": True})
    assert json.loads(line.last.body) == {"name": "Zoë", "on": True}
    assert line.last.headers["Content-Type"] == "application/json"
    line.session.call("GET", "/accountlists")
    assert line.last.body is None
    assert "Content-Type" not in line.last.headers
    assert line.last.url == f"{BASE}/accountlists"


def test_the_waiting_time_is_that_of_the_setting_and_connecting_is_quicker() -> None:
    line = wire(timeout_seconds=42.0)
    line.session.call("GET", "/accountlists")
    assert line.last.timeout == (10.0, 42.0)
    short = wire(timeout_seconds=3.0)
    short.session.call("GET", "/accountlists")
    assert short.last.timeout == (3.0, 3.0)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 599])
def test_a_passing_trouble_is_tried_again(status: int) -> None:
    line = wire({"status_code": status, "text": "<html>"}, {"status_code": status}, OK)
    assert line.session.call("PUT", "/contacts/x", {}).kind is Kind.OK
    assert len(line.calls) == 3
    assert line.session.statuses == {str(status): 2, "200": 1}


@pytest.mark.parametrize("error", LOST)
def test_a_lost_connection_is_tried_again(error: type[Exception]) -> None:
    line = wire({"exc": error}, OK)
    assert line.session.call("PUT", "/contacts/x", {}).kind is Kind.OK
    assert line.session.statuses == {"none": 1, "200": 1}


@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 406, 409, 413, 415, 418, 422])
def test_an_answer_that_trying_again_would_not_change_is_the_last(status: int) -> None:
    line = wire({"status_code": status, "json": {"error": True, "message": "no"}})
    assert line.session.call("PUT", "/contacts/x", {}).status == status
    assert len(line.calls) == 1
    assert line.clock.waits == []


def test_eight_tries_with_growing_pauses_within_their_bounds() -> None:
    line = wire({"status_code": 503})
    with pytest.raises(UnavailableError, match=r"^PUT\b.* failed 8 times") as caught:
        line.session.call("PUT", "/contacts/x", {})
    assert len(line.calls) == TRIES == 8
    assert len(line.clock.waits) == 7
    for number, waited in enumerate(line.clock.waits):
        assert min(120.0, 2.25**number) <= waited <= min(120.0, 1.25 * 2.25**number)
    assert "503" in str(caught.value)


def test_the_pauses_of_two_sessions_differ() -> None:
    lines = [wire({"status_code": 503}) for _ in range(2)]
    for line in lines:
        with pytest.raises(UnavailableError):
            line.session.call("GET", "/accountlists")
    assert lines[0].clock.waits != lines[1].clock.waits


DOUBTS = [
    ({"status_code": 500}, True),
    ({"status_code": 503}, True),
    ({"status_code": 408}, True),
    ({"exc": requests.exceptions.ReadTimeout}, True),
    ({"exc": requests.exceptions.ConnectionError}, True),
    ({"status_code": 429}, False),
    ({"exc": requests.exceptions.ConnectTimeout}, False),
]


@pytest.mark.parametrize(("failure", "perhaps"), DOUBTS)
def test_what_may_have_been_applied_is_told_apart(failure: dict[str, Any], perhaps: bool) -> None:  # noqa: FBT001  a column of the table
    line = wire(failure)
    with pytest.raises(UnavailableError) as caught:
        line.session.call("PUT", "/contacts/x", {})
    assert caught.value.may_be_applied is perhaps


def test_one_doubtful_try_among_eight_leaves_doubt() -> None:
    line = wire({"status_code": 500}, {"status_code": 429})
    with pytest.raises(UnavailableError) as caught:
        line.session.call("PUT", "/contacts/x", {})
    assert caught.value.may_be_applied


@pytest.mark.parametrize("last", [OK, {"status_code": 422, "json": {"error": True}}])
@pytest.mark.parametrize(("failure", "perhaps"), DOUBTS)
def test_an_answer_knows_whether_an_earlier_try_is_in_doubt(
    failure: dict[str, Any],
    perhaps: bool,  # noqa: FBT001  a column of the table
    last: dict[str, Any],
) -> None:
    line = wire(failure, last)
    assert line.session.call("PUT", "/contacts/x", {}).in_doubt is perhaps
    assert not line.session.call("PUT", "/contacts/y", {}).in_doubt


def test_a_try_that_is_certain_ends_no_doubt_of_an_answer() -> None:
    line = wire({"status_code": 500}, {"status_code": 429}, OK)
    assert line.session.call("PUT", "/contacts/x", {}).in_doubt


@pytest.mark.parametrize("error", [requests.exceptions.SSLError, requests.exceptions.InvalidURL])
def test_what_no_second_try_can_mend_is_not_tried_again(error: type[Exception]) -> None:
    line = wire({"exc": error})
    with pytest.raises(UnavailableError) as caught:
        line.session.call("PUT", "/contacts/x", {})
    assert len(line.calls) == 1
    assert not caught.value.may_be_applied


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("text", ['{"error":"Access Denied: Authentication Failure"}', "<html>"])
def test_a_refused_key_ends_everything_at_once(status: int, text: str) -> None:
    line = wire({"status_code": status, "text": text})
    with pytest.raises(RefusedError) as caught:
        line.session.call("GET", "/accountlists")
    assert len(line.calls) == 1
    assert line.clock.waits == []
    assert "key" in str(caught.value)
    assert "allow-list" in str(caught.value)
    assert ("region" if status == 401 else "permission") in str(caught.value)
    assert not caught.value.may_be_applied


def test_a_refusal_after_a_doubtful_try_keeps_the_doubt() -> None:
    line = wire({"exc": requests.exceptions.ReadTimeout}, {"status_code": 401})
    with pytest.raises(RefusedError) as caught:
        line.session.call("PUT", "/contacts/x", {})
    assert caught.value.may_be_applied


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize(
    "location", ["https://elsewhere.example/v2/x", "http://api.cordial.example/v2/x", "/v2/y"]
)
def test_no_redirect_is_followed(status: int, method: str, location: str) -> None:
    line = wire({"status_code": status, "headers": {"Location": location}, "json": {}}, OK)
    answer = line.session.call(method, "/contacts/x")
    assert answer.status == status
    assert answer.kind is Kind.UNEXPECTED
    assert [call.hostname for call in line.calls] == ["api.cordial.example"]


# -- calls that may be carried out once only -------------------------------------------------------


@pytest.mark.parametrize(("failure", "perhaps"), DOUBTS)
def test_what_may_be_carried_out_once_only_is_sent_again_only_without_doubt(
    failure: dict[str, Any],
    perhaps: bool,  # noqa: FBT001  a column of the table
) -> None:
    line = wire(failure, OK)
    if perhaps:
        with pytest.raises(UnavailableError, match=r"^POST /contactimports failed once") as caught:
            line.session.call("POST", "/contactimports", {}, repeatable=False)
        assert caught.value.may_be_applied
        assert len(line.calls) == 1
        assert line.clock.waits == []
    else:
        answer = line.session.call("POST", "/contactimports", {}, repeatable=False)
        assert answer.kind is Kind.OK
        assert not answer.in_doubt
        assert len(line.calls) == 2


def test_a_doubtful_try_is_the_last_also_after_tries_without_doubt() -> None:
    line = wire({"status_code": 429}, {"status_code": 429}, {"status_code": 502}, OK)
    with pytest.raises(UnavailableError, match="failed 3 times") as caught:
        line.session.call("POST", "/contactimports", {}, repeatable=False)
    assert caught.value.may_be_applied
    assert len(line.calls) == 3


def test_a_call_that_was_only_ever_limited_was_not_carried_out() -> None:
    line = wire({"status_code": 429})
    with pytest.raises(UnavailableError, match="failed 8 times") as caught:
        line.session.call("POST", "/contactimports", {}, repeatable=False)
    assert not caught.value.may_be_applied
    assert len(line.calls) == TRIES


# -- Retry-After and the common pace --------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("999999999", 600.0),
        ("inf", 600.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 600.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_was_asked_for_is_kept(status: int, header: str, seconds: float) -> None:
    line = wire({"status_code": status, "headers": {"Retry-After": header}}, OK)
    line.session.call("GET", "/accountlists")
    assert sum(line.clock.waits) == seconds


@pytest.mark.parametrize("header", ["soon", "nan", "7,7", "Fri, 99 Foo 2100", "0", "-3"])
def test_an_unreadable_wait_or_none_leaves_the_usual_pause(header: str) -> None:
    line = wire({"status_code": 429, "headers": {"Retry-After": header}}, OK)
    line.session.call("GET", "/accountlists")
    assert 1.0 <= sum(line.clock.waits) <= 1.25


def test_the_wait_of_one_call_holds_all_others() -> None:
    line = wire({"status_code": 429, "headers": {"Retry-After": "30"}}, {"json": {}}, {"json": {}})
    pace = line.session._pace  # noqa: SLF001  what all workers of a session share
    started = line.clock.now()
    line.session.call("GET", "/accountlists")
    assert line.clock.now() == started + 30
    pace.hold(12.0)
    before = len(line.calls)
    line.session.call("GET", "/accountlists")
    assert line.clock.waits[-1] == 12.0
    assert len(line.calls) == before + 1


def test_a_429_in_one_thread_keeps_another_from_sending() -> None:
    waiting = threading.Semaphore(0)
    release = threading.Event()
    sent_at: list[float] = []

    class HeldClock(FakeClock):
        def wait(self, seconds: float) -> None:
            until = self.time + seconds
            self.waits.append(seconds)
            waiting.release()
            assert release.wait(10)
            self.time = max(self.time, until)

    clock = HeldClock()
    limited = {"status_code": 429, "headers": {"Retry-After": "30"}}
    line = wire(limited, OK, clock=clock, connections=8)

    def work() -> None:
        line.session.call("GET", "/accountlists")
        sent_at.append(clock.now())

    first = threading.Thread(target=work)
    second = threading.Thread(target=work)
    first.start()
    assert waiting.acquire(timeout=10)
    second.start()
    assert waiting.acquire(timeout=10)
    assert len(line.calls) == 1
    release.set()
    first.join(10)
    second.join(10)
    assert sent_at == [1_030.0, 1_030.0]
    assert clock.waits[:2] == [30.0, 30.0]
    assert len(line.calls) == 3


@pytest.mark.parametrize(
    ("failure", "least", "most"),
    [
        ({"status_code": 429}, 1.0, 1.25),
        ({"status_code": 429, "headers": {"Retry-After": "soon"}}, 1.0, 1.25),
        ({"status_code": 429, "headers": {"Retry-After": "7"}}, 7.0, 7.0),
        ({"status_code": 503, "headers": {"Retry-After": "7"}}, 7.0, 7.0),
        ({"status_code": 503, "headers": {"Retry-After": "0"}}, 1.0, 1.25),
    ],
)
def test_what_is_about_the_pace_of_all_calls_holds_all_workers(
    failure: dict[str, Any], least: float, most: float
) -> None:
    line = wire(failure, OK)
    with patch.object(Pace, "hold") as hold:
        line.session.call("GET", "/accountlists")
    hold.assert_called_once()
    assert least <= hold.call_args.args[0] <= most
    assert line.clock.waits == []


@pytest.mark.parametrize(
    "failure",
    [
        {"status_code": 503},
        {"status_code": 503, "headers": {"Retry-After": "soon"}},
        {"status_code": 408},
        {"exc": requests.exceptions.ConnectionError},
        {"exc": requests.exceptions.ReadTimeout},
    ],
)
def test_the_trouble_of_one_call_holds_its_own_worker_only(failure: dict[str, Any]) -> None:
    line = wire(failure, OK)
    with patch.object(Pace, "hold") as hold:
        line.session.call("GET", "/accountlists")
    hold.assert_not_called()
    [waited] = line.clock.waits
    assert 1.0 <= waited <= 1.25


@pytest.mark.parametrize("status", [200, 404, 422])
def test_an_answer_of_any_kind_lets_more_calls_go_at_a_time_and_a_failure_does_not(
    status: int,
) -> None:
    line = wire({"status_code": 503}, {"status_code": status, "json": {"error": True}})
    with patch.object(Window, "answered") as answered:
        line.session.call("GET", "/accountlists")
    answered.assert_called_once()


@pytest.mark.parametrize("other", [("PUT", "/contacts/x"), ("POST", "/accountlists")])
def test_calls_of_a_budget_that_was_used_up_come_slower_and_others_do_not(
    other: tuple[str, str],
) -> None:
    line = wire()
    for _ in range(50):
        line.session.call("POST", "/contacts", {})
    line.answer({"status_code": 429, "headers": {"Retry-After": "3"}}, OK)
    line.clock.time += 0.5
    line.session.call("POST", "/contacts", {})
    del line.clock.waits[:]
    for _ in range(20):
        line.session.call(*other, {})
    assert line.clock.waits == []
    line.session.call("POST", "/contacts", {})
    assert line.clock.waits == [pytest.approx(1 / (50 * SHARE))]


# -- being told to stop ---------------------------------------------------------------------------


def test_a_stop_before_anything_was_sent_is_no_doubt() -> None:
    line = wire(stop_at=1)
    line.session._pace.hold(5.0)  # noqa: SLF001  as a 429 of another worker does
    with pytest.raises(InterruptedRunError):
        line.session.call("PUT", "/contacts/x", {})
    assert line.calls == []


def test_a_stop_after_a_429_is_no_doubt() -> None:
    line = wire({"status_code": 429}, stop_at=1)
    with pytest.raises(InterruptedRunError):
        line.session.call("PUT", "/contacts/x", {})


def test_a_stop_after_a_doubtful_try_is_doubt() -> None:
    line = wire({"status_code": 502}, stop_at=1)
    with pytest.raises(UnavailableError) as caught:
        line.session.call("PUT", "/contacts/x", {})
    assert caught.value.may_be_applied
    assert len(line.calls) == 1


def test_the_real_clock_ends_its_wait_when_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedRunError):
        StoppableClock(stop).wait(3_600)


def test_the_real_clock_goes_on_when_the_time_is_up() -> None:
    clock = StoppableClock(threading.Event())
    before = clock.now()
    clock.wait(0)
    assert clock.now() >= before


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 60 + b"1" + b"}" * 60])
def test_a_body_that_is_nested_as_none_of_cordials_is_no_answer(body: bytes) -> None:
    answer = wire({"content": body}).session.call("GET", "/accountlists")
    assert answer.body is None
    assert answer.kind is Kind.UNEXPECTED


def test_what_no_ledger_can_hold_is_written_down_as_a_sign() -> None:
    body = b'{"error": true, "message": ["NUL \\u0000", {"half \\ud83d": "whole \\ud83d\\ude00"}]}'
    answer = wire({"status_code": 422, "content": body}).session.call("PUT", "/contacts/x")
    assert answer.prose == "NUL \ufffd; whole \U0001f600"
    assert answer.body["message"][1] == {"half \ufffd": "whole \U0001f600"}


@pytest.mark.parametrize("location", ["http://[::1", "https://[bad]/x", "//["])
def test_a_redirect_to_no_address_is_an_answer_like_any_other_redirect(location: str) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    server = OneAnswerServer(moved)
    session = Session(server.url, KEY, connections=1, timeout_seconds=5, clock=FakeClock())
    try:
        assert session.call("GET", "/accountlists").kind is Kind.UNEXPECTED
        assert len(server.received) == 1
    finally:
        session.close()
        server.close()
