from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Http

USERS: list[dict[str, Any]] = [
    {"amplitude_id": "1", "user_id": "u-1", "properties": {"email": "a@x.example", "n": 1}},
    {"amplitude_id": "2", "user_id": None, "properties": {"plan": 'a "b",\nc'}},
]


def ask(amplitude: Http, cohort_id: str, query: str = "?props=1&propKeys=email") -> str:
    answer = amplitude("GET", f"/api/5/cohorts/request/{cohort_id}{query}")
    assert answer.status_code == 202
    assert answer.json()["cohort_id"] == cohort_id
    return str(answer.json()["request_id"])


def rows(answer: requests.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_cohorts_are_listed_with_their_fields(sandbox: Running, amplitude: Http) -> None:
    sandbox.control.put_cohort("new", "New", USERS, archived=True, hidden=True, size=None)
    sandbox.control.put_cohort("unlisted", "Unlisted", published=False)
    sandbox.control.remove_cohort("5win1bk")
    cohorts = {entry["id"]: entry for entry in amplitude("GET", "/api/3/cohorts").json()["cohorts"]}
    assert cohorts["7khm89c"]["name"] == "Ana's VIPs 🛍️"
    assert cohorts["9zx41kq"]["size"] == 12
    new = cohorts["new"]
    assert (new["archived"], new["hidden"], new["size"]) == (True, True, None)
    assert {"unlisted", "5win1bk"}.isdisjoint(cohorts)
    assert "syncMetadata" not in new
    synced = amplitude("GET", "/api/3/cohorts?includeSyncInfo=true").json()["cohorts"]
    assert synced[0]["syncMetadata"] == []
    ask(amplitude, "unlisted")


def test_a_download_from_request_to_file(sandbox: Running, amplitude: Http) -> None:
    sandbox.control.put_cohort("new", "New", USERS, polls=2)
    request_id = ask(amplitude, "new")
    path = f"/api/5/cohorts/request/{request_id}/file"
    assert amplitude("GET", path).status_code == 404
    polls = [amplitude("GET", f"/api/5/cohorts/request-status/{request_id}") for _ in range(4)]
    assert [poll.status_code for poll in polls] == [202, 202, 200, 200]
    assert [poll.json()["async_status"] for poll in polls][1:3] == [
        "JOB INPROGRESS",
        "JOB COMPLETED",
    ]
    # A change after the request does not change its file.
    sandbox.control.put_cohort("new", "New")
    answer = amplitude("GET", path)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.text == '"amplitude_id","user_id","email"\n"1","u-1","a@x.example"\n"2","",""\n'


@pytest.mark.parametrize(
    ("query", "header"),
    [
        ("", ["amplitude_id", "user_id"]),
        ("?propKeys=email", ["amplitude_id", "user_id"]),
        ("?props=0&propKeys=email", ["amplitude_id", "user_id"]),
        ("?props=1", ["amplitude_id", "user_id", "email", "n", "plan"]),
        ("?props=1&propKeys=plan&propKeys=a%20b", ["amplitude_id", "user_id", "plan", "a b"]),
    ],
)
def test_properties_are_chosen_by_a_repeated_parameter(
    sandbox: Running, amplitude: Http, query: str, header: list[str]
) -> None:
    sandbox.control.put_cohort("new", "New", USERS, polls=0)
    request_id = ask(amplitude, "new", query)
    table = rows(amplitude("GET", f"/api/5/cohorts/request/{request_id}/file"))
    assert table[0] == header
    assert len(table) == 3
    if query == "?props=1":
        assert table[1:] == [["1", "u-1", "a@x.example", "1", ""], ["2", "", "", "", 'a "b",\nc']]


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ({}, b'"amplitude_id"'),
        ({"encoding": "gzip_without_header"}, b"\x1f\x8b"),
        ({"encoding": "plain"}, b'"amplitude_id"'),
        ({"bom": True}, b'\xef\xbb\xbf"amplitude_id"'),
        ({"tabs": True}, b'"\tamplitude_id"'),
        ({"line_ending": "\r\n"}, b'"amplitude_id","user_id","email"\r\n"1"'),
        ({"body": "<html>", "encoding": "plain"}, b"<html>"),
        ({"body": b"\x00\xff"}, b"\x00\xff"),
    ],
)
def test_a_file_takes_the_form_it_is_given(
    sandbox: Running, amplitude: Http, form: dict[str, Any], start: bytes
) -> None:
    sandbox.control.put_cohort("new", "New", USERS, polls=0, file=form)
    request_id = ask(amplitude, "new")
    answer = amplitude("GET", f"/api/5/cohorts/request/{request_id}/file")
    assert answer.content.startswith(start)
    encoded = form.get("encoding", "gzip") == "gzip"
    assert ("Content-Encoding" in answer.headers) == encoded
    if form.get("encoding") == "gzip_without_header":
        assert gzip.decompress(answer.content).startswith(b'"amplitude_id"')


