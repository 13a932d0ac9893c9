"""One import, from the file in the store to the end of its job."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from target_cordial.cordial import retry
from target_cordial.cordial.imports import Import, Job
from target_cordial.core.import_counts import Kind
from target_cordial.core.outcome import Outcome, Result
from target_cordial.delivery import engine
from target_cordial.delivery.imports.import_file import chunks
from target_cordial.errors import (
    CordialError,
    StagingError,
    StillRunningError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_cordial.cordial.imports import ImportsClient
    from target_cordial.cordial.pace import Clock
    from target_cordial.core.plan import Change
    from target_cordial.delivery.imports.background import Background
    from target_cordial.ledger.jobs import Jobs

T = TypeVar("T")

STARTS: Final = retry.TRIES
"""How often an import is started whose answers were lost and whose job is not to be found: as often
as any other call, and as far apart, with a look for its job in between."""

FIRST_LOOK_SECONDS: Final = 0.5
LONGEST_LOOK_SECONDS: Final = 30.0
"""Looks at a job come further and further apart: small files are quick, large ones take hours."""

NOT_THERE_YET_SECONDS: Final = 60
"""For so long a job that was just started may not be shown: assumed, nothing is documented."""

BLOCK_CHANGES: Final = 1_000

NAME_CHARACTERS: Final = 60
"""Of the list's name in the import's, which Cordial shows on its Jobs page."""


class Recorder(engine.Recorder, Protocol):
    """The ledger, as far as imports need it."""

    def intend(self, changes: Iterable[Change], job: int | None = None) -> None:
        """Record changes as sent and unconfirmed, with the number of the import that does it."""


class Files(Protocol):
    """Where files are staged. See :class:`target_cordial.delivery.imports.staging.Staging`."""

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Put a file there."""

    def address(self, name: str) -> str:
        """Sign the address under which Cordial fetches it."""

    def delete(self, name: str) -> None:
        """Delete it; it need not be there."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an import is for.

    Attributes:
        cohort: The cohort's key.
        kind: What it does.
        list_name: The list.
        channel: The channel whose addresses are the identifiers.
        suppress_triggers: Whether Cordial's automations stay silent.
    """

    cohort: int
    kind: Kind
    list_name: str
    channel: str
    suppress_triggers: bool


@dataclass(frozen=True, slots=True)
class Carried:
    """An import whose job has ended.

    Attributes:
        number: Its number in the ledger.
        file: Its file in the store.
        rows: The rows of that file.
        job: The job, as Cordial shows it at its end.
    """

    number: int
    file: str
    rows: int
    job: Job


