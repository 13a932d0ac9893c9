from __future__ import annotations

import copy
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from tap_amplitude.answers import Usage
from tap_amplitude.client import Client
from tap_amplitude.errors import (
    CredentialsError,
    ExportError,
    FileShapeError,
    IncompleteFileError,
    PollTimeoutError,
    RequestsStoppedError,
    TransferError,
    UnfinishedError,
)
from tap_amplitude.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_amplitude.settings import Settings
    from tests.tap_amplitude.conftest import FakeClock

HEADER = "amplitude_id,user_id,email\n"
NOW = 1_800_000_000  # where the fake clock stands: 2027-01-15T08:00:00Z


def entry(cohort_id: str, **changes: Any) -> dict[str, Any]:
    listed = {"id": cohort_id, "name": cohort_id.upper(), "lastComputed": 1_799_990_000}
    return listed | {"lastMod": 1_799_000_000} | changes


@dataclass
class FakeClient:
    """Amplitude as far as a run sees it; an exception in a table is raised instead of an answer."""

    entries: list[dict[str, Any]]
    files: dict[str, str | Exception] = field(default_factory=dict)
    waits: dict[str, Exception] = field(default_factory=dict)
    refusals: dict[str, Exception] = field(default_factory=dict)
    proves: bool = True
    allowance: Usage | None = None
    requests: list[tuple[str, Sequence[str]]] = field(default_factory=list)

    def cohorts(self) -> list[dict[str, Any]]:
        return self.entries

    def usage(self) -> Usage | None:
        return self.allowance

    def request(self, cohort_id: str, properties: Sequence[str]) -> str:
        if cohort_id in self.refusals:
            raise self.refusals[cohort_id]
        self.requests.append((cohort_id, properties))
        return f"R-{cohort_id}-{len(self.requests)}"

    def wait_until_ready(self, request_id: str, *, interval: float, timeout: float) -> None:
        del interval, timeout
        if request_id in self.waits:
            raise self.waits[request_id]

    def fetch_file(self, request_id: str, file: BinaryIO) -> bool:
        found = self.files.get(request_id.split("-")[1], HEADER + "1,u,a@b.example\n")
        if isinstance(found, Exception):
            raise found
        file.write(found.encode())
        file.seek(0)
        return self.proves

    @property
    def requested(self) -> list[str]:
        return [cohort_id for cohort_id, _ in self.requests]


class Harness:
    """Drives a run as the streams do, and remembers the states that were published."""

    def __init__(self, client: FakeClient, settings: Settings, clock: FakeClock) -> None:
        self.client = client
        self.settings = replace(settings, select_all=True)
        self.clock = clock
        self.state: dict[str, dict[str, Any]] = {}
        self.output: list[tuple[str, Any]] = []

    def sync(self, *, strict: bool = False) -> list[tuple[str, Any]]:
        self.output = []
        run = Run(
            settings=self.settings,
            client=self.client,  # type: ignore[arg-type] # stands in for the one class there is
            clock=self.clock,
            logger=logging.getLogger("tap-amplitude"),
            state_of=lambda cohort_id: self.state.setdefault(cohort_id, {}),
            publish_state=lambda: self.output.append(("STATE", copy.deepcopy(self.state))),
        )
        for cohort in run.cohorts(download=True, strict=strict):
            if run.starts(cohort.id):
                for members in run.members(cohort.id):
                    self.output += [("member", row) for row in members.rows()]
                marker = run.marker(cohort.id)
                if marker is not None:
                    self.output.append(("marker", marker))
                    run.confirm(cohort.id)
            self.output.append(("cohort", cohort.id))
        run.finish()
        return self.output

    def fails(self) -> str:
        with pytest.raises(UnfinishedError) as caught:
            self.sync()
        return str(caught.value)

    def kinds(self, kind: str) -> list[Any]:
        return [thing for each, thing in self.output if each == kind]


@pytest.fixture
def harness(settings: Settings, clock: FakeClock) -> Harness:
    return Harness(FakeClient([entry("a"), entry("b")]), settings, clock)