def test_a_large_cohort_is_handed_out_by_another_host(sandbox: Running, amplitude: Http) -> None:
    sandbox.control.configure(redirect_above=1)
    sandbox.control.put_cohort("new", "New", USERS, polls=0)
    request_id = ask(amplitude, "new")
    path = f"/api/5/cohorts/request/{request_id}/file"
    answer = amplitude("GET", path, allow_redirects=False)
    assert answer.status_code == 302
    link = answer.headers["Location"]
    assert link.startswith("http://localhost:")
    assert "/_s3/" in link
    assert len(rows(requests.get(link, timeout=30))) == 3
    # Credentials that follow to the storage make it refuse.
    assert requests.get(link, auth=("a", "b"), timeout=30).status_code == 400
    sandbox.control.configure(link_seconds=0)
    stale = amplitude("GET", path, allow_redirects=False).headers["Location"]
    assert requests.get(stale, timeout=30).status_code == 403
    assert requests.get(link + "x", timeout=30).status_code == 403
    assert len(rows(requests.get(link, timeout=30))) == 3


def test_a_cohort_decides_by_itself_to_redirect(sandbox: Running, amplitude: Http) -> None:
    sandbox.control.put_cohort("new", "New", polls=0, file={"redirect": True})
    request_id = ask(amplitude, "new")
    answer = amplitude("GET", f"/api/5/cohorts/request/{request_id}/file")
    assert len(answer.history) == 1
    assert rows(answer) == [["amplitude_id", "user_id", "email"]]


def test_requests_count_against_the_quota_and_polls_do_not(
    sandbox: Running, amplitude: Http
) -> None:
    sandbox.control.configure(monthly_limit=1)
    request_id = ask(amplitude, "9zx41kq")
    amplitude("GET", f"/api/5/cohorts/request-status/{request_id}")
    usage = amplitude("GET", "/api/3/cohorts/usage").json()["rest_download"]
    assert (usage["limit"], usage["usage"]) == (1, 1)
    assert usage["resets_at"].endswith("-01T00:00:00Z")
    assert amplitude("GET", "/api/5/cohorts/request/9zx41kq").status_code == 429


@pytest.mark.parametrize(
    "path",
    [
        "/api/5/cohorts/request/unknown",
        "/api/5/cohorts/request-status/unknown",
        "/api/5/cohorts/request/unknown/file",
    ],
)
def test_unknown_ids_are_404(amplitude: Http, path: str) -> None:
    answer = amplitude("GET", path)
    assert answer.status_code == 404
    assert answer.json()["error"]["http_code"] == 404


@pytest.mark.parametrize("auth", [None, ("sandbox-key", ""), ("wrong", "sandbox-secret")])
def test_wrong_credentials_are_403(sandbox: Running, auth: tuple[str, str] | None) -> None:
    answer = requests.get(f"{sandbox.url}/api/3/cohorts", auth=auth, timeout=30)
    assert answer.status_code == 403
    details = {"details": "Invalid API/Secret Key combination"}
    assert answer.json()["error"] == {
        "http_code": 403,
        "type": "unspecified",
        "metadata": details,
    }


def test_an_odd_status_text_is_told_when_the_file_is_ready(
    sandbox: Running, amplitude: Http
) -> None:
    sandbox.control.put_cohort("new", "New", polls=0, async_status="JOB FAILED")
    request_id = ask(amplitude, "new")
    poll = amplitude("GET", f"/api/5/cohorts/request-status/{request_id}")
    assert (poll.status_code, poll.json()["async_status"]) == (200, "JOB FAILED")
