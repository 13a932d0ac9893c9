"""How close to the wire deliveries are: against the wait for answers, a limit, and a naive target.

Run as ``python -m benchmarks.calls [SCALE]``. The real command in a process of its own, against
:mod:`benchmarks.service` in another. What is told of calls is what the service saw, from the first
one that changes a list to the answer to the last: the ramp, the ledger and the end are in it.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measure import Bar, Measure, Taken, run
from benchmarks.rows import Snapshot
from benchmarks.service import CONTACTS, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.service import Running, Seen

DELAY_SECONDS: Final = 0.05
ROUNDS: Final = 3
DEFAULT: Final = 8
CHANGES: Final = 10_000
CHANGES_A_WORKER: Final = 600
LIMIT: Final = 200
"""Calls a second, of which 16 at a time would make 320."""

NAIVE: Final = 200
"""Records that the naive target is given: it is linear, so the rest is reckoned."""

SHARE_OF_IDEAL: Final = Bar(95, aim=98, unit="%")
SHARE_OF_LIMIT: Final = Bar(90, aim=97, unit="%")
REFUSED: Final = Bar(2, aim=0.5, at_most=True, unit="%")
AGAINST_NAIVE: Final = Bar(12)
BY_ENDPOINT: Final = Bar(12, aim=50)
YARDSTICK: Final = Bar(unit="%")


@dataclass(frozen=True)
class Delivered:
    """A first sync.

    Attributes:
        taken: What the process took.
        seen: What the service saw of it.
    """

    taken: Taken
    seen: Seen


def share_of_ideal(seen: Seen, workers: int) -> float:
    """Tell calls a second, in percent of so many at a time by the time that an answer takes."""
    return 100 * seen.calls / seen.seconds / (workers / seen.latency)


def deliver(
    changes: int, *, workers: int = DEFAULT, limit: int | None = None, endpoint: bool = False
) -> Delivered:
    """Let the target deliver a first sync.

    Args:
        changes: Members of the cohort.
        workers: Calls at a time.
        limit: Calls a second that are allowed.
        endpoint: Deliver in batches.

    Raises:
        RuntimeError: It did not end well.
    """
    with serving(DELAY_SECONDS, limit) as service, tempfile.TemporaryDirectory() as name:
        settings = {
            "ledger_url": f"sqlite:///{name}/state/ledger.db",
            "max_concurrency": workers,
            "verify_sample": 0,
            **({"endpoint": service.url} if endpoint else {}),
        }
        target = Path(sys.executable).parent / "target-cordial"
        taken = commanded(Path(name), service, changes, [target], settings)
        return Delivered(taken, service.seen())


def deliver_naively(changes: int) -> float:
    """Reckon how many seconds the naive target takes with so many records."""
    some = min(NAIVE, changes)
    with serving(DELAY_SECONDS) as service, tempfile.TemporaryDirectory() as name:
        command: list[str | Path] = [sys.executable, "-m", "benchmarks.naive"]
        taken = commanded(Path(name), service, some, command, {})
        seen = service.seen()
    return taken.seconds + (changes - some) * seen.seconds / (some - 1)


def commanded(
    folder: Path,
    service: Running,
    members: int,
    command: list[str | Path],
    settings: dict[str, Any],
) -> Taken:
    """Run a target over a snapshot of so many members."""
    given, config = folder / "input.jsonl", folder / "config.json"
    Snapshot(members).write(given)
    connection = {"api_key": "key", "api_url": f"{service.url}/v2"}
    config.write_text(json.dumps({**connection, **settings}), encoding="utf-8")
    taken = run([*command, "--config", config, "--input", given], cwd=folder)
    if taken.exit_code:
        raise RuntimeError(taken.output[-2_000:])
    return taken


def bare(calls: int, workers: int) -> float:
    """Measure the yardstick: threads that send and receive prepared bytes, and do nothing else."""
    body = b'{"list": true}'
    request = b"PUT %b/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (
        CONTACTS.encode(),
        len(body),
        body,
    )
    with serving(DELAY_SECONDS) as service:
        host, _, port = service.url.removeprefix("http://").partition(":")

        def work() -> None:
            with socket.create_connection((host, int(port))) as connection:
                for _ in range(calls // workers):
                    connection.sendall(request)
                    connection.recv(65_536)

        threads = [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return share_of_ideal(service.seen(), workers)


def measures(scale: float = 1.0, rounds: int = ROUNDS) -> list[Measure]:
    """Measure everything.

    Args:
        scale: Part of the full size.
        rounds: How often.
    """
    return [*of_concurrency(scale, rounds), *of_a_limit(scale, rounds), *of_naive(scale, rounds)]


def of_concurrency(scale: float, rounds: int) -> Iterator[Measure]:
    """Measure calls a second against calls at a time and the time of an answer."""
    for workers in (16, 64):
        # As long for each: what is at the start and at the end weighs the same.
        changes = int(scale * CHANGES_A_WORKER * workers)
        ours, floor = [], []
        for _ in range(rounds):
            ours.append(share_of_ideal(deliver(changes, workers=workers).seen, workers))
            floor.append(bare(changes, workers))
        name = f"`contacts`, {workers} at a time at 50 ms: share of the ideal"
        yield Measure(name, tuple(ours), SHARE_OF_IDEAL)
        yield Measure(f"bare sockets, {workers} at a time: the same", tuple(floor), YARDSTICK)


def of_a_limit(scale: float, rounds: int) -> Iterator[Measure]:
    """Measure calls a second against a limit, and what is refused."""
    used, refused = [], []
    for _ in range(rounds):
        seen = deliver(int(scale * CHANGES), workers=16, limit=LIMIT).seen
        used.append(100 * seen.calls / seen.seconds / LIMIT)
        refused.append(100 * seen.refused / (seen.refused + seen.calls))
    yield Measure(f"`contacts`, {LIMIT} calls a second allowed: used", tuple(used), SHARE_OF_LIMIT)
    yield Measure("the same: answers that are 429", tuple(refused), REFUSED)


def of_naive(scale: float, rounds: int) -> Iterator[Measure]:
    """Measure whole runs against the naive target's."""
    changes = int(scale * CHANGES)
    kinds: dict[str, tuple[Bar, dict[str, Any]]] = {
        "`contacts`, 64 at a time": (AGAINST_NAIVE, {"workers": 64}),
        f"`contacts`, {DEFAULT} at a time, the default": (Bar(), {"workers": DEFAULT}),
        "`endpoint`": (BY_ENDPOINT, {"endpoint": True}),
    }
    ratios: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        naive = deliver_naively(changes)
        for name, (bar, options) in kinds.items():
            if bar.bar is None and ratios[name]:
                continue  # told for comparison alone, and slow
            ratios[name].append(naive / deliver(changes, **options).taken.seconds)
    for name, (bar, _) in kinds.items():
        yield Measure(f"(b) against {name}, {changes:,} changes", tuple(ratios[name]), bar)


def main() -> None:
    """Measure, and print."""
    scale = float(sys.argv[1]) if sys.argv[1:] else 1.0
    for measure in measures(scale):
        print(measure.line(), flush=True)  # noqa: T201  the result


if __name__ == "__main__":
    main()