def test_rows_marker_and_state_in_this_order(harness: Harness) -> None:
    harness.client.entries = [entry("a")]
    output = harness.sync()
    assert [kind for kind, _ in output] == ["STATE", "member", "marker", "STATE", "cohort"]
    assert output[1][1] == {
        "cohort_id": "a",
        "cohort_name": "A",
        "amplitude_id": "1",
        "user_id": "u",
        "user_properties": {"email": "a@b.example"},
        "snapshot_id": "R-a-1",
    }
    assert output[2][1] == {
        "cohort_id": "a",
        "cohort_name": "A",
        "snapshot_id": "R-a-1",
        "member_count": 1,
        "complete": True,
        "computed_at": "2027-01-15T05:13:20Z",
    }
    pending, done = (value["a"] for value in harness.kinds("STATE"))
    assert pending["pending"]["request_id"] == "R-a-1"
    assert "completed_at" not in pending
    assert "pending" not in done
    assert done["completed_at"] == "2027-01-15T08:00:00Z"
    assert done["member_count"] == 1


def test_without_a_time_of_computation_the_marker_has_that_of_the_request(harness: Harness) -> None:
    harness.client.entries = [entry("a", lastComputed=None)]
    harness.sync()
    assert harness.kinds("marker")[0]["computed_at"] == "2027-01-15T08:00:00Z"


def test_the_selected_properties_are_asked_for(harness: Harness) -> None:
    harness.settings = replace(harness.settings, user_properties=("email", "plan"))
    harness.sync()
    assert harness.client.requests == [("a", ("email", "plan")), ("b", ("email", "plan"))]


def test_an_unchanged_cohort_sends_neither_rows_nor_marker(harness: Harness) -> None:
    harness.sync()
    harness.clock.time += 3600
    output = harness.sync()
    assert output == [("cohort", "a"), ("cohort", "b")]
    assert harness.client.requested == ["a", "b"]


def test_a_changed_cohort_comes_alone_and_first(harness: Harness) -> None:
    harness.sync()
    harness.client.entries = [entry("a"), entry("b", lastComputed=1_799_999_999)]
    harness.sync()
    assert harness.kinds("cohort") == ["b", "a"]
    assert [marker["cohort_id"] for marker in harness.kinds("marker")] == ["b"]


def test_a_run_that_died_is_resumed_without_a_new_request(harness: Harness) -> None:
    harness.client.entries = [entry("a")]
    harness.client.files["a"] = TransferError("gone")
    harness.fails()
    harness.client.files.clear()
    harness.clock.time += 3600
    harness.sync()
    assert harness.client.requested == ["a"]
    assert len(harness.kinds("member")) == 1
    assert harness.kinds("marker")[0]["snapshot_id"] == "R-a-1"
    assert harness.state["a"]["requested_at"] == "2027-01-15T08:00:00Z"


def test_a_request_the_cohort_has_outlived_is_made_again(harness: Harness) -> None:
    harness.client.entries = [entry("a")]
    harness.client.files["a"] = TransferError("gone")
    harness.fails()
    harness.client.files.clear()
    harness.client.entries = [entry("a", lastComputed=1_799_999_999)]
    harness.sync()
    assert harness.kinds("marker")[0]["snapshot_id"] == "R-a-2"


def test_an_expired_request_is_made_again(harness: Harness) -> None:
    harness.client.entries = [entry("a")]
    harness.client.files["a"] = TransferError("gone")
    harness.fails()
    harness.client.files.clear()
    harness.client.waits["R-a-1"] = ExportError("unknown")
    harness.sync()
    assert harness.kinds("marker")[0]["snapshot_id"] == "R-a-2"


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (TransferError("lost"), True),
        (IncompleteFileError("cut"), False),
        (FileShapeError("odd"), False),
        (ExportError("failed"), False),
    ],
)
def test_a_cohort_that_fails_has_no_marker_and_the_others_go_on(
    harness: Harness,
    error: Exception,
    kept: bool,  # noqa: FBT001 - a column of the table
) -> None:
    harness.client.files["a"] = error
    message = harness.fails()
    assert [marker["cohort_id"] for marker in harness.kinds("marker")] == ["b"]
    assert f'"A" (a): {error}' in message
    assert '"B"' not in message
    assert "Run again" in message
    last = harness.kinds("STATE")[-1]
    assert ("pending" in last["a"]) is kept
    assert "completed_at" not in last["a"]
    assert "completed_at" in last["b"]


