"""One import job: what it was asked, what became of it, and what a look at it shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cordial_sandbox.import_request import ImportRequest

JOB_NAME = "ImportContacts"
_RESULTS = ("updated", "rejected", "inserted", "error", "ignored")


@dataclass(slots=True, eq=False)
class Job:
    """An import job.

    Attributes:
        id: 24 hexadecimal digits.
        request: What it is asked to do.
        polls: How many looks are answered "not yet".
        looks: How many of them were.
        not_yet: What these answers say, in order; the last one again where they run out.
        held: The status it shows until it is released; None where nothing holds it.
        late: Whether it is carried out on release only.
        fails_after: It ends as Failed after so many rows; None carries it out.
        counts_shown: What is shown in place of some counts.
        counts_hidden: Counts that are not shown; None for no result at all.
        started: When it was begun to be carried out.
        ended: When that ended.
        reason: Why it failed; None where it did not.
        rows: How many rows its file has.
        told: Whether a look at it said its end. Until then nobody can know it, so until then it
            overlaps with every write that comes.
        addresses: Every address of its file, in lower case, as far as it was read.
        written_meanwhile: Addresses, in lower case, of other writes before its end was told.
        beside: Jobs that came or were there before its end was told.
    """

    id: str
    request: ImportRequest
    polls: int = 0
    looks: int = 0
    not_yet: tuple[str, ...] = ("Processing",)
    held: str | None = None
    late: bool = False
    fails_after: int | None = None
    counts_shown: dict[str, Any] = field(default_factory=dict)
    counts_hidden: frozenset[str] | None = frozenset()
    started: datetime | None = None
    ended: datetime | None = None
    reason: str | None = None
    rows: int = 0
    told: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    addresses: set[str] = field(default_factory=set)
    written_meanwhile: set[str] = field(default_factory=set)
    beside: list[Job] = field(default_factory=list)

    @property
    def where(self) -> str:
        """How a violation names it."""
        return f"import {self.id}"

    @property
    def waits(self) -> bool:
        """Whether a look at it says "not yet", whatever has been carried out."""
        return self.held is not None or self.looks < self.polls

    @property
    def status(self) -> str:
        """The status a look at it shows now."""
        if self.held is not None:
            return self.held
        if self.looks < self.polls:
            return self.not_yet[min(self.looks, len(self.not_yet) - 1)]
        if self.ended is None:
            return "Processing"
        return "Done" if self.reason is None else "Failed"

    def view(self, id_field: str) -> dict[str, Any]:
        """Return the job as Cordial shows it; the counts only when it has ended.

        Args:
            id_field: Under which key its id stands; empty for none, as in the description.
        """
        over = not self.waits and self.ended is not None
        times = {"start": self.started, "end": self.ended if over else None}
        shown: dict[str, Any] = {
            "status": self.status,
            "jobName": JOB_NAME,
            "totalItems": self.rows,
            "completedItems": sum(self.counts.values()) if over else 0,
            "times": {name: stamp(time) for name, time in times.items() if time is not None},
            "metadata": {} if self.request.name is None else {"importName": self.request.name},
        }
        if id_field:
            shown[id_field] = self.id
        if over and self.counts_hidden is not None:
            counts = {name: self.counts[name] for name in _RESULTS}
            counts = {"totalRecords": sum(counts.values()), **counts, **self.counts_shown}
            shown["result"] = {
                name: count for name, count in counts.items() if name not in self.counts_hidden
            }
        return shown

    def summary(self) -> dict[str, Any]:
        """Return the job as the control API shows it: as it is, not as it is told."""
        request = self.request
        return {
            "id": self.id,
            "name": request.name,
            "strategy": request.strategy,
            "add_to": list(request.add_to),
            "remove_from": list(request.remove_from),
            "status": self.status,
            "carried_out": self.ended is not None,
            "reason": self.reason,
            "rows": self.rows,
            "counts": {name: self.counts[name] for name in _RESULTS},
            "told": self.told,
        }


def now() -> datetime:
    """Return the present time."""
    return datetime.now(timezone.utc)


def stamp(time: datetime) -> str:
    """Return a time as Cordial writes it."""
    return time.isoformat().replace("+00:00", "Z")
