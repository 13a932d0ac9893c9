from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.core.completeness import (
    Completeness,
    Completion,
    DistinctUsers,
    Marker,
    SnapshotTally,
    last_marker,
    prove,
)

Tallies = dict[str | None, SnapshotTally]


def tally(*users: str, first: int = 1, last: int | None = None) -> SnapshotTally:
    counted = DistinctUsers()
    for user in users:
        counted.add([user])
    return SnapshotTally(counted, first, first + len(users) - 1 if last is None else last)


def marker(
    member_count: int,
    *,
    snapshot_id: str | None = "s-1",
    complete: bool = True,
    position: int = 100,
    time: int | None = None,
) -> Marker:
    return Marker(snapshot_id, member_count, complete, position, time)


def said(*markers: Marker) -> dict[str | None, Marker]:
    return {each.snapshot_id: each for each in markers}


# -- counting users -------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=3)))
def test_users_are_counted_like_a_set(users: list[str]) -> None:
    counted = DistinctUsers()
    for user in users:
        counted.add([user])
    assert len(counted) == len(set(users))


def test_counting_goes_on_after_a_count() -> None:
    counted = DistinctUsers()
    assert len(counted) == 0
    counted.add(["a:1"])
    assert len(counted) == 1
    counted.add(["a:1"])
    counted.add(["a:2"])
    assert len(counted) == 2


def test_many_users_are_counted_exactly() -> None:
    counted = DistinctUsers()
    for number in range(5000):
        counted.add([f"a:{number}"])
        counted.add([f"a:{number // 2}"])
    assert len(counted) == 5000


def test_half_a_surrogate_pair_is_a_user_too() -> None:
    counted = DistinctUsers()
    counted.add(["u:\ud83d"])
    counted.add(["u:\ude00"])
    assert len(counted) == 2


# -- proof ----------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcdef")), st.integers(0, 8))
def test_a_snapshot_is_complete_exactly_if_the_counts_agree(users: list[str], count: int) -> None:
    proof = prove(said(marker(count)), {"s-1": tally(*users)}, unreadable=0)
    assert proof.proven == (len(set(users)) == count)
    assert bool(proof.problem) != proof.proven


def test_rows_without_their_marker_prove_nothing() -> None:
    proof = prove({}, {"s-1": tally("a", "b")}, unreadable=0)
    assert proof.completeness is Completeness.INCOMPLETE
    assert not proof.proven
    assert "no marker" in proof.problem


def test_unreadable_rows_alone_are_an_incomplete_snapshot() -> None:
    proof = prove({}, {}, unreadable=1)
    assert proof.completeness is Completeness.INCOMPLETE
    assert proof.problem


def test_a_cohort_with_explicit_rows_only_has_no_snapshot_and_no_problem() -> None:
    proof = prove({}, {}, unreadable=0)
    assert proof.completeness is Completeness.NONE
    assert not proof.proven
    assert proof.problem == ""


def test_a_marker_that_says_incomplete_proves_nothing() -> None:
    proof = prove(said(marker(2, complete=False)), {"s-1": tally("a", "b")}, unreadable=0)
    assert proof.completeness is Completeness.INCOMPLETE
    assert "not complete" in proof.problem


def test_one_unreadable_row_spoils_the_snapshot_even_where_counts_agree() -> None:
    proof = prove(said(marker(2)), {"s-1": tally("a", "b")}, unreadable=3)
    assert proof.completeness is Completeness.INCOMPLETE
    assert "3 of its records" in proof.problem


def test_an_empty_cohort_is_proven_by_its_marker_alone() -> None:
    assert prove(said(marker(0)), {}, unreadable=0).proven


def test_a_marker_of_members_that_never_came_proves_nothing() -> None:
    proof = prove(said(marker(7)), {}, unreadable=0)
    assert not proof.proven
    assert "counts 7 members and 0 were received" in proof.problem


@pytest.mark.parametrize("position", [0, 1, 2, 3, 9])
def test_marker_and_rows_come_in_any_order(position: int) -> None:
    rows = tally("a", "b", "c", first=1)
    assert prove(said(marker(3, position=position)), {"s-1": rows}, unreadable=0).proven


