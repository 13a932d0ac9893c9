"""The command ``cordial-ledger``: looking after the ledger between runs."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from target_cordial.errors import LedgerError, TargetCordialError
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.forget import forget_cohort
from target_cordial.ledger.store import Ledger, ledger_exists
from target_cordial.run.report import iso
from target_cordial.settings import DEFAULT_LEDGER_URL, config_from_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.ledger.store import CohortRow


@dataclass(frozen=True)
class Desk:
    """What every command works with.

    Attributes:
        url: Where the ledger is.
        as_json: Answer in JSON.
    """

    url: str
    as_json: bool

    def open(self, *, exclusive: bool = False) -> Ledger:
        """Open the ledger.

        Args:
            exclusive: Not while a run is going on.

        Raises:
            LedgerError: There is none, or it can't be opened.
        """
        if not ledger_exists(self.url):
            raise LedgerError(
                "There is no ledger yet at the ledger_url in use. A first run makes it; or give "
                "--config, or TARGET_CORDIAL_LEDGER_URL."
            )
        return Ledger(self.url, exclusive=exclusive)

    def answer(self, data: Mapping[str, Any], text: str) -> None:
        """Print an answer."""
        click.echo(json.dumps(data, ensure_ascii=False, indent=2) if self.as_json else text)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The target's settings as JSON; else TARGET_CORDIAL_* of the environment.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.pass_context
def cli(context: click.Context, config_file: Path | None, *, as_json: bool) -> None:
    """Look after the ledger of target-cordial."""
    if config_file is not None:
        try:
            config = json.loads(config_file.read_text(encoding="utf-8"))
        except ValueError:
            message = f"{config_file} is not JSON."
            raise click.UsageError(message) from None
    else:
        config = config_from_environment(os.environ)
    url = config.get("ledger_url") or DEFAULT_LEDGER_URL
    context.obj = Desk(url, as_json)


def json_option(command: Any) -> Any:  # noqa: ANN401  as click types its decorators
    """Take ``--json`` behind the command too."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


def desk_of(context: click.Context, *, as_json: bool) -> Desk:
    """Return the desk, with ``--json`` from either side of the command."""
    desk: Desk = context.obj
    return Desk(desk.url, desk.as_json or as_json)


@cli.command()
@json_option
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show every cohort: its list, its members, and what waits."""
    desk = desk_of(context, as_json=as_json)
    ledger = desk.open()
    try:
        now = int(time.time())
        entries = Entries(ledger)
        cohorts = [_cohort_status(ledger, entries, row, now) for row in ledger.cohorts()]
        run = ledger.last_run()
    finally:
        ledger.close()
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


@cli.command()
@click.argument("cohort_id")
@click.option(
    "--up-to",
    type=click.IntRange(min=1),
    required=True,
    help="The most removals that may go out; a plan above it is withheld again.",
)
@json_option
@click.pass_context
def approve(context: click.Context, cohort_id: str, up_to: int, *, as_json: bool) -> None:
    """Let the next mass removal of one cohort's list pass, once, within a week."""
    desk = desk_of(context, as_json=as_json)
    ledger = desk.open()
    try:
        cohort = _known(ledger, cohort_id)
        ledger.approve(cohort.key, up_to)
    finally:
        ledger.close()
    desk.answer(
        {"cohort_id": cohort.cohort_id, "list_name": cohort.list_name, "approved_up_to": up_to},
        f"The next mass removal from list '{cohort.list_name}' of cohort {cohort.label} may take "
        f"up to {up_to} members off, once, within a week.",
    )


@cli.command()
@click.argument("cohort_id")
@json_option
@click.pass_context
def forget(context: click.Context, cohort_id: str, *, as_json: bool) -> None:
    """Stop looking after a cohort. Its list in Cordial stays as it is."""
    desk = desk_of(context, as_json=as_json)
    ledger = desk.open(exclusive=True)
    try:
        cohort = _known(ledger, cohort_id)
        forget_cohort(ledger, cohort.key)
    finally:
        ledger.close()
    desk.answer(
        {"cohort_id": cohort.cohort_id, "list_name": cohort.list_name, "forgotten": True},
        f"Cohort {cohort.label} is forgotten. Its members stay on their list in Cordial.",
    )


def main() -> None:
    """Run the command and end with its exit code."""
    try:
        cli(prog_name="cordial-ledger")
    except TargetCordialError as error:
        click.echo(f"Error: {error}", err=True)
        if "--json" in sys.argv:
            click.echo(json.dumps({"error": {"code": error.code, "message": str(error)}}))
        sys.exit(error.exit_code)


def _known(ledger: Ledger, cohort_id: str) -> CohortRow:
    cohort = ledger.cohort(cohort_id)
    if cohort is None:
        known = ", ".join(row.cohort_id for row in ledger.cohorts()) or "none"
        raise LedgerError(f"The ledger knows no cohort {cohort_id}. Known: {known}.")
    return cohort


def _cohort_status(ledger: Ledger, entries: Entries, row: CohortRow, now: int) -> dict[str, Any]:
    counts = entries.counts(row.key, now=now, window_since=now)
    approval = ledger.approved(row.key)
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
        text += f", up to {cohort['approved_up_to']} removals approved"
    return text
