"""Fakes of Cordial's imports, of the store and of the time, around a real ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from target_cordial.cordial.imports import DONE, Import, ImportsClient, Job
from target_cordial.core.import_counts import Counts, Kind
from target_cordial.delivery.imports.background import Background
from target_cordial.delivery.imports.carrying import Carrier
from target_cordial.errors import InterruptedRunError, StagingError
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.jobs import Jobs
from tests.target_cordial.ledger.rows import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_cordial.core.outcome import Outcome, Result
    from target_cordial.core.plan import Change
    from target_cordial.ledger.store import Ledger


T = TypeVar("T")


class FakeClient(ImportsClient):
    """Answers as the test says; what it started is kept."""

    def __init__(self) -> None:
        self.started: list[Import] = []
        self.answers: list[str | Exception] = []
        self.looks: list[Job | Exception | None] = []
        self.found: list[list[Job] | Exception] = []
        self.looked_at: list[str] = []
        self.searched: list[str] = []

    def start(self, asked: Import) -> str:
        self.started.append(asked)
        return taken(self.answers, "f00")

    def job(self, job_id: str) -> Job | None:
        self.looked_at.append(job_id)
        return taken(self.looks, None)

    def find(self, name: str, since: int) -> list[Job]:
        del since
        self.searched.append(name)
        return taken(self.found, [])


def taken(given: list[T | Exception], otherwise: T) -> T:
    value = given.pop(0) if given else otherwise
    if isinstance(value, Exception):
        raise value
    return value


class FakeFiles:
    """A store in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.put_error: StagingError | None = None
        self.delete_error: StagingError | None = None
        self.address_error: StagingError | None = None

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        content = b"".join(chunks)
        if self.put_error is not None:
            raise self.put_error
        self.files[name] = content
        return len(content)

    def address(self, name: str) -> str:
        if self.address_error is not None:
            raise self.address_error
        return f"https://store.example/{name}?signature"

    def delete(self, name: str) -> None:
        if self.delete_error is not None:
            raise self.delete_error
        self.files.pop(name, None)


class FakeClock:
    """Waiting takes no time; it may be told when the run is told to stop."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []
        self.stop_after: int | None = None
        self.on_wait: Callable[[float], None] = lambda _seconds: None

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        if self.stop_after is not None and len(self.waits) >= self.stop_after:
            raise InterruptedRunError
        self.waits.append(seconds)
        self.time += seconds
        self.on_wait(seconds)


class Inline(Background):
    """Does the work of the store at once."""

    def __init__(self) -> None:
        """It listens to nobody."""

    def do(self, work: Callable[[], Any]) -> Any:
        return work()

    def feed(self, work: Callable[[Iterable[bytes]], Any], blocks: Iterable[bytes]) -> Any:
        return work(blocks)


class Book:
    """A recorder in front of a ledger, that keeps what it was told."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self.intents: list[tuple[str, int | None]] = []
        self.outcomes: list[Outcome] = []
        self.problems: list[str] = []

    def intend(self, changes: Iterable[Change], job: int | None = None) -> None:
        sent = list(changes)
        self.intents += [(change.identifier, job) for change in sent]
        self._entries.intend(sent, job)

    def record(self, outcomes: Iterable[Outcome]) -> None:
        ended = list(outcomes)
        self.outcomes += ended
        self._entries.record(ended, now=NOW)

    def note(self, problem: str) -> None:
        self.problems.append(problem)

    def check_hold(self) -> None:
        pass

    def results(self) -> dict[str, Result]:
        return {outcome.change.identifier: outcome.result for outcome in self.outcomes}


def done(updated: int, status: str = DONE, **counts: int) -> Job:
    total = updated + sum(counts.values())
    return Job(status, Counts(total=total, updated=updated, **counts))


@dataclass
class Scene:
    """A carrier among fakes.

    Attributes:
        ledger: A real one.
    """

    ledger: Ledger
    timeout: int = 60
    client: FakeClient = field(default_factory=FakeClient)
    files: FakeFiles = field(default_factory=FakeFiles)
    clock: FakeClock = field(default_factory=FakeClock)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entries = Entries(self.ledger)
        self.jobs = Jobs(self.ledger)
        self.book = Book(self.entries)
        self.carrier = self.with_files(self.files)

    def with_files(self, files: FakeFiles | None) -> Carrier:
        return Carrier(
            self.client,
            files,
            self.jobs,
            clock=self.clock,
            background=Inline(),
            timeout_seconds=self.timeout,
            tell=self.told.append,
        )

    def kinds(self) -> list[Kind]:
        """Tell what was started."""
        return [asked.kind for asked in self.client.started]
