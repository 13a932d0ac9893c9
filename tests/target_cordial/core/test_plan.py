from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.plan import Change, Entry, Operation, Sent, change_for

NOW = 1_790_000_000
DAY = 24 * 3600

ENTRIES = st.builds(
    Entry,
    st.integers(1, 9),
    st.just("ana@shop.example"),
    st.booleans(),
    st.sampled_from(Sent),
    st.none() | st.integers(NOW - 20 * DAY, NOW),
)


@pytest.mark.parametrize(
    ("wanted", "sent", "expected"),
    [
        (True, Sent.OFF, Operation.ADD),
        (True, Sent.ON, None),
        (True, Sent.UNKNOWN, Operation.ADD),
        (False, Sent.OFF, None),
        (False, Sent.ON, Operation.REMOVE),
        (False, Sent.UNKNOWN, Operation.REMOVE),
    ],
)
def test_what_is_sent_is_the_difference(
    wanted: bool,  # noqa: FBT001  part of a table
    sent: Sent,
    expected: Operation | None,
) -> None:
    change = change_for(Entry(3, "ana@shop.example", wanted, sent), NOW)
    if expected is None:
        assert change is None
    else:
        assert change == Change(3, "ana@shop.example", expected, sent)


@pytest.mark.parametrize(
    ("age", "sent_again"),
    [(0, False), (DAY, False), (7 * DAY - 1, False), (7 * DAY, True), (30 * DAY, True)],
)
@pytest.mark.parametrize(("wanted", "sent"), [(True, Sent.OFF), (False, Sent.ON)])
def test_what_cordial_rejected_rests_for_seven_days(
    age: int,
    sent_again: bool,  # noqa: FBT001  part of a table
    wanted: bool,  # noqa: FBT001  part of a table
    sent: Sent,
) -> None:
    entry = Entry(1, "ana@shop.example", wanted, sent, rejected_at=NOW - age)
    assert (change_for(entry, NOW) is not None) is sent_again


@given(ENTRIES)
def test_a_change_that_is_carried_out_leaves_nothing_to_do(entry: Entry) -> None:
    change = change_for(entry, NOW)
    if change is None:
        return
    after = Sent.ON if change.operation is Operation.ADD else Sent.OFF
    assert change_for(Entry(entry.cohort, entry.identifier, entry.wanted, after), NOW) is None


@given(ENTRIES)
def test_nothing_is_ever_sent_against_what_is_wanted(entry: Entry) -> None:
    change = change_for(entry, NOW)
    if change is not None:
        assert (change.operation is Operation.ADD) == entry.wanted
        assert change.before is entry.sent


def test_wanted_and_sent_compare_as_numbers_in_the_ledger() -> None:
    assert int(Sent.OFF) == int(False)
    assert int(Sent.ON) == int(True)
    assert int(Sent.UNKNOWN) not in {0, 1}
