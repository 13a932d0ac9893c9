from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.outcome import Outcome, Result
from target_cordial.core.plan import Change, Operation
from target_cordial.delivery import crew
from target_cordial.delivery import engine as module
from target_cordial.delivery.base import (
    Call,
    Delivered,
    Targets,
    all_of,
    rejected,
    unavailable,
)
from target_cordial.delivery.breaker import FIRST_CHANGES
from target_cordial.delivery.engine import BLOCK_CHANGES, Engine
from target_cordial.errors import (
    DeliveryStoppedError,
    InterruptedRunError,
    LedgerError,
    RefusedError,
    UnavailableError,
    UnexpectedError,
)
from tests.target_cordial.delivery.changes import TARGETS, add, remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LONG = 20.0
"""A wait that only a wrong engine lets run out."""


class Book:
    """A recorder that writes everything that happens into one list, in its order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Change, ...]]] = []
        self.outcomes: list[Outcome] = []
        self.problems: list[str] = []
        self.threads: set[int] = set()
        self.lost = False
        self.intended_twice = threading.Event()
        self.recorded = threading.Event()
        self._lock = threading.Lock()

    def keep(self, what: str, changes: Iterable[Change]) -> None:
        with self._lock:
            self.events.append((what, tuple(changes)))

    def intend(self, changes: Iterable[Change]) -> None:
        self.threads.add(threading.get_ident())
        self.keep("intend", changes)
        if [what for what, _ in self.events].count("intend") > 1:
            self.intended_twice.set()

    def record(self, outcomes: Iterable[Outcome]) -> None:
        self.threads.add(threading.get_ident())
        kept = list(outcomes)
        self.outcomes += kept
        self.keep("record", [outcome.change for outcome in kept])
        self.recorded.set()

    def note(self, problem: str) -> None:
        self.threads.add(threading.get_ident())
        self.problems.append(problem)
        self.keep("note", ())

    def check_hold(self) -> None:
        self.threads.add(threading.get_ident())
        if self.lost:
            raise LedgerError("It is another's.")

    def results(self) -> dict[str, Result]:
        return {outcome.change.identifier: outcome.result for outcome in self.outcomes}


class FakeDelivery:
    """Sends by a function of the test; a call is one change, or all changes of a contact."""

    name = "fake"

    def __init__(
        self, book: Book, send: Callable[[Call], Delivered] | None = None, *, by_contact: bool
    ) -> None:
        self.by_contact = by_contact
        self.threads: set[int] = set()
        self._book = book
        self._send = send or (lambda call: all_of(call, Result.CONFIRMED))

    def calls(self, changes: Iterable[Change]) -> Iterator[Call]:
        if self.by_contact:
            for _, together in groupby(changes, key=lambda change: change.identifier):
                yield tuple(together)
        else:
            for change in changes:
                yield (change,)

    def send(self, call: Call, targets: Targets) -> Delivered:
        assert targets is TARGETS
        self.threads.add(threading.get_ident())
        self._book.keep("send", call)
        try:
            return self._send(call)
        finally:
            self._book.keep("sent", call)


def deliver(
    changes: Iterable[Change],
    send: Callable[[Call], Delivered] | None = None,
    *,
    by_contact: bool = False,
    workers: int = 4,
    stop: threading.Event | None = None,
    book: Book | None = None,
) -> Book:
    book = book or Book()
    delivery = FakeDelivery(book, send, by_contact=by_contact)
    engine = Engine(delivery, book, workers=workers, stop=stop or threading.Event())
    engine.deliver(changes, TARGETS)
    assert not delivery.threads & book.threads
    return book


def people(count: int) -> list[str]:
    return [f"p{number:05}" for number in range(count)]


@pytest.mark.parametrize("by_contact", [True, False])
@pytest.mark.parametrize("count", [1, 7, BLOCK_CHANGES, 2 * BLOCK_CHANGES + 3])
def test_every_change_is_intended_before_it_is_sent_and_recorded_once(
    count: int,
    by_contact: bool,  # noqa: FBT001  a column of the table
) -> None:
    changes = [add(person) for person in people(count)]
    book = deliver(changes, by_contact=by_contact)
    intended: set[Change] = set()
    for what, told in book.events:
        if what == "intend":
            intended.update(told)
        elif what == "send":
            assert intended.issuperset(told)
    assert sorted(o.change.identifier for o in book.outcomes) == people(count)
    assert {o.result for o in book.outcomes} == {Result.CONFIRMED}


def test_a_large_plan_is_walked_in_blocks_and_never_held_whole() -> None:
    book = deliver(add(person) for person in people(3 * BLOCK_CHANGES))
    intents = [told for what, told in book.events if what == "intend"]
    assert [len(told) for told in intents] == [BLOCK_CHANGES] * 3
    begun = 0
    for what, told in book.events:
        if what == "intend":
            assert begun > len(told) * (intents.index(told) - 1)  # the block before is on its way
        elif what == "send":
            begun += len(told)


def test_the_next_block_is_intended_while_calls_of_the_last_are_in_flight() -> None:
    """No worker waits for the ledger: these end only when all of the next block is intended."""
    book = Book()

    def send(call: Call) -> Delivered:
        if call[0].identifier == "p00999":
            assert book.intended_twice.wait(LONG)
        return all_of(call, Result.CONFIRMED)

    deliver([add(person) for person in people(2 * BLOCK_CHANGES)], send, book=book)
    assert len(book.outcomes) == 2 * BLOCK_CHANGES


def test_outcomes_are_recorded_as_they_come_and_not_when_all_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RECORD_SECONDS", 0.0)
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    book = Book()

    def send(call: Call) -> Delivered:
        if call[0].identifier == "b":
            assert book.recorded.wait(LONG)
        return all_of(call, Result.CONFIRMED)

    deliver([add("a"), add("b")], send, workers=2, by_contact=True, book=book)
    assert [[c.identifier for c in told] for what, told in book.events if what == "record"] == [
        ["a"],
        ["b"],
    ]


def test_nothing_to_do_touches_nothing() -> None:
    assert deliver([]).events == []


def test_only_the_calling_thread_touches_the_recorder() -> None:
    book = deliver([add(person) for person in people(50)])
    assert book.threads == {threading.get_ident()}


def test_as_many_calls_are_in_flight_as_there_are_workers() -> None:
    together = threading.Barrier(4)

    def send(call: Call) -> Delivered:
        together.wait(LONG)
        return all_of(call, Result.CONFIRMED)

    book = deliver([add(person) for person in people(8)], send, workers=4)
    assert len(book.outcomes) == 8


def test_no_more_calls_are_in_flight_than_there_are_workers() -> None:
    book = deliver([add(person) for person in people(60)], workers=3)
    flying, most = 0, 0
    for what, _ in book.events:
        flying += {"send": 1, "sent": -1}.get(what, 0)
        most = max(most, flying)
    assert 1 <= most <= 3


def test_a_removal_waits_until_every_addition_has_ended() -> None:
    """The additions all have to be in flight before one may end; no removal joins them."""
    together = threading.Barrier(4)

    def send(call: Call) -> Delivered:
        if call[0].operation is Operation.ADD:
            together.wait(LONG)
        return all_of(call, Result.CONFIRMED)

    names = people(4)
    changes = [*(add(n, 1) for n in names), *(remove(n, 2) for n in names)]
    book = deliver(changes, send, workers=8)
    flying: list[Change] = []
    for what, told in book.events:
        if what == "send":
            flying += told
            assert len({change.operation for change in flying}) == 1
        elif what == "sent":
            flying = [change for change in flying if change not in told]
    order = [what for what, _ in book.events if what in ("intend", "record")]
    assert order == ["intend", "record"] * 2


def test_changes_by_contact_may_mix_additions_and_removals_in_one_block() -> None:
    changes = [add("a", 1), remove("a", 2), remove("b", 1), add("c", 1)]
    book = deliver(changes, by_contact=True)
    assert [len(told) for what, told in book.events if what == "intend"] == [4]
    calls = sorted(
        tuple(c.identifier for c in told) for what, told in book.events if what == "send"
    )
    assert calls == [("a", "a"), ("b",), ("c",)]


def test_smaller_calls_are_sent_again_within_their_block() -> None:
    def send(call: Call) -> Delivered:
        if len(call) > 1:
            return Delivered(again=(call[:1], call[1:]))
        return all_of(call, Result.CONFIRMED)

    changes = [add("a", 1), add("a", 2), add("a", 3), remove("b", 1)]
    book = deliver(changes, send, by_contact=True)
    assert sorted(o.change.cohort for o in book.outcomes if o.change.identifier == "a") == [1, 2, 3]
    assert len(book.outcomes) == 4


def test_why_changes_stay_pending_is_noted_by_the_calling_thread_once_they_are_recorded() -> None:
    def send(call: Call) -> Delivered:
        kept = call[0].identifier == "a"
        return all_of(call, Result.UNKNOWN, "lost") if kept else all_of(call, Result.CONFIRMED)

    book = deliver([add("a"), add("b")], send)
    assert book.problems == ["lost"]
    assert book.threads == {threading.get_ident()}
    order = [what for what, _ in book.events if what in ("intend", "record", "note")]
    assert order == ["intend", "record", "note"]


def test_why_changes_stay_pending_is_noted_even_if_another_call_ends_the_run() -> None:
    error = RefusedError("Cordial refused the key.")

    def send(call: Call) -> Delivered:
        if call[0].identifier == "b":
            raise error
        return all_of(call, Result.NOT_SENT, "down")

    book = Book()
    with pytest.raises(RefusedError):
        deliver([add("a"), add("b")], send, workers=1, book=book)
    assert book.problems == ["down"]


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("doubt", "result"), [(False, Result.NOT_SENT), (True, Result.UNKNOWN)])
def test_an_error_stops_the_rest_and_is_raised_when_all_is_recorded(
    doubt: bool,  # noqa: FBT001  a column of the table
    result: Result,
) -> None:
    error = UnexpectedError("Cordial answered 302.", may_be_applied=doubt)

    def send(call: Call) -> Delivered:
        if call[0].identifier == "p00000":
            raise error
        return all_of(call, Result.CONFIRMED)

    names = people(3 * BLOCK_CHANGES)
    book = Book()
    with pytest.raises(UnexpectedError) as caught:
        deliver((add(name) for name in names), send, workers=1, book=book)
    assert caught.value is error
    assert book.events[-1][0] == "record"
    results = book.results()
    assert results["p00000"] is result
    assert len(results) == BLOCK_CHANGES
    sent = {change.identifier for what, told in book.events if what == "send" for change in told}
    assert len(sent) < 10
    for name in names[1:BLOCK_CHANGES]:
        assert results[name] is (Result.CONFIRMED if name in sent else Result.NOT_SENT)


def test_the_first_of_two_errors_is_raised_and_a_call_in_flight_ends() -> None:
    failed = threading.Event()
    first = RefusedError("the key")

    def send(call: Call) -> Delivered:
        if call[0].identifier == "p00000":
            failed.set()
            raise first
        assert failed.wait(LONG)
        return all_of(call, Result.CONFIRMED)

    book = Book()
    with pytest.raises(RefusedError) as caught:
        deliver([add(name) for name in people(2)], send, workers=2, book=book)
    assert caught.value is first
    assert book.results()["p00000"] is Result.NOT_SENT
    assert book.results()["p00001"] in (Result.CONFIRMED, Result.NOT_SENT)
    sent = [change.identifier for what, told in book.events if what == "send" for change in told]
    confirmed = book.results()["p00001"] is Result.CONFIRMED
    assert confirmed is ("p00001" in sent)


def test_halves_that_an_error_keeps_back_are_not_sent() -> None:
    split = threading.Event()

    def send(call: Call) -> Delivered:
        if call[0].identifier == "a":
            assert split.wait(LONG)
            return Delivered(again=(call[:1], call[1:]))
        split.set()
        raise UnexpectedError("no")

    book = Book()
    with pytest.raises(UnexpectedError):
        deliver([add("a", 1), add("a", 2), add("b")], send, by_contact=True, workers=2, book=book)
    ends = sorted((o.change.identifier, o.result.value) for o in book.outcomes)
    assert ends == [("a", "not_sent"), ("a", "not_sent"), ("b", "not_sent")]


# -- stopping because nothing gets through ---------------------------------------------------------


def used_up(call: Call) -> Delivered:
    return unavailable(call, UnavailableError("It failed 8 times."))


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_calls_in_a_row_as_workers_without_answer_stop_the_delivery(workers: int) -> None:
    book = Book()
    names = people(2 * BLOCK_CHANGES)
    with pytest.raises(DeliveryStoppedError, match="used up all tries"):
        deliver([add(name) for name in names], used_up, workers=workers, book=book)
    sent = {change.identifier for what, told in book.events if what == "send" for change in told}
    assert workers <= len(sent) < 2 * workers  # others were in flight when the last one ended
    assert len(book.outcomes) == BLOCK_CHANGES
    assert {outcome.result for outcome in book.outcomes} == {Result.NOT_SENT}
    assert book.events[-1][0] == "note"


def test_a_row_without_answer_goes_on_over_the_end_of_a_block() -> None:
    """Each of these is a block of its own, since additions and removals never share one."""
    book = Book()
    with pytest.raises(DeliveryStoppedError):
        deliver([add("a"), remove("b"), add("c")], used_up, workers=2, book=book)
    assert book.results() == {"a": Result.NOT_SENT, "b": Result.NOT_SENT}


def test_the_first_changes_all_rejected_stop_the_delivery_and_stay_rejected() -> None:
    book = Book()
    names = people(2 * BLOCK_CHANGES)
    with pytest.raises(DeliveryStoppedError, match="the first 200"):
        deliver([add(n) for n in names], lambda call: rejected(call, "no"), workers=3, book=book)
    sent = {change.identifier for what, told in book.events if what == "send" for change in told}
    assert FIRST_CHANGES <= len(sent) <= FIRST_CHANGES + 6
    assert len(book.outcomes) == BLOCK_CHANGES
    for name, result in book.results().items():
        assert result is (Result.REJECTED if name in sent else Result.NOT_SENT)


def test_a_batch_refused_as_a_whole_is_known_to_be_before_the_next_is_sent() -> None:
    """Halves go first: 200 culprits are found in some 400 calls, not in all batches' halves."""

    def send(call: Call) -> Delivered:
        if len(call) == 1:
            return rejected(call, "no")
        middle = len(call) // 2
        return Delivered(again=(call[:middle], call[middle:]))

    changes = [add(str(n // 500), cohort=n) for n in range(4 * 500)]
    book = Book()
    with pytest.raises(DeliveryStoppedError):
        deliver(changes, send, by_contact=True, workers=1, book=book)
    assert len([what for what, _ in book.events if what == "send"]) < 2.2 * FIRST_CHANGES


def test_calls_that_a_stop_cuts_short_are_a_stop_and_no_failure_of_cordials() -> None:
    stop = threading.Event()

    def send(call: Call) -> Delivered:
        stop.set()
        return used_up(call)

    with pytest.raises(InterruptedRunError):
        deliver([add("a"), add("b")], send, workers=1, stop=stop)


# -- being told to stop ---------------------------------------------------------------------------


def test_a_stop_before_the_first_block_sends_nothing() -> None:
    stop = threading.Event()
    stop.set()
    book = Book()
    with pytest.raises(InterruptedRunError):
        deliver([add()], stop=stop, book=book)
    assert book.events == []


def test_a_stop_lets_calls_in_flight_end_and_starts_no_other() -> None:
    stop = threading.Event()

    def send(call: Call) -> Delivered:
        stop.set()
        return all_of(call, Result.CONFIRMED)

    book = Book()
    names = people(2 * BLOCK_CHANGES)
    with pytest.raises(InterruptedRunError):
        deliver([add(name) for name in names], send, workers=1, stop=stop, book=book)
    assert book.events[-1][0] == "record"
    results = book.results()
    sent = {change.identifier for what, told in book.events if what == "send" for change in told}
    assert 1 <= len(sent) < 10
    assert len(results) == BLOCK_CHANGES
    for name, result in results.items():
        assert result is (Result.CONFIRMED if name in sent else Result.NOT_SENT)


@pytest.mark.parametrize("sent", [True, False])
def test_a_stop_during_the_last_call_is_a_stop(
    monkeypatch: pytest.MonkeyPatch,
    sent: bool,  # noqa: FBT001  a column of the table
) -> None:
    """A session that is told to stop before the first byte says so; nothing was sent then."""
    monkeypatch.setattr(module, "TICK_SECONDS", LONG)
    stop = threading.Event()

    def send(call: Call) -> Delivered:
        stop.set()
        if not sent:
            raise InterruptedRunError
        return all_of(call, Result.CONFIRMED)

    book = Book()
    with pytest.raises(InterruptedRunError):
        deliver([add("a")], send, stop=stop, book=book)
    assert book.results() == {"a": Result.CONFIRMED if sent else Result.NOT_SENT}
    assert book.events[-1][0] == "record"


def test_a_call_that_does_not_end_in_time_is_abandoned_as_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its intent stays as it is: no outcome is written for it."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.02)
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    stop = threading.Event()
    release = threading.Event()

    def send(call: Call) -> Delivered:
        if call[0].identifier == "hangs":
            stop.set()
            release.wait(LONG)
        return all_of(call, Result.CONFIRMED)

    book = Book()
    try:
        with pytest.raises(InterruptedRunError):
            deliver([add("hangs"), add("later")], send, workers=1, stop=stop, book=book)
        assert book.results() == {"later": Result.NOT_SENT}
        intended = [c.identifier for what, told in book.events if what == "intend" for c in told]
        assert intended == ["hangs", "later"]
    finally:
        release.set()


def test_an_engine_leaves_no_worker_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    pools: list[ThreadPoolExecutor] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers: int, thread_name_prefix: str) -> None:
            super().__init__(workers, thread_name_prefix)
            pools.append(self)

    monkeypatch.setattr(crew, "ThreadPoolExecutor", Pool)
    deliver([add()])
    with pytest.raises(RuntimeError, match="after shutdown"):
        pools[0].submit(print)
    pools[0].shutdown(wait=True)


def test_a_ledger_that_is_lost_ends_all_calls_that_have_not_begun() -> None:
    book, stop = Book(), threading.Event()
    begun: list[Call] = []

    def send(call: Call) -> Delivered:
        begun.append(call)
        if len(begun) > 4:
            book.lost = True
            assert stop.wait(LONG)  # as one that waits for its next try
        return all_of(call, Result.CONFIRMED)

    with pytest.raises(LedgerError):
        deliver([add(f"{n}@x.io") for n in range(40)], send, workers=2, stop=stop, book=book)
    assert len(begun) <= 4 + 2
    assert book.outcomes == []
