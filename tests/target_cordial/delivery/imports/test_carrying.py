from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from target_cordial.cordial.imports import FAILED, Job
from target_cordial.core.import_counts import Kind
from target_cordial.core.outcome import Result
from target_cordial.core.plan import Sent
from target_cordial.delivery.imports.carrying import (
    BLOCK_CHANGES,
    LONGEST_LOOK_SECONDS,
    NOT_THERE_YET_SECONDS,
    STARTS,
    Carried,
    Order,
    blocks_of,
)
from target_cordial.errors import (
    InterruptedRunError,
    RefusedError,
    StagingError,
    StillRunningError,
    UnavailableError,
    UnexpectedError,
)
from tests.target_cordial.delivery.imports.scene import done
from tests.target_cordial.ledger.rows import entries, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cordial.cordial.imports import Import
    from target_cordial.core.plan import Change
    from tests.target_cordial.delivery.imports.scene import Scene

RUNS = Job("Processing")
LOST = UnavailableError("The connection was lost.", may_be_applied=True)
PEOPLE = ["ana@shop.example", "bo@shop.example"]


def planned(scene: Scene) -> list[Change]:
    snapshot(scene.ledger, 1, {f"a:{name}": name for name in PEOPLE})
    scene.entries.plan.fix([1], [1], now=int(time.time()), by_contact=False)
    return list(scene.entries.plan.changes())


def carry(scene: Scene, kind: Kind = Kind.ADD) -> Carried:
    changes = planned(scene)
    scene.client.looks = scene.client.looks or [done(2)]
    order = Order(1, kind, "vip", "email", suppress_triggers=True)
    return scene.carrier.carry(order, lambda: changes, scene.book)


def sent(scene: Scene) -> set[Sent]:
    return {state for _, state in entries(scene.ledger, 1).values()}


# -- the way of an import -------------------------------------------------------------------------


def test_an_import_is_staged_intended_started_and_followed(scene: Scene) -> None:
    scene.client.looks = [RUNS, done(2)]
    carried = carry(scene)
    (asked,) = scene.client.started
    assert (asked.kind, asked.list_name, asked.suppress_triggers) == (Kind.ADD, "vip", True)
    assert re.fullmatch("target-cordial-add-vip-[0-9a-f]{16}", asked.name)
    assert asked.address == f"https://store.example/{carried.file}?signature"
    assert carried.file == f"{asked.name}.csv"
    content = scene.files.files[carried.file]
    assert content == b"channels.email.address\nana@shop.example\nbo@shop.example\n"
    assert (carried.rows, carried.job) == (2, done(2))
    assert scene.client.looked_at == ["f00", "f00"]
    assert scene.book.intents == [(name, carried.number) for name in PEOPLE]
    (row,) = scene.jobs.known()
    assert (row.number, row.rows, row.job_id, row.ended) == (carried.number, 2, "f00", False)


def test_two_imports_have_two_names(scene: Scene) -> None:
    assert carry(scene).file != carry(scene).file


def test_an_import_that_makes_contacts_subscribes_nobody_and_intends_nothing(scene: Scene) -> None:
    carried = carry(scene, Kind.CREATE)
    assert scene.files.files[carried.file].splitlines()[:2] == [
        b"channels.email.address,channels.email.subscribeStatus",
        b"ana@shop.example,none",
    ]
    assert scene.book.intents == []
    assert sent(scene) == {Sent.OFF}


