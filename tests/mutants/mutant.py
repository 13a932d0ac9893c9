"""What a mutant is, and the guards that some of them break."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Final

from tests.mutants.origin import PACKAGE


class Guard(str, Enum):
    """What stands between a fault and people who are wrongly removed, added or forgotten."""

    COMPLETENESS = "Absence means removal only with proof"
    REMOVALS = "The guard of removals"
    ADDITIONS = "The guard of additions"
    BINDING = "A ledger belongs to one account, identifier and mapping"
    ADOPTION = "Members that a list had before are nobody's until somebody says so"
    SHARED = "A shared identifier stays until its last user leaves"
    OWNERSHIP = "Removal follows only what was sent, and nothing that was sent is forgotten"


BOTH: Final = (Guard.REMOVALS, Guard.ADDITIONS)


@dataclass(frozen=True)
class Mutant:
    """One wrong turn.

    Attributes:
        name: What it is called.
        file: The file it changes, below the package.
        old: The text it replaces; it stands in the file exactly once.
        new: What it puts there.
        harm: What people would suffer from it.
        caught_by: The tests that have to fail, where that is not the file's own test.
        guards: The guards that it breaks, if any.
    """

    name: str
    file: str
    old: str
    new: str
    harm: str
    caught_by: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()

    @property
    def module(self) -> str:
        """The module it changes."""
        return f"{PACKAGE}.{self.file.removesuffix('.py').replace('/', '.')}"

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests that have to fail."""
        path = PurePosixPath(self.file)
        return self.caught_by or (f"tests/{PACKAGE}/{path.parent}/test_{path.name}",)


COMMAND: Final = "tests/target_cordial/command"
READ_BACK: Final = "tests/target_cordial/command/test_read_back.py"
SETTLEMENT: Final = ("tests/target_cordial/ledger/test_settlement.py",)
READING: Final = ("tests/target_cordial/core/test_membership.py",)
TIMES: Final = ("tests/target_cordial/ledger/test_source_times.py",)
RECALL: Final = ("tests/target_cordial/ledger/test_recall.py",)
