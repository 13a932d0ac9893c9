"""The table of mutants fits the code it changes; the mutants themselves run on their own."""

from __future__ import annotations

import ast

import pytest

from target_cordial import errors
from tests.mutants import origin
from tests.mutants.check import ROOT, Fate, NotApplicableError, fate_of, mutated
from tests.mutants.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_applies_and_is_another_program(mutant: Mutant) -> None:
    source = (ROOT / origin.PACKAGE / mutant.file).read_text("utf-8")
    assert ast.dump(ast.parse(mutated(source, mutant))) != ast.dump(ast.parse(source))
    assert mutant.harm
    for path in mutant.tests:
        file, _, test = path.partition("::")
        assert f"def {test}" in (ROOT / file).read_text("utf-8")


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
