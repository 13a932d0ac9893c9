"""Taking a ledger over to other settings: what it knows that still holds, and what does not."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, exists, func, insert, select, update

from target_cordial.core.plan import Sent
from target_cordial.core.user_key import IDENTIFIER_KIND
from target_cordial.ledger.schema import (
    approval,
    cohort,
    entry,
    gone,
    leaver,
    member,
    message,
    meta,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    from target_cordial.ledger.store import Ledger

BINDING: Final = "binding"
"""The ledger's note of what it belongs to."""

DESTINATION: Final = "destination"
IDENTIFIER_NAME: Final = "contact_identifier_name"
MAPPING: Final = "contact_identifier_mapping"


@dataclass(frozen=True)
class Rebound:
    """What rebinding left to be done.

    Attributes:
        to_add: Memberships that the next run adds at the new destination.
        to_adopt: Ids of cohorts whose lists have members not known under the new identifier.
    """

    to_add: int
    to_adopt: list[str]


def rebind(ledger: Ledger, binding: Mapping[str, str], changed: Collection[str]) -> Rebound:
    """Bind a ledger to other settings, in one transaction.

    Nothing is sent by it: the next runs send the difference, under the guard.

    Args:
        ledger: The ledger.
        binding: What the settings say.
        changed: The names in which that differs from what the ledger is bound to.
    """
    connection = ledger.connection
    with ledger.write():
        connection.execute(delete(approval))  # each was given for a plan that is none any more
        if IDENTIFIER_NAME in changed:
            _forget_identifiers(connection)
        if IDENTIFIER_NAME in changed or MAPPING in changed:
            # What is sent again has to count again: it holds the other property too.
            connection.execute(delete(message))
        if DESTINATION in changed:
            _forget_lists(connection)
        if MAPPING in changed:
            _await_snapshots(connection)
        connection.execute(
            update(entry).values(rejected_at=None, rejected_reason=None, rejected_message=None)
        )
        connection.execute(delete(meta).where(meta.c.name == BINDING))
        connection.execute(insert(meta).values(name=BINDING, value=json.dumps(dict(binding))))
        waiting = connection.execute(
            select(func.count()).where(entry.c.wanted == 1, entry.c.sent == int(Sent.OFF))
        ).scalar_one()
        unclaimed = connection.execute(
            select(cohort.c.cohort_id).where(cohort.c.found.is_not(None)).order_by(cohort.c.key)
        ).scalars()
        return Rebound(waiting, list(unclaimed))


def _await_snapshots(connection: Connection) -> None:
    """Whoever is on a list is there by another property, until the source has sent everyone."""
    there = exists().where(entry.c.cohort == cohort.c.key, ~gone)
    connection.execute(update(cohort).where(there).values(remapped_at=int(time.time())))


def _forget_identifiers(connection: Connection) -> None:
    """Under another key they mean nothing; those on a list are members that nobody knows."""
    on_list = (
        select(func.count())
        .where(entry.c.cohort == cohort.c.key, entry.c.sent != int(Sent.OFF))
        .scalar_subquery()
    )
    total = func.coalesce(cohort.c.found, 0) + on_list
    connection.execute(update(cohort).values(found=func.nullif(total, 0)))
    connection.execute(delete(entry))
    connection.execute(delete(member))
    connection.execute(delete(leaver).where(leaver.c.user_key.startswith(IDENTIFIER_KIND)))


def _forget_lists(connection: Connection) -> None:
    """At another account or service nobody is on any list of ours yet.

    An identifier that is kept only until a proven snapshot comes without it is not taken along:
    it was to stay where it was, and no user has it.
    """
    connection.execute(
        update(cohort).values(list_id=None, rest_id=None, first_synced_at=None, found=None)
    )
    connection.execute(delete(member).where(member.c.held_of.is_not(None)))
    has_it = exists().where(
        member.c.cohort == entry.c.cohort, member.c.identifier == entry.c.identifier
    )
    connection.execute(delete(entry).where(~has_it))
    never = {"added_at": None, "removed_at": None, "run": None, "before": None}
    connection.execute(update(entry).values(sent=int(Sent.OFF), **never))
