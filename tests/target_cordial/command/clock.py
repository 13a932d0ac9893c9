"""Letting time pass for a ledger: every time of this machine in it is moved back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600
DAY = 24 * HOUR


def let_pass(ledger: Path, seconds: int) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        for (table,) in tables:
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            times = [c[1] for c in columns if c[1].endswith("_at") or c[1] == "known_since"]
            for name in times:
                connection.execute(f"UPDATE {table} SET {name} = {name} - ?", [seconds])  # noqa: S608  names of the ledger's own
        connection.commit()
