"""Calls of another shape, to a small service of its own that takes nothing else."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    addresses,
    change,
    member,
    people,
    snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

REQUESTS = {
    "create": {
        "method": "PUT",
        "path": "/t0ken/segments/$cohort_id?source=$cohort_name",
        "body": {"segment": {"title": "$list_name"}},
    },
    "add": {
        "path": "/t0ken/segments/$list_id/members",
        "body": {"members": "$items", "by": "$contact_identifier_name"},
        "item": "$contact_identifier_name",
    },
    "remove": {
        "method": "DELETE",
        "path": "/t0ken/segments/$list_id/members",
        "body": {"members": "$items", "by": "$contact_identifier_name"},
        "item": {"$contact_identifier_name": "$identifier"},
    },
}
VIPS = {"cohort_id": "7khm89c", "cohort_name": "VIPs & more", "snapshot_id": "Rk2"}


class Segments:
    """What the service has: members by segment; whom it refuses; and what it was asked."""

    def __init__(self) -> None:
        self.members: dict[str, set[str]] = {}
        self.refused: set[str] = set()
        self.broken = False
        self.asked: list[tuple[str, str]] = []
        self.url = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path))
        if self.broken:
            return 415, {"error": True, "message": "no"}
        match (method, path.partition("?")[0].split("/")[1:], body):
            case "PUT", ["t0ken", "segments", cohort], {"segment": {"title": str()}}:
                self.members.setdefault(cohort, set())
                return 200, {"id": f"{cohort}/1"}
            case "POST" | "DELETE", ["t0ken", "segments", segment, "members"], {
                "members": [*members],
                "by": "email",
            }:
                people = {item["email"] for item in members if list(item) == ["email"]}
                if len(people) != len(members) or people & self.refused:
                    return 422, {"error": True, "message": "not an address"}
                known = self.members[segment.removesuffix("%2F1")]
                if method == "POST":
                    known.update(people)
                else:
                    known.difference_update(people)
                return 202, None
        return 404, None


@contextmanager
def served(segments: Segments) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = segments.answer(self.command, self.path, body)
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815  names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    segments.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def segments() -> Iterator[Segments]:
    made = Segments()
    with served(made):
        yield made


@pytest.fixture
def by_segments(commands: Commands, segments: Segments, sandbox: Running) -> Commands:
    commands.settings |= {"endpoint": segments.url, "endpoint_requests": REQUESTS}
    for name in ("activeusers", "VIPsmore"):
        sandbox.control.put_list(name)
    return commands


def test_every_call_takes_the_shape_of_the_setting(
    by_segments: Commands, segments: Segments
) -> None:
    ended = by_segments.target(*snapshot(*people(5)), *snapshot(*people(3), **VIPS))
    assert (ended.code, ended.report["delivery"]) == (0, "endpoint")
    assert segments.members == {
        COHORT: set(addresses(1, 2, 3, 4, 5)),
        "7khm89c": set(addresses(1, 2, 3)),
    }
    assert ("PUT", "/t0ken/segments/9zx41kq?source=active%20users") in segments.asked
    assert ("PUT", "/t0ken/segments/7khm89c?source=VIPs%20%26%20more") in segments.asked
    assert ("POST", "/t0ken/segments/9zx41kq%2F1/members") in segments.asked


def test_who_left_is_taken_off_and_the_list_id_is_remembered(
    by_segments: Commands, segments: Segments
) -> None:
    by_segments.target(*snapshot(*people(5)))
    segments.asked.clear()
    ended = by_segments.target(*snapshot(*people(4, first=2), member(9)))
    assert (ended.code, ended.cohort(COHORT)["list_id"]) == (0, f"{COHORT}/1")
    assert segments.members[COHORT] == set(addresses(2, 3, 4, 5, 9))
    path = f"/t0ken/segments/{COHORT}%2F1/members"
    assert sorted(segments.asked) == [("DELETE", path), ("POST", path)]
    segments.asked.clear()
    assert by_segments.target(*snapshot(*people(4, first=2), member(9))).code == 0
    assert segments.asked == []


def test_a_removal_of_somebody_unknown_is_sent_too(
    by_segments: Commands, segments: Segments
) -> None:
    by_segments.target(*snapshot(*people(3)))
    segments.members[COHORT].add("user7@shop.example")
    assert by_segments.target(FLAGGED, change(7, in_cohort=False)).code == 0
    assert segments.members[COHORT] == set(addresses(1, 2, 3))


def test_a_refused_batch_is_halved_whatever_its_shape(
    by_segments: Commands, segments: Segments
) -> None:
    segments.refused = set(addresses(4, 30))
    ended = by_segments.target(*snapshot(*people(40)), endpoint_batch_size=16)
    assert (ended.code, ended.cohort(COHORT)["rejected"]) == (0, {"rejected_by_cordial": 2})
    assert segments.members[COHORT] == set(addresses(*range(1, 41))) - segments.refused
    told = {(line["identifier"], line["message"]) for line in by_segments.rejects()}
    assert told == {(address, "not an address") for address in segments.refused}


def test_other_calls_are_other_settings_and_rejects_are_sent_again(
    by_segments: Commands, segments: Segments
) -> None:
    segments.refused = set(addresses(2))
    by_segments.target(*snapshot(*people(3)))
    segments.refused = set()
    assert by_segments.target(*snapshot(*people(3))).cohort(COHORT)["rejected"] != {}
    method = {"remove": {**REQUESTS["remove"], "method": "POST", "path": "/t0ken/$list_id/off"}}
    ended = by_segments.target(*snapshot(*people(3)), endpoint_requests={**REQUESTS, **method})
    assert (ended.code, ended.cohort(COHORT)["rejected"]) == (0, {})
    assert segments.members[COHORT] == set(addresses(1, 2, 3))


def test_what_is_wrong_is_told_without_the_secret(
    by_segments: Commands, segments: Segments
) -> None:
    by_segments.target(*snapshot(*people(3)))
    segments.broken = True
    feed = snapshot(*people(5))
    told = by_segments.pipe(*feed, level="DEBUG")
    assert told.code == 1
    assert "check the settings endpoint and endpoint_requests" in told.last_line
    segments.broken = False
    requests = {**REQUESTS, "add": {**REQUESTS["add"], "path": "/t0ken/$segment"}}
    refused = by_segments.target(*feed, endpoint_requests=requests)
    assert refused.code == 1
    assert "The setting endpoint_requests.add.path holds a '$'" in refused.stderr
    for ended in (told, refused):
        said = ended.stdout + ended.stderr + json.dumps(ended.report)
        assert "t0ken" not in said
        assert "shop.example" not in said
