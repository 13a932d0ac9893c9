"""Rows that wait outside the database come back as they were."""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.errors import LedgerError
from target_cordial.ledger.spool import BLOCK, MOST_WAITING, SALT_BYTES, Spool

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from target_cordial.core.plain_rows import Said

SALT = b"s" * SALT_BYTES
ANA: Said = ("a:1", "u-1", "ana@shop.example")
BO: Said = ("a:2", None, "bo@shop.example")


@pytest.fixture
def file() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as made:
        yield made


@pytest.fixture
def spool(file: IO[bytes]) -> Spool:
    return Spool(SALT, lambda: file)


def rows(
    spool: Spool, number: int, among: Container[int] | None = None
) -> list[tuple[object, ...]]:
    """Read all rows of a cohort, less their digests."""
    return [row[:-1] for block in spool.rows(number, among) for row in block]


def digests(spool: Spool, number: int) -> list[int]:
    return [digest for block in spool.digests(number) for digest in block]


def test_rows_come_back_in_their_order_with_places_and_snapshot(spool: Spool) -> None:
    spool.extend(0, 0, 5, [ANA, BO])
    spool.extend(1, 3, 7, [BO])
    spool.extend(0, 2, 9, [BO])
    assert rows(spool, 0) == [(5, 0, *ANA), (6, 0, *BO), (9, 2, *BO)]
    assert rows(spool, 1) == [(7, 3, *BO)]
    assert rows(spool, 4) == []
    assert spool.count(0) == 3
    assert spool.count(4) == 0


def test_rows_are_found_by_their_digests(spool: Spool) -> None:
    spool.extend(0, 0, 1, [ANA, BO, ANA])
    ana, bo, again = digests(spool, 0)
    assert ana == again != bo
    assert spool.total(0) == ana + bo + again
    assert rows(spool, 0, {bo}) == [(2, 0, *BO)]
    assert rows(spool, 0, {bo ^ 1}) == []
    [block] = spool.rows(0)
    assert [row[-1] for row in block] == [ana, bo, again]


@pytest.mark.parametrize("other", [("a:2", *ANA[1:]), ("a:1", None, ANA[2]), (*ANA[:2], "x")])
def test_a_digest_is_of_all_that_is_said(spool: Spool, other: Said) -> None:
    spool.extend(0, 0, 1, [ANA, other])
    first, second = digests(spool, 0)
    assert first != second


def test_digests_of_another_ledger_are_others(file: IO[bytes], spool: Spool) -> None:
    spool.extend(0, 0, 1, [ANA])
    mine = digests(spool, 0)
    other = Spool(b"t" * SALT_BYTES, lambda: file)
    other.extend(0, 0, 1, [ANA])
    assert digests(other, 0) != mine


def test_many_rows_of_many_cohorts_come_back(spool: Spool) -> None:
    cohorts = 50
    each = MOST_WAITING // cohorts + 7
    for at in range(each):
        for number in range(cohorts):
            spool.extend(number, 0, at * cohorts + number, [(f"a:{at}", None, f"p{number}")])
    for number in (0, cohorts - 1):
        assert rows(spool, number) == [
            (at * cohorts + number, 0, f"a:{at}", None, f"p{number}") for at in range(each)
        ]


def test_more_than_a_block_comes_back(spool: Spool) -> None:
    said: list[Said] = [(f"a:{number}", None, "p") for number in range(BLOCK + 3)]
    spool.extend(0, 0, 1, said[:BLOCK])
    assert spool.count(0) == BLOCK
    spool.extend(0, 0, BLOCK + 1, said[BLOCK:])
    assert rows(spool, 0) == [(at, 0, *each) for at, each in enumerate(said, 1)]


def test_rows_of_two_numbers_become_those_of_one(spool: Spool) -> None:
    spool.extend(0, 0, 1, [ANA])
    spool.extend(1, 0, 2, [BO])
    spool.extend(1, 1, 3, [ANA])
    total = spool.total(0) + spool.total(1)
    spool.move(0, 1, {0: 5, 1: 0})
    assert rows(spool, 0) == [(1, 0, *ANA), (2, 5, *BO), (3, 0, *ANA)]
    assert rows(spool, 1) == []
    assert spool.total(0) == total


words = st.text(max_size=5).filter(lambda text: text.isprintable() or "\n" in text)


@given(st.lists(st.tuples(words, st.none() | words, words), max_size=5))
def test_whatever_is_said_comes_back(said: list[Said]) -> None:
    with tempfile.TemporaryFile() as file:
        spool = Spool(SALT, lambda: file)
        spool.extend(0, 0, 1, said)
        assert rows(spool, 0) == [(at, 0, *each) for at, each in enumerate(said, 1)]


def test_where_there_is_no_room_it_is_told() -> None:
    with open("/dev/full", "r+b", buffering=0) as full:  # noqa: PTH123  no folder of ours
        spool = Spool(SALT, lambda: full)
        with pytest.raises(LedgerError, match="Make room") as refused:
            spool.extend(0, 0, 1, [ANA] * BLOCK)
    assert "ana@" not in str(refused.value)
