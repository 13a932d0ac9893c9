from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import urllib3

from tap_amplitude.answers import Usage
from tap_amplitude.client import FILE_TRIES, Client
from tap_amplitude.errors import (
    CallError,
    CredentialsError,
    ExportError,
    IncompleteFileError,
    PollTimeoutError,
    RequestsStoppedError,
    TransferError,
)
from tap_amplitude.session import Session

if TYPE_CHECKING:
    import requests_mock

    from tap_amplitude.settings import Settings
    from tests.tap_amplitude.conftest import FakeClock

BASE = "https://api.example"
LIST = f"{BASE}/api/3/cohorts"
USAGE = f"{BASE}/api/3/cohorts/usage"
REQUEST = f"{BASE}/api/5/cohorts/request/9zx41kq"
STATUS = f"{BASE}/api/5/cohorts/request-status/Rk"
FILE = f"{BASE}/api/5/cohorts/request/Rk/file"
STORAGE = "https://storage.example/file?X-Signature=secret-signature"
CSV = b'"amplitude_id","user_id"\n"1","u"\n'
PACKED = gzip.compress(CSV, mtime=0)  # part of test ids, which must not change


@pytest.fixture
def client(settings: Settings, clock: FakeClock) -> Client:
    return Client(Session(settings, clock), clock)


def fetched(client: Client) -> bytes:
    file = io.BytesIO(b"something left from before" * 9)
    client.fetch_file("Rk", file)
    return file.read()