def test_only_rows_of_the_markers_own_snapshot_count() -> None:
    other: Tallies = {"s-0": tally("a", "b", first=1)}
    assert not prove(said(marker(2)), other, unreadable=0).proven
    both: Tallies = {"s-0": tally("a", "b", "c", first=1), "s-1": tally("a", "b", first=10)}
    before = marker(9, snapshot_id="s-0", position=5)
    assert prove(said(before, marker(2)), both, unreadable=0).proven
    assert not prove(said(before, marker(3)), both, unreadable=0).proven


def test_snapshots_without_an_id_are_proven_likewise() -> None:
    assert prove(said(marker(2, snapshot_id=None)), {None: tally("a", "b")}, unreadable=0).proven
    assert not prove(said(marker(2)), {None: tally("a", "b")}, unreadable=0).proven


@pytest.mark.parametrize(("first", "last"), [(1, 9), (20, 49), (20, 51), (60, 70)])
def test_another_snapshot_without_a_marker_spoils_wherever_it_came(first: int, last: int) -> None:
    """It was begun and not finished: nobody knows which of the two is the newer one."""
    tallies: Tallies = {
        "s-1": tally("a", "b", first=10),
        "s-2": tally("a", first=first, last=last),
    }
    proof = prove(said(marker(2, position=50)), tallies, unreadable=0)
    assert proof.completeness is Completeness.INCOMPLETE
    assert "another snapshot" in proof.problem


@pytest.mark.parametrize(("last", "complete"), [(49, True), (50, True), (51, False)])
def test_rows_of_another_snapshot_after_the_marker_spoil_it(
    last: int,
    complete: bool,  # noqa: FBT001  part of a table
) -> None:
    tallies: Tallies = {
        "s-1": tally("a", "b", first=30),
        "s-0": tally("a", first=1, last=last),
    }
    markers = said(marker(1, snapshot_id="s-0", position=5), marker(2, position=50))
    proof = prove(markers, tallies, unreadable=0)
    assert proof.proven is complete
    assert ("another snapshot" in proof.problem) is not complete


@pytest.mark.parametrize("position", [1, 99, 101])
def test_the_last_marker_by_position_counts_in_whatever_order_they_are_kept(position: int) -> None:
    first, other = marker(2, position=100), marker(1, snapshot_id="s-2", position=position)
    last = max(first, other, key=lambda each: each.position)
    assert last_marker(said(first, other)) == last
    assert last_marker(said(other, first)) == last
    tallies: Tallies = {"s-1": tally("a", "b", first=1), "s-2": tally("c", "d", first=1)}
    assert prove(said(first, other), tallies, unreadable=0).proven is (last is first)


def test_a_last_marker_that_says_incomplete_outweighs_a_whole_snapshot() -> None:
    markers = said(marker(1, position=5), marker(0, snapshot_id="s-2", complete=False, position=6))
    assert not prove(markers, {"s-1": tally("a")}, unreadable=0).proven


def test_no_marker_is_the_last_of_none() -> None:
    assert last_marker({}) is None


def test_rows_that_stream_maps_dropped_altogether_prove_nothing() -> None:
    tallies: Tallies = {"s-1": tally("a", "b")}
    proof = prove(said(marker(2)), tallies, unreadable=0, dropped=True)
    assert proof.completeness is Completeness.INCOMPLETE
    assert "stream maps" in proof.problem
    graver = prove(said(marker(3)), tallies, unreadable=0, dropped=True)
    assert "counts 3 members" in graver.problem


def test_the_report_names_what_was_received() -> None:
    assert [state.value for state in Completeness] == ["complete", "incomplete", "none"]


# -- source times ---------------------------------------------------------------------------------


def test_a_marker_of_an_older_time_does_not_replace_a_newer_one() -> None:
    newer = marker(1, snapshot_id="s-2", position=50, time=2000)
    older = marker(1, snapshot_id="s-1", position=100, time=1000)
    assert last_marker(said(newer, older)) == newer
    assert last_marker(said(older, newer)) == newer


