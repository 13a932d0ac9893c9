"""How fast ``tap-amplitude`` sends a cohort, and what memory that takes.

Run as ``python -m benchmarks.tap [MEMBERS]``. Everything real but Amplitude, which a small server
in a process of its own stands in for: it answers at once and serves a prepared file, gzip as
Amplitude's are. The tap's rows are held against a bare loop that only decodes the lines that the
tap wrote. A run over one member is taken from both, since it has in it what does not depend on the
rows: starting up, and the second that the tap waits before it asks whether a file is ready.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Bar, Measure, Taken, run

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS: Final = 1_000_000
ROUNDS: Final = 3
COHORT: Final = "9zx41kq"
PROPERTIES: Final = ("email", "first_name", "last_name", "plan", "lifetime_value", "signup_date")
PLANS: Final = ("gold", "silver", "basic")
STEP: Final = 7919  # a prime, so that the ids come in no order, as the plans do

PLAIN: Final = "plain"
SPARSE: Final = "sparse"
QUOTED: Final = "quoted"
FORMS: Final = (PLAIN, SPARSE, QUOTED)

DECODE: Final = """
import sys, msgspec
decode = msgspec.json.decode
for line in open(sys.argv[1], "rb"):
    decode(line)
"""


@dataclass(frozen=True)
class Sync:
    """What it took to send a file, and to read what was sent.

    Attributes:
        tap: The tap.
        reader: The bare loop that decodes its lines.
    """

    tap: Taken
    reader: Taken

    def over(self, least: Sync) -> float:
        """Tell how much longer the tap took than the reader, less what a single row takes."""
        took = self.tap.seconds - least.tap.seconds
        return took / (self.reader.seconds - least.reader.seconds)


def cells(number: int, members: int, form: str) -> list[str]:
    """Return a member's row: plain, with a third of the values absent, or with a quote in it."""
    row = [
        str(356893043036 + (number * STEP % members) * 97),
        f"user-{number:09d}",
        f"customer.{number:08d}@shop.example",
        "Ana",
        "Lindqvist",
        PLANS[number % 3],
        f"{number % 100_000 / 100:.2f}",
        f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
    ]
    if form == SPARSE and number % 3:
        row[1 + number % 7] = row[3 + number % 5] = ""
    if form == QUOTED:
        row[3] = 'Ana "Nan"'
    return row


def write_file(path: Path, members: int, form: str) -> None:
    """Write a cohort's file as Amplitude does: every cell quoted, gzip."""
    with gzip.open(path, "wb", compresslevel=6) as packed:
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["amplitude_id", "user_id", *PROPERTIES])
        writer.writerows(cells(number, members, form) for number in range(members))
        text.flush()


class Amplitude(BaseHTTPRequestHandler):
    """The cohort API, for one cohort whose file is ready at once."""

    protocol_version = "HTTP/1.1"
    file: Path

    def do_GET(self) -> None:
        """Answer."""
        if self.path.endswith("/file"):
            body = self.file.read_bytes()
        else:
            cohort = {"id": COHORT, "name": "active users"}
            body = json.dumps({"cohorts": [cohort], "request_id": "Rk7w2Q"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(file: Path) -> None:
    """Serve a file for ever; say the port first."""
    Amplitude.file = file
    server = ThreadingHTTPServer(("127.0.0.1", 0), Amplitude)
    print(server.server_port, flush=True)  # noqa: T201  the only word that is waited for
    server.serve_forever()


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """Serve a file from a process of its own; yield the address."""
    command = [sys.executable, "-m", "benchmarks.tap", "serve", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own
        try:
            assert process.stdout is not None  # noqa: S101  it is a pipe
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@contextmanager
def piped(pipe: Path, lines: Path) -> Iterator[Path]:
    """Make a pipe, as a tap writes into; what comes through goes into a file."""
    os.mkfifo(pipe)
    with lines.open("wb") as file, subprocess.Popen(["cat", pipe], stdout=file):  # noqa: S603, S607
        yield pipe
    pipe.unlink()


def sync(folder: Path, members: int, form: str = PLAIN) -> Sync:
    """Let the tap send a file, and read its lines.

    Raises:
        RuntimeError: The tap did not send everybody.
    """
    file = folder / f"{form}-{members}.csv.gz"
    if not file.exists():
        write_file(file, members, form)
    lines, config = folder / "lines.jsonl", folder / "config.json"
    with serving(file) as url:
        settings = {"api_key": "k", "secret_key": "s", "api_url": url, "cohort_ids": [COHORT]}
        config.write_text(json.dumps({**settings, "poll_interval_seconds": 1}), encoding="utf-8")
        tap = Path(sys.executable).parent / "tap-amplitude"
        with piped(folder / "pipe", lines) as pipe:
            taken = run(["sh", "-c", f'exec "{tap}" --config "{config}" > "{pipe}"'], cwd=folder)
    if taken.exit_code or f"complete, {members} members" not in taken.output:
        message = f"{form}, {members} members: {taken.output.splitlines()[-1]}"
        raise RuntimeError(message)
    reader = run([sys.executable, "-c", DECODE, lines], cwd=folder)
    return Sync(taken, reader)


def measures(members: int = MEMBERS, rounds: int = ROUNDS) -> list[Measure]:
    """Measure, each round anew.

    Args:
        members: Rows of the file; memory is held against that of a run over a tenth of them, and
            of twice as many.
        rounds: How often each ratio is taken.
    """
    slower: dict[str, list[float]] = {form: [] for form in FORMS}
    whole, growth, peak = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(rounds):
            least = sync(folder, 1)
            for form in FORMS:
                # Of three in a row the middle one: machines change their pace within a minute.
                three = sorted(
                    (sync(folder, members, form) for _ in range(3)), key=lambda one: one.over(least)
                )
                slower[form].append(three[1].over(least))
                if form == PLAIN:
                    whole.append(three[1].tap.seconds / three[1].reader.seconds)
                    peak.append(float(max(one.tap.peak for one in three)))
            few, many = sync(folder, members // 10), sync(folder, members * 2)
            growth.append(many.tap.peak / few.tap.peak)
    bar = Bar(6, 3, at_most=True)
    return [
        Measure("tap against a bare decode of its lines", tuple(slower[PLAIN]), bar),
        Measure("the same, two thirds of the rows with gaps", tuple(slower[SPARSE]), bar),
        Measure("the same, with a quote in every row", tuple(slower[QUOTED]), bar),
        Measure("the same, start and waiting included", tuple(whole), Bar(at_most=True)),
        Measure("tap: memory", tuple(peak), Bar(200, 120, at_most=True, unit="MB")),
        Measure(
            "tap: memory with twenty times the rows", tuple(growth), Bar(1.3, 1.05, at_most=True)
        ),
    ]


def main() -> None:
    """Serve a file, or measure."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["serve"]:
        serve(Path(arguments[1]))
        return
    for measure in measures(*map(int, arguments)):
        print(measure.line(), flush=True)  # noqa: T201  the result


if __name__ == "__main__":
    main()
