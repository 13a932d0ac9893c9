"""Changing what Cordial answers: status, headers, body, at every level; and when nothing comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import requests
from hypothesis import strategies as st

from tests.fuzz.mutations import DEEP, places, scalars
from tests.machine.app import AppAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

STATUSES: Final = [
    200, 201, 202, 204, 206, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410,
    413, 415, 418, 422, 425, 429, 451, 499, 500, 501, 502, 503, 504, 520, 599, 600, 999,
]  # fmt: skip
FIELDS: Final = [
    "error", "errorKey", "message", "messages", "validationErrors", "fieldErrors", "errors",
    "success", "id", "_id", "cID", "name", "enhanced", "count", "total", "lists", "listId",
    "attributes", "channels", "email", "address", "status", "result", "jobId", "metadata",
    "importName", "totalRecords", "updated", "inserted", "rejected", "ignored",
]  # fmt: skip
HEADERS: Final = [
    ("Retry-After", value)
    for value in ("0", "-1", "1e400", "nan", "inf", "9" * 400, "Wed, 99 Foo", "\x00", "soon", "",
                  "Mon, 23 Nov 2026 12:00:10 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1.5", "0x10")
] + [
    ("Content-Type", value)
    for value in ("text/html", "application/json; charset=utf-7", "charset=nonsense", "", "\xff")
] + [
    ("Content-Length", value) for value in ("-1", "nonsense", "99999999999999999999")
] + [
    ("Location", value)
    for value in ("https://192.0.2.1/v2", "//192.0.2.1", "file:///etc/passwd", "", "http://[::1")
] + [("Content-Encoding", "gzip"), ("Set-Cookie", "a=b; Domain=example.com")]  # fmt: skip
BODIES: Final = [
    b"", b" ", b"null", b"true", b"[]", b"{}", b'"ok"', b"0", b"NaN", b"-Infinity", b"1e999",
    b"9" * 5_000, b"[" * 50_000, b'{"a":' * 50_000, b"<html><body>502</body></html>", b"\xff\xfe",
    b"\xef\xbb\xbf{}", b"\x1f\x8b\x08\x00garbage", b'{"error": true}', b'{"error": "x"}',
    b'{"error": true, "message": "record not found"}', b'{"success": false}',
    '{"error": true, "message": "\u2028\u202e"}'.encode("utf-16"), b'{"error": true, "message": 7}',
    b'{"error": true, "message": "NUL \\u0000 and half \\ud83d"}',
    b'{"error": true, "messages": {"validationErrors": {"activeusers": ["not part"]}}}',
    b'[{"id": 1, "name": "activeusers"}, {"id": 2, "name": "activeusers"}]', b"[[]]", b"[null]",
    b'{"error": true, "messages": [[[["deep"]]], null, 7, {"a": {"b": null}}]}',
]  # fmt: skip

values = (
    scalars
    | st.lists(scalars, max_size=3)
    | st.dictionaries(st.sampled_from(FIELDS), scalars, max_size=4)
)

Change = tuple[str, Any]
changes: SearchStrategy[Change] = st.one_of(
    st.tuples(st.just("status"), st.sampled_from(STATUSES)),
    st.tuples(st.just("header"), st.sampled_from(HEADERS)),
    st.tuples(st.just("body"), st.sampled_from(BODIES)),
    st.tuples(st.just("json"), values),
    st.tuples(st.just("put"), st.tuples(st.integers(0, 40), values)),
    st.tuples(st.just("drop"), st.integers(0, 40)),
    st.tuples(st.just("add"), st.tuples(st.sampled_from(FIELDS), values)),
    st.tuples(st.just("cut"), st.integers(0, 300)),
    st.tuples(st.just("instead"), st.sampled_from([s for s in STATUSES if s >= 300])),
    st.tuples(st.just("lost"), st.sampled_from(["before", "after", "time"])),
)
answers: SearchStrategy[dict[int, list[Change]]] = st.dictionaries(
    st.integers(0, 14), st.lists(changes, min_size=1, max_size=3), min_size=1, max_size=3
)
"""What is changed about which answers, by the number of the call."""


class OddAdapter(AppAdapter):
    """Answers as the sandbox does, but for some calls.

    Args:
        app: The application.
        step: See :class:`AppAdapter`.
        odd: What is changed about which answers, and for how many calls in a row.
    """

    odd: dict[int, list[Change]]
    times = 1
    number = 0

    def __init__(self, app: Callable[..., Any], step: Callable[[str], None]) -> None:
        super().__init__(app, step)
        self.odd = {}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # as above
        """Answer a request, oddly where it is its turn."""
        number, self.number = self.number, self.number + 1
        changed = next((c for n, c in self.odd.items() if n <= number < n + self.times), [])
        lost = [what for kind, what in changed if kind == "lost"]
        if "before" in lost:
            raise requests.ConnectionError
        for status in (what for kind, what in changed if kind == "instead"):
            return _page(request, status)  # somebody between us and Cordial, who does nothing
        response = super().send(request, **options)
        if "time" in lost:
            raise requests.ReadTimeout
        if lost:
            raise requests.exceptions.ChunkedEncodingError
        for kind, what in changed:
            _change(response, kind, what)
        return response


def _page(request: requests.PreparedRequest, status: int) -> requests.Response:
    response = requests.Response()
    response.status_code, response.request = status, request
    _fill(response, b"<html><body>We will be right back</body></html>")
    return response


def _change(response: requests.Response, kind: str, what: Any) -> None:
    if kind == "status":
        response.status_code = what
    elif kind == "header":
        response.headers[what[0]] = what[1]
    elif kind == "body":
        _fill(response, what)
    elif kind == "json":
        _fill(response, dumped(what))
    elif kind == "cut":
        _fill(response, response.content[:what])
    else:
        _change_within(response, kind, what)


def _change_within(response: requests.Response, kind: str, what: Any) -> None:
    try:
        body = json.loads(response.content)
    except ValueError:
        return
    found = list(places(body))
    if kind == "add" and isinstance(body, dict):
        body[what[0]] = what[1]
    elif kind == "put" and found:
        parent, key = found[what[0] % len(found)]
        parent[key] = what[1]
    elif kind == "drop" and found:
        parent, key = found[what % len(found)]
        del parent[key]
    _fill(response, dumped(body))


def dumped(body: Any) -> bytes:
    try:
        return json.dumps(body).encode()
    except RecursionError:
        return b"[" * DEEP


def _fill(response: requests.Response, content: bytes) -> None:
    response._content = content  # noqa: SLF001  how an adapter fills it
