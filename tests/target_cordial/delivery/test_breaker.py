from __future__ import annotations

import pytest

from target_cordial.core.outcome import CONTACT_NOT_FOUND, REJECTED_BY_CORDIAL, Outcome, Result
from target_cordial.delivery.base import Delivered, all_of, rejected, unavailable
from target_cordial.delivery.breaker import FIRST_CHANGES, Breaker
from target_cordial.errors import DeliveryStoppedError, UnavailableError
from tests.target_cordial.delivery.changes import add, remove

ONE = (add(),)
FINE = all_of(ONE, Result.CONFIRMED)
USED_UP = unavailable(ONE, UnavailableError("It failed 8 times, at last because of rain."))
REFUSED = rejected(ONE, "no")


def told(breaker: Breaker, *calls: Delivered) -> DeliveryStoppedError | None:
    """Tell of calls until one stops the delivery."""
    return next((error for call in calls if (error := breaker.after(call)) is not None), None)


# -- tries used up --------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 8])
def test_so_many_calls_in_a_row_without_answer_are_enough(most: int) -> None:
    breaker = Breaker(most)
    assert told(breaker, *[USED_UP] * (most - 1)) is None
    error = breaker.after(USED_UP)
    assert error is not None
    assert ("a call" if most == 1 else f"{most} calls in a row") in str(error)
    assert "at last because of rain. Run again" in str(error)


@pytest.mark.parametrize(
    "answer", [FINE, REFUSED, all_of(ONE, Result.NOT_SENT, "no such list"), Delivered(again=(ONE,))]
)
def test_any_answer_begins_the_row_anew(answer: Delivered) -> None:
    breaker = Breaker(3)
    assert told(breaker, USED_UP, USED_UP, answer, USED_UP, USED_UP) is None
    assert breaker.after(USED_UP) is not None


def test_what_was_not_sent_at_all_neither_lengthens_nor_ends_the_row() -> None:
    idle = Delivered(all_of(ONE, Result.NOT_SENT).outcomes, answered=None)
    breaker = Breaker(2)
    assert told(breaker, idle, USED_UP, idle) is None
    assert breaker.after(USED_UP) is not None


# -- all rejected ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, FIRST_CHANGES, 1_000])
def test_the_first_changes_all_rejected_for_one_reason_are_enough(size: int) -> None:
    breaker = Breaker(8)
    call = rejected(tuple(add(str(number)) for number in range(size)), "no")
    before = (FIRST_CHANGES - 1) // size
    assert told(breaker, *[call] * before) is None
    error = breaker.after(call)
    assert error is not None
    assert "the first 200 changes were all rejected, as rejected_by_cordial" in str(error)
    assert "cordial-ledger retry" in str(error)


def test_where_others_like_these_were_accepted_nothing_has_one_cause() -> None:
    breaker = Breaker(8, accepted=True)
    assert told(breaker, *[REFUSED] * FIRST_CHANGES) is None


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [(CONTACT_NOT_FOUND, "create_contacts"), (REJECTED_BY_CORDIAL, "rejects_path")],
)
def test_the_error_says_what_to_do_about_its_reason(reason: str, remedy: str) -> None:
    error = told(Breaker(8), *[rejected(ONE, "no", reason)] * FIRST_CHANGES)
    assert remedy in str(error)
    assert reason in str(error)


@pytest.mark.parametrize(
    "other",
    [
        FINE,
        all_of((remove(),), Result.ALREADY_ABSENT),
        rejected(ONE, "no", CONTACT_NOT_FOUND),
    ],
)
@pytest.mark.parametrize("place", [0, 100, FIRST_CHANGES - 1])
def test_one_other_end_among_the_first_lets_all_that_follow_be_rejected(
    other: Delivered, place: int
) -> None:
    calls = [REFUSED] * FIRST_CHANGES
    calls[place] = other
    assert told(Breaker(8), *calls, *[REFUSED] * 3 * FIRST_CHANGES) is None


def test_another_end_within_one_call_counts_too() -> None:
    mixed = Delivered(
        (Outcome(add("a"), Result.REJECTED, CONTACT_NOT_FOUND), Outcome(add("b"), Result.CONFIRMED))
    )
    assert told(Breaker(8), mixed, *[REFUSED] * 3 * FIRST_CHANGES) is None


@pytest.mark.parametrize("result", [Result.NOT_SENT, Result.UNKNOWN])
def test_what_stays_pending_says_nothing_about_rejections(result: Result) -> None:
    breaker = Breaker(8)
    pending = all_of(ONE, result)
    assert told(breaker, pending, *[REFUSED, pending] * (FIRST_CHANGES - 1)) is None
    assert breaker.after(REFUSED) is not None