def test_waiting_too_long_keeps_the_request(harness: Harness) -> None:
    harness.client.waits["R-a-1"] = PollTimeoutError("slow")
    harness.fails()
    assert harness.kinds("STATE")[-1]["a"]["pending"]["request_id"] == "R-a-1"


def test_a_fault_in_the_middle_of_a_file_means_no_marker(harness: Harness) -> None:
    harness.client.files["a"] = HEADER + "1,u,e\n2,u\n"
    message = harness.fails()
    assert [row["amplitude_id"] for row in harness.kinds("member") if row["cohort_id"] == "a"] == [
        "1"
    ]
    assert [marker["cohort_id"] for marker in harness.kinds("marker")] == ["b"]
    assert "row 2 has 2 cells" in message
    assert "pending" not in harness.state["a"]


def test_failure_keeps_what_was_delivered_before(harness: Harness) -> None:
    harness.sync()
    before = copy.deepcopy(harness.state["a"])
    harness.clock.time += 30 * 3600
    harness.client.files["a"] = FileShapeError("odd")
    harness.fails()
    assert harness.state["a"] == before


@pytest.mark.parametrize(
    ("size", "text", "count"),
    [(0, "", 0), (0, HEADER, 0), (None, HEADER, 0), (5, HEADER + "1,u,e\n1,v,e\n2,w,e\n", 2)],
)
def test_counts_that_are_believed(
    harness: Harness, size: int | None, text: str, count: int
) -> None:
    harness.client.entries = [entry("a", size=size)]
    harness.client.files["a"] = text
    harness.sync()
    assert harness.kinds("marker")[0]["member_count"] == count == len(harness.kinds("member"))


@pytest.mark.parametrize(("size", "complete"), [(1, True), (2, True), (3, False), (None, False)])
def test_a_file_whose_end_nothing_proves_is_held_against_the_list(
    harness: Harness,
    size: int | None,
    complete: bool,  # noqa: FBT001 - a column of the table
) -> None:
    harness.client.entries = [entry("a", size=size)]
    harness.client.files["a"] = HEADER + "1,u,e\n2,w,e\n"
    harness.client.proves = False
    if complete:
        harness.sync()
    else:
        assert "nothing says where its file ends" in harness.fails()
    assert len(harness.kinds("marker")) == complete


@pytest.mark.parametrize(
    ("size", "text", "words"),
    [
        (None, "", "it is empty"),
        (3, "", "it is empty"),
        (3, HEADER, "its file has no members, Amplitude's list says 3"),
        (0, '{"error":1}', "it is JSON"),
    ],
)
def test_nobody_is_not_believed_lightly(
    harness: Harness, size: int | None, text: str, words: str
) -> None:
    harness.client.entries = [entry("a", size=size)]
    harness.client.files["a"] = text
    assert words in harness.fails()
    assert harness.kinds("marker") == []


