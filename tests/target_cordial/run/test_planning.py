from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.guard import APPROVAL_SECONDS, WINDOW_SECONDS, Limit
from target_cordial.core.outcome import Outcome, Result
from target_cordial.core.plan import Operation
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import MEMORY
from target_cordial.ledger.store import Ledger
from target_cordial.run.planning import CohortPlan as Plan
from target_cordial.run.planning import Planner
from tests.target_cordial.ledger.rows import NOW, deliver, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_cordial.ledger.counts import Counts

PEOPLE = {f"a:{number}": f"p{number:03}" for number in range(100)}


ADD, REMOVE = Operation.ADD, Operation.REMOVE


class Guarded:
    """A cohort of a hundred confirmed members, guarded by 10 and 30, and by 50 and 200 percent."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.book = Entries(ledger)
        self.key = ledger.ensure_cohort("c1", "vip")
        ledger.update_cohort(self.key, list_name="vip", list_id="7")
        self.stay(100)
        self.changes_go_out(NOW - 100)
        ledger.update_cohort(self.key, first_synced_at=NOW - 100)

    def stay(self, count: int, joined: int = 0) -> None:
        """Let so many of the first hundred be in, and so many others."""
        others = {f"a:new{number}": f"n{number:05}" for number in range(joined)}
        snapshot(self.ledger, self.key, dict(list(PEOPLE.items())[:count]) | others)

    def plan(self, now: int, removal: Limit | None = None, addition: Limit | None = None) -> Plan:
        limits = {REMOVE: removal or Limit(10, 30), ADD: addition or Limit(50, 200)}
        planner = Planner(self.ledger, self.book, lambda _id, _name: limits)
        row = self.ledger.cohort("c1")
        assert row is not None
        return planner.plan(row, now)

    def counts(self) -> Counts:
        return self.book.counts(self.key, now=NOW, window_since=NOW)

    def changes_go_out(self, now: int) -> None:
        deliver(self.book, self.key, now=now)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    monkeypatch.setattr("target_cordial.ledger.store.time.time", lambda: float(NOW))
    monkeypatch.setenv("SQLITE_TMPDIR", os.environ.get("SQLITE_TMPDIR", "/tmp"))  # noqa: S108  the default place
    ledger = Ledger(MEMORY, exclusive=False)
    yield Guarded(ledger)
    ledger.close()


@pytest.mark.parametrize(("left", "withheld"), [(0, 0), (10, 0), (30, 0), (31, 31), (100, 100)])
def test_removals_above_both_numbers_are_withheld(
    guarded: Guarded, left: int, withheld: int
) -> None:
    guarded.stay(100 - left)
    plan = guarded.plan(NOW)
    assert plan.withheld == withheld
    assert plan.removals.going == left - withheld
    assert plan.additions.due == 0


@pytest.mark.parametrize(
    ("joined", "withheld"), [(0, 0), (50, 0), (200, 0), (201, 201), (5000, 5000)]
)
def test_additions_above_both_numbers_are_withheld(
    guarded: Guarded, joined: int, withheld: int
) -> None:
    guarded.stay(99, joined)
    plan = guarded.plan(NOW)
    assert plan.additions.withheld == plan.withheld == withheld
    assert plan.additions.going == joined - withheld
    assert plan.removals.going == 1


def test_the_two_numbers_have_to_be_exceeded_both(guarded: Guarded) -> None:
    guarded.stay(60, 40)
    assert guarded.plan(NOW, Limit(40, 0)).withheld == 0
    assert guarded.plan(NOW, Limit(39, 0)).withheld == 40
    assert guarded.plan(NOW, Limit(0, 40)).withheld == 0
    assert guarded.plan(NOW, Limit(0, None)).withheld == 0
    off = Limit(0, None)
    assert guarded.plan(NOW, off, Limit(39, 40)).withheld == 0
    assert guarded.plan(NOW, off, Limit(40, 39)).withheld == 0
    assert guarded.plan(NOW, off, Limit(39, 39)).withheld == 40
    assert guarded.plan(NOW, off, off).withheld == 0


def test_the_other_direction_goes_out(guarded: Guarded) -> None:
    snapshot(guarded.ledger, guarded.key, {"a:new": "new"})
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.removals.going, plan.additions.going) == (100, 0, 1)
    assert plan.going == 1
    guarded.stay(99, 201)
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.removals.going, plan.additions.going) == (201, 1, 0)


def test_both_directions_can_be_withheld(guarded: Guarded) -> None:
    guarded.stay(60, 201)
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.going) == (241, 0)
    text = plan.problem()
    assert "40 removals from list 'vip' are withheld" in text
    assert "201 additions to list 'vip' are withheld" in text
    assert "cordial-ledger approve c1 --up-to 201 " in text
    assert "cordial-ledger approve c1 --up-to 40 --only removals" in text
    assert "cordial-ledger approve c1 --up-to 201 --only additions" in text


def test_a_first_sync_is_never_withheld_and_does_not_count_later(guarded: Guarded) -> None:
    guarded.ledger.update_cohort(guarded.key, first_synced_at=None)
    guarded.stay(100, 5000)
    assert guarded.plan(NOW).additions.going == 5000
    guarded.changes_go_out(NOW)
    guarded.ledger.update_cohort(guarded.key, first_synced_at=NOW)
    guarded.stay(100, 5051)
    plan = guarded.plan(NOW)
    assert (plan.additions.recent, plan.additions.before) == (0, 5100)


def test_a_leak_over_the_day_is_one_removal(guarded: Guarded) -> None:
    guarded.stay(75)
    assert guarded.plan(NOW).withheld == 0
    guarded.changes_go_out(NOW)
    guarded.stay(65)
    assert guarded.plan(NOW + WINDOW_SECONDS - 1).withheld == 10
    assert guarded.plan(NOW + WINDOW_SECONDS).withheld == 0


def test_a_list_that_swells_over_the_day_does_not_raise_its_own_limit(guarded: Guarded) -> None:
    guarded.stay(100, 190)
    assert guarded.plan(NOW).withheld == 0
    guarded.changes_go_out(NOW)
    guarded.stay(100, 200)
    assert guarded.plan(NOW + WINDOW_SECONDS - 1).withheld == 0
    guarded.stay(100, 201)
    assert guarded.plan(NOW + WINDOW_SECONDS - 1).withheld == 11
    assert guarded.plan(NOW + WINDOW_SECONDS).withheld == 0


@pytest.mark.parametrize("result", [Result.CONFIRMED, Result.UNKNOWN])
def test_a_plan_that_passed_is_not_withheld_half_done(guarded: Guarded, result: Result) -> None:
    """The share is that of the list as it was before the removals of the day."""
    guarded.stay(80)
    deliver(guarded.book, guarded.key, result, now=NOW)
    guarded.stay(70)
    assert guarded.plan(NOW + 1).withheld == 0
    guarded.stay(69)
    assert guarded.plan(NOW + 1).withheld == (11 if result is Result.CONFIRMED else 31)


@pytest.mark.parametrize("result", [Result.CONFIRMED, Result.UNKNOWN])
def test_additions_that_passed_are_not_withheld_half_done(guarded: Guarded, result: Result) -> None:
    guarded.stay(100, 120)
    deliver(guarded.book, guarded.key, result, now=NOW)
    guarded.stay(100, 200)
    assert guarded.plan(NOW + 1).withheld == 0
    guarded.stay(100, 201)
    assert guarded.plan(NOW + 1).withheld == (81 if result is Result.CONFIRMED else 201)


@pytest.mark.parametrize(
    ("joined", "left", "word", "count"), [(0, 40, "removals", 40), (250, 0, "additions", 250)]
)
def test_what_is_withheld_is_told_with_the_remedy(
    guarded: Guarded, joined: int, left: int, word: str, count: int
) -> None:
    guarded.stay(100 - left, joined)
    text = guarded.plan(NOW).problem()
    assert "'vip' (c1)" in text
    assert text.endswith(f"cordial-ledger approve c1 --up-to {count} --only {word}")
    guarded.stay(100)
    assert guarded.plan(NOW).problem() == ""


def test_an_approval_lets_its_number_pass_and_no_more(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(60)
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.removals.verdict.uses_approval) == (0, True)
    guarded.stay(59)
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.removals.verdict.uses_approval) == (41, False)


def test_an_approval_covers_both_directions_each_up_to_its_number(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 210)
    guarded.stay(60, 210)
    assert guarded.plan(NOW).going == 250
    guarded.stay(60, 211)
    plan = guarded.plan(NOW)
    assert (plan.removals.going, plan.additions.withheld) == (40, 211)


@pytest.mark.parametrize(("only", "withheld"), [(ADD, 40), (REMOVE, 210), (None, 0)])
def test_an_approval_can_be_for_one_direction(
    guarded: Guarded, only: Operation | None, withheld: int
) -> None:
    guarded.ledger.approve(guarded.key, 210, only)
    guarded.stay(60, 210)
    assert guarded.plan(NOW).withheld == withheld


def test_an_approval_that_is_not_needed_is_not_used(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(95)
    plan = guarded.plan(NOW)
    assert not plan.removals.verdict.uses_approval
    guarded.changes_go_out(NOW)
    assert not plan.uses_up(guarded.counts())


def test_an_approval_is_used_up_when_all_that_needed_it_went_out(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 210)
    guarded.stay(60, 210)
    plan = guarded.plan(NOW)
    assert not plan.uses_up(guarded.counts())
    guarded.book.plan.fix([guarded.key], [], now=NOW, by_contact=True)
    some = list(guarded.book.plan.changes())
    guarded.book.record([Outcome(each, Result.CONFIRMED) for each in some], now=NOW)
    assert not plan.uses_up(guarded.counts())
    guarded.changes_go_out(NOW)
    assert plan.uses_up(guarded.counts())


def test_what_an_approval_let_through_counts_against_the_day_like_all_else(
    guarded: Guarded,
) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(60)
    guarded.changes_go_out(NOW + 5)
    guarded.ledger.use_approval(guarded.key)
    guarded.stay(59)
    assert guarded.plan(NOW + 5 + WINDOW_SECONDS - 1).withheld == 1
    assert guarded.plan(NOW + 5 + WINDOW_SECONDS).withheld == 0


@pytest.mark.parametrize(("age", "withheld"), [(APPROVAL_SECONDS, 0), (APPROVAL_SECONDS + 1, 40)])
def test_an_approval_older_than_a_week_is_none(guarded: Guarded, age: int, withheld: int) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(60)
    plan = guarded.plan(NOW + age)
    assert (plan.withheld, plan.removals.verdict.uses_approval) == (withheld, not withheld)


def test_a_run_that_died_half_way_leaves_the_rest_of_its_approval(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(75)
    guarded.changes_go_out(NOW + 5)
    guarded.stay(60)
    assert guarded.plan(NOW + 10).removals.verdict.uses_approval
    guarded.stay(59)
    assert guarded.plan(NOW + 10).withheld == 16


def test_additions_of_a_run_that_died_leave_the_rest_of_its_approval(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 400)
    guarded.stay(100, 300)
    guarded.changes_go_out(NOW + 5)
    guarded.stay(100, 400)
    assert guarded.plan(NOW + 10).additions.verdict.uses_approval
    guarded.stay(100, 401)
    assert guarded.plan(NOW + 10).withheld == 101


def test_cohorts_are_guarded_apart(guarded: Guarded) -> None:
    other = guarded.ledger.ensure_cohort("c2", "other")
    snapshot(guarded.ledger, other, PEOPLE)
    deliver(guarded.book, other, now=NOW)
    snapshot(guarded.ledger, other, {})
    assert guarded.plan(NOW).withheld == 0
    row = guarded.ledger.cohort("c2")
    assert row is not None
    limits = {"c2": Limit(10, 30), "c1": Limit(0, 0)}
    planner = Planner(
        guarded.ledger,
        guarded.book,
        lambda cohort_id, _: dict.fromkeys(Operation, limits[cohort_id]),
    )
    assert planner.plan(row, NOW).withheld == 100


# -- members whom nobody has claimed --------------------------------------------------------------


def test_nobody_is_removed_from_a_list_with_members_whom_nobody_has_claimed(
    guarded: Guarded,
) -> None:
    guarded.ledger.update_cohort(guarded.key, found=3)
    guarded.ledger.approve(guarded.key, 500)
    guarded.stay(99, 10)
    plan = guarded.plan(NOW, Limit(0, None))
    assert (plan.removals.going, plan.removals.withheld, plan.additions.going) == (0, 1, 10)
    assert plan.problem() == ""  # told with the adoption
    guarded.stay(60, 501)
    plan = guarded.plan(NOW)
    assert plan.going == 0
    assert "501 additions" in plan.problem()
    assert "removals" not in plan.problem()
