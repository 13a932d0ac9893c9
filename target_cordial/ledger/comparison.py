"""Comparing a snapshot with what is known of its cohort, by digests: which rows need a closer look.

Measured against other ways in ``docs/benchmarks.md``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnClause, func, literal_column, select

from target_cordial.core.user_key import keys_of
from target_cordial.ledger.difference import Difference, difference
from target_cordial.ledger.schema import leaver, member, vanished
from target_cordial.ledger.settlement import is_outdated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection

    from target_cordial.ledger.settlement import Sealed
    from target_cordial.ledger.spool import Spool
    from target_cordial.ledger.store import Ledger

BLOCK: Final = 10_000
"""Digests that are read, or written, at once."""

_HALF: Final = 2**32
_BITS: Final[ColumnClause[int]] = literal_column("32")


def is_comparable(
    connection: Connection, cohort: int, sealed: Sealed, kinds: Collection[str]
) -> bool:
    """Say whether a row that says what is known already may be left out.

    It may where no row says anything of the user of another one. So all users, those of the ledger
    too, have to be known by ids of one kind (identifiers that are held for somebody are of another
    one); and the snapshot must not be an older one, which is ignored.

    Args:
        connection: The ledger, in a transaction.
        cohort: The cohort's key.
        sealed: The snapshot; each of its rows is of another user.
        kinds: How the keys of these users begin.
    """
    if len(kinds) != 1 or is_outdated(connection, cohort, sealed):
        return False
    (kind,) = kinds
    first, after = keys_of(kind)
    doubts = [
        select(table.c.user_key).where(table.c.cohort == cohort, doubt)
        for table in (member, leaver)
        for doubt in (table.c.user_key < first, table.c.user_key >= after)
    ]
    return not any(connection.execute(doubt.limit(1)).first() for doubt in doubts)


def compare(ledger: Ledger, cohort: int, spool: Spool, number: int) -> Difference | None:
    """Compare spooled rows with members.

    Leaves in ``vanished`` the digests of members of which no row came.

    Args:
        ledger: The ledger, in a transaction.
        cohort: The cohort's key in it.
        spool: The rows.
        number: The cohort's number in there.

    Returns:
        What differs; None where that is too much to be worth it.
    """
    connection, place = ledger.connection, ledger.place
    place.clear(connection, vanished)
    rows = spool.count(number)
    members, known, total = _sums(connection, cohort)
    found: Difference | None = None
    if (known, total) == (rows, spool.total(number)):
        found = Difference(unchanged=rows)
    elif known:
        found = difference(_known(connection, cohort), spool.digests(number))
    if found is None:
        return None
    for at in range(0, len(found.vanished), BLOCK):
        block = [(digest,) for digest in found.vanished[at : at + BLOCK]]
        place.append(connection, vanished, ("digest",), block)
    return replace(found, others=members - known)


def _sums(connection: Connection, cohort: int) -> tuple[int, int, int]:
    """Count the members, and those with a digest, and add up the digests.

    In halves: a sum of whole ones would overflow.
    """
    digest = member.c.digest
    halves = (digest.bitwise_rshift(_BITS), digest.bitwise_and(_HALF - 1))
    sums = (func.coalesce(func.sum(half), 0) for half in halves)
    query = select(func.count(), func.count(digest), *sums).where(member.c.cohort == cohort)
    members, known, high, low = connection.execute(query).one()
    return members, known, int(high) * _HALF + int(low)


def _known(connection: Connection, cohort: int) -> Iterator[Sequence[int]]:
    query = select(member.c.digest).where(member.c.cohort == cohort, member.c.digest.is_not(None))
    with connection.execute(query.execution_options(yield_per=BLOCK)) as found:
        yield from found.scalars().partitions()
