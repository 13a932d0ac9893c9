"""The table of mutants fits the code it changes; the mutants themselves run on their own."""

from __future__ import annotations

import ast
from typing import Final

import pytest

from target_cordial import errors
from tests.mutants import origin
from tests.mutants.check import ROOT, Fate, NotApplicableError, fate_of, mutated
from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS

BY_FILE: Final = {
    file: [mutant for mutant in MUTANTS if mutant.file == file]
    for file in sorted({mutant.file for mutant in MUTANTS})
}


@pytest.mark.parametrize("file", BY_FILE)
def test_every_mutant_applies_and_is_another_program(file: str) -> None:
    source = (ROOT / origin.PACKAGE / file).read_text("utf-8")
    program = ast.dump(ast.parse(source))
    for mutant in BY_FILE[file]:
        assert ast.dump(ast.parse(mutated(source, mutant))) != program, mutant.name


def test_every_mutant_has_a_harm_and_tests_that_are_there() -> None:
    texts: dict[str, str] = {}
    for mutant in MUTANTS:
        assert mutant.harm, mutant.name
        for path in mutant.tests:
            file, _, test = path.partition("::")
            text = texts.setdefault(file, (ROOT / file).read_text("utf-8"))
            assert f"def {test}" in text, mutant.name


def test_there_are_enough_of_them() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    core = [mutant for mutant in MUTANTS if mutant.file.startswith("core/")]
    assert len(core) >= 20
    assert {mutant.file for mutant in core} == {
        f"core/{file.name}"
        for file in (ROOT / origin.PACKAGE / "core").glob("*.py")
        if file.name != "__init__.py"
    }


@pytest.mark.parametrize("source", ["", "a = b", "a = 1; a = 1"])
def test_a_mutant_that_does_not_fit_exactly_once_is_an_error(source: str) -> None:
    mutant = Mutant("stale", "core/plan.py", "a = 1", "a = 2", "none")
    with pytest.raises(NotApplicableError, match="stale"):
        mutated(source, mutant)


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (0, Fate.SURVIVED),
        (1, Fate.KILLED),
        (2, Fate.BROKEN),
        (5, Fate.BROKEN),
        (origin.FOREIGN, Fate.BROKEN),
        (-1, Fate.BROKEN),
    ],
)
def test_only_a_failed_test_kills(status: int, fate: Fate) -> None:
    assert fate_of(status) is fate


def test_another_copy_of_the_package_is_noticed() -> None:
    inside, outside = origin.imported_from(ROOT)
    assert errors.__name__ in inside
    assert not outside
    inside, outside = origin.imported_from(ROOT / "elsewhere")
    assert not inside
    assert errors.__name__ in outside
