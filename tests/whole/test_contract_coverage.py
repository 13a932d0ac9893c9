"""``docs/contract-coverage.md``: every sentence of the contract has a test that is there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "contract-coverage.md").read_text(encoding="utf-8")

SECTIONS = ["2.1", "2.2", "2.3", "2.4", "3", "4", "5"]

TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
CELLS = re.compile(r"(?<!\\)\|")


class Row(NamedTuple):
    """A sentence, and what stands beside it."""

    section: str
    sentence: str
    tests: str


def rows(page: str) -> list[Row]:
    """Read the tables of a page, without their heads."""
    found = []
    for part in page.split("\n## ")[1:]:
        section = part.split(maxsplit=1)[0]
        table = [line for line in part.splitlines() if line.startswith("|")]
        for line in table[2:]:
            _, sentence, tests, _ = CELLS.split(line)
            found.append(Row(section, sentence.strip(), tests.strip()))
    return found


ROWS = rows(PAGE)


@lru_cache
def defined(path: Path) -> frozenset[str]:
    """Find the tests of a file: functions of the module, and methods of its classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return frozenset(
        node.name for body in bodies for node in body if isinstance(node, ast.FunctionDef)
    )


def problem(row: Row) -> str | None:
    """Say what is wrong with a row."""
    named = TEST.findall(row.tests)
    if not named or TEST.sub("", row.tests).replace("<br>", ""):
        return "names no tests, or something else beside them"
    if len(set(named)) < len(named):
        return "names a test twice"
    for place, name in named:
        path = TESTS / place
        if not path.is_file() or name not in defined(path):
            return f"names {place}::{name}, which is not there"
        if not name.startswith("test_"):
            return f"names {name}, which is no test"
    return None


def test_every_section_has_its_table() -> None:
    assert list(Counter(row.section for row in ROWS)) == SECTIONS
    assert PAGE.count("\n| sentence | tests |\n| --- | --- |\n") == len(SECTIONS)


def test_every_sentence_has_tests_that_are_there() -> None:
    problems = {row.sentence: problem(row) for row in ROWS}
    assert {sentence: said for sentence, said in problems.items() if said} == {}


def test_no_sentence_is_repeated() -> None:
    sentences = Counter(re.sub(r"\W+", " ", row.sentence).lower() for row in ROWS)
    assert [sentence for sentence, count in sentences.items() if count > 1] == []


HERE = "`whole/test_contract_coverage.py::test_no_sentence_is_repeated`"


@pytest.mark.parametrize(
    ("sentence", "tests"),
    [
        ("Never send `subscribeStatus`.", "not yet"),
        ("Never send `subscribeStatus`.", ""),
        ("A ledger in PostgreSQL.", "later"),
        ("A removal.", f"{HERE} and more"),
        ("A removal.", f"{HERE}<br>{HERE}"),
        ("A removal.", HERE.replace("repeated", "repeated_here")),
        ("A removal.", HERE.replace("whole/", "nowhere/")),
        ("A removal.", HERE.replace("test_no_sentence_is_repeated", "rows")),
    ],
)
def test_a_row_that_holds_nothing_is_found(sentence: str, tests: str) -> None:
    assert problem(Row("3", sentence, tests)) is not None
    assert problem(Row("3", sentence, HERE)) is None
