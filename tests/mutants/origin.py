"""A pytest plugin that ends a session which did not test the copy it was meant to test."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

ROOT_VARIABLE: Final = "MUTANT_ROOT"
MODULE_VARIABLE: Final = "MUTANT_MODULE"
PACKAGE: Final = "target_cordial"

FOREIGN: Final = 70
"""Exit status of a session that imported the package from elsewhere, or not the mutated module."""


def imported_from(root: Path) -> tuple[set[str], set[str]]:
    """Sort the package's imported modules: those below a folder, and the others."""
    inside: set[str] = set()
    outside: set[str] = set()
    for name, module in list(sys.modules.items()):
        if name == PACKAGE or name.startswith(f"{PACKAGE}."):
            file = getattr(module, "__file__", None)
            below = file is not None and Path(file).resolve().is_relative_to(root)
            (inside if below else outside).add(name)
    return inside, outside


def pytest_sessionfinish(session: pytest.Session) -> None:
    root = Path(os.environ[ROOT_VARIABLE]).resolve()
    inside, outside = imported_from(root)
    if outside or os.environ[MODULE_VARIABLE] not in inside:
        session.exitstatus = FOREIGN
