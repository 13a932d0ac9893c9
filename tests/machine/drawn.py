"""What is drawn: what a tap may send, what may happen between runs, and what may go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.machine.book import Limits
from tests.machine.records import USER_IDS, Batch, Change, Snapshot, Unreadable, Who

COHORTS = {"c1": ("alpha", "al pha"), "c2": ("beta", "Beta 2")}
IDENTIFIERS = ("p@x.io", "q@x.io", "r@x.io", "+s@x.io")
"""The last one may not stand in a file: a spreadsheet would take it for a formula."""

FOREIGN = (*IDENTIFIERS, "f@x.io", "g@x.io")

GUARDS = (
    Limits(10, 30, 1000, 200),
    Limits(1, 30, 1, 50),
    Limits(0, 0, 0, 10),
    Limits(0, 100, 0, 0),
)

# -- what a tap may send --------------------------------------------------------------------------

cohorts = st.sampled_from(sorted(COHORTS))
identifiers = st.sampled_from(IDENTIFIERS)
times = st.sampled_from([None, None, 1, 2, 3, 4, 5])
messages = st.sampled_from([None, None, "m", "n"])


@st.composite
def weighted(draw: st.DrawFn, *choices: tuple[int, st.SearchStrategy[Any]]) -> Any:
    """Draw from one of some strategies, each as often as its weight says (``one_of`` does not)."""
    each = [number for number, (weight, _) in enumerate(choices) for _ in range(weight)]
    return draw(choices[draw(st.sampled_from(each))][1])


@st.composite
def whos(draw: st.DrawFn) -> Who:
    known = draw(st.sampled_from(["full", "full", "full", "amplitude_id", "user_id", "identifier"]))
    identifier = draw(st.sampled_from([*IDENTIFIERS, *IDENTIFIERS, None]))
    if known == "user_id":
        return Who(None, draw(st.sampled_from(["x", "y", "z"])), identifier)
    if known == "identifier":
        return Who(None, None, draw(identifiers))
    amplitude_id = draw(st.sampled_from(sorted(USER_IDS)))
    user_id = USER_IDS[amplitude_id] if known == "full" else None
    return Who(amplitude_id, user_id, identifier)


snapshots = st.builds(
    Snapshot,
    cohorts,
    st.sampled_from(["s1", "s2"]),
    st.lists(whos(), max_size=5).map(tuple),
    st.sampled_from(["complete"] * 8 + ["truncated", "one_more", "incomplete", "unmarked"]),
    times,
    st.booleans(),
)

WORDS: tuple[tuple[dict[str, Any], bool], ...] = (
    ({"in_cohort": True}, True),
    ({"in_cohort": False}, False),
    ({"operation": "Add"}, True),
    ({"operation": "exiting"}, False),
    ({"_sdc_deleted_at": "2026-01-02T00:00:00Z"}, False),
)
changes = st.builds(
    lambda cohort, who, word, time, message: Change(cohort, who, word[0], word[1], time, message),
    cohorts,
    whos(),
    st.sampled_from(WORDS),
    times,
    messages,
)
batches = st.builds(
    Batch,
    cohorts,
    st.lists(whos(), max_size=3).map(tuple),
    st.booleans(),
    times,
    st.sampled_from(["b", "c"]),
)
blocks = st.one_of(
    snapshots, snapshots, snapshots, changes, changes, batches, st.builds(Unreadable, cohorts)
)

events = st.one_of(
    st.tuples(st.just("time_passes"), st.sampled_from([0.5, 1.1, 1.1, 8])),
    st.tuples(st.just("a_cohort_is_renamed"), cohorts),
    st.tuples(st.just("somebody_else_adds_a_member"), cohorts, st.sampled_from(FOREIGN)),
    st.tuples(st.just("a_list_is_deleted_or_restored"), cohorts),
    st.tuples(st.just("cordial_refuses_some_people"), st.sets(identifiers, max_size=2)),
    st.tuples(st.just("somebody_approves"), cohorts, st.integers(1, 5)),
    st.tuples(st.just("somebody_lets_rejected_changes_be_tried_again")),
    st.tuples(st.just("somebody_says_whose_members_they_are"), st.integers(0, 3)),
)
Event = tuple[Any, ...]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in a run.

    Attributes:
        kind: A fault of the sandbox; or ``dies``, ``is_told_to_stop`` or ``list_is_deleted``, in
            the midst of the run; or ``store``.
        skip: How many calls it passes over, or steps.
        times: How many it hits.
        details: What else is to be said of it.
    """

    kind: str
    skip: int = 0
    times: int = 1
    details: dict[str, Any] = field(default_factory=dict)


interruptions = st.builds(
    Trouble,
    st.sampled_from(["dies", "dies", "is_told_to_stop", "list_is_deleted"]),
    st.integers(0, 12),
)
failed_calls = st.builds(
    Trouble,
    st.sampled_from(["drop_before", "drop_after", "status"]),
    st.integers(0, 3),
    st.sampled_from([1, 8, 20, 40]),
)
troubles = weighted((2, failed_calls), (1, interruptions))
