"""All benchmarks: ``python -m benchmarks`` writes the table in ``docs/benchmarks.md``.

``python -m benchmarks check`` is short: it takes everything once, with fewer rows and calls, and
ends with 1 where a ratio is below two thirds of its bar.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import calls, snapshots, tap
from benchmarks.measure import CHECK_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.measure import Bar, Measure

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- made by make bench -->"
END: Final = "<!-- end -->"

CHECK_MEMBERS: Final = 400_000
CHECK_CALLS: Final = 0.2


def everything() -> Iterator[Measure]:
    """Take every measure at full size."""
    yield from snapshots.measures()
    yield from snapshots.of_size()
    yield from calls.measures()
    yield from tap.measures()


def shortly() -> Iterator[Measure]:
    """Take every measure once, at a part of its size."""
    yield from snapshots.measures(CHECK_MEMBERS, 1)
    yield from snapshots.of_size(CHECK_MEMBERS, 1)
    yield from calls.measures(CHECK_CALLS, 1)
    yield from tap.measures(CHECK_MEMBERS, 1)


def table(measures: Iterable[Measure]) -> str:
    """Write the table."""
    lines = ["| measure | median | least to most | bar | aim |", "|---|---:|---:|---:|---:|"]
    for one in measures:
        unit = one.bar.unit
        spread = f"{min(one.ratios):.2f} to {max(one.ratios):.2f}"
        lines.append(
            f"| {one.name} | {one.median:.2f} {unit} | {spread} "
            f"| {_held(one.bar, one.bar.bar)} | {_held(one.bar, one.bar.aim)} |"
        )
    return "\n".join(lines)


def _held(bar: Bar, number: float | None) -> str:
    return "" if number is None else f"{'≤' if bar.at_most else '≥'} {number:g} {bar.unit}"


def main() -> None:
    """Measure; write, or judge."""
    check = sys.argv[1:] == ["check"]
    share = CHECK_SHARE if check else 1.0
    taken: list[Measure] = []
    for measure in shortly() if check else everything():
        taken.append(measure)
        verdict = "" if measure.holds(share) else "   <- below its bar"
        print(f"{measure.line()}{verdict}", flush=True)  # noqa: T201  the result
    if not check:
        system = f"{os.cpu_count()} cores, Python {platform.python_version()}"
        text = DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        made = f"{BEGIN}\n\nTaken on {system}.\n\n{table(taken)}\n\n{END}"
        DOCUMENT.write_text(f"{before}{made}{after}", encoding="utf-8")
    sys.exit(not all(one.holds(share) for one in taken))


if __name__ == "__main__":
    main()
