"""Input as ``tap-amplitude`` writes it: member rows of six properties, some 400 bytes each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tap_amplitude.streams import CohortMembersStream, CohortSnapshotsStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLANS: Final = ("free", "basic", "family", "business")
DOMAINS: Final = ("mail.example", "post.example", "shop.example", "web.example", "firm.example")
STATE_EVERY: Final = 10_000


@dataclass(frozen=True)
class Snapshot:
    """One day's snapshot of some cohorts.

    Attributes:
        members: Members in all.
        cohorts: Cohorts that they are in, in equal parts.
        left: Share of the members of day 0 that are gone, and replaced by as many new ones.
        day: Tells the snapshots of a benchmark apart.
    """

    members: int
    cohorts: int = 1
    left: float = 0.0
    day: int = 0

    def write(self, path: Path) -> None:
        """Write it as the tap does, in the order of its files: people in no order."""
        with path.open("w", encoding="utf-8") as lines:
            lines.writelines(self._lines())

    def _lines(self) -> Iterator[str]:
        for stream in (CohortMembersStream, CohortSnapshotsStream):
            yield _line(
                {
                    "type": "SCHEMA",
                    "stream": stream.name,
                    "schema": stream.schema,
                    "key_properties": stream.primary_keys,
                }
            )
        each = self.members // self.cohorts
        for number in range(self.cohorts):
            yield from self._cohort(number, each)

    def _cohort(self, number: int, members: int) -> Iterator[str]:
        cohort = {
            "cohort_id": f"9zx4{number:03d}",
            "cohort_name": f"Active buyers {number}",
            "snapshot_id": f"Rk7w2Q{self.day}",
        }
        leavers = int(members * self.left)
        first = number * members
        # Neighbours in the input are no neighbours in the ledger; 7919 is prime.
        for place in range(members):
            who = place * 7919 % members
            person = first + who if who >= leavers else 10_000_000 + first + who
            yield row(cohort, person)
            if not (place + 1) % STATE_EVERY:
                yield _line({"type": "STATE", "value": {"bookmarks": {}}})
        marker = {
            **cohort,
            "member_count": members,
            "complete": True,
            "computed_at": f"2026-11-{self.day + 1:02d}T10:00:00Z",
        }
        yield _line({"type": "RECORD", "stream": CohortSnapshotsStream.name, "record": marker})


def row(cohort: dict[str, str], person: int) -> str:
    """Write the row of one member. By hand: a million take long enough."""
    return (
        '{"type": "RECORD", "stream": "cohort_members", "record": {'
        f'"cohort_id": "{cohort["cohort_id"]}", "cohort_name": "{cohort["cohort_name"]}", '
        f'"snapshot_id": "{cohort["snapshot_id"]}", "amplitude_id": "{356893043036 + person}", '
        f'"user_id": "customer-{person:08d}", "user_properties": {{'
        f'"email": "{identifier(person)}", "first_name": "Name{person % 997}", '
        f'"last_name": "Family{person % 7919}", "plan": "{PLANS[person % 4]}", '
        f'"lifetime_value": "{person % 100_000 / 100}", "signup_date": "2024-0{person % 9 + 1}-11"'
        '}}, "time_extracted": "2026-11-27T10:00:00.000000+00:00"}\n'
    )


def identifier(person: int) -> str:
    """Name the address of a person."""
    return f"customer.{person:08d}@{DOMAINS[person % 5]}"


def _line(message: dict[str, Any]) -> str:
    return json.dumps(message) + "\n"