class Carrier:
    """Carries imports.

    Args:
        client: Cordial's imports.
        files: The store; without one, imports of earlier runs can be followed.
        jobs: The ledger's imports.
        clock: The time.
        background: Where the store is waited for.
        timeout_seconds: How long a job is followed.
        tell: Told of files that could not be deleted.
    """

    def __init__(  # noqa: PLR0913  the parts of an import: a file, a call, a job, a record of it
        self,
        client: ImportsClient,
        files: Files | None,
        jobs: Jobs,
        *,
        clock: Clock,
        background: Background,
        timeout_seconds: int,
        tell: Callable[[str], None],
    ) -> None:
        self._client = client
        self._files = files
        self._jobs = jobs
        self._clock = clock
        self._background = background
        self._timeout = timeout_seconds
        self._tell = tell

    def carry(
        self, order: Order, changes: Callable[[], Iterable[Change]], recorder: Recorder
    ) -> Carried:
        """Carry one import to its end.

        Args:
            order: What it is for.
            changes: Walks its changes, at least one, each time it is called.
            recorder: Told of the changes before the import starts, and where it never began.

        Returns:
            What came of it, to be given to :meth:`finish` when its outcomes are recorded.

        Raises:
            CordialError: It did not begin, or nobody knows: then it is remembered.
            InterruptedRunError: The run was told to stop: it is remembered.
        """
        files = self._files
        if files is None:
            raise StagingError("The setting import_staging_url is missing.")
        called = order.list_name[:NAME_CHARACTERS]
        name = f"target-cordial-{order.kind.value}-{called}-{secrets.token_hex(8)}"
        file = f"{name}.csv"
        number = self._jobs.begin(
            order.cohort, order.kind, name=name, file=file, now=int(time.time())
        )
        rows = self._stage(files, number, order, file, changes())
        membership = order.kind is not Kind.CREATE
        if membership:
            for block in blocks_of(changes()):
                recorder.intend(block, number)
        try:
            asked = Import(
                name,
                order.kind,
                order.list_name,
                files.address(file),
                order.suppress_triggers,
            )
            job_id = self._start(asked)
        except CordialError as error:
            if not error.may_be_applied:
                if membership:
                    for block in blocks_of(changes()):
                        recorder.record(Outcome(change, Result.NOT_SENT) for change in block)
                self.finish(number, file)
            raise
        if job_id is not None:
            self._jobs.started(number, job_id)
        job = self.follow(name, job_id, begun_at=int(time.time()))
        return Carried(number, file, rows, job or Job("gone"))

    def follow(self, name: str, job_id: str | None, *, begun_at: int) -> Job | None:
        """Follow an import to its end.

        Args:
            name: The name of the import.
            job_id: Cordial's id of its job; None where the answer that had it was lost.
            begun_at: When it was started, in seconds since the epoch.

        Returns:
            The job; None where Cordial does not have it: it never began, or was long ago (jobs are
            kept for 60 days: documented).

        Raises:
            StillRunningError: It has not ended in time.
            CordialError: It could not be looked at.
            InterruptedRunError: The run was told to stop.
        """
        give_up = self._clock.now() + self._timeout
        pause = FIRST_LOOK_SECONDS
        while True:
            job = self._client.job(job_id) if job_id else self.find(name, begun_at)
            if job is not None and job.ended:
                return job
            if job is None and time.time() - begun_at > NOT_THERE_YET_SECONDS:
                return None
            if self._clock.now() >= give_up:
                raise StillRunningError(
                    f"Import {name} has not ended in {self._timeout} seconds "
                    f"(Cordial says {job.status if job else 'nothing of it'}). It is remembered, "
                    "and the next run follows it",
                    may_be_applied=True,
                )
            self._clock.wait(pause)
            pause = min(LONGEST_LOOK_SECONDS, 2 * pause)

    def find(self, name: str, begun_at: int) -> Job | None:
        """Look for the job of an import whose answer was lost.

        Returns:
            The job; None where it never began. Of two, one that has not ended.

        Raises:
            CordialError: It could not be looked for.
        """
        found = self._client.find(name, begun_at)
        return min(found, key=lambda job: (job.ended, not job.done), default=None)

    def finish(self, number: int, file: str) -> None:
        """Delete the file of an import that is over, and forget it.

        Where the file can't be deleted, the next run does it.
        """
        self._jobs.ended(number)
        try:
            if self._files is None:
                self._tell(
                    f"The file {file} of an earlier import is left in its store: the setting "
                    "import_staging_url is missing. Delete it there"
                )
            else:
                self._background.do(partial(self._files.delete, file))
        except StagingError as error:
            self._tell(f"{error} The next run tries again")
        else:
            self._jobs.close(number)

    def _stage(
        self, files: Files, number: int, order: Order, file: str, changes: Iterable[Change]
    ) -> int:
        rows = 0

        def identifiers() -> Iterator[str]:
            nonlocal rows
            for change in changes:
                rows += 1
                yield change.identifier

        blocks = chunks(identifiers(), order.channel, may_create=order.kind is Kind.CREATE)
        try:
            self._background.feed(partial(files.put, file), blocks)
        except StagingError:
            self._jobs.close(number)
            raise
        self._jobs.counted(number, rows)
        return rows

    def _start(self, asked: Import) -> str | None:
        """Start an import; look for its job where the answer is lost, before starting it again.

        Returns:
            The id of its job; None where it was found by its name.
        """
        began = int(time.time())
        pause = 2 * FIRST_LOOK_SECONDS
        starts = 0
        try:
            while True:
                try:
                    return self._client.start(asked)
                except UnavailableError as error:
                    if not error.may_be_applied:
                        raise
                    starts += 1
                    if self.find(asked.name, began) is not None:
                        return None
                    if starts == STARTS:
                        raise
                self._clock.wait(pause)
                pause = min(retry.LONGEST_SECONDS, retry.FACTOR * pause)
        except CordialError as error:
            # Whatever came last: a start whose answer was lost may yet come to be a job.
            error.may_be_applied = error.may_be_applied or starts > 0
            raise


def blocks_of(changes: Iterable[T]) -> Iterator[list[T]]:
    """Cut changes, or what became of them, into what one transaction takes."""
    block: list[T] = []
    for change in changes:
        block.append(change)
        if len(block) == BLOCK_CHANGES:
            yield block
            block = []
    if block:
        yield block