def test_repeats_and_odd_counts_are_warned_of_once(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.client.entries = [entry("a", size=100)]
    harness.client.files["a"] = HEADER + "1,u,e\n1,v,e\n1,w,e\n"
    harness.sync()
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == [
        "Amplitude's monthly usage could not be read; going on.",
        '"A" (a): 2 rows left out, their amplitude_id came before.',
        '"A" (a): 1 members in its file, 100 by Amplitude\'s list.',
    ]


def test_the_quota_goes_to_the_oldest_and_the_rest_keeps_its_state(harness: Harness) -> None:
    harness.sync()
    harness.clock.time += 3600
    harness.client.entries = [entry("a", lastComputed=1_799_995_000), entry("b"), entry("c")]
    harness.client.allowance = Usage(limit=500, used=497)
    harness.settings = replace(harness.settings, monthly_request_reserve=2)
    before = copy.deepcopy(harness.state["a"])
    message = harness.fails()
    assert harness.client.requested == ["a", "b", "c"]
    assert '"A" (a): the monthly limit of download requests is used up (497 of 500' in message
    assert harness.state["a"] == before
    assert [marker["cohort_id"] for marker in harness.kinds("marker")] == ["c"]


def test_a_spent_quota_does_not_keep_a_request_from_being_resumed(harness: Harness) -> None:
    harness.client.files["a"] = TransferError("gone")
    harness.fails()
    harness.client.files.clear()
    harness.client.allowance = Usage(limit=500, used=500)
    harness.client.entries.append(entry("c"))
    message = harness.fails()
    assert [marker["cohort_id"] for marker in harness.kinds("marker")] == ["a"]
    assert '"C" (c)' in message


def test_an_expired_request_is_not_made_again_beyond_the_quota(harness: Harness) -> None:
    harness.client.entries = [entry("a"), entry("b")]
    harness.client.files["a"] = TransferError("gone")
    harness.fails()
    harness.client.files.clear()
    harness.client.entries = [entry("a"), entry("b", lastComputed=1_799_999_999)]
    harness.client.allowance = Usage(limit=500, used=500)
    harness.client.waits["R-a-1"] = ExportError("unknown")
    message = harness.fails()
    assert harness.client.requested == ["a", "b"]
    assert '"A" (a): the monthly limit' in message


def test_after_a_lasting_429_nothing_more_is_requested(harness: Harness) -> None:
    harness.client.refusals["a"] = RequestsStoppedError("no more now (HTTP 429)")
    message = harness.fails()
    assert harness.client.requested == []
    assert message.count("no more now (HTTP 429)") == 2


def test_refused_keys_end_the_run_at_once(harness: Harness) -> None:
    harness.client.refusals["a"] = CredentialsError("refused")
    with pytest.raises(CredentialsError):
        harness.sync()
    assert harness.client.requested == []


def test_names_that_cannot_be_followed_fail_and_the_others_go_on(harness: Harness) -> None:
    harness.settings = replace(harness.settings, select_all=False, cohort_names=("nobody", "A"))
    message = harness.fails()
    assert '"nobody": no listed cohort has this name' in message
    assert harness.client.requested == ["a"]


def test_an_unlisted_cohort_is_tried_and_has_a_row(harness: Harness) -> None:
    harness.settings = replace(harness.settings, select_all=False, cohort_ids=("zz",))
    harness.sync()
    assert harness.kinds("cohort") == ["zz", "a", "b"]
    assert harness.kinds("marker")[0]["cohort_name"] is None


def test_without_members_wanted_nothing_is_requested(
    harness: Harness, settings: Settings, clock: FakeClock
) -> None:
    run = Run(
        settings=replace(settings, cohort_ids=("zz",), cohort_names=("nobody",)),
        client=harness.client,  # type: ignore[arg-type] # stands in for the one class there is
        clock=clock,
        logger=logging.getLogger("tap-amplitude"),
        state_of=lambda _: {},
        publish_state=lambda: None,
    )
    listed = list(run.cohorts(download=False, strict=False))
    assert [cohort.id for cohort in listed] == ["a", "b", "zz"]
    assert not any(run.starts(cohort.id) for cohort in listed)
    run.finish()


def test_a_connection_test_ends_with_the_first_failure(harness: Harness) -> None:
    harness.client.files["a"] = FileShapeError("odd")
    with pytest.raises(FileShapeError):
        harness.sync(strict=True)


def test_the_stand_in_has_the_methods_of_the_client() -> None:
    for name in ("cohorts", "usage", "request", "wait_until_ready", "fetch_file"):
        assert callable(getattr(Client, name))
        assert callable(getattr(FakeClient, name))
