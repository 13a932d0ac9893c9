"""The tables of ``docs/reliability.md``: cells to text, and text to cells.

A row of a table has two columns, the fault and what was seen. Where that is not the same in all six
columns of the matrix, each text stands behind the columns it is of, as few words as name them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN: Final = "<!-- fault matrix: written by `make reliability` -->"
END: Final = "<!-- end of the fault matrix -->"

_BREAK: Final = "<br>"
_OF: Final = "** "

Cells = Mapping[tuple[str, str], str]
"""Texts by the fault's title and the column's id."""


def write_row(title: str, texts: Mapping[str, str]) -> str:
    """Write a row of a table.

    Args:
        title: The fault's title.
        texts: What was seen, by the column's id, in the order of the columns.
    """
    by_text: dict[str, list[str]] = {}
    for column, text in texts.items():
        by_text.setdefault(text, []).append(column)
    if len(by_text) == 1:
        return f"| {title} | {next(iter(by_text))} |"
    parts = [f"**{_name(columns, list(texts))}:{_OF}{text}" for text, columns in by_text.items()]
    return f"| {title} | {_BREAK.join(parts)} |"


def read_cells(page: str, columns: Sequence[str]) -> dict[tuple[str, str], str]:
    """Read the tables of the page.

    Args:
        page: The page.
        columns: The ids of all columns.
    """
    found: dict[tuple[str, str], str] = {}
    for line in _matrix_of(page).splitlines():
        if not line.startswith("| "):
            continue
        title, _, seen = line.strip("| ").partition(" | ")
        for part in seen.split(_BREAK):
            named, text = _split(part)
            for column in _columns(named, columns):
                found[title, column] = text
    return found


def put(page: str, matrix: str) -> str:
    """Put other tables into the page."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{matrix.strip()}\n\n{END}{after}"


def _matrix_of(page: str) -> str:
    return page.partition(BEGIN)[2].partition(END)[0]


def _split(part: str) -> tuple[str, str]:
    if not part.startswith("**"):
        return "", part
    named, _, text = part.removeprefix("**").partition(f":{_OF}")
    return named, text


def _name(columns: Sequence[str], everything: Sequence[str]) -> str:
    """Name some columns: a delivery or a ledger, where all columns of it are among them."""
    left = list(columns)
    names = []
    for pick in (_delivery, _ledger):
        for value in dict.fromkeys(pick(column) for column in everything):
            of_it = [column for column in everything if pick(column) == value]
            if set(of_it) <= set(left):
                names.append(value)
                left = [column for column in left if column not in of_it]
    return ", ".join([*names, *(column.replace("-", " on ") for column in left)])


def _columns(named: str, everything: Sequence[str]) -> Iterator[str]:
    names = {name.replace(" on ", "-") for name in named.split(", ") if name}
    for column in everything:
        if not names or names & {column, _delivery(column), _ledger(column)}:
            yield column


def _delivery(column: str) -> str:
    return column.partition("-")[0]


def _ledger(column: str) -> str:
    return column.partition("-")[2]
