"""The past: what runs did, and undoing one that was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from target_cordial.errors import LedgerError
from target_cordial.ledger import history as runs
from target_cordial.ledger.undoing import undo as undo_run
from target_cordial.ledger_cli.desk import Desk, known, newest_runs, with_desk
from target_cordial.run.remedy import ledger_command
from target_cordial.run.report import iso

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_cordial.ledger.history import PastRun
    from target_cordial.ledger.store import CohortRow, Ledger
    from target_cordial.ledger.undoing import Undone

USUAL_RUNS: Final = 20

BARS: Final = "▁▂▃▄▅▆▇█"

NEXT: Final = (
    "The next run sends this, under the guard, with or without new records. As long as the source "
    "says what it said then, a later snapshot does the same again: mend it there first."
)

SUMS: Final = ("added", "removed", "already_absent", "withheld", "pending")
"""What a run's lists are added up by."""


@click.command()
@click.argument("cohort_id", required=False)
@newest_runs(USUAL_RUNS)
@with_desk
def history(desk: Desk, cohort_id: str | None, most: int) -> None:
    """Show the newest runs and how lists grew and shrank, of every cohort or of one."""
    with desk.ledger() as ledger:
        cohorts = [known(ledger, cohort_id)] if cohort_id is not None else ledger.cohorts()
        past = runs.newest(ledger, most)
    keys = {cohort.key: cohort.cohort_id for cohort in cohorts}
    data = {
        "cohorts": [_cohort_data(cohort, past) for cohort in cohorts],
        "runs": [_run_data(run, keys) for run in past],
    }
    lines = [_cohort_line(cohort) for cohort in data["cohorts"]]
    lines += [_run_line(run) for run in data["runs"]]
    desk.answer(data, "\n".join(lines) or "No run yet.")


def _cohort_data(cohort: CohortRow, past: Sequence[PastRun]) -> dict[str, Any]:
    return {
        "cohort_id": cohort.cohort_id,
        "cohort_name": cohort.name,
        "list_name": cohort.list_name,
        "members": [run.tallies[cohort.key].members for run in past if cohort.key in run.tallies],
    }


def _run_data(run: PastRun, keys: dict[int, str]) -> dict[str, Any]:
    tallies = [tally for key, tally in run.tallies.items() if key in keys]
    return {
        "run_id": run.run_id,
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "status": run.status or "did not end",
        **{name: runs.total(tallies, name) for name in (*SUMS, "skipped", "rejected")},
        "cohorts": [
            {
                "cohort_id": keys[tally.cohort],
                "snapshot": tally.snapshot,
                "members": tally.members,
                **{name: getattr(tally, name) for name in SUMS},
                "skipped": tally.skipped,
                "rejected": tally.rejected,
            }
            for tally in tallies
        ],
    }


def _cohort_line(cohort: dict[str, Any]) -> str:
    name = f"{cohort['cohort_name']} ({cohort['cohort_id']})"
    sizes = cohort["members"]
    if not sizes:
        return f"{name}: in none of these runs."
    return f"{name} -> {cohort['list_name'] or 'no list yet'}: {spark(sizes)} {sizes[-1]} members"


def spark(sizes: Sequence[int]) -> str:
    """Draw numbers as a line of bars, the least as the lowest and the most as the highest."""
    least, most = min(sizes), max(sizes)
    steps = len(BARS) - 1
    return "".join(BARS[(size - least) * steps // max(most - least, 1)] for size in sizes)


def _run_line(run: dict[str, Any]) -> str:
    text = f"{run['run_id']}  {run['status']}  +{run['added']} -{run['removed']}"
    for name in ("already_absent", "withheld", "pending", "skipped", "rejected"):
        if run[name]:
            text += f", {run[name]} {name.replace('_', ' ')}"
    return text


@click.command()
@click.argument("run_id")
@click.option("--cohort", "cohort_id", help="Undo what the run did to the list of this one alone.")
@with_desk
def undo(desk: Desk, run_id: str, cohort_id: str | None) -> None:
    """Reverse a run: the next one takes off whom it added and puts back whom it took off."""
    with desk.ledger(exclusive=True) as ledger:
        cohorts = {cohort.key: cohort for cohort in ledger.cohorts()}
        only = known(ledger, cohort_id).key if cohort_id is not None else None
        undone = undo_run(ledger, _number(ledger, run_id), only)
    data = {
        "run_id": run_id,
        "lists": [
            {
                "cohort_id": cohorts[one.cohort].cohort_id,
                "list_name": cohorts[one.cohort].list_name,
                "to_remove": one.to_remove,
                "to_add": one.to_add,
            }
            for one in undone
        ],
    }
    desk.answer(data, "\n".join(_meaning(run_id, undone, cohorts)))


def _number(ledger: Ledger, run_id: str) -> int:
    """Find a run.

    Raises:
        LedgerError: The ledger does not know it.
    """
    number = runs.number_of(ledger, run_id)
    if number is None:
        raise LedgerError(
            f"The ledger knows no run {run_id}. Those that it knows: {ledger_command('history')}"
        )
    return number


def _meaning(run_id: str, undone: Collection[Undone], cohorts: dict[int, CohortRow]) -> list[str]:
    if not undone:
        nothing = "it changed nobody who has not been changed again since."
        return [f"There is nothing to undo of run {run_id}: {nothing}"]
    lines = [
        f"List '{cohorts[one.cohort].list_name}' of cohort {cohorts[one.cohort].label}: "
        f"{one.to_remove} members are to be taken off again, {one.to_add} to be put back."
        for one in undone
    ]
    return [*lines, NEXT]
