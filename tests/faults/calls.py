"""Rows: calls that fail, each with what is wrong on the wire."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from tests.faults.commands import Clock
from tests.faults.matrix import Fault
from tests.faults.people import address
from tests.faults.service import HANG, Reply, Wire, http

if TYPE_CHECKING:
    from tests.faults.scene import Scene

Concerns = Callable[[str, str], bool]
Send = Callable[[Reply], bytes | None]

STORM_SECONDS: Final = 120
MINUTE: Final = 60

OF_IMPORTS: Final = "only imports have jobs"
NO_JOBS: Final = {"contacts": OF_IMPORTS, "endpoint": OF_IMPORTS}


@dataclass(frozen=True)
class Case:
    """A row, and how the service fails.

    Attributes:
        fault: The row.
        concerns: The calls that fail; those that change a list's members where it is None.
        wire: What is wrong with them.
        says: What the last line has in it where the run was not clean.
        hangs: Answers do not come: the scene is impatient.
    """

    fault: Fault
    send: Send
    concerns: Concerns | None = None
    applied: bool = False
    skip: int = 0
    times: int | None = None
    seconds: float | None = None
    says: str = ""
    hangs: bool = False

    def wire(self, scene: Scene) -> Wire:
        """Make what goes wrong."""
        lasts = self.seconds
        return Wire(
            self.concerns or scene.writes,
            self.send,
            applied=self.applied,
            skip=self.skip,
            times=self.times,
            lasts=lambda: lasts is None or Clock.now_seconds < lasts,
        )


def lose(_: Reply) -> bytes:
    return b""


def hang(_: Reply) -> bytes:
    return HANG


def half(reply: Reply) -> bytes:
    """Promise more than comes."""
    return http(200, reply.body or b'{"success":', length=len(reply.body) + 100)


def cut_chunks(reply: Reply) -> bytes:
    """End in the middle of a chunk."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head + b"400\r\n" + (reply.body or b'{"success":')


def page(_: Reply) -> bytes:
    return http(200, f"<html><body>We will be right back, {address(11)}</body></html>")


def no_gzip(reply: Reply) -> bytes:
    return http(200, reply.body or b"{}", "Content-Encoding: gzip")


def cut_gzip(reply: Reply) -> bytes:
    return http(200, gzip.compress(reply.body or b"{}")[:-9], "Content-Encoding: gzip")


def error_with_200(_: Reply) -> bytes:
    return http(200, {"error": True, "message": f"{address(11)} is not taken today"})


def elsewhere(_: Reply) -> bytes:
    return http(307, b"", "Location: http://localhost:9/elsewhere")


def status(code: int, *headers: str) -> Send:
    """Answer with a status, as a gateway does."""
    return lambda _: http(code, {"error": True, "message": f"sorry, {address(11)}"}, *headers)


def limited_until(reply: Reply) -> bytes | None:
    """Limit for half a minute, with the moment as a date."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=30)
    return status(429, f"Retry-After: {format_datetime(moment, usegmt=True)}")(reply)


PROSE: Final = f"{address(11)} can not be taken"
ENVELOPES: Final[dict[str, dict[str, Any]]] = {
    "message": {"error": True, "errorKey": "GENERIC_ERROR_KEY", "message": PROSE},
    "messages": {"error": True, "messages": [PROSE, PROSE]},
    "validationErrors": {"error": True, "messages": {"validationErrors": {"email": [PROSE]}}},
    "fieldErrors": {"error": True, "fieldErrors": {"channels.email.address": [PROSE]}},
    "errors": {"error": True, "errors": [{"field": "email", "message": PROSE}]},
    "error": {"error": PROSE},
}


def enveloped(code: int, *names: str) -> Send:
    """Answer with error envelopes in turn."""
    turns = itertools.cycle(names)
    return lambda _: http(code, ENVELOPES[next(turns)])


def lists(method: str, path: str) -> bool:
    return method == "GET" and path == "/v2/accountlists"


def counts(method: str, path: str) -> bool:
    return method == "GET" and path.endswith("/count")


def contacts(method: str, path: str) -> bool:
    return method == "GET" and "/v2/contacts/" in path


def jobs(method: str, path: str) -> bool:
    return method == "GET" and "/v2/jobs" in path


def _case(name: str, title: str, send: Send, **given: Any) -> Case:
    not_applicable = given.pop("not_applicable", {})
    return Case(Fault(name, title, "calls", not_applicable), send, **given)


EVERY_TIME: Final = "writes: "
"""All of a run's writing calls fail so, where nothing else is said."""

