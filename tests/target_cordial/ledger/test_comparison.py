"""A snapshot of which nothing is open is compared by digests: what differs is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from target_cordial.ledger.difference import Difference, difference
from target_cordial.ledger.schema import member, staged
from target_cordial.ledger.settlement import Sealed
from target_cordial.ledger.stage import Stage, StagedRow
from tests.target_cordial.ledger.rows import adopt, members, row, settle, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cordial.ledger.store import Ledger

MANY = {f"a:{number}": f"p{number}" for number in range(40)}


def looked_at(ledger: Ledger, rows: Iterable[StagedRow], sealed: Sealed | None) -> int:
    """Settle some rows, and count those that the database had to look at."""
    stage = Stage(ledger)
    for each in rows:
        stage.append(7, each)
    stage.settle(7, 1, sealed)
    with ledger.write():
        count = ledger.connection.execute(select(func.count()).select_from(staged(7))).scalar_one()
        staged(7).drop(ledger.connection)
    return int(count)


def rows_of(users: dict[str, str]) -> list[StagedRow]:
    return [row(at, user, name, snapshot=0) for at, (user, name) in enumerate(users.items(), 1)]


def sealed(users: dict[str, str], time: int | None = None) -> Sealed:
    return Sealed(0, 1, time, users=len(users))


# -- what is looked at ----------------------------------------------------------------------------


def test_of_a_first_snapshot_all_is_looked_at(ledger: Ledger) -> None:
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == len(MANY)
    assert members(ledger, 1) == MANY


def test_of_an_unchanged_snapshot_nothing_is_looked_at(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    assert looked_at(ledger, reversed(rows_of(MANY)), sealed(MANY)) == 0
    assert members(ledger, 1) == MANY


def test_of_a_changed_snapshot_what_differs_is_looked_at(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    changed = MANY | {"a:3": "new", "a:99": "p99"}
    del changed["a:5"]
    assert looked_at(ledger, rows_of(changed), sealed(changed)) == 2
    assert members(ledger, 1) == changed
    assert looked_at(ledger, rows_of(changed), sealed(changed)) == 0


def test_where_most_differs_all_is_looked_at(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    changed = {user: f"{name} more" for user, name in MANY.items()}
    assert looked_at(ledger, rows_of(changed), sealed(changed)) == len(MANY)
    assert members(ledger, 1) == changed


def test_an_identifier_that_is_lost_is_looked_at_and_comes_back_without_a_change(
    ledger: Ledger,
) -> None:
    snapshot(ledger, 1, MANY)
    without = [*rows_of(MANY)[1:], row(1, "a:0", None, snapshot=0)]
    assert looked_at(ledger, without, sealed(MANY)) == 1
    assert members(ledger, 1) == MANY
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == 0


def test_who_came_by_a_row_of_their_own_is_looked_at_once(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    settle(ledger, 1, [row(1, "a:99", "p99")])
    more = MANY | {"a:99": "p99"}
    assert looked_at(ledger, rows_of(more), sealed(more)) == 1
    assert looked_at(ledger, rows_of(more), sealed(more)) == 0


def test_who_came_by_a_row_of_their_own_leaves_with_the_next_snapshot(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    settle(ledger, 1, [row(1, "a:99", "p99")])
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == 0
    assert members(ledger, 1) == MANY


def test_a_user_id_that_is_known_already_is_no_difference(ledger: Ledger) -> None:
    named = [row(1, "a:1", "ana", user_id="u-1", snapshot=0)]
    nameless = [row(1, "a:1", "ana", snapshot=0)]
    only = Sealed(0, 1, users=1)
    assert looked_at(ledger, named, only) == 1
    assert looked_at(ledger, nameless, only) == 1
    assert looked_at(ledger, nameless, only) == 0


# -- where digests are not enough -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "users"),
    [
        pytest.param([*rows_of(MANY), row(99, "a:3", "p3")], len(MANY), id="a row with a flag"),
        pytest.param([*rows_of(MANY), row(99, "a:3", "q", snapshot=0)], len(MANY), id="twice"),
        pytest.param(rows_of(MANY), None, id="changed on their way"),
        pytest.param(
            [*rows_of(MANY)[1:], row(1, "a:0", "p0", snapshot=0, time=7)], len(MANY), id="a time"
        ),
        pytest.param(
            [*rows_of(MANY)[1:], row(1, "a:0", "p0", snapshot=0, message=b"m")],
            len(MANY),
            id="a message",
        ),
        pytest.param(
            [*rows_of(MANY), row(99, "a:3", "p3", snapshot=1)], len(MANY), id="other snapshot"
        ),
        pytest.param(
            [*rows_of(MANY), row(99, "u:x", "p3", snapshot=0)], len(MANY) + 1, id="other ids"
        ),
    ],
)
def test_all_is_looked_at_where_a_row_may_say_something_of_another(
    ledger: Ledger, rows: list[StagedRow], users: int | None
) -> None:
    snapshot(ledger, 1, MANY)
    assert looked_at(ledger, rows, Sealed(0, 1, users=users)) >= len(MANY)


def test_all_is_looked_at_without_proof(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    assert looked_at(ledger, rows_of(MANY), None) == len(MANY)


def test_all_is_looked_at_where_somebody_is_known_by_another_id(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    settle(ledger, 1, [row(1, "u:x", "x")])
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == len(MANY)
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == 0


def test_all_is_looked_at_where_somebody_left_by_another_id(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    settle(ledger, 1, [row(1, "u:x", "x", present=False, time=7)])
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == len(MANY)


def test_all_is_looked_at_where_somebody_was_adopted_or_an_address_is_held(ledger: Ledger) -> None:
    snapshot(ledger, 1, MANY)
    adopt(ledger, 1, ["somebody"])
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == len(MANY)
    settle(ledger, 1, [row(1, "a:1", "new", snapshot=0)])
    assert looked_at(ledger, rows_of(MANY), sealed(MANY)) == len(MANY)


def test_an_older_snapshot_is_not_compared(ledger: Ledger) -> None:
    assert looked_at(ledger, rows_of(MANY), sealed(MANY, 5)) == len(MANY)
    assert looked_at(ledger, rows_of(MANY), sealed(MANY, 4)) == len(MANY)
    assert looked_at(ledger, rows_of(MANY), sealed(MANY, 6)) == 0


def test_members_without_a_digest_are_looked_at(ledger: Ledger) -> None:
    """As after a ledger was brought up to date from a version that kept none."""
    snapshot(ledger, 1, MANY)
    with ledger.write():
        ledger.connection.execute(
            update(member).where(member.c.user_key.in_(["a:1", "a:2"])).values(digest=None)
        )
    fewer = {user: name for user, name in MANY.items() if user != "a:2"}
    assert looked_at(ledger, rows_of(fewer), sealed(fewer)) == 1
    assert members(ledger, 1) == fewer
    assert looked_at(ledger, rows_of(fewer), sealed(fewer)) == 0


def test_a_digest_is_kept_of_rows_about_the_user_alone(ledger: Ledger) -> None:
    settle(ledger, 1, [row(1, "a:1", "ana", user_id="x", snapshot=0)], Sealed(0, 1))
    settle(ledger, 1, [row(1, "u:x", "bo", snapshot=0)], Sealed(0, 1))
    assert members(ledger, 1) == {"a:1": "bo"}
    with ledger.write():
        kept = ledger.connection.execute(select(member.c.digest)).scalars().all()
    assert kept == [None]


# -- the difference itself ------------------------------------------------------------------------


def test_a_difference_is_that_of_two_sets() -> None:
    known, came = range(-500, 500), range(-490, 510)
    found = difference([list(known)], [list(came)[:7], list(came)[7:]])
    assert found is not None
    assert (found.unchanged, found.changed) == (990, frozenset(range(500, 510)))
    assert sorted(found.vanished) == list(range(-500, -490))


def test_a_difference_of_most_rows_is_none() -> None:
    assert difference([range(100)], [range(50, 150)]) is None


def test_members_may_leave_where_one_is_missing_or_has_no_digest() -> None:
    assert not Difference(5).leaves
    assert Difference(5, vanished=[1]).leaves
    assert Difference(5, others=1).leaves
