"""What a first sync takes by each delivery: calls, bytes and memory.

Run as ``python -m benchmarks.deliveries [MEMBERS …]``; writes the table in ``docs/deliveries.md``.
Everything real but the services: the command in a process of its own, HTTP, the sandbox, an S3
server. Times are not told: on loopback they would say nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import requests

from benchmarks import measure
from cordial_sandbox.server import serving
from tests.staging import BUCKET, KEY, SECRET, serving_s3

if TYPE_CHECKING:
    from cordial_sandbox.server import Running

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "deliveries.md"
BEGIN: Final = "<!-- made by benchmarks/deliveries.py -->"
END: Final = "<!-- end -->"

MEMBERS: Final = (2_000, 20_000, 200_000)
DELIVERIES: Final = ("contacts", "endpoint", "imports")
COHORT: Final = "9zx41kq"


@dataclass(frozen=True)
class Taken:
    """What one run took.

    Attributes:
        reads: Calls that read, jobs apart.
        writes: Calls that write.
        polls: Looks at jobs.
        sent: Bytes of all bodies, and of staged files.
        peak: The most memory that the process held, in MB.
    """

    reads: int
    writes: int
    polls: int
    sent: int
    peak: int


def messages(members: int) -> list[dict[str, Any]]:
    """Make what ``tap-amplitude`` sends of a cohort."""
    properties = {"cohort_id": {"type": "string"}}
    sent: list[dict[str, Any]] = [
        {"type": "SCHEMA", "stream": name, "schema": {"properties": more}, "key_properties": []}
        for name, more in (
            ("cohort_members", {**properties, "amplitude_id": {"type": "string"}}),
            (
                "cohort_snapshots",
                {**properties, "member_count": {"type": "integer"}, "complete": {}},
            ),
        )
    ]
    cohort = {"cohort_id": COHORT, "cohort_name": "active users", "snapshot_id": "Rk7w2Q"}
    rows = (
        {
            **cohort,
            "amplitude_id": str(356893043036 + number),
            "user_id": f"u-{number}",
            "user_properties": {"email": f"customer.{number}@shop.example"},
        }
        for number in range(members)
    )
    sent += [{"type": "RECORD", "stream": "cohort_members", "record": row} for row in rows]
    marker = {**cohort, "member_count": members, "complete": True}
    return [*sent, {"type": "RECORD", "stream": "cohort_snapshots", "record": marker}]


def run(delivery: str, members: int, sandbox: Running, store: str) -> Taken:
    """Sync a cohort for the first time.

    Raises:
        RuntimeError: The run did not end well, or the list is not as it should be.
    """
    sandbox.control.reset()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = folder / "input.jsonl"
        with given.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(message) + "\n" for message in messages(members))
        settings = {
            "api_key": "sandbox-key",
            "api_url": f"{sandbox.url}/v2",
            "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
            "delivery": delivery,
            "max_concurrency": 16,
            "verify_sample": 0,
            "max_addition_percent": 0,
        }
        if delivery == "endpoint":
            settings["endpoint"] = sandbox.url
        if delivery == "imports":
            settings["import_staging_url"] = f"s3://{BUCKET}/cordial"
            settings["import_staging_options"] = {
                "access_key_id": KEY,
                "secret_access_key": SECRET,
                "endpoint": store,
                "region": "us-east-1",
            }
        config = folder / "config.json"
        config.write_text(json.dumps(settings), encoding="utf-8")
        target = Path(sys.executable).parent / "target-cordial"
        ended = measure.run([target, "--config", config, "--input", given], cwd=folder)
        if ended.exit_code or len(sandbox.control.lists()["activeusers"]) != members:
            message = f"{delivery}, {members} members: {ended.output.splitlines()[-1]}"
            raise RuntimeError(message)
    calls = sandbox.control.calls()
    polls = sum(call["path"].startswith("/v2/jobs/") for call in calls)
    writes = sum(call["write"] for call in calls)
    bodies = sum(len(json.dumps(call["body"])) for call in calls if call["body"] is not None)
    return Taken(
        reads=len(calls) - writes - polls,
        writes=writes,
        polls=polls,
        sent=bodies + staged_bytes(delivery, members),
        peak=ended.peak,
    )


def staged_bytes(delivery: str, members: int) -> int:
    """Count the bytes of the two files of a first sync by imports."""
    if delivery != "imports":
        return 0
    addresses = sum(len(f"customer.{number}@shop.example\n") for number in range(members))
    headers = len("channels.email.address\n") * 2 + len(",channels.email.subscribeStatus")
    return 2 * addresses + headers + members * len(",none")


def table(taken: dict[tuple[str, int], Taken]) -> str:
    """Write the table."""
    lines = [
        "| delivery | members | writes | reads | looks at jobs | MB sent | peak memory, MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| `{delivery}` | {members:,} | {one.writes:,} | {one.reads:,} | {one.polls:,} "
        f"| {one.sent / 1e6:.1f} | {one.peak} |"
        for (delivery, members), one in taken.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the table."""
    sizes = [int(text) for text in sys.argv[1:]] or list(MEMBERS)
    taken = {}
    with serving() as sandbox, serving_s3() as store:
        requests.put(f"{store}/_open/{BUCKET}", timeout=60).raise_for_status()
        for delivery in DELIVERIES:
            for members in sizes:
                taken[delivery, members] = run(delivery, members, sandbox, store)
                print(delivery, members, taken[delivery, members], flush=True)  # noqa: T201  progress
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table(taken)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
