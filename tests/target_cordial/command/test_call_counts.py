"""How many calls write: as few as a delivery can do with, also where most has not changed."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import pytest

from tests.ledgers import SQLITE
from tests.target_cordial.command.messages import addresses, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

pytestmark = pytest.mark.ledger(SQLITE)

BATCH = 1_000
CHURN = 20
"""One in a hundred leaves each list, and as many join it."""

FIRST = {"activeusers": [range(1, 2_001)], "VIPs": [range(1_001, 3_001)]}
"""A thousand people are on both lists."""

JOINED = range(3_001, 3_001 + CHURN)
"""They join both lists; from each of them others leave."""

SECOND = {
    "activeusers": [range(1 + CHURN, 2_001), JOINED],
    "VIPs": [range(1_001 + CHURN, 3_001), JOINED],
}
OTHER = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Rk2"}


def day(lists: dict[str, list[range]]) -> list[Any]:
    """Snapshots of both cohorts."""
    rows = {
        name: [row for span in spans for row in people(len(span), span.start)]
        for name, spans in lists.items()
    }
    return [*snapshot(*rows["activeusers"]), *snapshot(*rows["VIPs"], **OTHER)]


def synced(commands: Commands, sandbox: Running, lists: dict[str, list[range]]) -> list[Any]:
    """Sync a day.

    Returns:
        The calls that changed something.
    """
    sandbox.control.clear_calls()
    ended = commands.target(*day(lists), max_concurrency=16)
    assert (ended.code, ended.report["status"]) == (0, "ok")
    assert sandbox.control.lists() == {
        name: addresses(*(number for span in spans for number in span))
        for name, spans in lists.items()
    }
    return sandbox.control.write_calls()


def of(calls: list[dict[str, Any]], *parts: str) -> list[dict[str, Any]]:
    """Choose the calls to paths with one of these in them."""
    return [call for call in calls if any(part in call["path"] for part in parts)]


def test_as_few_calls_as_there_are_changed_contacts_batches_or_jobs(
    either: Commands, sandbox: Running
) -> None:
    first = synced(either, sandbox, FIRST)
    jobs = len(sandbox.control.jobs())
    second = synced(either, sandbox, SECOND)
    if either.delivery == "contacts":
        assert len(of(first, "/contacts")) == 3_000
        assert len(of(second, "/contacts")) == len(second) == 3 * CHURN
    elif either.delivery == "endpoint":
        assert len(of(first, "/add", "/remove")) == 2 * ceil(2_000 / BATCH)
        assert len(of(second, "/add", "/remove")) == 2 * 2 * ceil(CHURN / BATCH)
    else:
        assert jobs <= 2 * 3
        assert len(sandbox.control.jobs()) - jobs <= 2 * 3
        assert of(first, "/contacts/") == of(second, "/contacts/") == []
    assert synced(either, sandbox, SECOND) == []
