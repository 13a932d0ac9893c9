from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from target_cordial.delivery import crew as module
from target_cordial.delivery.crew import Crew

if TYPE_CHECKING:
    import pytest

LONG = 20.0
"""A wait that only a wrong crew lets run out."""


def all_ends(crew: Crew[int, int]) -> list[tuple[int, int | Exception]]:
    found: list[tuple[int, int | Exception]] = []
    while crew.unfinished:
        found += crew.ended(LONG)
    return found


def test_everything_that_is_put_in_line_is_done_once() -> None:
    with Crew[int, int](4, lambda work: (-work, ())) as crew:
        crew.put(list(range(50)))
        crew.put(list(range(50, 100)))
        assert sorted(all_ends(crew)) == [(n, -n) for n in range(100)]
        assert crew.waiting == 0


def test_one_after_the_other_it_is_done_in_order_and_what_follows_comes_first() -> None:
    follows = {1: [10, 11], 11: [20], 3: [30]}
    with Crew[int, int](1, lambda work: (0, follows.get(work, ()))) as crew:
        crew.put([1, 2, 3, 4])
        assert [work for work, _ in all_ends(crew)] == [1, 10, 11, 20, 2, 3, 30, 4]


def test_nobody_waits_for_whoever_takes_the_ends() -> None:
    done = threading.Semaphore(0)

    def work(_: int) -> tuple[int, tuple[int, ...]]:
        done.release()
        return 0, ()

    with Crew[int, int](2, work) as crew:
        crew.put(list(range(20)))
        for _ in range(20):
            assert done.acquire(timeout=LONG)


def test_what_work_raises_is_its_end_and_the_thread_goes_on() -> None:
    error = ValueError("no")

    def work(number: int) -> tuple[int, tuple[int, ...]]:
        if number == 1:
            raise error
        return number, ()

    with Crew[int, int](1, work) as crew:
        crew.put([1, 2])
        assert all_ends(crew) == [(1, error), (2, 2)]


def test_what_has_not_been_begun_can_be_taken_back() -> None:
    begun, free = threading.Event(), threading.Event()

    def work(number: int) -> tuple[int, tuple[int, ...]]:
        begun.set()
        assert free.wait(LONG)
        return number, ()

    with Crew[int, int](1, work) as crew:
        crew.put([1, 2, 3])
        assert begun.wait(LONG)
        assert crew.clear() == [2, 3]
        assert crew.unfinished == 1
        free.set()
        assert all_ends(crew) == [(1, 1)]


def test_waiting_for_an_end_that_does_not_come_ends_in_time() -> None:
    free = threading.Event()
    with Crew[int, int](1, lambda _: (int(free.wait(LONG)), ())) as crew:
        crew.put([1])
        assert crew.ended(0.001) == []
        free.set()
        assert all_ends(crew) == [(1, 1)]


def test_there_are_no_more_threads_than_work_and_none_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[object] = []

    class Pool(ThreadPoolExecutor):
        def submit(self, *work: object) -> None:  # type: ignore[override]  # nobody waits for it
            begun.append(super().submit(*work))  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(module, "ThreadPoolExecutor", Pool)
    with Crew[int, int](8, lambda work: (work, ())) as crew:
        crew.put([1, 2, 3])
        all_ends(crew)
        crew.put([1, 2])
        all_ends(crew)
    assert len(begun) == 3
    for one in begun:
        assert one.result(LONG) is None  # type: ignore[attr-defined]  # a future


def test_who_is_let_go_begins_nothing_more() -> None:
    begun, free = threading.Semaphore(0), threading.Event()
    done: list[int] = []

    def work(number: int) -> tuple[int, tuple[int, ...]]:
        begun.release()
        assert free.wait(LONG)
        done.append(number)
        return number, ()

    pools: list[ThreadPoolExecutor] = []
    with Crew[int, int](2, work) as crew:
        crew.put(list(range(10)))
        for _ in range(2):
            assert begun.acquire(timeout=LONG)
        pools.append(crew._pool)  # noqa: SLF001  its threads are waited for
    free.set()
    pools[0].shutdown(wait=True)
    assert sorted(done) == [0, 1]
