"""Saying what belongs to the ledger: the members of a list, and the settings in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from target_cordial.errors import InputError, LedgerError
from target_cordial.ledger.adoption import Adoption, release
from target_cordial.ledger.jobs import Jobs
from target_cordial.ledger.rebinding import DESTINATION, IDENTIFIER_NAME, MAPPING, Rebound
from target_cordial.ledger.rebinding import rebind as rebind_ledger
from target_cordial.ledger_cli.desk import Desk, known, with_desk
from target_cordial.run import binding
from target_cordial.run.claims import Claims
from target_cordial.run.remedy import ledger_command

if TYPE_CHECKING:
    from target_cordial.ledger.store import CohortRow, Ledger
    from target_cordial.settings import Settings


@click.command()
@click.argument("cohort_id")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with the members that are ours: a header row with the identifier's name.",
)
@click.option("--none", "none", is_flag=True, help="None of them is ours: leave them there.")
@with_desk
def adopt(desk: Desk, cohort_id: str, file: Path | None, *, none: bool) -> None:
    """Say whose the members are that a cohort's list had before."""
    if (file is not None) is none:
        message = "Say whose they are: --file CSV (these are ours), or --none (leave them)."
        raise click.UsageError(message)
    settings = desk.settings() if file is not None else None
    with desk.ledger(exclusive=True) as ledger:
        cohort = known(ledger, cohort_id)
        if file is None or settings is None:
            with ledger.write():
                release(ledger, cohort.key)
            _answer_none(desk, cohort)
        else:
            binding.check(ledger, settings.binding)
            data = _take(ledger, cohort, file, settings)
            _answer_taken(desk, cohort, data)


def _take(ledger: Ledger, cohort: CohortRow, file: Path, settings: Settings) -> dict[str, Any]:
    if cohort.list_id is None or cohort.list_name is None:
        raise LedgerError(
            f"Cohort {cohort.label} has no list yet, so there is nobody to adopt: sync it first."
        )
    claims = Claims(settings.mapping, cohort.list_name)
    adoption = Adoption(ledger, cohort.key)
    if not adoption.claim(claims.read(file)):
        raise InputError(
            f"No row of the file is a member of list '{cohort.list_name}' with a usable "
            f"'{settings.mapping.name}' ({claims.unusable} unusable, {claims.elsewhere} not on "
            "the list). Nothing was adopted."
        )
    taken = adoption.take()
    return {
        "cohort_id": cohort.cohort_id,
        "list_name": cohort.list_name,
        "found": cohort.found,
        "adopted": taken.adopted,
        "known": taken.known,
        "unusable": claims.unusable,
        "not_on_list": claims.elsewhere,
    }


def _answer_taken(desk: Desk, cohort: CohortRow, data: dict[str, Any]) -> None:
    text = (
        f"{data['adopted']} identifiers of the file count as members of list '{cohort.list_name}' "
        f"of cohort {cohort.label} and as ours from now on, {data['known']} were known before; "
        f"{data['unusable']} rows were not usable, {data['not_on_list']} say that they are not on "
        "the list. Whether the others are on it was not looked up; to compare: "
        f"{ledger_command('verify', cohort.cohort_id)}. The next complete snapshot takes those off "
        "who are not in it, under the guard."
    )
    if cohort.found is not None and data["adopted"] > cohort.found:
        text += (
            f" The list had only {cohort.found} members when its cohort was new: of those claimed, "
            "some came later, or are not on it."
        )
    desk.answer(data, text)


def _answer_none(desk: Desk, cohort: CohortRow) -> None:
    if cohort.found is not None:
        text = (
            f"Whoever was on list '{cohort.list_name}' of cohort {cohort.label} before is left "
            "there. Only members that were added by this target are taken off again."
        )
    elif cohort.remapped_at is not None:
        text = (
            f"The members of list '{cohort.list_name}' of cohort {cohort.label} are left there by "
            "the former contact_identifier_mapping. Its next complete snapshot moves them still."
        )
    else:
        text = f"Cohort {cohort.label} has no members to be claimed: nothing changed."
    desk.answer(
        {
            "cohort_id": cohort.cohort_id,
            "list_name": cohort.list_name,
            "found": cohort.found,
            "adopted": 0,
        },
        text,
    )


@click.command()
@with_desk
def rebind(desk: Desk) -> None:
    """Take the ledger over to the settings in use; the next runs send what that changes."""
    settings = desk.settings()
    with desk.ledger(exclusive=True) as ledger:
        changed = binding.changed(ledger, settings.binding)
        if not changed:
            desk.answer(
                {"changed": [], "to_add": 0, "to_adopt": []},
                "The ledger belongs to the settings in use: nothing changed.",
            )
            return
        if DESTINATION in changed:
            _refuse_while_imports_run(ledger)
        rebound = rebind_ledger(ledger, settings.binding, changed)
    desk.answer(
        {"changed": changed, "to_add": rebound.to_add, "to_adopt": rebound.to_adopt},
        "\n".join(_meaning(changed, rebound)),
    )


def _refuse_while_imports_run(ledger: Ledger) -> None:
    running = [job.name for job in Jobs(ledger).running()]
    if running:
        raise LedgerError(
            f"{len(running)} imports may still run at the former destination. Run once more with "
            "the former settings, which follows them to their end; where that can't be: "
            + " && ".join(ledger_command("abandon", name) for name in running)
        )


def _meaning(changed: list[str], rebound: Rebound) -> list[str]:
    names = " and ".join(binding.BOUND[name] for name in changed)
    lines = [f"The ledger belongs to the settings in use from now on; changed: {names}."]
    if DESTINATION in changed:
        lines.append(
            f"The next run makes the lists at the new destination and adds {rebound.to_add} "
            "memberships there. The lists at the old destination stay as they are."
        )
    if IDENTIFIER_NAME in changed:
        lines.append(
            "What was sent under the former identifier means nothing any more: everyone present "
            "is added under the new one."
        )
    elif MAPPING in changed:
        lines.append(
            "Who is present under another identifier gets that added and the old one removed, "
            "under the guard."
        )
    if IDENTIFIER_NAME in changed or MAPPING in changed:
        lines.append(
            "The tap has to send everyone again: run it with --full-refresh, since cohorts that "
            "did not change are skipped otherwise."
        )
    if MAPPING in changed and IDENTIFIER_NAME not in changed:
        lines.append(
            "Until a cohort's next complete snapshot, its members stay by the former mapping's "
            "values, and every run ends degraded and names the cohort."
        )
    lines += [
        f"Nobody is removed from the list of cohort {cohort_id} until you say whose its members "
        f"are: {ledger_command('adopt', cohort_id)} --file CSV or --none"
        for cohort_id in rebound.to_adopt
    ]
    return lines
