from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from target_cordial.cordial.imports import FAILED, Job
from target_cordial.core.import_counts import Counts, Kind
from target_cordial.core.outcome import Result
from target_cordial.core.plan import Sent
from target_cordial.delivery.imports.following import Follower
from target_cordial.errors import InterruptedRunError, RefusedError, UnexpectedError
from tests.target_cordial.delivery.imports.scene import done
from tests.target_cordial.ledger.rows import deliver, entries, snapshot

if TYPE_CHECKING:
    from tests.target_cordial.delivery.imports.scene import Scene

RUNS = Job("Processing")


def left_behind(
    scene: Scene,
    kind: Kind = Kind.ADD,
    *,
    people: int = 3,
    rows: int | None = 3,
    job_id: str | None = "f00",
    age: int = 0,
) -> int:
    """Leave an import behind as a run does that died at some point."""
    names = {f"a:{n:02}": f"p{n:02}@shop.example" for n in range(people)}
    snapshot(scene.ledger, 1, names)
    if kind is Kind.REMOVE:
        deliver(scene.entries, 1)
        snapshot(scene.ledger, 1, {})
    now = int(time.time())
    number = scene.jobs.begin(1, kind, name="n1", file="n1.csv", now=now - age)
    scene.files.files["n1.csv"] = b""
    scene.entries.plan.fix([1], [1], now=now, by_contact=False)
    if rows is not None:
        scene.jobs.counted(number, rows)
        if kind is not Kind.CREATE:
            scene.entries.intend(list(scene.entries.plan.changes()), number)
    if job_id is not None:
        scene.jobs.started(number, job_id)
    return number


def follow(scene: Scene) -> list[int]:
    follower = Follower(scene.carrier, scene.jobs, scene.book, max_rejected_percent=5)
    return [row.number for row in follower.follow()]


def is_over(scene: Scene) -> bool:
    return not scene.jobs.known() and not scene.files.files


def test_what_the_counts_prove_is_recorded_and_the_import_is_over(scene: Scene) -> None:
    left_behind(scene)
    scene.client.looks = [RUNS, done(3)]
    assert follow(scene) == []
    assert set(scene.book.results().values()) == {Result.CONFIRMED}
    assert {state for _, state in entries(scene.ledger, 1).values()} == {Sent.ON}
    assert scene.client.started == []
    assert is_over(scene)


@pytest.mark.parametrize(
    "job",
    [
        done(2, rejected=1),
        done(2, ignored=1),
        done(2),
        done(3, status=FAILED),
        Job("Done", Counts()),
    ],
    ids=str,
)
def test_what_is_not_proven_stays_unknown_and_is_planned_again(scene: Scene, job: Job) -> None:
    left_behind(scene)
    scene.client.looks = [job]
    assert follow(scene) == []
    assert scene.book.outcomes == []
    assert {state for _, state in entries(scene.ledger, 1).values()} == {Sent.UNKNOWN}
    assert is_over(scene)


def test_what_was_recorded_meanwhile_is_not_recorded_again(scene: Scene) -> None:
    left_behind(scene)
    scene.entries.intend([next(iter(scene.entries.plan.changes()))])  # by a single call
    scene.client.looks = [done(3)]
    follow(scene)
    assert len(scene.book.outcomes) == 2


@pytest.mark.parametrize("job_id", ["f00", None])
def test_a_job_that_still_runs_is_told_and_kept(scene: Scene, job_id: str | None) -> None:
    number = left_behind(scene, job_id=job_id)
    scene.client.looks = [RUNS] * 100
    scene.client.found = [[RUNS]] * 100
    assert follow(scene) == [number]
    assert scene.book.outcomes == []
    assert not is_over(scene)


def test_a_lost_answer_is_looked_up_by_its_name(scene: Scene) -> None:
    left_behind(scene, job_id=None)
    scene.client.found = [[RUNS], [RUNS], [done(3)]]
    assert follow(scene) == []
    assert set(scene.client.searched) == {"n1"}
    assert set(scene.book.results().values()) == {Result.CONFIRMED}
    assert is_over(scene)


def test_an_import_that_never_began_is_over(scene: Scene) -> None:
    left_behind(scene, job_id=None)
    assert follow(scene) == []
    assert scene.client.looked_at == []
    assert scene.book.outcomes == []
    assert is_over(scene)


def test_an_import_that_died_before_its_file_was_staged_is_not_even_looked_for(
    scene: Scene,
) -> None:
    left_behind(scene, rows=None, job_id=None)
    assert follow(scene) == []
    assert scene.client.searched == []
    assert is_over(scene)


def test_of_an_import_that_is_over_only_the_file_is_deleted(scene: Scene) -> None:
    scene.jobs.ended(left_behind(scene))
    assert follow(scene) == []
    assert (scene.client.looked_at, scene.book.outcomes) == ([], [])
    assert is_over(scene)


@pytest.mark.parametrize(("absent", "result"), [(2, Result.CONFIRMED), (20, Result.ALREADY_ABSENT)])
def test_absent_contacts_of_a_removal_are_counted_and_doubted_where_they_are_many(
    scene: Scene, absent: int, result: Result
) -> None:
    left_behind(scene, Kind.REMOVE, people=40, rows=40)
    scene.client.looks = [done(40 - absent, ignored=absent)]
    follow(scene)
    results = list(scene.book.results().values())
    assert len(results) == 40
    assert results.count(Result.ALREADY_ABSENT) == (2 if result is Result.CONFIRMED else 40)


def test_contacts_that_were_made_are_on_no_list_yet(scene: Scene) -> None:
    left_behind(scene, Kind.CREATE)
    scene.client.looks = [done(0, inserted=3)]
    assert follow(scene) == []
    assert scene.book.outcomes == []
    assert is_over(scene)


@pytest.mark.parametrize("days", [0, 2, 70])
@pytest.mark.parametrize("look", [RUNS, UnexpectedError("404 <html>")])
def test_what_is_not_known_to_be_over_is_waited_for_however_old_it_is(
    scene: Scene, look: Job | Exception, days: int
) -> None:
    number = left_behind(scene, age=days * 86_400)
    scene.client.looks = [look] * 100
    assert follow(scene) == [number]
    assert not is_over(scene)


@pytest.mark.parametrize("error", [RefusedError("403"), InterruptedRunError()])
def test_what_ends_the_run_leaves_the_import_as_it_is(scene: Scene, error: Exception) -> None:
    number = left_behind(scene)
    scene.client.looks = [error]
    with pytest.raises(type(error)):
        follow(scene)
    assert [row.number for row in scene.jobs.known()] == [number]
    assert not is_over(scene)
