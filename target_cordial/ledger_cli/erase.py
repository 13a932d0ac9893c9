"""Erasing a person on demand, and saying what whoever was asked for it has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from target_cordial.errors import LedgerError
from target_cordial.ledger.erasing import Erased, Standing, erase, overwrite
from target_cordial.ledger_cli.desk import Desk, with_desk
from target_cordial.ledger_cli.somebody import about_somebody
from target_cordial.run.rejects import forget_in_rejects

if TYPE_CHECKING:
    from target_cordial.ledger.person import By
    from target_cordial.ledger.store import CohortRow

_WHERE: Final = {
    Standing.ON: "is on",
    Standing.LEAVING: "has left, and is still on, since the removal was not carried out,",
    Standing.UNKNOWN: "may be on, since a change was sent and not confirmed,",
    Standing.SHARED: "has an address that another user has too, so it stays in the ledger and on",
}

UNKNOWN: Final = (
    "The ledger knows nobody by this, so there was nothing to erase. People who have left are "
    "known by their address and by their ids apart: give each that you know of."
)

ALONE: Final = (
    "No run takes this person off a list any more: delete the contact in Cordial. The file of an "
    "import is deleted by the next run, when the import has ended."
)

AGAIN: Final = (
    "As long as Amplitude has this person in a cohort that is synced, a later run brings them "
    "back: delete them in Amplitude first. If they have left a cohort within 30 days, give this "
    "command their other address and ids, too. Copies of the ledger are not touched."
)

ON_SERVER: Final = (
    "PostgreSQL keeps deleted rows until it has vacuumed their tables and reused their place, and "
    "in its write-ahead log and backups for as long as these are kept."
)


@click.command("erase")
@with_desk
@about_somebody
def erase_person(desk: Desk, word: str, by: By | None) -> None:
    """Forget a person: a contact identifier, an Amplitude id or a user id.

    With - as IDENTIFIER it is read from standard input, and so stays out of the shell's history
    and out of the list of processes.
    """
    with desk.ledger(exclusive=True) as ledger:
        erased = erase(ledger, word, by)
        cohorts = {row.key: row for row in ledger.cohorts()}
        overwrite(ledger)  # also where nobody was found: an earlier erasure may have got no further
        on_server = ledger.connection.dialect.name != "sqlite"
    lines = _forget_rejects(desk, erased)
    data = {
        "known": erased.person is not None,
        "users": erased.person.known if erased.person else 0,
        "rows": erased.rows,
        "rejects": lines,
        "lists": [
            {
                "cohort_id": cohorts[key].cohort_id,
                "cohort_name": cohorts[key].name,
                "list_name": cohorts[key].list_name,
                "state": standing.value,
            }
            for key, standing in erased.standings
        ],
        "imports": erased.imports,
    }
    desk.answer(data, "\n".join(_meaning(erased, cohorts, on_server=on_server)))


def _forget_rejects(desk: Desk, erased: Erased) -> int:
    """Take the person out of the rejects file too, as far as the settings name one."""
    path = desk.config.get("rejects_path")
    if erased.person is None or not isinstance(path, str):
        return 0
    try:
        return forget_in_rejects(path, erased.person.ids, erased.person.identifiers)
    except OSError as error:
        raise LedgerError(
            f"The ledger has forgotten this person, but the file at rejects_path could not be "
            f"written ({error.strerror}). Delete it: the next run makes it anew."
        ) from None


def _meaning(erased: Erased, cohorts: dict[int, CohortRow], *, on_server: bool) -> list[str]:
    if erased.person is None:
        return [UNKNOWN]
    stands = [(cohorts[key], standing) for key, standing in erased.standings]
    lines = [
        f"This person {_WHERE[standing]} list '{cohort.list_name}' of cohort {cohort.label}."
        for cohort, standing in stands
    ]
    lines += [f"Import '{name}' may still carry this person." for name in erased.imports]
    if erased.imports or any(standing is not Standing.SHARED for _, standing in stands):
        lines.append(ALONE)
    users = f"{erased.person.known or 1} user{'s' if erased.person.known > 1 else ''}"
    return [
        f"The ledger has forgotten this person: {erased.rows} rows, {users} of Amplitude's.",
        *lines,
        AGAIN,
        *([ON_SERVER] if on_server else []),
    ]