def test_list(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(LIST, json={"cohorts": [{"id": "a"}]})
    assert client.cohorts() == [{"id": "a"}]


@pytest.mark.parametrize("text", ["<html></html>", "[]", '{"cohorts":null}', ""])
def test_a_list_of_another_form_is_an_error(
    client: Client, requests_mock: requests_mock.Mocker, text: str
) -> None:
    requests_mock.get(LIST, text=text)
    with pytest.raises(CallError, match="not in the known form"):
        client.cohorts()


def test_usage(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(USAGE, json={"rest_download": {"limit": 500, "usage": 37}})
    assert client.usage() == Usage(500, 37)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_usage_that_cannot_be_read_is_unknown(
    client: Client, requests_mock: requests_mock.Mocker, status: int
) -> None:
    requests_mock.get(USAGE, status_code=status, text="no")
    assert client.usage() is None


@pytest.mark.parametrize("status", [200, 202])
def test_request_repeats_the_parameter_for_each_property(
    client: Client, requests_mock: requests_mock.Mocker, status: int
) -> None:
    requests_mock.get(REQUEST, status_code=status, json={"request_id": "Rk"})
    assert client.request("9zx41kq", ["email", "a b&c[]"]) == "Rk"
    query = urlsplit(requests_mock.request_history[0].url).query
    assert parse_qsl(query) == [("props", "1"), ("propKeys", "email"), ("propKeys", "a b&c[]")]


def test_request_without_properties_asks_for_none(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(REQUEST, status_code=202, json={"request_id": "Rk"})
    client.request("9zx41kq", [])
    assert urlsplit(requests_mock.request_history[0].url).query == ""


def test_ids_are_escaped(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{BASE}/api/5/cohorts/request/a%2Fb%3Fc", json={"request_id": "Rk"})
    assert client.request("a/b?c", []) == "Rk"
    assert requests_mock.request_history[0].url.endswith("/request/a%2Fb%3Fc")


def test_request_after_a_passing_429(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(REQUEST, [{"status_code": 429}, {"json": {"request_id": "Rk"}}])
    assert client.request("9zx41kq", []) == "Rk"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status_code": 429}, RequestsStoppedError),
        ({"status_code": 429, "headers": {"Retry-After": "86400"}}, RequestsStoppedError),
        ({"status_code": 404}, ExportError),
        ({"status_code": 500}, TransferError),
        ({"status_code": 400}, TransferError),
        ({"status_code": 403}, CredentialsError),
        ({"json": {}}, ExportError),
        ({"text": "<html>"}, ExportError),
    ],
)
def test_request_that_fails(
    client: Client,
    requests_mock: requests_mock.Mocker,
    answer: dict[str, object],
    error: type[Exception],
) -> None:
    requests_mock.get(REQUEST, [answer])
    with pytest.raises(error):
        client.request("9zx41kq", [])


def test_requests_keep_to_sixty_in_ten_minutes(
    client: Client, clock: FakeClock, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(REQUEST, json={"request_id": "Rk"})
    for _ in range(60):
        client.request("9zx41kq", [])
    assert clock.sleeps == []
    clock.time += 100
    client.request("9zx41kq", [])
    assert clock.sleeps == [500.0]


def test_the_first_poll_comes_soon(
    client: Client, clock: FakeClock, requests_mock: requests_mock.Mocker
) -> None:
    running = {"status_code": 202, "json": {"async_status": "JOB INPROGRESS"}}
    requests_mock.get(STATUS, [running, running, {"json": {"async_status": "JOB COMPLETED"}}])
    client.wait_until_ready("Rk", interval=10, timeout=100)
    assert clock.sleeps == [2.0, 10, 10]


def test_a_short_interval_holds_for_the_first_poll(
    client: Client, clock: FakeClock, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(STATUS, json={})
    client.wait_until_ready("Rk", interval=1, timeout=100)
    assert clock.sleeps == [1]


def test_polling_that_fails_repeats_the_poll_only(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    lost = {"exc": requests.exceptions.ConnectionError}
    requests_mock.get(STATUS, [lost, {"status_code": 502}, {"status_code": 429}, {"json": {}}])
    client.wait_until_ready("Rk", interval=1, timeout=100)
    assert {request.path for request in requests_mock.request_history} == {
        "/api/5/cohorts/request-status/rk"
    }


def test_polling_ends_at_its_deadline(
    client: Client, clock: FakeClock, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(STATUS, status_code=202, json={})
    with pytest.raises(PollTimeoutError, match="60 seconds"):
        client.wait_until_ready("Rk", interval=10, timeout=60)
    assert 50 <= sum(clock.sleeps) <= 60


@pytest.mark.parametrize(
    ("answer", "error", "keep"),
    [
        ({"json": {"async_status": "JOB FAILED"}}, ExportError, False),
        ({"status_code": 404}, ExportError, False),
        ({"status_code": 500}, TransferError, True),
        ({"status_code": 400}, TransferError, True),
    ],
)
def test_polling_that_fails_for_good(
    client: Client,
    requests_mock: requests_mock.Mocker,
    answer: dict[str, object],
    error: type[ExportError | TransferError],
    keep: bool,  # noqa: FBT001 - a column of the table
) -> None:
    requests_mock.get(STATUS, [answer])
    with pytest.raises(error) as caught:
        client.wait_until_ready("Rk", interval=1, timeout=100)
    assert caught.value.keep_request is keep


@pytest.mark.parametrize(
    ("content", "headers", "proven"),
    [
        (CSV, {}, False),
        (CSV, {"Content-Length": str(len(CSV))}, True),
        (CSV, {"Transfer-Encoding": "chunked"}, True),
        (PACKED, {}, True),
        (PACKED, {"Content-Encoding": "gzip"}, True),
        (PACKED, {"Content-Length": str(len(PACKED))}, True),
    ],
    ids=["plain", "length", "chunks", "gzip", "gzip-announced", "gzip-with-length"],
)
def test_file_in_all_its_wrappings(
    client: Client,
    requests_mock: requests_mock.Mocker,
    content: bytes,
    headers: dict[str, str],
    proven: bool,  # noqa: FBT001 - a column of the table
) -> None:
    requests_mock.get(FILE, content=content, headers=headers)
    file = io.BytesIO()
    assert client.fetch_file("Rk", file) is proven
    assert file.read() == CSV


def test_a_redirect_to_another_host_is_followed_without_the_keys(
    client: Client,
    requests_mock: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: object,
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:  # noqa: PTH123 - a path in an environment variable
        file.write("machine storage.example login someone password else\n")
    monkeypatch.setenv("NETRC", netrc)
    requests_mock.get(FILE, status_code=302, headers={"Location": STORAGE})
    requests_mock.get(STORAGE, content=PACKED)
    assert fetched(client) == CSV
    ours, theirs = requests_mock.request_history
    assert "Authorization" in ours.headers
    assert "Authorization" not in theirs.headers


def test_a_redirect_within_the_host_keeps_the_keys(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(FILE, status_code=302, headers={"Location": "/elsewhere"})
    requests_mock.get(f"{BASE}/elsewhere", content=PACKED)
    assert fetched(client) == CSV
    assert "Authorization" in requests_mock.request_history[1].headers


@pytest.mark.parametrize(
    "broken",
    [
        {"status_code": 403, "text": "<Error>Request has expired</Error>"},
        {"status_code": 404},
        {"status_code": 500},
        {"exc": requests.exceptions.ConnectionError(f"no route to {STORAGE}")},
        {"content": PACKED[:-3]},
        {"content": PACKED, "headers": {"Content-Length": "9999"}},
        {"content": CSV, "headers": {"Content-Length": "9999"}},
    ],
)
def test_a_broken_transfer_is_begun_again_with_a_fresh_address(
    client: Client,
    clock: FakeClock,
    requests_mock: requests_mock.Mocker,
    broken: dict[str, object],
) -> None:
    requests_mock.get(FILE, status_code=302, headers={"Location": STORAGE})
    requests_mock.get(STORAGE, [broken, {"content": PACKED}])
    assert fetched(client) == CSV
    assert [request.hostname for request in requests_mock.request_history] == [
        "api.example",
        "storage.example",
    ] * 2
    assert clock.sleeps == [1.0]


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({"content": PACKED[:-3]}, IncompleteFileError),
        ({"content": PACKED[:10] + b"\xff" * 20}, IncompleteFileError),
        ({"content": CSV, "headers": {"Content-Length": "9999"}}, IncompleteFileError),
        ({"status_code": 403}, TransferError),
        ({"status_code": 302, "headers": {"Location": STORAGE}}, TransferError),
        ({"exc": requests.exceptions.ReadTimeout(STORAGE)}, TransferError),
    ],
)
def test_a_transfer_that_breaks_every_time_fails_without_its_address(
    client: Client,
    requests_mock: requests_mock.Mocker,
    broken: dict[str, object],
    error: type[Exception],
) -> None:
    requests_mock.get(FILE, status_code=302, headers={"Location": STORAGE})
    requests_mock.get(STORAGE, [broken])
    with pytest.raises(error) as caught:
        fetched(client)
    calls = [request.hostname for request in requests_mock.request_history]
    assert calls.count("api.example") == FILE_TRIES
    assert "signature" not in str(caught.value).lower()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_redirect_to_an_open_connection_is_not_followed(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(FILE, status_code=302, headers={"Location": "http://storage.example/x"})
    with pytest.raises(TransferError, match="not https"):
        fetched(client)


def test_a_connection_lost_in_the_middle_is_a_broken_transfer(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    class Lost(io.BytesIO):
        def read(self, *_: object) -> bytes:
            message = "reset"
            raise urllib3.exceptions.ProtocolError(message)

    requests_mock.get(FILE, [{"body": Lost()}, {"content": PACKED}])
    assert fetched(client) == CSV


def test_an_expired_request_has_no_file(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(FILE, status_code=404)
    with pytest.raises(ExportError):
        fetched(client)
    assert requests_mock.call_count == 1