@pytest.mark.parametrize("times", [(None, 1000), (1000, None), (1000, 1000), (1000, 2000)])
def test_otherwise_the_last_marker_counts(times: tuple[int | None, int | None]) -> None:
    first = marker(1, snapshot_id="s-1", position=50, time=times[0])
    last = marker(1, snapshot_id="s-2", position=100, time=times[1])
    assert last_marker(said(first, last)) == last


def test_rows_of_an_older_snapshot_after_the_marker_are_no_doubt() -> None:
    newer = marker(1, snapshot_id="s-2", position=2, time=2000)
    older = marker(1, snapshot_id="s-1", position=9, time=1000)
    tallies: Tallies = {"s-2": tally("a"), "s-1": tally("b", first=8)}
    assert prove(said(newer, older), tallies, unreadable=0).proven
    # without times, or without a marker of its own, it may be the newer one
    assert not prove(said(newer), tallies, unreadable=0).proven
    late = marker(1, snapshot_id="s-1", position=9, complete=False)
    assert not prove(said(newer, late), tallies, unreadable=0).proven


# -- snapshot_completion --------------------------------------------------------------------------

WHOLE: Tallies = {"s-1": tally("a", "b")}


def test_the_end_of_the_input_is_proof_where_that_is_wanted() -> None:
    proof = prove({}, WHOLE, unreadable=0, completion=Completion.END_OF_INPUT)
    assert proof.proven
    assert proof.completeness is Completeness.COMPLETE


@pytest.mark.parametrize(
    ("tallies", "unreadable", "ended", "problem"),
    [
        (WHOLE, 0, False, "the input broke off"),
        (WHOLE, 1, True, "1 of its records could not be read"),
        (
            WHOLE | {None: tally("c")},
            0,
            True,
            "several snapshots of it came, none with a marker",
        ),
    ],
)
def test_the_end_of_the_input_is_no_proof_of_a_doubtful_snapshot(
    tallies: Tallies,
    unreadable: int,
    ended: bool,  # noqa: FBT001  part of a table
    problem: str,
) -> None:
    proof = prove(
        {}, tallies, unreadable=unreadable, completion=Completion.END_OF_INPUT, ended=ended
    )
    assert not proof.proven
    assert proof.problem == problem


@pytest.mark.parametrize("completion", list(Completion))
def test_a_marker_that_does_not_add_up_proves_nothing_in_any_case(completion: Completion) -> None:
    proof = prove(said(marker(3)), WHOLE, unreadable=0, completion=completion)
    assert not proof.proven
    assert proof.problem


def test_never_adds_only_and_finds_nothing_wrong_with_that() -> None:
    proof = prove({}, WHOLE, unreadable=0, completion=Completion.NEVER)
    assert (proof.completeness, proof.problem, proof.proven) == (
        Completeness.INCOMPLETE,
        "",
        False,
    )
    marked = prove(said(marker(2)), WHOLE, unreadable=0, completion=Completion.NEVER)
    assert (marked.completeness, marked.proven) == (Completeness.COMPLETE, False)


def test_a_marker_is_proof_with_end_of_input_too() -> None:
    proof = prove(
        said(marker(2)), WHOLE, unreadable=0, completion=Completion.END_OF_INPUT, ended=False
    )
    assert proof.proven


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([7, 7, 7], 7),
        ([7], 7),
        ([7, 8, 7], None),
        ([None, 7, 7], None),
        ([7, None, 7], None),
        ([None, None], None),
    ],
)
def test_a_snapshot_has_a_time_where_all_its_rows_have_the_same(
    times: list[int | None], expected: int | None
) -> None:
    counted = SnapshotTally(DistinctUsers(), 1, 1, times[0])
    for position, time in enumerate(times, 1):
        counted.add([f"a:{position}"], position, time)
    assert (counted.time, counted.last, len(counted.users)) == (expected, len(times), len(times))
    again = SnapshotTally(DistinctUsers(), 1, 1, 7)
    again.update(counted)
    assert again.time == expected


def test_counts_of_one_snapshot_under_two_names_are_one() -> None:
    counted = tally("a", "b", first=5)
    counted.update(tally("b", "c", first=3))
    assert (len(counted.users), counted.first, counted.last) == (3, 3, 6)
