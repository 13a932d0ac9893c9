"""Decisions: let a mass change pass, try again, wait no longer, look after a cohort no longer."""

from __future__ import annotations

import time
from typing import Final

import click

from target_cordial.core.plan import Operation
from target_cordial.errors import LedgerError
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.forget import forget_cohort
from target_cordial.ledger.jobs import Jobs
from target_cordial.ledger_cli.desk import Desk, known, with_desk
from target_cordial.run.planning import WORDS
from target_cordial.run.remedy import ledger_command

ONLY: Final = {WORDS[operation][0]: operation for operation in Operation}
"""The directions, in the words of the option ``--only``."""


@click.command()
@click.argument("cohort_id")
@click.option(
    "--up-to",
    type=click.IntRange(min=1),
    required=True,
    help="The most removals, and the most additions, that may go out; a plan above is withheld.",
)
@click.option("--only", type=click.Choice(sorted(ONLY)), help="Approve one direction alone.")
@with_desk
def approve(desk: Desk, cohort_id: str, up_to: int, only: str | None) -> None:
    """Let the next mass change of one cohort's list pass, once, within a week."""
    with desk.ledger() as ledger:
        cohort = known(ledger, cohort_id)
        ledger.approve(cohort.key, up_to, ONLY[only] if only else None)
    words = [only] if only else sorted(ONLY, reverse=True)
    desk.answer(
        {
            "cohort_id": cohort.cohort_id,
            "list_name": cohort.list_name,
            "approved_up_to": up_to,
            "approved_only": only,
        },
        f"The next mass change of list '{cohort.list_name}' of cohort {cohort.label} passes with "
        f"up to {' and '.join(f'{up_to} {word}' for word in words)}, once, within a week.",
    )


@click.command()
@click.argument("cohort_id", required=False)
@with_desk
def retry(desk: Desk, cohort_id: str | None) -> None:
    """Let the next run send again what Cordial rejected, of one cohort or of all."""
    with desk.ledger(exclusive=True) as ledger:
        cohort = known(ledger, cohort_id) if cohort_id is not None else None
        count = Entries(ledger).retry_rejected(cohort.key if cohort else None)
    of = f"cohort {cohort.label}" if cohort else "all cohorts"
    desk.answer(
        {"cohort_id": cohort_id, "retried": count},
        f"The next run sends {count} rejected changes of {of} again.",
    )


@click.command()
@click.argument("cohort_id")
@with_desk
def forget(desk: Desk, cohort_id: str) -> None:
    """Stop looking after a cohort. Its list in Cordial stays as it is."""
    with desk.ledger(exclusive=True) as ledger:
        cohort = known(ledger, cohort_id)
        now = int(time.time())
        waiting = (
            Entries(ledger).counts(cohort.key, now=now, window_since=now).due(Operation.REMOVE)
        )
        running = [job.name for job in Jobs(ledger).running() if job.cohort == cohort.key]
        forget_cohort(ledger, cohort.key)
    left = (
        f" So do {waiting} people who have left it: their removals were waiting, and nothing "
        "sends them any more."
    )
    desk.answer(
        {
            "cohort_id": cohort.cohort_id,
            "list_name": cohort.list_name,
            "forgotten": True,
            "removals_dropped": waiting,
            "imports": running,
        },
        f"Cohort {cohort.label} is forgotten. Its members stay on their list in Cordial."
        f"{left if waiting else ''}"
        + "".join(f" Its import '{name}' still runs there." for name in running),
    )


@click.command()
@click.argument("import_name")
@with_desk
def abandon(desk: Desk, import_name: str) -> None:
    """Wait no longer for an import that never ends: only when Cordial will not carry it out."""
    with desk.ledger(exclusive=True) as ledger:
        jobs = Jobs(ledger)
        number = next((job.number for job in jobs.running() if job.name == import_name), None)
        if number is None:
            raise LedgerError(
                f"No import of this name is waited for. Known: {ledger_command('status')} --json"
            )
        jobs.ended(number)
    desk.answer(
        {"import": import_name, "abandoned": True},
        f"Import '{import_name}' is not waited for any more. What it carried is unknown, and the "
        "next run sends it again. Should Cordial carry it out after all, it undoes what runs have "
        "written since: see to it that it is cancelled there.",
    )
