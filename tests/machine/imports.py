"""The machine over imports: what can go wrong with them, and what must hold all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from target_cordial.core.plan import Operation, Sent
from target_cordial.delivery.imports.import_file import fits
from tests.machine.drawn import GUARDS, Trouble, blocks, events, interruptions, weighted, whos
from tests.machine.import_world import Conditions, ImportWorld
from tests.machine.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.machine.book import Limits
    from tests.machine.comparing import Going
    from tests.machine.drawn import Event
    from tests.machine.records import Block, Who
    from tests.machine.world import Ended
    from tests.staging import StagingStore

conditions = st.builds(
    Conditions,
    st.sampled_from([0, 0, 2]),
    st.sampled_from(["updated", "updated", "ignored"]),
    st.sampled_from(["rejected", "error"]),
    st.sampled_from(["_id", ""]),
    st.sampled_from([1000, 1000, 2, 0]),
)

failed_calls = st.builds(
    lambda failure, path, skip, times: Trouble(failure[0], skip, times, {**failure[1], **path}),
    st.sampled_from(
        [
            ("drop_before", {}),
            ("drop_after", {}),
            ("drop_after", {}),
            ("status", {"status": 503}),
            ("status", {"status": 404}),
        ]
    ),
    st.sampled_from([{}, {}, {"path_contains": "/v2/jobs"}]),
    st.integers(0, 3),
    st.sampled_from([1, 1, 8, 20, 40]),
)

STRATEGIES = st.sampled_from([{}, {"strategy": "insertOnly"}, {"strategy": "updateOnly"}])

failed_jobs = st.builds(
    lambda kind, skip, times, which: Trouble(kind[0], skip, times, {**kind[1], **which}),
    st.sampled_from(
        [
            ("job_error", {}),
            ("job_failed", {"rows": 0}),
            ("job_failed", {"rows": 1}),
            *[("job_late", {})] * 3,
            ("job_late", {"job_status": "Throttled"}),
            *[("job_stuck", {})] * 3,
            ("job_result", {}),
            ("job_result", {"without": ["updated"]}),
            ("job_result", {"without": ["totalRecords"]}),
            ("job_result", {"counts": {"updated": 0}}),
            ("job_result", {"counts": {"rejected": 1}}),
            ("job_result", {"counts": {"inserted": 1}}),
            ("job_result", {"counts": {"totalRecords": 99}}),
        ]
    ),
    st.sampled_from([0, 0, 1, 2]),
    st.sampled_from([1, 1, 4]),
    STRATEGIES,
)

refused = st.builds(
    lambda skip, times: Trouble("status", skip, times, {"status": 406}),
    st.integers(0, 3),
    st.sampled_from([1, 2]),
)

store = st.builds(
    lambda does, times: Trouble("store", 0, times, {"does": does}),
    st.sampled_from(["put", "address", "delete"]),
    st.sampled_from([1, 3]),
)

import_troubles = weighted(
    (8, st.none()),
    (6, failed_jobs),
    (1, failed_calls),
    (1, refused),
    (1, store),
    (2, interruptions),
)
import_events = weighted(
    (4, events),
    (4, st.tuples(st.just("jobs_go_on"), st.integers(1, 3))),
    (1, st.tuples(st.just("the_store_deletes_what_is_old"))),
)


class ImportMachine(Machine):
    """See :class:`Machine`."""

    store: ClassVar[StagingStore]
    world: ImportWorld

    @initialize(
        limits=st.sampled_from([*GUARDS, *[GUARDS[-1]] * 4]),  # which is no limit
        names=st.booleans(),
        users=st.lists(whos(), max_size=6).map(tuple),
        conditions=conditions,
    )
    def begin(
        self,
        limits: Limits,
        names: bool,  # noqa: FBT001  hypothesis draws it
        users: tuple[Who, ...],
        conditions: Conditions | None = None,
    ) -> None:
        self.conditions = conditions or Conditions(0, "updated", "rejected", "_id", 1000)
        super().begin(limits, names, users)

    def make_world(self, place: Path, settings: dict[str, Any]) -> ImportWorld:
        return ImportWorld(place, settings, self.store, self.conditions, self.new_ledger())

    # -- what happens between runs ----------------------------------------------------------------

    def jobs_go_on(self, count: int) -> None:
        self.world.release(count)
        self.lists = self._lists()

    def the_store_deletes_what_is_old(self) -> None:
        self.world.lose_files()

    def cordial_refuses_some_people(self, poisoned: set[str]) -> None:
        self.world.poison(sorted(poisoned), self.conditions.counts_as)
        self.poisoned = poisoned

    # -- runs -------------------------------------------------------------------------------------

    @rule(
        meanwhile=st.lists(import_events, max_size=2),
        said=st.lists(blocks, max_size=3),
        trouble=import_troubles,
    )
    def a_run(self, meanwhile: list[Event], said: list[Block], trouble: Trouble | None) -> None:
        super().a_run(meanwhile, said, trouble)

    def _make(self, trouble: Trouble) -> None:
        if trouble.kind == "store":
            self.world.fail_store(trouble.details["does"], trouble.times)
        else:
            super()._make(trouble)

    # -- what a run is expected to do -------------------------------------------------------------

    def _overtaken(self) -> dict[str, set[str]]:
        if not self.known:
            return {}
        overtaken: dict[str, set[str]] = {}
        ids = {cohort["key"]: cohort_id for cohort_id, cohort in self.world.cohorts().items()}
        for row in self.world.known_imports():
            carried = {entry["identifier"] for entry in self.world.carried(row)}
            overtaken.setdefault(ids[row["cohort"]], set()).update(carried)
        return overtaken

    def _end_earlier(self, now: float) -> None:
        self.open = False
        self.held = self.world.held
        if not self.known or not self.world.report_path.exists():
            return
        ids = {cohort["key"]: cohort_id for cohort_id, cohort in self.world.cohorts().items()}
        for row in self.world.known_imports():
            job = None if row["ended"] else self.world.job_of(row)
            if job is None:
                continue
            self.open = self.open or job.waits or job.ended is None
            operation = None if job.waits else self.world.proves(job, row)
            if operation is None:
                continue
            book = self.books[ids[row["cohort"]]]
            for entry in self.world.carried(row):
                identifier = entry["identifier"]
                if book.model.sent.get(identifier) is not Sent.UNKNOWN:
                    continue
                added = operation is Operation.ADD
                book.model.sent[identifier] = Sent.ON if added else Sent.OFF
                (book.added_at if added else book.removed_at)[identifier] = now
                book.rejected_at.pop(identifier, None)
                self.done[book.cohort_id][operation] += 1

    def _is_foreseen(self, went: Going) -> bool:
        changed = any(ids for going in went.values() for ids in going.values())
        return not self.open and not (changed and self.conditions.singles < 1000)

    # -- what must hold ---------------------------------------------------------------------------

    def _compare_calls(self, went: Mapping[str, Mapping[Operation, set[str]]]) -> None:
        calls = [path for path, _ in self._calls()]
        files = {
            (name, operation): sum(map(fits, ids))
            for name, going in went.items()
            for operation, ids in going.items()
        }
        jobs = sum(
            2 if operation is Operation.ADD else 1 for (_, operation), rows in files.items() if rows
        )
        unfit = sum(
            not fits(identifier)
            for going in went.values()
            for ids in going.values()
            for identifier in ids
        )
        imports = sum(path == "/v2/contactimports" for path in calls)
        if self.poisoned or self.conditions.unchanged == "ignored":
            assert jobs <= imports
            assert unfit <= len(calls) - imports <= unfit + sum(files.values())
        else:
            assert (imports, len(calls)) == (jobs, jobs + unfit)

    def _compare_in_any_case(self, ended: Ended) -> None:
        super()._compare_in_any_case(ended)
        assert self.world.state.violations.as_list() == []
        rows = self.world.known_imports()
        assert set(self.world.store.names()) <= {row["file"] for row in rows}
        followed = {row["name"] for row in rows if not row["ended"]}
        assert {job.request.name for job in self.world.running} <= followed
        assert ended.status == "failed" or not followed
        if ended.status == "ok":
            assert rows == []
