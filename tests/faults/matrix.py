"""The fault matrix: its rows, its columns, and where a cell's result is held or recorded.

A row is a :class:`Fault`. Rows are declared by group, in one module each, as ``ROWS``; the cells of
a row are tested with ``@cells(ROWS)``, and every such test ends with :func:`told`, which holds the
result that it observed against the committed page, ``docs/reliability.md``. With the environment
variable ``RELIABILITY_RECORD`` it writes the result into that folder instead, from which
``python -m tests.faults.record`` makes the page's tables.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.page import PAGE, read_cells
from tests.ledgers import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DELIVERIES: Final = ("contacts", "imports", "endpoint")
RECORD: Final = "RELIABILITY_RECORD"

GROUPS: Final[Mapping[str, str]] = {
    "kills": "Killed",
    "signals": "Told to stop",
    "calls": "Calls that fail",
    "account": "An account in disorder",
    "input": "Input that is not whole, or not right",
    "ledger": "A ledger in trouble",
}
"""The tables of the page, in their order; each one's rows are in the module of its name."""


@dataclass(frozen=True)
class Column:
    """One way in which the target is run.

    Attributes:
        delivery: One of ``DELIVERIES``.
        ledger: The kind of ledger.
    """

    delivery: str
    ledger: str

    @property
    def id(self) -> str:
        return f"{self.delivery}-{self.ledger}"

    @property
    def parts(self) -> tuple[str, str, str]:
        """What a fault can name it by."""
        return self.id, self.delivery, self.ledger


COLUMNS: Final = tuple(Column(delivery, kind) for delivery in DELIVERIES for kind in KINDS)


@dataclass(frozen=True)
class Fault:
    """A row of the matrix.

    Attributes:
        name: A short name for tests: letters, digits and ``_``, unlike all others.
        title: What the page calls it, unlike all others.
        group: One of ``GROUPS``.
        not_applicable: Why it can't be in a column; by the column's id, delivery or kind of ledger.
    """

    name: str
    title: str
    group: str
    not_applicable: Mapping[str, str] = field(default_factory=dict, hash=False)

    def reason_against(self, column: Column) -> str | None:
        """Say why a column has no such cell; None where it has."""
        found = (self.not_applicable.get(part) for part in column.parts)
        return next((reason for reason in found if reason), None)


def faults() -> tuple[Fault, ...]:
    """Read all rows, in the order of the page."""
    modules = [f"tests.faults.{group}" for group in GROUPS]
    there = [name for name in modules if importlib.util.find_spec(name) is not None]
    return tuple(row for name in there for row in importlib.import_module(name).ROWS)


def cells(
    rows: Iterable[Fault], ledgers: Iterable[str] = KINDS, deliveries: Iterable[str] = DELIVERIES
) -> pytest.MarkDecorator:
    """Parametrise a test with ``fault`` and ``column``: every cell of these rows that there is.

    Args:
        rows: The rows.
        ledgers: Only the columns of these ledgers, where another test has the others.
        deliveries: Only the columns of these deliveries, likewise.
    """
    kinds, ways = frozenset(ledgers), frozenset(deliveries)
    return pytest.mark.parametrize(
        ("fault", "column"),
        [
            pytest.param(row, column, id=f"{row.name}-{column.id}")
            for row in rows
            for column in COLUMNS
            if column.ledger in kinds
            and column.delivery in ways
            and row.reason_against(column) is None
        ],
    )


APART: Final[Mapping[str, tuple[str, ...]]] = {
    "kills": ("delivery",),
    "ledger": ("ledger",),
}
"""In what the columns of a group's rows are each tried, where the others take turns."""

COLLECTED: Final = pytest.StashKey[list[tuple[str, str]]]()
"""Where a session keeps all cells that have a test, by names of fault and column."""

TOLD: Final[set[tuple[str, str]]] = set()
"""The cells whose results were told in this process, by names of fault and column."""


def told(fault: Fault, column: Column, result: str) -> None:
    """Tell a cell's result, which must be what the page says.

    Args:
        fault: The row.
        column: The column.
        result: What was observed, in a few words that are the same in every run.
    """
    assert fault.reason_against(column) is None, "this cell is declared not to be"
    assert result, "nothing was observed"
    assert not set(result) & set("|\n<>"), "a cell is one line of a table"
    TOLD.add((fault.name, column.id))
    folder = os.environ.get(RECORD)
    if folder:
        Path(folder, f"{fault.name}-{column.id}").write_text(result, encoding="utf-8")
        return
    said = _page().get((fault.title, column.id))
    assert result == said, (
        f"{PAGE.name} says {said!r} of this cell: a change that is meant is recorded with "
        "`make reliability`"
    )


@cache
def _page() -> Mapping[tuple[str, str], str]:
    return read_cells(PAGE.read_text(encoding="utf-8"), [column.id for column in COLUMNS])
