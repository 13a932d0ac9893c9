"""The table of guards in ``docs/reliability.md``: ``python -m tests.mutants.guards [NAME …]``.

Tries the named mutants that break a guard, or all of them, and writes who killed each. The others
keep what the page has of them; one that is left alive is written down as not tried.
"""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from tests.mutants.check import ROOT, WORKERS, Fate, attempt
from tests.mutants.mutant import Guard
from tests.mutants.table import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.mutants.mutant import Mutant

PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- guards: written by `python -m tests.mutants.guards` -->"
END: Final = "<!-- end of the guards -->"

HEAD: Final = "| what was broken: the harm | where | mutant | killed by |"

NOT_RUN: Final = "not tried"

_KILLER: Final = re.compile(r"^(?:FAILED|ERROR) tests/(\S+?)::(?:\w+::)*(\w+)", re.MULTILINE)
_ROW: Final = re.compile(r"^\| .* \| `.*` \| (\S+) \| (.*) \|$", re.MULTILINE)


def guarded() -> list[Mutant]:
    """Return the mutants that break a guard."""
    return [mutant for mutant in MUTANTS if mutant.guards]


def killer_of(output: str) -> str:
    """Name the test that failed first."""
    found = _KILLER.search(output)
    return f"`{found[1]}`: {found[2].replace('_', ' ')}" if found else ""


def killers(page: str) -> dict[str, str]:
    """Read from the page which test killed which mutant."""
    return dict(_ROW.findall(_section(page)))


def tables(killed_by: Mapping[str, str]) -> str:
    """Write all tables.

    Args:
        killed_by: The tests, by the mutant's name.
    """
    lines = [BEGIN]
    for guard in Guard:
        lines += ["", f"### {guard.value}", "", HEAD, "|---|---|---|---|"]
        lines += [
            f"| {mutant.harm} | `{mutant.file}` | {mutant.name} | "
            f"{killed_by.get(mutant.name, NOT_RUN)} |"
            for mutant in guarded()
            if guard in mutant.guards
        ]
    return "\n".join([*lines, "", END])


def put(page: str, made: str) -> str:
    """Put other tables into the page."""
    return page.replace(_section(page), made)


def main(names: Sequence[str], path: Path = PAGE) -> int:
    """Try mutants, and write the page; 0 where none is left alive."""
    chosen = [mutant for mutant in guarded() if not names or mutant.name in names]
    page = path.read_text("utf-8")
    known = killers(page)
    alive = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for mutant, (fate, told) in zip(chosen, pool.map(attempt, chosen), strict=True):
            known[mutant.name] = killer_of(told)
            sys.stdout.write(f"{fate.value:8}  {mutant.name}: {known[mutant.name]}\n")
            sys.stdout.flush()
            if fate is not Fate.KILLED or not known[mutant.name]:
                alive += 1
                del known[mutant.name]
                sys.stdout.write(f"{told}\n")
    path.write_text(put(page, tables(known)), "utf-8")
    return 1 if alive else 0


def _section(page: str) -> str:
    """Cut the tables out of the page."""
    return page[page.index(BEGIN) : page.index(END) + len(END)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
