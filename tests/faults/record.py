"""Runs the matrix, and writes its tables into ``docs/reliability.md``.

``python -m tests.faults.record [pytest's options]``: the results of the rows that ran are replaced,
all others stay as the page has them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.faults.matrix import COLUMNS, GROUPS, RECORD, Fault, faults
from tests.faults.page import PAGE, put, read_cells, write_row
from tests.turns import EACH

TESTS: Final = [str(Path(__file__).with_name(f"test_{group}.py")) for group in GROUPS]
"""The tests of cells, and no others."""

COLUMN_IDS: Final = [column.id for column in COLUMNS]


def main(options: list[str]) -> int:
    """Run the tests and write the page.

    Args:
        options: For pytest.

    Returns:
        The exit code of the tests; where one failed, the page stays as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *TESTS, "-q", "--ways", EACH, *options],
            env={**os.environ, RECORD: folder},
            check=False,
        )
        if ended.returncode == 0:
            page = PAGE.read_text(encoding="utf-8")
            cells = read_cells(page, COLUMN_IDS)
            recorded = {
                path.name: path.read_text(encoding="utf-8") for path in Path(folder).iterdir()
            }
            for fault in faults():
                for column in COLUMN_IDS:
                    text = recorded.get(f"{fault.name}-{column}")
                    if text is not None:
                        cells[fault.title, column] = text
            PAGE.write_text(put(page, tables(cells)), encoding="utf-8")
    return ended.returncode


def tables(cells: dict[tuple[str, str], str]) -> str:
    """Write all tables, and below them why some cells can't be.

    Args:
        cells: Texts by the fault's title and the column's id.
    """
    reasons: dict[str, int] = {}
    lines = []
    rows = faults()
    for group, title in GROUPS.items():
        lines += [f"### {title}", "", "| fault | what becomes of it |", "|---|---|"]
        lines += [_row(row, cells, reasons) for row in rows if row.group == group]
        lines.append("")
    lines += [f"[^{number}]: {reason}." for reason, number in reasons.items()]
    return "\n".join(lines)


def not_applicable(reason: str, reasons: dict[str, int]) -> str:
    """Write the cell that can't be.

    Args:
        reason: Why.
        reasons: The notes so far; a new one gets its number.
    """
    return f"n/a[^{reasons.setdefault(reason, len(reasons) + 1)}]"


def _row(fault: Fault, cells: dict[tuple[str, str], str], reasons: dict[str, int]) -> str:
    texts = {}
    for column in COLUMNS:
        reason = fault.reason_against(column)
        texts[column.id] = (
            cells.get((fault.title, column.id), "not tested")
            if reason is None
            else not_applicable(reason, reasons)
        )
    return write_row(fault.title, texts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