def test_it_is_known_before_its_file_is_staged_and_intended_before_it_is_started(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    put, start = scene.files.put, scene.client.start

    def see_put(name: str, chunks: Iterable[bytes]) -> int:
        seen.append(len(scene.jobs.known()))
        return put(name, chunks)

    def see_start(asked: Import) -> str:
        seen.append(sent(scene))
        return start(asked)

    monkeypatch.setattr(scene.files, "put", see_put)
    monkeypatch.setattr(scene.client, "start", see_start)
    carry(scene)
    assert seen == [1, {Sent.UNKNOWN}]


def test_a_finished_import_is_forgotten_and_its_file_deleted(scene: Scene) -> None:
    carried = carry(scene)
    scene.carrier.finish(carried.number, carried.file)
    assert (scene.jobs.known(), scene.files.files, scene.told) == ([], {}, [])


def test_a_file_that_can_not_be_deleted_is_told_and_kept_in_mind(scene: Scene) -> None:
    carried = carry(scene)
    scene.files.delete_error = StagingError("The store burns.")
    scene.carrier.finish(carried.number, carried.file)
    assert [row.ended for row in scene.jobs.known()] == [True]
    assert scene.told == ["The store burns. The next run tries again"]


def test_a_file_without_its_store_is_named_once(scene: Scene) -> None:
    carried = carry(scene)
    scene.with_files(None).finish(carried.number, carried.file)
    assert carried.file in scene.told[0]
    assert scene.jobs.known() == []


def test_without_a_store_nothing_is_carried(scene: Scene) -> None:
    scene.carrier = scene.with_files(None)
    with pytest.raises(StagingError, match="import_staging_url"):
        carry(scene)
    assert scene.jobs.known() == []


# -- imports that do not begin --------------------------------------------------------------------


def test_a_store_that_takes_no_file_leaves_nothing_behind(scene: Scene) -> None:
    scene.files.put_error = StagingError("The store burns.")
    with pytest.raises(StagingError):
        carry(scene)
    assert (scene.client.started, scene.book.intents) == ([], [])
    assert scene.jobs.known() == []


@pytest.mark.parametrize("error", [UnexpectedError("No."), RefusedError("401"), LOST])
def test_only_what_certainly_did_not_begin_is_taken_back(
    scene: Scene, error: UnexpectedError | RefusedError | UnavailableError
) -> None:
    scene.client.answers = [error] * STARTS
    with pytest.raises(type(error)):
        carry(scene)
    if error is LOST:
        assert scene.book.outcomes == []
        assert sent(scene) == {Sent.UNKNOWN}
        assert (len(scene.jobs.known()), len(scene.files.files)) == (1, 1)
    else:
        assert set(scene.book.results().values()) == {Result.NOT_SENT}
        assert sent(scene) == {Sent.OFF}
        assert (scene.jobs.known(), scene.files.files) == ([], {})


def test_an_address_that_can_not_be_signed_is_taken_back_too(scene: Scene) -> None:
    scene.files.address_error = StagingError("No key can sign.")
    with pytest.raises(StagingError):
        carry(scene)
    assert sent(scene) == {Sent.OFF}
    assert (scene.client.started, scene.jobs.known(), scene.files.files) == ([], [], {})


# -- lost answers ---------------------------------------------------------------------------------


def test_an_import_is_started_as_often_as_any_call_is_tried(scene: Scene) -> None:
    scene.client.answers = [LOST] * 7
    carry(scene)
    assert (len(scene.client.started), len(set(scene.client.started))) == (8, 1)
    assert scene.clock.waits[0] == 1.0
    assert 60 < sum(scene.clock.waits[:7]) < 240


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(scene: Scene) -> None:
    scene.client.answers = [LOST]
    scene.client.found = [[RUNS], [done(2)]]
    carried = carry(scene)
    assert len(scene.client.started) == 1
    assert carried.job == done(2)
    assert scene.client.searched == [scene.client.started[0].name] * 2
    (row,) = scene.jobs.known()
    assert row.job_id is None


def test_what_never_began_is_started_again_under_its_name(scene: Scene) -> None:
    scene.client.answers = [LOST, LOST, "f01"]
    carry(scene)
    assert len({asked.name for asked in scene.client.started}) == 1
    assert scene.client.looked_at == ["f01"]
    assert scene.clock.waits == [1.0, 2.25]


def test_what_is_refused_after_a_lost_answer_stays_in_doubt(scene: Scene) -> None:
    """The one whose answer was lost may still come to be a job."""
    scene.client.answers = [LOST, UnexpectedError("406")]
    with pytest.raises(UnexpectedError) as raised:
        carry(scene)
    assert raised.value.may_be_applied
    assert sent(scene) == {Sent.UNKNOWN}
    assert len(scene.jobs.known()) == 1


def test_a_search_that_fails_starts_nothing_again(scene: Scene) -> None:
    scene.client.answers = [LOST]
    scene.client.found = [RefusedError("403")]
    with pytest.raises(RefusedError):
        carry(scene)
    assert len(scene.client.started) == 1
    assert sent(scene) == {Sent.UNKNOWN}


def test_of_two_jobs_the_one_that_has_not_ended_is_followed(scene: Scene) -> None:
    scene.client.found = [[done(2), RUNS], [Job(FAILED), done(1)], []]
    assert scene.carrier.find("n", 0) == RUNS
    assert scene.carrier.find("n", 0) == done(1)
    assert scene.carrier.find("n", 0) is None


# -- following ------------------------------------------------------------------------------------


def test_looks_come_further_and_further_apart(scene: Scene) -> None:
    scene.timeout = 1_000
    scene.carrier = scene.with_files(scene.files)
    scene.client.looks = [*[RUNS] * 10, done(2)]
    scene.carrier.follow("n", "f00", begun_at=int(time.time()))
    assert scene.clock.waits[:4] == [0.5, 1, 2, 4]
    assert scene.clock.waits[-1] == LONGEST_LOOK_SECONDS


@pytest.mark.parametrize("status", ["Scheduled", "Pending", "Throttled", "Processing", "None", ""])
def test_a_job_that_does_not_end_in_time_is_named_and_left_to_the_next_run(
    scene: Scene, status: str
) -> None:
    scene.client.looks = [Job(status)] * 100
    with pytest.raises(StillRunningError, match="has not ended in 60 seconds") as raised:
        carry(scene)
    assert raised.value.may_be_applied
    assert 60 <= scene.clock.time < 60 + LONGEST_LOOK_SECONDS
    assert [row.job_id for row in scene.jobs.known()] == ["f00"]
    assert sent(scene) == {Sent.UNKNOWN}
    assert len(scene.files.files) == 1


def test_a_job_that_is_not_shown_is_waited_for_at_first(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + scene.clock.time)
    scene.timeout = 1_000
    scene.carrier = scene.with_files(scene.files)
    scene.client.looks = [None, None, done(2)]
    assert scene.carrier.follow("n", "f00", begun_at=int(now)) == done(2)
    scene.client.looks = [None] * 100
    began = scene.clock.time
    assert scene.carrier.follow("n", "f00", begun_at=int(now + began)) is None
    assert NOT_THERE_YET_SECONDS <= scene.clock.time - began < 3 * NOT_THERE_YET_SECONDS


def test_a_run_that_is_told_to_stop_leaves_the_import_to_the_next(scene: Scene) -> None:
    scene.client.looks = [RUNS] * 3
    scene.clock.stop_after = 1
    with pytest.raises(InterruptedRunError):
        carry(scene)
    assert [row.job_id for row in scene.jobs.known()] == ["f00"]
    assert (sent(scene), len(scene.files.files)) == ({Sent.UNKNOWN}, 1)


@pytest.mark.parametrize("extra", [0, 1])
def test_blocks_are_cut_where_they_are_full(extra: int) -> None:
    blocks = list(blocks_of(range(2 * BLOCK_CHANGES + extra)))
    assert [len(block) for block in blocks] == [BLOCK_CHANGES] * 2 + [1] * extra
    assert [one for block in blocks for one in block] == list(range(2 * BLOCK_CHANGES + extra))
    assert list(blocks_of([])) == []
