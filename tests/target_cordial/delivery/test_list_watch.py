from __future__ import annotations

import threading

import pytest

from target_cordial.delivery.list_watch import ListWatch
from target_cordial.errors import UnavailableError
from tests.target_cordial.delivery.changes import TARGETS

VIP, DORMANT = TARGETS[1], TARGETS[2]
BEFORE = {"101": "vip", "102": "dormant"}


class Lists:
    """Lists as Cordial has them, and how often they were read."""

    def __init__(self, **now: str) -> None:
        self.now = {key.removeprefix("id"): name for key, name in now.items()}
        self.reads = 0

    def __call__(self) -> dict[str, str]:
        self.reads += 1
        return dict(self.now)


def test_as_long_as_nothing_is_refused_lists_are_called_what_they_were() -> None:
    lists = Lists()
    watch = ListWatch(lists)
    assert (watch.name(VIP), watch.name(DORMANT)) == ("vip", "dormant")
    assert (lists.reads, watch.moved) == (0, False)


def test_a_renamed_list_is_found_by_its_id() -> None:
    watch = ListWatch(Lists(id101="best", id102="dormant", id9="vip"))
    assert watch.explains(BEFORE, {"vip"})
    assert (watch.name(VIP), watch.name(DORMANT)) == ("best", "dormant")
    assert watch.moved


def test_a_list_that_is_gone_has_no_name_even_if_another_takes_it() -> None:
    watch = ListWatch(Lists(id9="vip", id102="dormant"))
    assert watch.explains(BEFORE, {"vip"})
    assert watch.name(VIP) is None
    assert watch.moved


def test_all_calls_of_one_event_share_one_reading() -> None:
    lists = Lists(id101="best", id102="dormant")
    watch = ListWatch(lists)
    assert all(watch.explains(BEFORE, {"vip"}) for _ in range(50))
    assert lists.reads == 1


def test_workers_that_are_refused_together_share_one_reading() -> None:
    together = threading.Barrier(8)
    lists = Lists(id102="dormant")
    watch = ListWatch(lists)
    explained: list[bool] = []

    def work() -> None:
        together.wait(20)
        explained.append(watch.explains(BEFORE, {"vip"}))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert explained == [True] * 8
    assert lists.reads == 1


def test_the_next_event_is_another_reading() -> None:
    lists = Lists(id101="best", id102="dormant")
    watch = ListWatch(lists)
    watch.explains(BEFORE, {"vip"})
    lists.now = {"101": "best", "102": "asleep"}
    assert watch.explains({"101": "best", "102": "dormant"}, {"dormant"})
    assert watch.name(DORMANT) == "asleep"
    assert lists.reads == 2


def test_a_list_that_comes_back_stays_lost_for_this_delivery() -> None:
    lists = Lists(id102="dormant")
    watch = ListWatch(lists)
    watch.explains(BEFORE, {"vip"})
    lists.now = {"101": "vip", "102": "asleep"}
    watch.explains({"102": "dormant"}, {"dormant"})
    assert watch.name(VIP) is None
    assert watch.name(DORMANT) == "asleep"


def test_a_refusal_that_a_reading_does_not_explain_is_not_asked_about_again() -> None:
    lists = Lists(id101="vip", id102="dormant")
    watch = ListWatch(lists)
    assert not any(watch.explains(BEFORE, {"vip"}) for _ in range(50))
    assert (lists.reads, watch.moved) == (1, False)
    assert not watch.explains(BEFORE, {"dormant"})
    assert lists.reads == 2
    lists.now = {"102": "dormant"}
    assert watch.explains({"101": "vip"}, {"vip", "other"})


def test_a_reading_that_fails_settles_nothing() -> None:
    def down() -> dict[str, str]:
        raise UnavailableError("no")

    watch = ListWatch(down)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            watch.explains(BEFORE, {"vip"})
    assert watch.name(VIP) == "vip"
