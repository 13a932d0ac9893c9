"""The plan of a dry run, for people to read: what would be sent, and what the guard would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from target_cordial.core.delivery_choice import ENDPOINT, IMPORTS
from target_cordial.core.plan import Operation
from target_cordial.run.planning import WORDS
from target_cordial.run.report import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from target_cordial.run.planning import CohortPlan, Direction, Plans

PASSES: Final = "passes"
APPROVED: Final = "passes by an approval"
WITHHOLDS: Final = "withholds"
ADOPTION: Final = "waits for cordial-ledger adopt"
"""What the guard would do. It has nothing to say where nothing is due."""


@dataclass(frozen=True)
class ListPlan:
    """What one list is due.

    Attributes:
        cohort_id: The cohort's id.
        cohort_name: The cohort's name.
        list_name: The list.
        new: It would be made.
        before: Confirmed members.
        add: Members that would be added.
        remove: Members that would be taken off.
        withheld_additions: Additions that the guard would keep back.
        withheld_removals: Removals that it would.
        after: Members when all that has gone well.
        guard_additions: What the guard would do with the additions; empty where there are none.
        guard_removals: The same of the removals.
    """

    cohort_id: str
    cohort_name: str | None
    list_name: str | None
    new: bool
    before: int
    add: int
    remove: int
    withheld_additions: int
    withheld_removals: int
    after: int
    guard_additions: str
    guard_removals: str

    def line(self) -> str:
        """Say it in one line."""
        label = f"'{self.cohort_name}' ({self.cohort_id})" if self.cohort_name else self.cohort_id
        text = (
            f"Plan for list '{self.list_name}'{' (new)' if self.new else ''} of cohort {label}: "
            f"{self.before} members before, {self.add} to add, {self.remove} to remove, "
            f"{self.after} after"
        )
        ways = {
            Operation.ADD: (self.guard_additions, self.withheld_additions),
            Operation.REMOVE: (self.guard_removals, self.withheld_removals),
        }
        for operation, (guard, withheld) in ways.items():
            if guard and guard != PASSES:
                text += f"; guard, {WORDS[operation][0]}: {guard}"
                text += f" {withheld}" if guard == WITHHOLDS else ""
        return f"{text}."


@dataclass(frozen=True)
class DryPlan:
    """What a run would send.

    Attributes:
        lists: Each list that is looked at.
        contacts: Contacts that would change, each counted once.
        firing: Those of them whose change would set off automations; None where that is not the
            target's to say: the endpoint's calls have no word for it.
    """

    lists: Sequence[ListPlan]
    contacts: int
    firing: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as it stands in the report."""
        return {
            "contacts": self.contacts,
            "contacts_that_fire_triggers": self.firing,
            "lists": [asdict(one) for one in self.lists],
        }

    def lines(self) -> list[str]:
        """Say it, a line for each list, and last what it means for contacts."""
        text = f"Plan: {counted(self.contacts, 'contact')} would change"
        if self.firing is None:
            text += "; whether automations are set off is decided behind the endpoint"
        elif self.firing:
            text += f", {self.firing} of them setting off automations (suppress_triggers)"
        else:
            text += ", and no automation is set off (suppress_triggers)"
        return [*(one.line() for one in self.lists), f"{text}."]


def dry_plan(
    plans: Plans,
    contacts: Callable[[Collection[int], Collection[int]], int],
    *,
    delivery: str,
    suppress_triggers: str,
) -> DryPlan:
    """Put a plan into words and numbers.

    Args:
        plans: What each list is due.
        contacts: Counts the contacts that change, by the keys of the cohorts whose additions, and
            of those whose removals, go out.
        delivery: The delivery that was chosen.
        suppress_triggers: The setting.
    """

    def changed(those: Collection[CohortPlan]) -> int:
        return contacts(
            [plan.cohort.key for plan in those if plan.additions.going],
            [plan.cohort.key for plan in those if plan.removals.going],
        )

    everything = list(plans.values())
    total = changed(everything)
    firing: int | None = total
    if delivery == ENDPOINT:
        firing = None
    elif suppress_triggers == "always":
        firing = 0
    elif suppress_triggers == "first_sync":
        first = [plan for plan in everything if plan.cohort.first_synced_at is None]
        later = [plan for plan in everything if plan.cohort.first_synced_at is not None]
        # One call has all lists of a contact, and is silent where any of them is new; an import
        # has one list.
        firing = changed(later) if delivery == IMPORTS else total - changed(first)
    return DryPlan([_list_plan(plan) for plan in everything], total, firing)


def _list_plan(plan: CohortPlan) -> ListPlan:
    cohort = plan.cohort
    before = plan.members
    return ListPlan(
        cohort.cohort_id,
        cohort.name,
        cohort.list_name,
        cohort.list_id is None,
        before,
        plan.additions.going,
        plan.removals.going,
        plan.additions.withheld,
        plan.removals.withheld,
        before + plan.additions.going - plan.removals.going,
        _guard(plan, plan.additions),
        _guard(plan, plan.removals),
    )


def _guard(plan: CohortPlan, way: Direction) -> str:
    if not way.due:
        return ""
    if plan.waits_for_adoption(way):
        return ADOPTION
    if way.verdict.withheld:
        return WITHHOLDS
    return APPROVED if way.verdict.uses_approval else PASSES
