"""Ways to find out what differs between a snapshot and what is known, on both kinds of ledger.

Run as ``python -m benchmarks.designs [MEMBERS [ROUNDS]]``. In one process: from rows that are read
and waiting to members, entries and what is wanted, brought up to date. Ratios are against the first
way, with the same rows and the same kind of ledger. The third way stands here alone: it lost.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from sqlalchemy import delete, insert, select

from benchmarks.measure import Bar, Measure
from benchmarks.rows import identifier
from target_cordial.ledger import stage as staging
from target_cordial.ledger.difference import Difference
from target_cordial.ledger.schema import member, skipped, staged, vanished
from target_cordial.ledger.settlement import Sealed
from target_cordial.ledger.spool import COLUMNS
from target_cordial.ledger.stage import Stage
from target_cordial.ledger.store import Ledger
from tests.ledgers import serving_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_cordial.core.plain_rows import Said
    from target_cordial.ledger.spool import Spool

MEMBERS: Final = 200_000
ROUNDS: Final = 3
CHURN: Final = 0.01
BLOCK: Final = 2_000
SETS: Final = "all rows staged, sets compared by the database"
DIGESTS: Final = "digests compared, what differs staged"
MERGE: Final = "rows sorted by the database, both sides merged in Python, what differs staged"

_SPARE: Final = staged(10_000)


@dataclass(frozen=True)
class Day:
    """A snapshot: who is in.

    Attributes:
        members: How many.
        left: How many of the first day's are not, and are replaced by others.
    """

    members: int
    left: int = 0

    def rows(self) -> Iterator[Said]:
        """Say who is in, in no order."""
        for place in range(self.members):
            who = place * 7919 % self.members
            person = who if who >= self.left else self.members + who
            yield f"a:{356893043036 + person}", f"customer-{person:08d}", identifier(person)


def merged(ledger: Ledger, cohort: int, spool: Spool, number: int) -> Difference | None:
    """Compare as ``ledger.comparison.compare`` does, by a merge of sorted rows."""
    connection, place = ledger.connection, ledger.place
    place.clear(connection, vanished)
    connection.execute(delete(_SPARE))
    for block in spool.rows(number):
        place.append(connection, _SPARE, COLUMNS, block)
    columns = ("user_key", "user_id", "identifier", "digest")
    sides = []
    for table, mine in ((_SPARE, _SPARE.c.position > 0), (member, member.c.cohort == cohort)):
        query = select(*(table.c[name] for name in columns)).where(mine).order_by(table.c.user_key)
        sides.append(iter(connection.execute(query.execution_options(yield_per=BLOCK))))
    came, known = sides
    changed, gone, same = set(), [], 0
    row, other = next(came, None), next(known, None)
    while row is not None or other is not None:
        if other is None or (row is not None and row.user_key < other.user_key):
            assert row is not None  # noqa: S101  the loop goes on for one of them
            changed.add(row.digest)
            row = next(came, None)
        elif row is None or other.user_key < row.user_key:
            gone.append(other.digest)
            other = next(known, None)
        else:
            if row[1:3] == other[1:3]:
                same += 1
            else:
                changed.add(row.digest)
                gone.append(other.digest)
            row, other = next(came, None), next(known, None)
    if gone:
        connection.execute(insert(vanished), [{"digest": digest} for digest in gone])
    return Difference(same, frozenset(changed), gone)


def settled(ledger: Ledger, day: Day, way: str) -> float:
    """Bring a cohort up to date; tell the seconds that it took once its rows were waiting."""
    stage = Stage(ledger)
    cohort = ledger.ensure_cohort("c1", "active users")
    rows = list(day.rows())
    for at in range(0, len(rows), BLOCK):
        stage.extend(0, 0, at + 1, rows[at : at + BLOCK], kind="a:")
    sealed = Sealed(0, 1, users=day.members)
    began = time.perf_counter()
    if way == MERGE:
        with patch.object(staging, "compare", merged):
            stage.settle(0, cohort, sealed)
    else:
        stage.settle(0, cohort, replace(sealed, users=None) if way == SETS else sealed)
    took = time.perf_counter() - began
    with ledger.write():
        staged(0).drop(ledger.connection)
        ledger.connection.execute(delete(skipped))
    return took


def measures(url: str, kind: str, members: int, rounds: int) -> Iterator[Measure]:
    """Measure all ways on one ledger."""
    ledger = Ledger(url, exclusive=True)
    with ledger.write():
        _SPARE.create(ledger.connection, checkfirst=False)
    first, moved = Day(members), Day(members, int(members * CHURN))
    settled(ledger, first, SETS)
    for name, days in (("nothing changed", (first,)), ("1 % left, 1 % joined", (moved, first))):
        ratios: dict[str, list[float]] = {DIGESTS: [], MERGE: []}
        for _ in range(rounds):
            took = {
                way: sum(settled(ledger, day, way) for day in days)
                for way in (SETS, DIGESTS, MERGE)
            }
            for way, found in ratios.items():
                found.append(took[SETS] / took[way])
        for way, found in ratios.items():
            yield Measure(f"{kind}, {name}: {way}", tuple(found), Bar())
    ledger.close()


def main() -> None:
    """Measure, and print."""
    sizes = [*map(int, sys.argv[1:])]
    members, rounds = (sizes + [MEMBERS, ROUNDS][len(sizes) :])[:2]
    with tempfile.TemporaryDirectory() as name, serving_postgres() as database:
        urls = {
            "SQLite": f"sqlite:///{Path(name) / 'ledger' / 'ledger.db'}",
            "PostgreSQL": database.render_as_string(hide_password=False),
        }
        for kind, url in urls.items():
            for measure in measures(url, kind, members, rounds):
                print(measure.line(), flush=True)  # noqa: T201  the result


if __name__ == "__main__":
    main()
