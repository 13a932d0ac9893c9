"""Members written past the SDK and by it: the same lines.

This is also what notices when the SDK comes to do something else with a record.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib.encoding.simple import SimpleSingerWriter

from tap_amplitude.streams import CohortMembersStream
from tap_amplitude.tap import TapAmplitude
from tests.tap_amplitude.conftest import sandbox_config

if TYPE_CHECKING:
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.tap_amplitude.conftest import TapCommand

COHORT = "mixed"
TIMES = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")


def mixed_file(rows: int) -> bytes:
    """A file with all that is told apart: plain rows, gaps, repeats, escapes, white space."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["amplitude_id", "user_id", "email", "gp:plan", "email"])
    for number in range(rows):
        row = [str(number * 97), f"u-{number}", f"{number}@shop.example", "gold", ""]
        if number % 3 == 0:
            row[1 + number % 4] = ""
        if number % 50 == 0:
            row[0] = "97"
        if number > rows // 2 and number % 7 == 0:
            row[3] = ['"gold"', "\tgold ", "go\nld", "go\\ld", "\u3000g\u00f6ld"][number % 5]
        writer.writerow(row)
    return text.getvalue().encode()


@pytest.fixture
def pending(sandbox: Running, tap: TapCommand) -> dict[str, Any]:
    """The state of a run that has requested a file of 11,000 rows, so that others take it up."""
    file = {"encoding": "gzip", "body": mixed_file(11_000)}
    sandbox.control.put_cohort(COHORT, "Mixed", [], file=file, size=10_800)
    outcome = tap(cohort_ids=[COHORT])
    assert outcome.code == 0, outcome.log
    first: dict[str, Any] = next(m["value"] for m in outcome.messages if m["type"] == "STATE")
    assert "pending" in str(first)
    return first


def written(tap: TapAmplitude) -> list[bytes]:
    """What a tap writes, with its times blackened."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(output):
        tap.sync_all()
    output.seek(0)
    return TIMES.sub(b"<time>", output.buffer.read()).splitlines(keepends=True)


def made(sandbox: Running, state: dict[str, Any], **options: Any) -> TapAmplitude:
    config = sandbox_config(sandbox.url) | {"cohort_ids": [COHORT]}
    return TapAmplitude(config=config, state=copy.deepcopy(state), **options)


def test_both_ways_write_the_same_lines(
    sandbox: Running, pending: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_amplitude.client.FIRST_POLL_SECONDS", 0.0)
    tap = made(sandbox, pending)
    seen_by_sdk = []
    post_process = CohortMembersStream.post_process

    def spy(*arguments: Any) -> Any:
        seen_by_sdk.append(arguments)
        return post_process(*arguments)

    monkeypatch.setattr(CohortMembersStream, "post_process", spy)
    straight = written(tap)
    assert not seen_by_sdk
    monkeypatch.setattr(CohortMembersStream, "_goes_straight", lambda _: False)
    assert written(made(sandbox, pending)) == straight
    members = [line for line in straight if b'"RECORD","stream":"cohort_members"' in line]
    assert len(seen_by_sdk) == len(members) > 10_000
    (marker,) = (line for line in straight if b'"RECORD","stream":"cohort_snapshots"' in line)
    assert json.loads(marker)["record"]["member_count"] == len(members)


def test_another_writer_gets_messages(sandbox: Running, pending: dict[str, Any]) -> None:
    kept: list[Any] = []

    class Keeping(SimpleSingerWriter):
        def write_message(self, message: Any) -> None:
            kept.append(message)

    made(sandbox, pending, message_writer=Keeping()).sync_all()
    assert sum(getattr(message, "stream", "") == "cohort_members" for message in kept) > 10_000


def test_a_property_that_is_not_selected_is_left_out(tap: TapCommand, tmp_path: Path) -> None:
    catalog = TapAmplitude(validate_config=False, setup_mapper=False).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = entry["breadcrumb"] != ["properties", "user_id"]
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(catalog))
    outcome = tap("--catalog", str(path), cohort_ids=["5win1bk"])
    assert outcome.code == 0, outcome.log
    assert outcome.records("cohort_members")
    assert not any("user_id" in row for row in outcome.records("cohort_members"))


def test_the_marker_counts_whom_a_filter_leaves(tap: TapCommand) -> None:
    maps = {"cohort_members": {"__filter__": "user_id is None"}}
    outcome = tap(cohort_ids=["9zx41kq"], stream_maps=maps)
    assert outcome.code == 0, outcome.log
    rows = outcome.records("cohort_members")
    assert {row["user_id"] for row in rows} == {None}
    (marker,) = outcome.records("cohort_snapshots")
    assert marker["member_count"] == len(rows)


@pytest.mark.parametrize("map_", [{"__filter__": "user_id == 'nobody'"}, None, "__NULL__"])
def test_a_map_that_leaves_nobody_is_no_empty_cohort(tap: TapCommand, map_: object) -> None:
    outcome = tap(cohort_ids=["9zx41kq"], stream_maps={"cohort_members": map_})
    assert outcome.code == 1
    assert "stream_maps leave none of its members" in outcome.log.splitlines()[-1]
    assert outcome.records("cohort_snapshots") == []


def test_the_metric_counts_all_members(tap: TapCommand) -> None:
    outcome = tap(cohort_ids=["9zx41kq"])
    (metric,) = (
        line
        for line in outcome.log.splitlines()
        if "record_count" in line and "cohort_members" in line
    )
    assert re.search(r"\b12\b", metric)
