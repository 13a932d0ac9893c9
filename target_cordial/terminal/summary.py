"""The table at the end of a run: a row for each list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from target_cordial.core.outcome import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_cordial.run.report import CohortReport, RunReport

MOST_ROWS: Final = 40
"""Lists that are shown: those first of which there is something to say."""

STYLES: Final = {Status.OK: "green", Status.DEGRADED: "yellow", Status.FAILED: "red"}

COLUMNS: Final[dict[str, Callable[[CohortReport], int]]] = {
    "Members": lambda part: part.members,
    "Joined": lambda part: part.added,
    "Left": lambda part: part.removed + part.already_absent,
    "Withheld": lambda part: part.withheld,
    "Pending": lambda part: part.pending,
    "Skipped": lambda part: sum(part.skipped.values()),
    "Rejected": lambda part: sum(part.rejected.values()),
    "Drift": lambda part: part.drift or 0,
}

ALWAYS: Final = ("Members", "Joined", "Left")
"""Columns that are there whatever happened; the others, where there is anything in them."""


def summary(report: RunReport) -> Table:
    """Make the table.

    Args:
        report: The run, at its end.
    """
    rows = [(part, _numbers(part)) for part in report.parts.values()]
    rows.sort(key=lambda row: _is_quiet(row[1]))
    columns = [
        name for name in COLUMNS if name in ALWAYS or any(numbers[name] for _, numbers in rows)
    ]
    status = report.status
    planned = ", planned only" if report.dry_run else ""
    table = Table(
        title=Text(f"Run {status.value}{planned}", style=f"bold {STYLES[status]}"),
        title_justify="left",
        box=box.SIMPLE,
        pad_edge=False,
    )
    table.add_column("List", overflow="fold", min_width=12)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for part, numbers in rows[:MOST_ROWS]:
        table.add_row(
            Text(part.list_name or part.label), *(f"{numbers[name]:,}" for name in columns)
        )
    if len(rows) > MOST_ROWS:
        table.caption = Text(f"and {len(rows) - MOST_ROWS} more lists: see the report")
    return table


def _numbers(part: CohortReport) -> dict[str, int]:
    return {name: number(part) for name, number in COLUMNS.items()}


def _is_quiet(numbers: dict[str, int]) -> bool:
    return not any(number for name, number in numbers.items() if name != "Members")
