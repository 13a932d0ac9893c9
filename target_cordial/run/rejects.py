"""The rejects file: who was skipped or rejected, for people to mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_cordial.core import identifier as reasons
from target_cordial.run.report import CohortReport, replace_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from target_cordial.ledger.entries import Entries

MESSAGES = {
    reasons.UNRESOLVED_MAPPING: "The user has none of the mapped properties.",
    reasons.INVALID_IDENTIFIER: "The value is no valid identifier.",
    reasons.AMBIGUOUS_IDENTIFIER: "Several values match and differ.",
    reasons.IDENTIFIER_LOST: "The user had an identifier before; the last one is kept.",
}


def write_rejects(path: str, entries: Entries, cohorts: Mapping[int, CohortReport]) -> None:
    """Replace the rejects file by this run's, readable by its owner only.

    Args:
        path: Where.
        entries: The ledger.
        cohorts: The cohorts by their key.
    """
    replace_file(path, _lines(entries, cohorts), 0o600)


def forget_in_rejects(path: str, users: Collection[str], identifiers: Collection[str]) -> int:
    """Take a person's lines out of a rejects file; one that is not there has none.

    Args:
        path: Where.
        users: The ids by which the person is a user.
        identifiers: The person's identifiers.

    Returns:
        How many lines.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    lines = text.split("\n")[:-1]  # splitlines() would also split at what may stand in a value
    kept = [f"{line}\n" for line in lines if not _names(line, users, identifiers)]
    if len(kept) < len(lines):
        replace_file(path, kept, 0o600)
    return len(lines) - len(kept)


def of_person(path: str, users: Collection[str]) -> list[dict[str, Any]]:
    """Read what a rejects file says of a person; one that is not there says nothing.

    Args:
        path: Where.
        users: The ids by which the person is a user.

    Raises:
        OSError: It can't be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    return [line for line in lines if line["user"] in users]


def _names(line: str, users: Collection[str], identifiers: Collection[str]) -> bool:
    entry: Any = json.loads(line)
    said = str(entry["message"]).lower()
    return (
        entry["user"] in users
        or entry["identifier"] in identifiers
        or any(identifier.lower() in said for identifier in identifiers)
    )


def _lines(entries: Entries, cohorts: Mapping[int, CohortReport]) -> Iterator[str]:
    for key, user, operation, reason in entries.skipped():
        yield _line(
            cohorts[key],
            user=user.partition(":")[2],
            identifier=None,
            kind="skipped",
            operation=operation.value,
            reason=reason,
            message=MESSAGES[reason],
        )
    for key, known, identifier, operation, reason, message in entries.rejected():
        yield _line(
            cohorts[key],
            user=known.partition(":")[2] if known else None,
            identifier=identifier,
            kind="rejected",
            operation=operation.value,
            reason=reason,
            message=message,
        )


def _line(cohort: CohortReport, **values: str | None) -> str:
    fields = {"cohort_id": cohort.cohort_id, "cohort_name": cohort.cohort_name, **values}
    return json.dumps(fields, ensure_ascii=False) + "\n"
