"""Whole runs over a snapshot against a target of the SDK that does nothing with it.

Run as ``python -m benchmarks.snapshots [MEMBERS [ROUNDS]]``. Both are processes of their own that
read the same file, validation on. Ours has its ledger in a file of SQLite and delivers in batches,
to a service that answers at once. Where delivery is left out, the time from the first call that
changes a list to the last answer is taken off. To (a) it is all one how many cohorts there are: it
reads one of them, and that is what several are held against.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Bar, Measure, run
from benchmarks.rows import Snapshot
from benchmarks.service import serving

if TYPE_CHECKING:
    from benchmarks.service import Running

MEMBERS: Final = 1_000_000
COHORTS: Final = 50
ROUNDS: Final = 3
LINEAR_ROUNDS: Final = 5
CHURN: Final = 0.01

UNCHANGED: Final = Bar(10, aim=20)
CHANGED: Final = Bar(5, aim=10)
FIRST: Final = Bar(4, aim=8)
PEAK: Final = Bar(200, aim=120, at_most=True, unit="MB")
GROWTH: Final = Bar(1.3, aim=1.0, at_most=True)
LINEAR: Final = Bar(1.25, at_most=True, by_median=True)


@dataclass(frozen=True)
class Ended:
    """A run that ended well.

    Attributes:
        seconds: What it took, delivery included.
        planned: What it took without delivery, where it is the first that delivers.
        peak: The most memory that it held, in MB.
        calls: Calls that changed lists.
    """

    seconds: float
    planned: float
    peak: int
    calls: int


class Bench:
    """A folder with inputs, and a service to deliver to."""

    def __init__(self, folder: Path, service: Running) -> None:
        self._folder = folder
        self._service = service

    def input(self, snapshot: Snapshot) -> Path:
        """Write a snapshot, once."""
        path = self._folder / "-".join(map(str, ("input", *vars(snapshot).values())))
        if not path.exists():
            snapshot.write(path)
        return path

    def nothing(self, snapshot: Snapshot) -> float:
        """Tell how long the target takes that does nothing.

        Raises:
            RuntimeError: It did not end well.
        """
        config = self._folder / "nothing.json"
        config.write_text("{}", encoding="utf-8")
        command: list[str | Path] = [sys.executable, "-m", "benchmarks.noop", "--config", config]
        taken = run([*command, "--input", self.input(snapshot)], cwd=self._folder)
        if taken.exit_code:
            raise RuntimeError(taken.output[-2_000:])
        return taken.seconds

    def ours(self, snapshot: Snapshot, ledger: str, *, since: str | None = None) -> Ended:
        """Sync a snapshot.

        Args:
            snapshot: The snapshot.
            ledger: The name of the ledger that the run leaves.
            since: The one that it begins with; without it with none.

        Raises:
            RuntimeError: The run did not end well.
        """
        place = self._folder / ledger
        shutil.rmtree(place, ignore_errors=True)
        if since is not None:
            shutil.copytree(self._folder / since, place)
        settings = {
            "api_key": "key",
            "api_url": f"{self._service.url}/v2",
            "endpoint": self._service.url,
            "ledger_url": f"sqlite:///{place}/ledger.db",
            "verify_sample": 0,
        }
        config = self._folder / "ours.json"
        config.write_text(json.dumps(settings), encoding="utf-8")
        target = Path(sys.executable).parent / "target-cordial"
        command: list[str | Path] = [target, "--config", config, "--input", self.input(snapshot)]
        before = self._service.seen().calls
        taken = run(command, cwd=self._folder)
        seen = self._service.seen()
        if taken.exit_code:
            raise RuntimeError(taken.output[-2_000:])
        delivery = 0.0 if before else seen.seconds
        return Ended(taken.seconds, taken.seconds - delivery, taken.peak, seen.calls - before)

    def usual(self, snapshot: Snapshot, *, since: str | None) -> Ended:
        """Sync a snapshot three times, each anew: short runs are soon disturbed.

        Returns:
            The one that took neither longest nor shortest.
        """
        runs = [self.ours(snapshot, "next", since=since) for _ in range(3)]
        return sorted(runs, key=lambda ended: ended.seconds)[1]


def measures(members: int = MEMBERS, rounds: int = ROUNDS) -> list[Measure]:
    """Measure everything.

    Args:
        members: Rows of the snapshots; memory and time are held against a tenth of them, and
            twice as many.
        rounds: How often.
    """
    first: list[float] = []
    unchanged: list[float] = []
    changed: list[float] = []
    many: list[float] = []
    peaks: list[float] = []
    snapshot, cohorts = Snapshot(members), Snapshot(members, cohorts=COHORTS)
    with tempfile.TemporaryDirectory() as name:
        for _ in range(rounds):
            with serving(0.0) as service:
                bench = Bench(Path(name), service)
                # Next to each other what is held against each other: machines change their pace.
                nothing = bench.nothing(snapshot)
                new = bench.ours(snapshot, "day0")
                first.append(nothing / new.planned)
                bench.ours(cohorts, "many0")
                same = bench.usual(snapshot, since="day0")
                nothing = bench.nothing(snapshot)
                moved = bench.usual(Snapshot(members, left=CHURN, day=1), since="day0")
                many.append(nothing / bench.usual(cohorts, since="many0").seconds)
            unchanged.append(nothing / same.seconds)
            changed.append(nothing / moved.seconds)
            peaks.append(float(max(new.peak, same.peak, moved.peak)))
    rows = f"{members:,} rows"
    return [
        Measure(f"(a) against ours, {rows}, nothing changed", tuple(unchanged), UNCHANGED),
        Measure(f"the same in {COHORTS} cohorts", tuple(many), UNCHANGED),
        Measure("1 % left and 1 % joined, delivered by `endpoint`", tuple(changed), CHANGED),
        Measure("first sync, planned and not delivered", tuple(first), FIRST),
        Measure(f"peak memory at {rows}", tuple(peaks), PEAK),
    ]


def of_size(members: int = MEMBERS, rounds: int = LINEAR_ROUNDS) -> list[Measure]:
    """Measure how memory and time grow from a tenth of the rows to twice as many."""
    one, few, most = Snapshot(1), Snapshot(members // 10), Snapshot(members * 2)
    time, memory = [], []
    with tempfile.TemporaryDirectory() as name, serving(0.0) as service:
        bench = Bench(Path(name), service)
        begun = {each: bench.ours(each, f"day0-{each.members}") for each in (one, few, most)}
        for _ in range(rounds):
            # Short runs on both sides of the long one: machines change their pace in a minute.
            ran: dict[Snapshot, list[Ended]] = {one: [], few: [], most: []}
            for each in (one, few, one, few, most, few, one, few, one):
                ran[each].append(bench.ours(each, "next", since=f"day0-{each.members}"))
            none, small, large = (
                statistics.median(ended.seconds for ended in runs) for runs in ran.values()
            )
            time.append((large - none) / (small - none) / (most.members / few.members))
            held = [max(ended.peak for ended in (begun[each], *ran[each])) for each in (few, most)]
            memory.append(held[1] / held[0])
    sizes = f"from {few.members:,} to {most.members:,} rows"
    return [
        Measure(f"time a row, {sizes}", tuple(time), LINEAR),
        Measure(f"memory, {sizes}", tuple(memory), GROWTH),
    ]


def main() -> None:
    """Measure, and print."""
    sizes = [*map(int, sys.argv[1:])]
    for measure in (*measures(*sizes), *of_size(*sizes)):
        print(measure.line(), flush=True)  # noqa: T201  the result


if __name__ == "__main__":
    main()