CASES: Final = (
    # Connections.
    _case("lost_before_once", "one write: connection lost before it took effect", lose, times=1),
    _case("lost_before", "every write: connection lost before it took effect", lose),
    _case(
        "lost_after_once",
        "one write: connection lost after it took effect",
        lose,
        times=1,
        applied=True,
    ),
    _case("lost_after", "every write: connection lost after it took effect", lose, applied=True),
    _case("hangs_before", "every write: time-out, nothing took effect", hang, hangs=True),
    _case("hangs_after", "every write: time-out, it took effect", hang, applied=True, hangs=True),
    # Answers.
    _case("half", "every write: answer shorter than its Content-Length", half, applied=True),
    _case("cut_chunks", "every write: answer cut off in a chunk", cut_chunks, applied=True),
    _case("page", "every write: 200 with a page, nothing took effect", page),
    _case("no_gzip", "every write: Content-Encoding gzip, and it is not", no_gzip, applied=True),
    _case("cut_gzip", "every write: gzip cut off", cut_gzip, applied=True),
    _case("error_with_200", "every write: 200 with an error body", error_with_200),
    _case("redirect", "every write: a redirect to another host", elsewhere),
    # Error envelopes.
    *(
        _case(
            f"envelope_{name}",
            f"every write: 422, reason in `{name}`",
            enveloped(422, name),
        )
        for name in ENVELOPES
    ),
    _case("envelopes_400", "every write: 400, each envelope in turn", enveloped(400, *ENVELOPES)),
    _case("envelopes_500", "every write: 500, each envelope in turn", enveloped(500, *ENVELOPES)),
    # Pace and trouble.
    _case(
        "storm_seconds",
        "429 for two minutes, Retry-After in seconds",
        status(429, "Retry-After: 30"),
        seconds=STORM_SECONDS,
    ),
    _case(
        "storm_date",
        "429 for two minutes, Retry-After as a date",
        limited_until,
        seconds=STORM_SECONDS,
    ),
    _case(
        "storm_silent",
        "429 for two minutes, no Retry-After",
        status(429),
        seconds=STORM_SECONDS,
    ),
    _case("storm_for_ever", "429 for ever", status(429, "Retry-After: 600")),
    _case("trouble", "503 for a minute", status(503), seconds=MINUTE),
    _case("trouble_for_ever", "503 for ever", status(503)),
    # Look-ups before the first record.
    _case("first_look_lost", "first look at the lists: connection lost", lose, concerns=lists),
    _case("first_look_half", "first look at the lists: half an answer", half, concerns=lists),
    _case("first_look_page", "first look at the lists: 200 with a page", page, concerns=lists),
    _case("first_look_gzip", "first look at the lists: gzip that is none", no_gzip, concerns=lists),
    _case(
        "first_look_error",
        "first look at the lists: 200 with an error body",
        error_with_200,
        concerns=lists,
    ),
    _case("first_look_redirect", "first look at the lists: a redirect", elsewhere, concerns=lists),
    _case("first_look_503", "first look at the lists: 503 for ever", status(503), concerns=lists),
    # Look-ups after the input.
    _case(
        "later_look_lost", "later look at the lists: connection lost", lose, concerns=lists, skip=1
    ),
    _case(
        "later_look_page", "later look at the lists: 200 with a page", page, concerns=lists, skip=1
    ),
    _case(
        "later_look_503",
        "later look at the lists: 503 for ever",
        status(503),
        concerns=lists,
        skip=1,
    ),
    # Reading back.
    _case("counts_lost", "counting the lists: connection lost", lose, concerns=counts),
    _case("counts_page", "counting the lists: 200 with a page", page, concerns=counts),
    _case(
        "counts_error",
        "counting the lists: 200 with an error body",
        error_with_200,
        concerns=counts,
    ),
    _case("reading_lost", "reading contacts back: connection lost", lose, concerns=contacts),
    _case("reading_half", "reading contacts back: half an answer", half, concerns=contacts),
    _case("reading_page", "reading contacts back: 200 with a page", page, concerns=contacts),
    _case(
        "reading_error",
        "reading contacts back: 200 with an error body",
        error_with_200,
        concerns=contacts,
    ),
    # Jobs.
    _case(
        "jobs_lost", "following a job: connection lost", lose, concerns=jobs, not_applicable=NO_JOBS
    ),
    _case(
        "jobs_page", "following a job: 200 with a page", page, concerns=jobs, not_applicable=NO_JOBS
    ),
    _case(
        "jobs_503",
        "following a job: 503 for ever",
        status(503),
        concerns=jobs,
        not_applicable=NO_JOBS,
    ),
    _case(
        "jobs_minute",
        "following a job: 503 for a minute",
        status(503),
        concerns=jobs,
        seconds=MINUTE,
        not_applicable=NO_JOBS,
    ),
)

ROWS: Final = tuple(case.fault for case in CASES)
BY_NAME: Final = {case.fault.name: case for case in CASES}
