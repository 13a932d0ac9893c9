from __future__ import annotations

import pytest

from target_cordial.core.outcome import Result
from target_cordial.delivery.base import all_of, rejected, unavailable
from target_cordial.errors import UnavailableError
from tests.target_cordial.delivery.changes import add, remove, results


@pytest.mark.parametrize(("doubt", "result"), [(False, Result.NOT_SENT), (True, Result.UNKNOWN)])
def test_a_call_without_a_usable_answer_stays_pending_and_says_why(
    doubt: bool,  # noqa: FBT001  a column of the table
    result: Result,
) -> None:
    call = (add("a"), remove("b"))
    delivered = unavailable(call, UnavailableError("Cordial is down.", may_be_applied=doubt))
    assert results(delivered) == [result, result]
    assert tuple(outcome.change for outcome in delivered.outcomes) == call
    assert delivered.again == ()
    assert delivered.problem == "Cordial is down."


def test_what_ended_has_no_problem_of_its_own() -> None:
    assert all_of((add(),), Result.CONFIRMED).problem is None
    assert all_of((add(),), Result.UNKNOWN, "lost").problem == "lost"
    assert rejected((add(),), "no such contact").problem is None
