from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.guard import APPROVAL_SECONDS, WINDOW_SECONDS, Limit
from target_cordial.core.outcome import Result
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.store import MEMORY, Ledger
from target_cordial.run.planning import CohortPlan, Planner
from tests.target_cordial.ledger.rows import NOW, deliver, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = {f"a:{number}": f"p{number:03}" for number in range(100)}


class Guarded:
    """A cohort of a hundred confirmed members, guarded by 10 and 30 percent."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.book = Entries(ledger)
        self.key = ledger.ensure_cohort("c1", "vip")
        ledger.update_cohort(self.key, list_name="vip", list_id="7")
        self.stay(100)
        deliver(self.book, self.key, now=NOW - 100)

    def stay(self, count: int) -> None:
        snapshot(self.ledger, self.key, dict(list(PEOPLE.items())[:count]))

    def plan(self, now: int, limit: Limit | None = None) -> CohortPlan:
        planner = Planner(self.ledger, self.book, limit or Limit(10, 30))
        row = self.ledger.cohort("c1")
        assert row is not None
        return planner.plan(row, now)

    def removals_go_out(self, now: int) -> None:
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
    assert plan.removals == left - withheld
    assert plan.counts.additions == 0


def test_the_two_numbers_have_to_be_exceeded_both(guarded: Guarded) -> None:
    guarded.stay(60)
    assert guarded.plan(NOW, Limit(40, 0)).withheld == 0
    assert guarded.plan(NOW, Limit(39, 0)).withheld == 40
    assert guarded.plan(NOW, Limit(0, 40)).withheld == 0
    assert guarded.plan(NOW, Limit(0, 100)).withheld == 0


def test_additions_go_out_beside_withheld_removals(guarded: Guarded) -> None:
    snapshot(guarded.ledger, guarded.key, {"a:new": "new"})
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.removals, plan.counts.additions) == (100, 0, 1)


def test_a_leak_over_the_day_is_one_removal(guarded: Guarded) -> None:
    guarded.stay(75)
    assert guarded.plan(NOW).withheld == 0
    guarded.removals_go_out(NOW)
    guarded.stay(65)
    assert guarded.plan(NOW + WINDOW_SECONDS - 1).withheld == 10
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


def test_what_is_withheld_is_told_with_the_remedy(guarded: Guarded) -> None:
    guarded.stay(60)
    text = guarded.plan(NOW).problem(Limit(10, 30))
    assert "'vip' (c1)" in text
    assert "cordial-ledger approve c1 --up-to 40" in text


def test_an_approval_lets_its_number_pass_and_no_more(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(60)
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.verdict.uses_approval) == (0, True)
    guarded.stay(59)
    plan = guarded.plan(NOW)
    assert (plan.withheld, plan.verdict.uses_approval) == (41, False)


def test_an_approval_that_is_not_needed_is_not_used(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(95)
    assert not guarded.plan(NOW).verdict.uses_approval


def test_what_an_approval_let_through_counts_against_the_day_like_all_else(
    guarded: Guarded,
) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(60)
    guarded.removals_go_out(NOW + 5)
    guarded.ledger.use_approval(guarded.key)
    guarded.stay(59)
    assert guarded.plan(NOW + 5 + WINDOW_SECONDS - 1).withheld == 1
    assert guarded.plan(NOW + 5 + WINDOW_SECONDS).withheld == 0


@pytest.mark.parametrize(("age", "withheld"), [(APPROVAL_SECONDS, 0), (APPROVAL_SECONDS + 1, 40)])
def test_an_approval_older_than_a_week_is_none(guarded: Guarded, age: int, withheld: int) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(60)
    plan = guarded.plan(NOW + age)
    assert (plan.withheld, plan.verdict.uses_approval) == (withheld, not withheld)


def test_a_run_that_died_half_way_leaves_the_rest_of_its_approval(guarded: Guarded) -> None:
    guarded.ledger.approve(guarded.key, 40)
    guarded.stay(75)
    guarded.removals_go_out(NOW + 5)
    guarded.stay(60)
    assert guarded.plan(NOW + 10).verdict.uses_approval
    guarded.stay(59)
    assert guarded.plan(NOW + 10).withheld == 16


def test_cohorts_are_guarded_apart(guarded: Guarded) -> None:
    other = guarded.ledger.ensure_cohort("c2", "other")
    snapshot(guarded.ledger, other, PEOPLE)
    deliver(guarded.book, other, now=NOW)
    snapshot(guarded.ledger, other, {})
    assert guarded.plan(NOW).withheld == 0
    row = guarded.ledger.cohort("c2")
    assert row is not None
    planner = Planner(guarded.ledger, guarded.book, Limit(10, 30))
    plan = planner.plan(row, NOW)
    assert plan.withheld == 100
    assert dataclasses.replace(plan, verdict=guarded.plan(NOW).verdict).removals == 100
