from __future__ import annotations

import base64
import logging
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
import requests

from tap_amplitude.errors import CallError, CredentialsError
from tap_amplitude.session import MAX_TRIES, Session, retry_after, wait_before_retry

if TYPE_CHECKING:
    import requests_mock

    from tap_amplitude.settings import Settings
    from tests.tap_amplitude.conftest import FakeClock

URL = "https://api.example/api/3/cohorts"
AUTHORIZATION = "Basic " + base64.b64encode(b"the-key:the-secret").decode()


@pytest.fixture
def session(settings: Settings, clock: FakeClock) -> Session:
    return Session(settings, clock)


@pytest.mark.parametrize(
    ("attempt", "status", "asked", "expected"),
    [
        (1, None, None, 0.5),
        (3, 500, None, 2.0),
        (4, 503, 1.0, 4.0),
        (1, 429, 7.0, 7.0),
        (1, 429, 600.0, 600.0),
        (1, 429, 601.0, None),
        (9, 502, None, 30.0),
        (1, 404, None, None),
        (1, 400, 1.0, None),
        (10, 500, None, None),
    ],
)
def test_the_decision_to_try_again(
    attempt: int, status: int | None, asked: float | None, expected: float | None
) -> None:
    assert wait_before_retry(attempt, 10, status, asked, 0.5) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        (" 12 ", 12.0),
        (formatdate(1090, usegmt=True), 90.0),
        (formatdate(10, usegmt=True), 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: float | None) -> None:
    assert retry_after(header, now=1000) == expected


def test_keys_go_with_every_call(session: Session, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(URL, json={})
    session.get("/api/3/cohorts", what="it")
    assert requests_mock.request_history[0].headers["Authorization"] == AUTHORIZATION


@pytest.mark.parametrize(
    "failure",
    [
        {"status_code": 500},
        {"status_code": 429},
        {"exc": requests.exceptions.ConnectTimeout},
        {"exc": requests.exceptions.ReadTimeout},
        {"exc": requests.exceptions.ConnectionError},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ],
)
def test_a_passing_failure_is_tried_again(
    session: Session,
    clock: FakeClock,
    requests_mock: requests_mock.Mocker,
    failure: dict[str, object],
) -> None:
    requests_mock.get(URL, [failure, failure, {"json": {"ok": 1}}])
    assert session.get("/api/3/cohorts", what="it").json() == {"ok": 1}
    assert clock.sleeps == [1.0, 2.0]


def test_the_wait_asked_for_is_kept(
    session: Session, clock: FakeClock, requests_mock: requests_mock.Mocker
) -> None:
    busy = {"status_code": 429, "headers": {"Retry-After": "33"}}
    requests_mock.get(URL, [busy, {"json": {}}])
    session.get("/api/3/cohorts", what="it")
    assert clock.sleeps == [33.0]


def test_a_lasting_failure_ends_with_its_status(
    session: Session, clock: FakeClock, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(URL, status_code=503, text="<html>ana@shop.example</html>")
    with pytest.raises(CallError, match=r"it failed: HTTP 503 from api.example") as caught:
        session.get("/api/3/cohorts", what="it")
    assert caught.value.status == 503
    assert requests_mock.call_count == MAX_TRIES
    assert clock.sleeps == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert "ana@" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 304, 400, 404, 410])
def test_what_trying_again_cannot_help_is_not_tried_again(
    session: Session, requests_mock: requests_mock.Mocker, status: int
) -> None:
    requests_mock.get(URL, status_code=status, headers={"Location": "https://other.example/"})
    with pytest.raises(CallError) as caught:
        session.get("/api/3/cohorts", what="it")
    assert caught.value.status == status
    assert requests_mock.call_count == 1


def test_a_failed_tls_connection_is_not_tried_again(
    session: Session, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(URL, exc=requests.exceptions.SSLError("https://api.example/?signed=1"))
    with pytest.raises(CallError, match="TLS") as caught:
        session.get("/api/3/cohorts", what="it")
    assert "signed" not in str(caught.value)
    assert requests_mock.call_count == 1


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("text", ['{"error":{"metadata":{"details":"Invalid API Key"}}}', ""])
def test_refused_keys_name_what_may_be_wrong_and_not_their_value(
    session: Session, requests_mock: requests_mock.Mocker, status: int, text: str
) -> None:
    requests_mock.get(URL, status_code=status, text=text)
    with pytest.raises(CredentialsError) as caught:
        session.get("/api/3/cohorts", what="it")
    message = str(caught.value)
    assert all(word in message for word in ("api_key", "secret_key", "region"))
    assert "the-key" not in message
    assert "the-secret" not in message
    assert requests_mock.call_count == 1


def test_the_http_library_is_quiet_even_when_all_else_is_not(session: Session) -> None:
    del session
    logger = logging.getLogger("urllib3.connectionpool")
    assert not logger.isEnabledFor(logging.DEBUG)
    assert not logger.isEnabledFor(logging.WARNING)


@pytest.mark.parametrize(
    ("url", "expected"), [("http://127.0.0.1:9", False), ("https://api.example", True)]
)
def test_no_proxy_stands_between_this_machine_and_itself(
    settings: Settings,
    clock: FakeClock,
    url: str,
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    http = requests.Session()
    Session(replace(settings, base_url=url), clock, http)
    assert http.trust_env is expected
