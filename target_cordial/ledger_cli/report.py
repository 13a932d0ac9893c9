"""The history page, as a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from target_cordial.core.plan import Operation
from target_cordial.errors import LedgerError
from target_cordial.ledger import history
from target_cordial.ledger.entries import Entries
from target_cordial.ledger_cli.desk import Desk, newest_runs, with_desk
from target_cordial.run.report import replace_file

USUAL_RUNS: Final = 90
"""Runs that the figures show: a quarter of a year, where there is one a day."""


@click.command("report")
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where the page goes. A file that is there is replaced.",
)
@newest_runs(USUAL_RUNS)
@with_desk
def report(desk: Desk, file: Path, most: int) -> None:
    """Write a page with the size of every list over time, and what the runs did.

    It is one file, needs no network, and names nobody.
    """
    from target_cordial.page import page  # noqa: PLC0415  no other command needs templates

    now = int(time.time())
    with desk.ledger() as ledger:
        entries = Entries(ledger)
        past = history.newest(ledger, most)
        cards = []
        for cohort in ledger.cohorts():
            counts = entries.counts(cohort.key, now=now, window_since=now)
            waiting = page.Waiting(
                counts.due(Operation.ADD),
                counts.due(Operation.REMOVE),
                counts.unknown,
                cohort.found,
            )
            cards.append(page.card(cohort, counts.confirmed, waiting, past))
    try:
        replace_file(str(file), [page.render(cards, past, now)], 0o644)
    except OSError as error:
        raise LedgerError(f"The page can't be written to {file} ({error.strerror}).") from None
    desk.answer(
        {"file": str(file), "cohorts": len(cards), "runs": len(past)},
        f"{file}: {len(cards)} cohorts, {len(past)} runs.",
    )
