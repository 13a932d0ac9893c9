"""The matrix itself: no cell goes missing, and the page is what the tests say."""

from __future__ import annotations

import os

import pytest

from tests.faults import record
from tests.faults.matrix import COLLECTED, COLUMNS, DELIVERIES, GROUPS, RECORD, Fault, faults, told
from tests.faults.page import BEGIN, END, PAGE, put, read_cells, write_row
from tests.ledgers import KINDS

COLUMN_IDS = [column.id for column in COLUMNS]


def test_there_are_six_columns() -> None:
    expected = [f"{delivery}-{kind}" for delivery in DELIVERIES for kind in KINDS]
    assert expected == COLUMN_IDS


def test_rows_have_names_and_titles_of_their_own_and_reasons_for_columns_that_are() -> None:
    rows = faults()
    assert len({row.name for row in rows}) == len({row.title for row in rows}) == len(rows)
    known = {part for column in COLUMNS for part in column.parts}
    for row in rows:
        assert row.group in GROUPS
        assert row.not_applicable.keys() <= known
        assert row.name.isidentifier()
        assert not set(row.title) & set("|\n<>")
        assert any(row.reason_against(column) is None for column in COLUMNS)


def test_every_cell_is_tested_or_has_a_reason(request: pytest.FixtureRequest) -> None:
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    modules = {item.module.__name__ for item in items}
    if not {f"tests.faults.test_{group}" for group in GROUPS} <= modules:
        pytest.skip("only a part of the tests was collected")
    tested = request.config.stash[COLLECTED]  # those that do not run this time too
    assert len(tested) == len(set(tested))
    assert set(tested) == {
        (row.name, column.id)
        for row in faults()
        for column in COLUMNS
        if row.reason_against(column) is None
    }


def test_the_page_has_every_row_and_every_cell() -> None:
    if RECORD in os.environ:
        pytest.skip("the page is about to be written")
    page = PAGE.read_text(encoding="utf-8")
    cells = read_cells(page, COLUMN_IDS)
    assert {title for title, _ in cells} == {row.title for row in faults()} | {"fault"}
    assert put(page, record.tables(cells)) == page
    assert "not tested" not in page


@pytest.mark.parametrize("texts", ["aaaaaa", "aaaabb", "ababab", "abcdef", "aabcdd", "abbbbb"])
def test_what_is_written_is_read_again(texts: str) -> None:
    row = dict(zip(COLUMN_IDS, texts, strict=True))
    line = write_row("lost", row)
    assert read_cells(f"{BEGIN}\n{line}\n{END}", COLUMN_IDS) == {
        ("lost", column): text for column, text in row.items()
    }


def test_only_what_differs_names_its_columns() -> None:
    row = dict.fromkeys(COLUMN_IDS, "fine")
    assert write_row("lost", row) == "| lost | fine |"
    row["imports-sqlite"] = row["imports-postgres"] = "slow"
    assert write_row("lost", row) == "| lost | **contacts, endpoint:** fine<br>**imports:** slow |"


def test_a_result_that_is_not_the_page_s_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RECORD, raising=False)
    row = next(iter(faults()))
    column = next(column for column in COLUMNS if row.reason_against(column) is None)
    with pytest.raises(AssertionError, match="make reliability"):
        told(row, column, "something else")


def test_a_cell_that_can_not_be_is_not_told() -> None:
    row = Fault("never", "never", "calls", {"imports": "no reason"})
    with pytest.raises(AssertionError, match="declared not to be"):
        told(row, COLUMNS[2], "fine")
