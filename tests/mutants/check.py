"""Try every mutant: ``python -m tests.mutants.check [NAME …]``.

Each mutant is applied to a copy of the package in a temporary folder, and the tests that are to
catch it run against that copy. It is killed when a test fails. It is broken, which is as bad as
alive, when no test ran to a verdict: a syntax error, or another copy of the package imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.ledgers import POSTGRES, SQLITE
from tests.mutants import origin
from tests.mutants.table import MUTANTS
from tests.turns import EACH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.mutants.mutant import Mutant

ROOT: Final = Path(__file__).resolve().parents[2]

WORKERS: Final = 2

PATIENCE_SECONDS: Final = 300
"""After this long a run counts as hanging; that is no verdict either."""

_TESTS_FAILED: Final = 1


class Fate(str, Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"


class NotApplicableError(Exception):
    """A mutant's old text is not in its file exactly once."""


def mutated(source: str, mutant: Mutant) -> str:
    """Apply a mutant to the text of its file."""
    count = source.count(mutant.old)
    if count != 1:
        raise NotApplicableError(
            f"{mutant.name}: the old text occurs {count} times in {mutant.file}, not once"
        )
    return source.replace(mutant.old, mutant.new)


def fate_of(exit_status: int) -> Fate:
    """Read pytest's exit status."""
    if exit_status == 0:
        return Fate.SURVIVED
    return Fate.KILLED if exit_status == _TESTS_FAILED else Fate.BROKEN


def run_tests(paths: Iterable[str], module: str, mutant: Mutant | None) -> tuple[int, str]:
    """Run tests against a copy of the package.

    Args:
        paths: The tests.
        module: A module that has to come from the copy.
        mutant: What to change in the copy; None leaves it as it is.

    Returns:
        pytest's exit status and the end of its output.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in (origin.PACKAGE, "tests"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", copy)
        if mutant is not None:
            file = copy / origin.PACKAGE / mutant.file
            file.write_text(mutated(file.read_text("utf-8"), mutant), "utf-8")
        environment = os.environ | {
            "PYTHONPATH": folder,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_ADDOPTS": "",
            # Loading the plugins of the environment takes longer than the tests.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            origin.ROOT_VARIABLE: folder,
            origin.MODULE_VARIABLE: module,
        }
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--assert=plain", "--tb=line"]
        command += ["-p", "no:cacheprovider", "-p", origin.__name__, *paths]
        if POSTGRES in "".join(paths):
            command += ["--ways", EACH]
        else:  # one kind will do, and needs no server
            command += ["--ways", SQLITE, "-k", f"not {POSTGRES}"]
        try:
            done = subprocess.run(
                command,
                cwd=copy,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return -1, "no end in sight"
    return done.returncode, done.stdout[-2000:]


def attempt(mutant: Mutant) -> tuple[Fate, str]:
    """Try one mutant."""
    try:
        status, output = run_tests(mutant.tests, mutant.module, mutant)
    except NotApplicableError as error:
        return Fate.BROKEN, str(error)
    return fate_of(status), output


def main(names: Sequence[str]) -> int:
    """Try the named mutants, or all; 0 where none is left alive."""
    say = sys.stdout.write
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    paths = sorted({path for mutant in chosen for path in mutant.tests})
    if not paths:
        say("There is no such mutant.\n")
        return 2
    status, output = run_tests(paths, chosen[0].module, None)
    if status != 0:
        say(f"{output}\nThe tests fail without any mutant: mend that first.\n")
        return 2
    width = max(len(mutant.name) for mutant in chosen)
    alive = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for mutant, (fate, told) in zip(chosen, pool.map(attempt, chosen), strict=True):
            say(f"{fate.value:8}  {mutant.name:{width}}  {mutant.file}: {mutant.harm}\n")
            sys.stdout.flush()
            if fate is not Fate.KILLED:
                alive += 1
                say(f"{told}\n")
    say(f"{len(chosen) - alive} of {len(chosen)} mutants killed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
