"""Looking: how the ledger stands, and whether Cordial stands so too. Nothing is written."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from target_cordial.core.outcome import Status
from target_cordial.core.plan import Operation
from target_cordial.errors import LedgerError
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.jobs import Jobs
from target_cordial.ledger_cli.desk import Desk, known, with_desk
from target_cordial.run import binding
from target_cordial.run.planning import WORDS
from target_cordial.run.remedy import ledger_command
from target_cordial.run.report import iso
from target_cordial.run.verifying import Verifier
from target_cordial.run.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.ledger.store import CohortRow, Ledger

MOST_SAMPLED: Final = 1_000


@click.command()
@with_desk
def status(desk: Desk) -> None:
    """Show every cohort: its list, its members, and what waits."""
    with desk.ledger() as ledger:
        now = int(time.time())
        entries = Entries(ledger)
        running = defaultdict(list)
        for job in Jobs(ledger).running():
            running[job.cohort].append(job.name)
        cohorts = [
            {**_cohort_status(ledger, entries, row, now), "imports": running[row.key]}
            for row in ledger.cohorts()
        ]
        run = ledger.last_run()
    last = run and {
        "run_id": run["run_id"],
        "started_at": iso(run["started_at"]),
        "finished_at": iso(run["finished_at"]),
        "status": run["status"] or "did not end",
    }
    lines = [_status_line(cohort) for cohort in cohorts] or ["No cohort yet."]
    if last:
        lines.append(f"Last run: {last['status']}, started {last['started_at']}")
    desk.answer({"cohorts": cohorts, "last_run": last}, "\n".join(lines))


def _cohort_status(ledger: Ledger, entries: Entries, row: CohortRow, now: int) -> dict[str, Any]:
    counts = entries.counts(row.key, now=now, window_since=now)
    approval = ledger.approved(row.key)
    if approval is not None and not any(approval.covers(way, now) for way in Operation):
        approval = None
    only = approval.only if approval else None
    return {
        "cohort_id": row.cohort_id,
        "cohort_name": row.name,
        "list_name": row.list_name,
        "list_id": row.list_id,
        "last_complete_at": iso(row.last_complete_at),
        "members": counts.confirmed,
        "additions_waiting": counts.additions,
        "removals_waiting": counts.removals,
        "unknown": counts.unknown,
        "rejected": counts.rejected,
        "approved_up_to": approval.up_to if approval else None,
        "approved_only": WORDS[only][0] if only else None,
        "to_adopt": row.found,
        "remapped_at": iso(row.remapped_at),
    }


def _status_line(cohort: Mapping[str, Any]) -> str:
    name = f"{cohort['cohort_name']} ({cohort['cohort_id']})"
    text = (
        f"{name} -> {cohort['list_name'] or 'no list yet'}: {cohort['members']} members, "
        f"last complete {cohort['last_complete_at'] or 'never'}"
    )
    for field in ("additions_waiting", "removals_waiting", "unknown"):
        if cohort[field]:
            text += f", {cohort[field]} {field.replace('_', ' ')}"
    if cohort["rejected"]:
        text += f", {sum(cohort['rejected'].values())} rejected"
    if cohort["approved_up_to"]:
        words = cohort["approved_only"] or "removals and as many additions"
        text += f", up to {cohort['approved_up_to']} {words} approved"
    if cohort["to_adopt"]:
        command = ledger_command("adopt", cohort["cohort_id"])
        text += f", {cohort['to_adopt']} members whom nobody has claimed ({command})"
    if cohort["remapped_at"]:
        text += (
            f", members by the former contact_identifier_mapping since {cohort['remapped_at']} "
            "(run the tap with --full-refresh)"
        )
    if cohort["imports"]:
        text += f", an import that the next run follows ({', '.join(cohort['imports'])})"
    return text


@click.command()
@click.argument("cohort_id", required=False)
@click.option(
    "--sample",
    type=click.IntRange(0, MOST_SAMPLED),
    help="Confirmed members of each list that are read back; the setting verify_sample without it.",
)
@with_desk
def verify(desk: Desk, cohort_id: str | None, sample: int | None) -> int:
    """Compare confirmed members with Cordial: every list, or one cohort's."""
    settings = desk.settings()
    with desk.ledger() as ledger:
        binding.check(ledger, settings.binding)
        cohorts = [known(ledger, cohort_id)] if cohort_id is not None else ledger.cohorts()
        if cohort_id is not None and cohorts[0].list_id is None:
            raise LedgerError(f"Cohort {cohorts[0].label} has no list yet: sync it first.")
        wiring = Wiring(settings, threading.Event())
        try:
            verifier = Verifier(Entries(ledger), wiring.rest, settings)
            found = verifier.verify(
                [cohort for cohort in cohorts if cohort.list_id is not None],
                settings.verify_sample if sample is None else sample,
            )
        finally:
            for session in wiring.sessions:
                session.close()
    fits = all(one.fits for one in found)
    lines = [one.line() for one in found] or ["No list yet."]
    desk.answer({"lists": [asdict(one) for one in found], "fits": fits}, "\n".join(lines))
    return Status.OK.exit_code if fits else Status.DEGRADED.exit_code
