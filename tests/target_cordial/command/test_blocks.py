"""Rows that are taken in blocks are taken as those that go one by one through the SDK."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.singer.reader import BLOCK_BYTES
from tests.target_cordial.command.conftest import Commands, Ended, line
from tests.target_cordial.command.messages import (
    FLAGGED,
    MEMBERS,
    SNAPSHOTS,
    addresses,
    change,
    marker,
    member,
    people,
    snapshot,
    state,
)

if TYPE_CHECKING:
    from cordial_sandbox.server import Running

ONE_BY_ONE = {"stream_maps": {"cohort_members": {"more": "'nothing'"}}}
"""Whatever a stream map does, its stream goes through the SDK."""

COUNTED = r'"metric":"record_count","value":(\d+),"tags":{"stream":"(\w+)'
"""The SDK's own metric; it begins anew where a SCHEMA changes."""

QUIET: dict[str, Any] = {"delivery": "endpoint", "max_addition_percent": 0, "verify_sample": 0}

MANY = 700
"""Rows that take more than one block."""


def messy() -> list[Any]:
    """All kinds of rows and messages, and the plain ones between them."""
    rows: list[Any] = [MEMBERS, SNAPSHOTS, FLAGGED, *people(MANY)]
    rows[50:50] = [state({"at": 50}), change(9_001, in_cohort=True), ""]
    # Of two records the last one counts, also where one lies between them that is not plain.
    rows[640] = member(8_000, email="first@shop.example")
    rows[641] = member(639, email="none")
    rows[642] = member(8_000, email="last@shop.example")
    rows[300] = member(298, email=" É@shop.example ")
    rows[301] = member(299, email="none")
    rows[302] = member(300, user_properties=None)
    rows[303] = member(301, user_id=7)  # breaks its schema
    rows[304] = member(302, cohort_id="other", cohort_name="others")
    rows[305] = member(303, snapshot_id="another")
    rows[306] = member(304, user_properties={"Email": "user304@shop.example"})
    rows[307] = member(306)  # comes twice
    rows[500:500] = [{"type": "ODD"}, change(9_002, operation="dance"), marker(MANY)]
    return [*rows, marker(1, cohort_id="other", cohort_name="others"), state({"at": "end"})]


def told(ended: Ended) -> dict[str, Any]:
    """What a run says, less what differs from run to run."""
    numbers = {
        name: value
        for name, value in ended.report.items()
        if name not in ("run_id", "started_at", "finished_at")
    }
    for cohort in numbers["cohorts"]:
        cohort.pop("last_complete_at")
    rejected = re.findall(r"Rejected .*", ended.stderr)
    counted: Counter[str] = Counter()
    for number, stream in re.findall(COUNTED, ended.stderr):
        counted[stream] += int(number)
    return {
        "report": numbers,
        "states": ended.states,
        "code": ended.code,
        "rejected": sorted(rejected),
        "counted": counted,
    }


@pytest.mark.parametrize("folded", [False, True])
def test_a_messy_input_is_taken_as_one_by_one(
    commands: Commands, sandbox: Running, tmp_path: Any, *, folded: bool
) -> None:
    assert sum(len(line(row)) for row in people(MANY)) > BLOCK_BYTES
    rows = messy() * 2 if folded else messy()
    taken = []
    for number, settings in enumerate(({}, ONE_BY_ONE)):
        url = f"sqlite:///{tmp_path}/{number}/ledger.db"
        sandbox.control.reset()
        endpoint = {**QUIET, "endpoint": sandbox.url, "ledger_url": url}
        ended = commands.target(*rows, **endpoint, **settings)
        again = commands.target(*rows, **endpoint, **settings)
        taken.append((told(ended), told(again), sandbox.control.lists(), commands.rejects()))
    assert taken[0] == taken[1]
    assert taken[0][0]["code"] == 3


def test_whom_a_stream_map_leaves_out_is_left_out(commands: Commands, sandbox: Running) -> None:
    maps = {"cohort_members": {"__filter__": "user_id != 'u-2'"}}
    rows = [member(number, user_id=f"u-{number}") for number in (1, 2, 3)]
    commands.target(*snapshot(*rows), stream_maps=maps)
    assert sandbox.control.lists()["activeusers"] == addresses(1, 3)


def test_a_snapshot_in_blocks_is_counted_by_the_sdk(commands: Commands) -> None:
    ended = commands.target(
        *snapshot(*people(MANY)), **QUIET, endpoint=commands.settings["api_url"][:-3]
    )
    assert ended.code == 0
    assert told(ended)["counted"] == {"cohort_members": MANY, "cohort_snapshots": 1}


def test_an_input_that_ends_within_a_line_or_without_a_line_end(commands: Commands) -> None:
    rows = snapshot(*people(MANY))
    whole = "".join(map(line, rows))
    ended = commands.end(
        commands.start(**QUIET, endpoint=commands.settings["api_url"][:-3]), whole[:-1]
    )
    assert ended.code == 0
    cut = commands.end(
        commands.start(**QUIET, endpoint=commands.settings["api_url"][:-3]), whole[:-400]
    )
    assert cut.code == 3
    assert f"broke off at line {len(rows)}" in cut.stderr or "not a Singer message" in cut.stderr


def test_a_line_that_is_longer_than_a_block_is_read(commands: Commands, sandbox: Running) -> None:
    long = member(1, user_properties={"email": "user1@shop.example", "note": "x" * 3 * BLOCK_BYTES})
    assert commands.target(*snapshot(long, member(2))).code == 0
    assert len(sandbox.control.lists()["activeusers"]) == 2


def test_rows_in_a_slow_pipe_are_taken_as_they_come(commands: Commands) -> None:
    """Not before a block is full: a tap may wait for as long as it likes."""
    rows = [line(row) for row in snapshot(*people(3))]
    process = commands.start()
    assert process.stdin is not None
    for row in rows:
        process.stdin.write(row)
        process.stdin.flush()
    ended = commands.end(process)
    assert ended.code == 0
    assert ended.cohort("9zx41kq")["added"] == 3
