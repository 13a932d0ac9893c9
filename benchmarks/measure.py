"""What a benchmark tells: ratios of one session, held against a bar.

Absolute times say more about a machine than about the software, so every figure is a ratio of two
things that were measured side by side, and every ratio was taken several times.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOK_SECONDS: Final = 0.02

CHECK_SHARE: Final = 2 / 3
"""A short check fails below this share of a bar: it is to find what broke, not what is noise."""


@dataclass(frozen=True)
class Bar:
    """What a ratio has to be.

    Attributes:
        bar: What it must reach; None where it is told for comparison alone.
        aim: What is aimed at.
        at_most: The ratio must be no more than the bar; else no less.
        unit: How it is written: ``×``, ``%``, ``MB``.
        by_median: It is held against the median of all times; else each time has to hold.
    """

    bar: float | None = None
    aim: float | None = None
    at_most: bool = False
    unit: str = "×"
    by_median: bool = False

    def holds(self, ratio: float, share: float = 1.0) -> bool:
        """Say whether a ratio reaches a share of the bar."""
        if self.bar is None:
            return True
        return ratio <= self.bar / share if self.at_most else ratio >= self.bar * share


@dataclass(frozen=True)
class Measure:
    """One line of the table.

    Attributes:
        name: What was measured.
        ratios: The ratio, each time that it was taken.
        bar: What it has to be.
    """

    name: str
    ratios: tuple[float, ...]
    bar: Bar

    @property
    def median(self) -> float:
        """The middle of the ratios."""
        return statistics.median(self.ratios)

    def holds(self, share: float = 1.0) -> bool:
        """Say whether a share of the bar is reached, each time that it was taken."""
        judged = (self.median,) if self.bar.by_median else self.ratios
        return all(self.bar.holds(ratio, share) for ratio in judged)

    def line(self) -> str:
        """Tell it on one line."""
        told = " ".join(f"{ratio:.2f}" for ratio in sorted(self.ratios))
        return f"{self.name}: {self.median:.2f} {self.bar.unit} ({told})"


@dataclass(frozen=True)
class Taken:
    """What a process took.

    Attributes:
        seconds: From its start to its end.
        peak: The most memory that it held, in MB.
        output: What it wrote to standard output and error.
        exit_code: How it ended.
    """

    seconds: float
    peak: int
    output: str
    exit_code: int


def run(command: Sequence[str | Path], *, cwd: Path, stdin: Path | None = None) -> Taken:
    """Run a command and watch it.

    What the system tells of ended processes counts also what this one held when it began them, so
    its memory is looked at while it runs.

    Args:
        command: The command.
        cwd: Where it runs, and leaves its log.
        stdin: A file that it reads.
    """
    log = cwd / "log"
    with log.open("w", encoding="utf-8") as said, (stdin or Path("/dev/null")).open("rb") as given:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603  our own commands
            [str(part) for part in command], stdin=given, stdout=said, stderr=said, cwd=cwd
        )
        status = Path(f"/proc/{process.pid}/status")
        peak = 0
        while True:
            try:
                exit_code = process.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                held = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
                peak = max(peak, int(held[1]) // 1024) if held else peak
        seconds = time.perf_counter() - began
    return Taken(seconds, peak, log.read_text(encoding="utf-8"), exit_code)
