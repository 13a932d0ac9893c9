"""A world in which delivery goes by imports: a store for their files, and jobs that take time."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import uuid4

import requests

from cordial_sandbox.import_work import release
from target_cordial.core.plan import Operation
from target_cordial.delivery.imports.course import Allowance
from target_cordial.delivery.imports.staging import Staging
from target_cordial.errors import StagingError
from tests.machine.app import LOOP
from tests.machine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from cordial_sandbox.import_job import Job
    from tests.ledgers import LedgerPlace
    from tests.staging import StagingStore

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Conditions:
    """How Cordial does imports.

    Attributes:
        polls: Looks at a job that are answered "not yet".
        unchanged: What rows count as that change nothing.
        counts_as: What refused rows count as.
        job_id_field: Where jobs show their id.
        singles: How many contacts of a list may go by single calls.
    """

    polls: int
    unchanged: str
    counts_as: str
    job_id_field: str
    singles: int


class WatchedStaging(Staging):
    """The store's client, in a process that may die at every step, and a store that may fail."""

    def __init__(self, world: ImportWorld, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._world = world

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        with self._world.at_store("put"):
            return super().put(name, chunks)

    def address(self, name: str) -> str:
        with self._world.at_store("address"):
            return super().address(name)

    def delete(self, name: str) -> None:
        with self._world.at_store("delete"):
            super().delete(name)


class ImportWorld(World):
    """See the module.

    Args:
        folder: For the ledger.
        settings: The settings that are not the same in every world.
        store: Where files are staged.
        conditions: How Cordial does imports.
    """

    delivery = "imports"
    steps = ("/v2/contactimports", "/v2/jobs", "/v2/contacts", "store:")

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        store: StagingStore,
        conditions: Conditions,
        place: LedgerPlace | None = None,
    ) -> None:
        bucket = store.url.split("/")[2]
        self.store = replace(store, url=f"s3://{bucket}/{uuid4().hex}/cordial")
        more = {
            "delivery": "imports",
            "import_staging_url": self.store.url,
            "import_staging_options": self.store.options,
            "import_timeout_seconds": TIMEOUT_SECONDS,
        }
        super().__init__(folder, {**settings, **more}, place)
        self.conditions = conditions
        self.state.settings.import_polls = conditions.polls
        self.state.settings.import_statuses = "Scheduled,Throttled,Processing"
        self.state.settings.import_unchanged = conditions.unchanged
        self.state.settings.job_id_field = conditions.job_id_field
        self._store_fails: dict[str, int] = {}

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        allowance = partial(Allowance, contacts=self.conditions.singles)
        there = "target_cordial.delivery.imports"
        with (
            super().patched(),
            mock.patch(f"{there}.staging.Staging", partial(WatchedStaging, self)),
            mock.patch(f"{there}.importer.Allowance", allowance),
            self._cordials_clock(),
        ):
            yield

    @contextlib.contextmanager
    def _cordials_clock(self) -> Iterator[None]:
        now = datetime.fromtimestamp(self.now, timezone.utc)
        with mock.patch("cordial_sandbox.import_work.now", return_value=now):
            yield

    # -- the store --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def at_store(self, does: str) -> Iterator[None]:
        """Use the store, if it can be reached."""
        self._step_at_store()
        if self._store_fails.get(does):
            self._store_fails[does] -= 1
            raise StagingError("The store fails.")
        yield
        self._step_at_store()

    def _step_at_store(self) -> None:
        try:
            self.step("store:")
        except requests.ConnectionError:
            raise StagingError("The process is dead.") from None

    def fail_store(self, does: str, times: int) -> None:
        """Let the store fail at one thing, so often."""
        self._store_fails[does] = times

    def heal(self) -> None:
        super().heal()
        self._store_fails.clear()

    def lose_files(self) -> None:
        """Let the store's lifecycle rule delete what it has."""
        staging = Staging(self.store.url, self.store.options, lifetime_seconds=TIMEOUT_SECONDS)
        for name in self.store.names():
            staging.delete(name)

    # -- jobs -------------------------------------------------------------------------------------

    @property
    def running(self) -> list[Job]:
        """Jobs whose end Cordial has told nobody, and that may still do something."""
        return [job for job in self.state.jobs.values() if not job.told]

    @property
    def held(self) -> set[str]:
        """The names of those that wait to be released."""
        return {job.request.name or "" for job in self.running if job.held is not None}

    def known_imports(self) -> list[dict[str, Any]]:
        """Read which imports the ledger has not closed."""
        return self.read("SELECT * FROM job ORDER BY number")

    def carried(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Read the entries that went with an import."""
        query = "SELECT * FROM entry WHERE cohort = ? AND job = ?"
        return self.read(query, row["cohort"], row["number"])

    def job_of(self, row: dict[str, Any]) -> Job | None:
        """Find the job of an import."""
        named = [job for job in self.state.jobs.values() if job.request.name == row["name"]]
        return named[-1] if named else None

    @staticmethod
    def proves(job: Job, row: dict[str, Any]) -> Operation | None:
        """Say what a job has done with every row of its file, if its counts say so."""
        result = job.view("_id").get("result", {})
        done = result.get("updated")
        if row["kind"] == "create" or job.reason is not None or done is None:
            return None
        operation = Operation(row["kind"])
        if operation is Operation.REMOVE:
            done += result.get("ignored", 0)
        counted = {"updated", "totalRecords"}
        counted |= {"ignored"} if operation is Operation.REMOVE else set()
        rest = sum(count for name, count in result.items() if name not in counted)
        whole = result.get("totalRecords", row["rows"]) == row["rows"]
        return operation if whole and not rest and done == row["rows"] else None

    def release(self, count: int) -> None:
        """Let the first few held jobs go on."""
        waiting = [job for job in self.running if job.held is not None]
        with self._cordials_clock():
            for job in waiting[:count]:
                LOOP.run_until_complete(release(self.state, job))
