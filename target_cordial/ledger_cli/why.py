"""Why somebody is on a list, or is not: for whoever was asked. Nothing is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from target_cordial.errors import LedgerError
from target_cordial.ledger.person import find, forms_of
from target_cordial.ledger.tracing import State, Trace, trace
from target_cordial.ledger_cli.desk import Desk, with_desk
from target_cordial.ledger_cli.somebody import about_somebody
from target_cordial.run.rejects import of_person
from target_cordial.run.report import iso

if TYPE_CHECKING:
    from target_cordial.ledger.person import By, Person
    from target_cordial.ledger.store import CohortRow

_NEXT: Final = "The next run sends it, unless the guard withholds it (cordial-ledger status)"

_STANDS: Final = {
    State.ON: "on it",
    State.OFF: "not on it: nobody who is in the cohort has this identifier any more",
    State.ADDITION_WAITS: f"not on it yet: the addition waits. {_NEXT}",
    State.ADDITION_UNKNOWN: (
        f"perhaps on it: the addition was sent, and never confirmed. {_NEXT} again"
    ),
    State.ADDITION_REJECTED: "not on it: Cordial rejected the addition",
    State.REMOVAL_WAITS: f"still on it, though not in the cohort: the removal waits. {_NEXT}",
    State.REMOVAL_UNKNOWN: (
        "perhaps still on it, though not in the cohort: a change was sent, and never confirmed. "
        f"{_NEXT} again"
    ),
    State.REMOVAL_REJECTED: "still on it, though not in the cohort: Cordial rejected the removal",
    State.LEFT: "not on it by this id: the user left the cohort",
}

NOBODY: Final = (
    "The ledger knows nobody by this. Nobody of a synced cohort has it, or who had it left more "
    "than 30 days ago."
)

SKIPPED: Final = (
    "If they are in a cohort of Amplitude's: members without a usable identifier are skipped, and "
    "named in the file of the setting rejects_path."
)


@click.command("why")
@with_desk
@about_somebody
def why(desk: Desk, word: str, by: By | None) -> None:
    """Say on which lists a person is, through whom, since when, or why not.

    IDENTIFIER is a contact identifier, an Amplitude id or a user id; with - it is read from
    standard input. The answer names users by their ids, and no contact identifier.
    """
    with desk.ledger() as ledger:
        forms = forms_of(ledger, word)
        with ledger.write():
            person = find(ledger.connection, word, forms, by)
            traces = [] if person is None else trace(ledger, person)
        cohorts = {row.key: row for row in ledger.cohorts()}
    skipped = _skipped(desk, person, word.strip())
    hide = _Hiding(person)
    data = {
        "known": person is not None,
        "lists": [_data(one, cohorts[one.cohort], hide) for one in traces],
        "skipped": skipped,
    }
    lines = [_line(one, cohorts[one.cohort], hide) for one in traces]
    lines += [
        f"Skipped by the last run in cohort '{one['cohort_name']}' ({one['cohort_id']}): "
        f"{one['message']} ({one['reason']})"
        for one in skipped
    ]
    if not lines:
        lines = [NOBODY, SKIPPED]
    desk.answer(data, "\n".join(lines))


class _Hiding:
    """Keeps identifiers out of answers, which are copied into tickets."""

    def __init__(self, person: Person | None) -> None:
        self._identifiers = sorted(person.identifiers if person else (), key=len, reverse=True)

    def masked(self, identifier: str | None) -> str | None:
        """Show enough of an identifier to tell two of one person apart."""
        if identifier is None:
            return None
        name, at, rest = identifier.partition("@")
        return f"{name[:1]}***{at}{rest}"

    def clear(self, words: str | None) -> str | None:
        """Take identifiers, and whatever looks like an address, out of words of Cordial's."""
        if words is None:
            return None
        for identifier in self._identifiers:
            words = re.sub(re.escape(identifier), "(identifier)", words, flags=re.IGNORECASE)
        return re.sub(r"\S+@\S+", "(address)", words)


def _skipped(desk: Desk, person: Person | None, word: str) -> list[dict[str, Any]]:
    """Read what the last run's rejects file says of somebody whom it skipped."""
    path = desk.config.get("rejects_path")
    if not isinstance(path, str):
        return []
    users = {word} | (person.ids if person else set())
    try:
        lines = of_person(path, users)
    except OSError as error:
        raise LedgerError(f"The file at rejects_path can't be read ({error.strerror}).") from None
    return [line for line in lines if line["kind"] == "skipped"]


def _data(one: Trace, cohort: CohortRow, hide: _Hiding) -> dict[str, Any]:
    return {
        "cohort_id": cohort.cohort_id,
        "cohort_name": cohort.name,
        "list_name": cohort.list_name,
        "state": one.state.value,
        "identifier": hide.masked(one.identifier),
        "users": list(one.users),
        "formerly": list(one.formerly),
        "adopted": one.adopted,
        "run_id": one.run_id,
        "added_at": iso(one.added_at),
        "removed_at": iso(one.removed_at),
        "rejected_at": iso(one.rejected_at),
        "retried_at": iso(one.retried_at),
        "reason": one.reason,
        "message": hide.clear(one.message),
    }


def _line(one: Trace, cohort: CohortRow, hide: _Hiding) -> str:
    text = f"List '{cohort.list_name}' of cohort {cohort.label}: {_STANDS[one.state]}"
    if one.state is State.ON and one.added_at:
        text += f" since {iso(one.added_at)}"
    if one.state in (State.OFF, State.LEFT) and one.removed_at:
        text += f", since {iso(one.removed_at)}"
    if one.rejected_at:
        said = f": {hide.clear(one.message)}" if one.message else ""
        text += (
            f" on {iso(one.rejected_at)} ({one.reason}{said}). It is tried again from "
            f"{iso(one.retried_at)} on, or after cordial-ledger retry"
        )
    if one.identifier is not None:
        text += f"; as {hide.masked(one.identifier)}"
    if one.users:
        text += f", through user{'s' if len(one.users) > 1 else ''} {', '.join(one.users)}"
    if one.formerly:
        text += f", kept for {', '.join(one.formerly)} until a complete snapshot proves the change"
    if one.adopted:
        text += ", held by somebody's word (adopt or undo) until a complete snapshot"
    if one.run_id:
        text += f"; last sent by run {one.run_id}"
    return f"{text}."
