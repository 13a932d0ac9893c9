from __future__ import annotations

import pytest

from target_cordial.core.outcome import Outcome, Result, Status, too_many
from target_cordial.core.plan import Change, Operation, Sent

ADD, REMOVE = Operation.ADD, Operation.REMOVE


@pytest.mark.parametrize("before", list(Sent))
@pytest.mark.parametrize(
    ("operation", "result", "expected"),
    [
        (ADD, Result.CONFIRMED, Sent.ON),
        (REMOVE, Result.CONFIRMED, Sent.OFF),
        (REMOVE, Result.ALREADY_ABSENT, Sent.OFF),
        (ADD, Result.UNKNOWN, Sent.UNKNOWN),
        (REMOVE, Result.UNKNOWN, Sent.UNKNOWN),
        (ADD, Result.REJECTED, None),
        (REMOVE, Result.REJECTED, None),
        (ADD, Result.NOT_SENT, None),
        (REMOVE, Result.NOT_SENT, None),
    ],
)
def test_what_is_known_after_a_change(
    before: Sent, operation: Operation, result: Result, expected: Sent | None
) -> None:
    """None: what was known before is known again."""
    outcome = Outcome(Change(1, "ana@shop.example", operation, before), result)
    assert outcome.sent is (before if expected is None else expected)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Result.CONFIRMED, False),
        (Result.ALREADY_ABSENT, False),
        (Result.REJECTED, False),
        (Result.NOT_SENT, True),
        (Result.UNKNOWN, True),
    ],
)
def test_what_is_not_certain_is_sent_again(
    result: Result,
    expected: bool,  # noqa: FBT001  part of a table
) -> None:
    outcome = Outcome(Change(1, "ana@shop.example", ADD, Sent.OFF), result)
    assert outcome.is_pending is expected


def test_only_a_clean_run_exits_with_zero() -> None:
    assert {status: status.exit_code for status in Status} == {
        Status.OK: 0,
        Status.DEGRADED: 3,
        Status.FAILED: 1,
    }


def test_the_report_speaks_of_three_ends() -> None:
    assert [status.value for status in Status] == ["ok", "degraded", "failed"]


@pytest.mark.parametrize(
    ("count", "of", "percent", "expected"),
    [
        (0, 0, 5, False),
        (10, 10, 5, False),  # all of them, but not more than ten
        (11, 11, 5, True),
        (11, 219, 5, True),
        (11, 220, 5, False),  # five percent are not more than five percent
        (11, 221, 5, False),
        (12, 220, 5, True),
        (10, 1000, 0, False),
        (11, 1000, 0, True),
        (500, 500, 100, False),
        (500, 500, 99, True),
    ],
)
def test_too_many_are_more_than_ten_and_more_than_their_share(
    count: int,
    of: int,
    percent: int,
    expected: bool,  # noqa: FBT001  part of a table
) -> None:
    assert too_many(count, of, percent) is expected
