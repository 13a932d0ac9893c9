"""The page of guards says what the table of mutants says, and names tests that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.mutants import guards
from tests.mutants.check import ROOT, Fate
from tests.mutants.mutant import Guard, Mutant
from tests.mutants.table import MUTANTS

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = guards.PAGE.read_text("utf-8")

OUTPUT: Final = """
tests/a/test_b.py:7: AssertionError
=========================== short test summary info ============================
FAILED tests/a/test_b.py::test_nobody_leaves[1-x] - assert 1 == 2
"""


def test_the_page_and_the_table_of_mutants_agree() -> None:
    assert guards.put(PAGE, guards.tables(guards.killers(PAGE))) == PAGE


def test_every_guard_was_broken_and_somebody_noticed() -> None:
    killed_by = guards.killers(PAGE)
    for guard in Guard:
        assert len([mutant for mutant in MUTANTS if guard in mutant.guards]) > 5, guard
    for mutant in guards.guarded():
        file, _, test = killed_by[mutant.name].strip("`").partition("`: ")
        assert f"tests/{file}" in {path.partition("::")[0] for path in mutant.tests}, mutant.name
        assert f"def {test.replace(' ', '_')}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_the_first_test_that_failed_is_the_killer() -> None:
    assert guards.killer_of(OUTPUT) == "`a/test_b.py`: test nobody leaves"
    assert guards.killer_of("no end in sight") == ""


@pytest.mark.parametrize("fate", [Fate.SURVIVED, Fate.BROKEN])
def test_one_that_is_left_alive_is_no_row(
    fate: Fate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive, dead = guards.guarded()[:2]

    def attempt(mutant: Mutant) -> tuple[Fate, str]:
        return (fate if mutant is alive else Fate.KILLED), OUTPUT

    monkeypatch.setattr(guards, "attempt", attempt)
    page = tmp_path / "reliability.md"
    page.write_text(PAGE, "utf-8")
    assert guards.main([alive.name, dead.name], page) == 1
    killed_by = guards.killers(page.read_text("utf-8"))
    assert killed_by[alive.name] == guards.NOT_RUN
    assert killed_by[dead.name] == "`a/test_b.py`: test nobody leaves"
    rest = guards.killers(PAGE).items() - guards.killers(page.read_text("utf-8")).items()
    assert {name for name, _ in rest} <= {alive.name, dead.name}
