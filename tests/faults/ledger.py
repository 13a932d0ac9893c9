"""Rows: a ledger in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.matrix import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_SERVER: Final = {"sqlite": "there is no server"}
OF_FILE: Final = {"postgres": "what its files hold is the server's to guard"}


def _row(name: str, title: str, not_applicable: Mapping[str, str] | None = None) -> Fault:
    return Fault(name, title, "ledger", not_applicable or {})


LOCKED: Final = _row("locked", "locked by another run")
READ_ONLY: Final = _row("read_only", "read only")
FULL_SEALING: Final = _row("full_sealing", "disk full before it seals")
FULL_PLANNING: Final = _row("full_planning", "disk full before it plans")
FULL_RECORDING: Final = _row("full_recording", "disk full before it records an outcome")
GARBAGE: Final = _row("garbage", "overwritten with garbage", OF_FILE)
TRUNCATED: Final = _row("truncated", "cut off in the middle", OF_FILE)
TABLE_DROPPED: Final = _row("table_dropped", "a table dropped")
NEWER: Final = _row("newer", "from a newer version")
REMOVED: Final = _row("removed", "removed by hand between two runs")
ACCOUNT: Final = _row("other_account", "pointed at another account")
IDENTIFIER: Final = _row("other_identifier", "pointed at another identifier")
MAPPING: Final = _row("other_mapping", "pointed at another mapping")
NO_SERVER: Final = _row("no_server", "its server is not there", OF_SERVER)
GONE_READING: Final = _row("gone_reading", "its server gone while the run reads", OF_SERVER)
GONE_WRITING: Final = _row("gone_writing", "its server gone while the run delivers", OF_SERVER)

ROWS: Final = (
    LOCKED,
    READ_ONLY,
    FULL_SEALING,
    FULL_PLANNING,
    FULL_RECORDING,
    GARBAGE,
    TRUNCATED,
    TABLE_DROPPED,
    NEWER,
    REMOVED,
    ACCOUNT,
    IDENTIFIER,
    MAPPING,
    NO_SERVER,
    GONE_READING,
    GONE_WRITING,
)
