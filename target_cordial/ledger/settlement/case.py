"""What is being settled: one cohort's rows, and what is known of its snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    Executable,
    Select,
    Table,
    and_,
    case,
    insert,
    literal,
    literal_column,
    null,
)

from target_cordial.core.user_key import AMPLITUDE_KIND, IDENTIFIER_KIND, USER_ID_KIND, keys_of
from target_cordial.ledger.schema import touched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_cordial.ledger.difference import Difference

ONE: Final[ColumnClause[int]] = literal_column("1")
"""What an EXISTS selects: with ``*`` SQLite passes over the index that would answer it alone."""

USER_ID_KEYS: Final = keys_of(USER_ID_KIND)
"""Half-open range of the keys of users known by their user id alone."""

IDENTIFIER_KEYS: Final = keys_of(IDENTIFIER_KIND)
"""Those known by nothing but their identifier."""

AMPLITUDE_KEYS: Final = keys_of(AMPLITUDE_KIND)


@dataclass(frozen=True)
class Sealed:
    """A snapshot that is proven complete.

    Attributes:
        snapshot: Its number in this run; None where it has no rows (an empty cohort).
        first: The position of its first row.
        time: When the source computed it, in milliseconds since the epoch.
        users: How many different users its rows speak of; None where that is not known.
    """

    snapshot: int | None
    first: int
    time: int | None = None
    users: int | None = None


@dataclass(frozen=True)
class Settled:
    """What settling a cohort found.

    Attributes:
        present: Users that the run's rows say are in.
        skipped: Users without a usable identifier, by reason.
        resolves: False where no present user at all has an identifier: then nothing was changed.
        outdated: The proven snapshot is older than the last one that was applied: it was ignored.
        kept: Removals by id of an address that stays, though nobody can tell if it should.
    """

    present: int
    skipped: dict[str, int]
    resolves: bool = True
    outdated: bool = False
    kept: int = 0


@dataclass(frozen=True)
class Case:
    """One cohort and what a run received of it.

    Attributes:
        connection: The ledger, in a transaction.
        rows: The staged rows.
        cohort: The cohort's key.
        sealed: The snapshot that is proven complete, and no older than the last one.
        times: Source times of snapshots by their number in this run, in milliseconds.
        now: Seconds since the epoch.
        simple: Each row is of another user, and none says anything of the user of another one.
        difference: What the staged rows are, where those that say what is known are left out.
        first: Such rows, and nothing was ever known of the cohort: who has an identifier is new.
    """

    connection: Connection
    rows: Table
    cohort: int
    sealed: Sealed | None
    now: int
    times: Mapping[int, int] = field(default_factory=dict)
    simple: bool = False
    difference: Difference | None = None
    first: bool = False

    @property
    def time(self) -> ColumnElement[int]:
        """The source time of a row: its own, else its snapshot's; one for a proven snapshot."""
        rows = self.rows
        times: dict[int, ColumnElement[Any]] = {
            number: literal(time) for number, time in self.times.items()
        }
        own: ColumnElement[Any] = rows.c.time
        if times:
            own = case((rows.c.time.is_not(None), own), *_whens(rows.c.snapshot, times))
        if self.sealed is None or self.sealed.snapshot is None:
            return own
        proven = null() if self.sealed.time is None else literal(self.sealed.time)
        return case((rows.c.snapshot == self.sealed.snapshot, proven), else_=own)

    def any(self, query: Select[Any]) -> bool:
        """Say whether a query finds anything."""
        return self.connection.execute(query.limit(1)).first() is not None

    def run(self, statement: Executable) -> None:
        """Carry out one step."""
        self.connection.execute(statement)

    def touch(self, identifiers: Select[tuple[str]]) -> None:
        """Note identifiers whose users changed."""
        self.run(insert(touched).from_select(["identifier"], identifiers))


def between(column: ColumnElement[str], bounds: Sequence[str]) -> ColumnElement[bool]:
    """Say that a key is in a range of keys."""
    return and_(column >= bounds[0], column < bounds[1])


def _whens(
    column: ColumnElement[int], values: Mapping[int, ColumnElement[Any]]
) -> list[tuple[ColumnElement[bool], ColumnElement[Any]]]:
    return [(column == number, value) for number, value in values.items()]
