"""No identifier and no key in any log line or any exception's text (contract section 5)."""

from __future__ import annotations

import logging
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import requests

from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.cordial.pace import StoppableClock
from target_cordial.cordial.rest import RestClient
from target_cordial.cordial.session import Session
from target_cordial.core.plan import Operation
from target_cordial.errors import CordialError
from tests.target_cordial.cordial.test_list_protocol import VALUES
from tests.target_cordial.cordial.transport import ADDRESS, KEY, OneAnswerServer, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

OK = b'{"success":true}'
SECRETS = (ADDRESS, quote(ADDRESS, safe=""), ADDRESS.partition("@")[0], KEY)


def assert_silent(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text]


@pytest.fixture(autouse=True)
def every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # the mock notes the requests it takes: that is the test's own log, not the product's
    caplog.set_level(logging.WARNING, "requests_mock")


@contextmanager
def serving(raw: bytes) -> Iterator[tuple[OneAnswerServer, Session]]:
    server = OneAnswerServer(raw)
    session = Session(
        server.url,
        KEY,
        headers={"x-api-key": KEY},
        connections=1,
        timeout_seconds=5,
        clock=StoppableClock(threading.Event()),
    )
    try:
        yield server, session
    finally:
        session.close()
        server.close()


@pytest.mark.parametrize(
    "response",
    [
        {"exc": requests.exceptions.ConnectionError(f"/contacts/email:{ADDRESS} {KEY}")},
        {"exc": requests.exceptions.ReadTimeout(f"/contacts/email:{ADDRESS} {KEY}")},
        {"exc": requests.exceptions.InvalidURL(f"/contacts/email:{ADDRESS} {KEY}")},
        {"exc": requests.exceptions.SSLError(f"/contacts/email:{ADDRESS} {KEY}")},
        {"status_code": 401, "json": {"error": f"{ADDRESS} {KEY}"}},
        {"status_code": 403, "text": f"<html>{ADDRESS} {KEY}</html>"},
        {"status_code": 500, "json": {"error": True, "message": f"{ADDRESS} {KEY}"}},
    ],
)
def test_no_exception_and_no_record_holds_the_address_or_the_key(
    response: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    line = wire(response)
    with pytest.raises(CordialError) as caught:
        RestClient(line.session).update_contact("email", ADDRESS, {"vip": False})
    assert_silent("".join(traceback.format_exception(caught.value)))
    assert_silent(caplog.text)


@pytest.mark.parametrize("status", [200, 302, 404])
def test_an_unreadable_list_answer_is_quoted_nowhere(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    line = wire({"status_code": status, "text": f"<html>{ADDRESS} {KEY}</html>"})
    protocol = ListProtocolClient(line.session)
    for ask in (RestClient(line.session).lists, lambda: protocol.list_id(VALUES)):
        with pytest.raises(CordialError) as caught:
            ask()
        assert_silent("".join(traceback.format_exception(caught.value)))
    assert_silent(caplog.text)


def test_the_http_library_stays_silent_on_a_real_socket(caplog: pytest.LogCaptureFixture) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n" + OK
    with serving(raw) as (server, session):
        RestClient(session).update_contact("email", ADDRESS, {"vip": False})
        ListProtocolClient(session).change(VALUES, Operation.ADD, [ADDRESS])
        assert quote(ADDRESS, safe="").encode() in server.received[0]
    assert_silent(caplog.text)


def test_the_http_library_may_not_warn() -> None:
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.WARNING)


def test_an_answer_with_a_broken_header_makes_no_library_tell_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\nno colon here\r\n\r\n" + OK
    with serving(raw) as (_, session):
        RestClient(session).update_contact("email", ADDRESS, {"vip": False})
    assert_silent(caplog.text)
