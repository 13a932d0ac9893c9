"""A job is believed only where its counts account for every row of its file."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.import_counts import Counts, Kind
from target_cordial.core.plan import Operation

WRITES = [Kind.ADD, Kind.REMOVE]


def counts(updated: int | None = 10, **others: int | None) -> Counts:
    """The six counts as Cordial shows them, 0 where nothing is said."""
    shown: dict[str, int | None] = {
        "inserted": 0,
        "rejected": 0,
        "error": 0,
        "ignored": 0,
        **others,
    }
    return Counts(updated=updated, **shown)


def test_only_additions_and_removals_change_who_is_on_the_list() -> None:
    assert [kind.operation for kind in Kind] == [None, Operation.ADD, Operation.REMOVE]


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize(
    ("told", "refused"),
    [
        (counts(10, total=10), 0),
        (counts(10), 0),  # no total was told, and the others add up
        (Counts(updated=10), 0),  # what is not told is 0 if all rows are accounted for without it
        (counts(7, rejected=3), 3),
        (counts(7, error=3), 3),
        (counts(7, rejected=1, error=2, total=10), 3),
        (counts(0, rejected=10), 10),
        # what does not add up proves nothing
        (Counts(), None),
        (counts(9), None),
        (counts(11), None),
        (counts(10, rejected=1), None),
        (counts(8, rejected=1), None),
        (counts(10, total=9), None),
        (counts(10, total=11), None),
        (counts(10, total=0), None),
        (counts(None, rejected=10), None),
        (counts(None, total=10), None),
        # nobody may come to be by a job that updates
        (counts(9, inserted=1), None),
        (counts(10, inserted=1), None),
    ],
)
def test_ten_rows_are_accounted_for_or_nothing_is_proven(
    kind: Kind, told: Counts, refused: int | None
) -> None:
    assert told.refused(kind, 10) == refused


@pytest.mark.parametrize(
    ("told", "added", "removed"),
    [
        (counts(7, ignored=3), 3, 0),  # who is unknown to Cordial is on no list
        (counts(6, ignored=3, rejected=1), 4, 1),
        (counts(0, ignored=10), 10, 0),
        (counts(8, ignored=3), None, None),
        (counts(6, ignored=3), None, None),
        (counts(10, ignored=None), 0, 0),
    ],
)
def test_contacts_unknown_to_cordial_are_not_added_and_need_no_removal(
    told: Counts, added: int | None, removed: int | None
) -> None:
    assert told.refused(Kind.ADD, 10) == added
    assert told.refused(Kind.REMOVE, 10) == removed


def test_the_absent_are_counted() -> None:
    assert counts(7, ignored=3).absent == 3
    assert Counts(updated=7).absent == 0


NUMBER = st.none() | st.integers(0, 6)
ANY = st.builds(
    Counts,
    total=NUMBER,
    updated=NUMBER,
    inserted=NUMBER,
    rejected=NUMBER,
    error=NUMBER,
    ignored=NUMBER,
)


@given(ANY, st.sampled_from(WRITES), st.integers(0, 12))
def test_what_is_believed_leaves_no_row_open(told: Counts, kind: Kind, rows: int) -> None:
    refused = told.refused(kind, rows)
    if refused is not None:
        every = [told.updated, told.rejected, told.error, told.ignored]
        assert sum(number or 0 for number in every) == rows
        assert 0 <= refused <= rows
        assert told.updated is not None
        assert told.total in {None, rows}
        assert not told.inserted


@given(ANY, st.sampled_from(WRITES), st.integers(0, 12))
def test_no_count_of_refused_rows_can_be_left_out(told: Counts, kind: Kind, rows: int) -> None:
    for name in ("rejected", "error"):
        if getattr(told, name) and told.refused(kind, rows) is not None:
            assert replace(told, **{name: None}).refused(kind, rows) is None
