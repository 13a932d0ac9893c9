"""Rows of snapshots that say who is in and nothing else, outside the database for now.

Nearly all of them said the same the last time. What they said is known by a digest of eight bytes,
so most of them need no look of the database at all: see ``difference``. Until that is known they
wait in a file that is unlinked as soon as it is open.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

import msgspec

from target_cordial.core.plain_rows import Said
from target_cordial.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

BLOCK: Final = 2_000
"""Rows of a cohort that are written at once."""

MOST_WAITING: Final = 40_000
"""Rows of all cohorts together that wait to be written."""

SALT_BYTES: Final = hashlib.blake2b.SALT_SIZE


COLUMNS: Final = ("position", "snapshot", "user_key", "user_id", "identifier", "digest")
"""Of a row that is read: as in ``schema.staged``; it says that its user is in."""

SpooledRow = tuple[int, int, str, str | None, str, int]


@dataclass(frozen=True, slots=True)
class _Block:
    """Where some rows are in the file: their digests, then their positions, then what they say."""

    at: int
    rows: int
    length: int
    snapshot: int


@dataclass
class _Cohort:
    """The rows of one cohort.

    Attributes:
        snapshot: The snapshot of those that are not written yet.
        said: What they say, encoded.
        digests: Their digests, eight bytes each.
        positions: Their places in the input.
        blocks: Those that are written.
        total: The sum of all digests that are written.
    """

    snapshot: int = 0
    said: list[bytes] = field(default_factory=list)
    digests: bytearray = field(default_factory=bytearray)
    positions: array[int] = field(default_factory=lambda: array("q"))
    blocks: list[_Block] = field(default_factory=list)
    total: int = 0


class Spool:
    """The spooled rows of one run, by cohort.

    Args:
        salt: Of the digests; the ledger's own, since digests are kept there.
        make_file: Makes the file, once there is something to write.
    """

    def __init__(self, salt: bytes, make_file: Callable[[], IO[bytes]]) -> None:
        self._salt = salt
        self._make_file = make_file
        self._file: IO[bytes] | None = None
        self._end = 0
        self._waiting = 0
        self._cohorts: dict[int, _Cohort] = {}
        self._encode = msgspec.json.Encoder().encode
        self._decoder = msgspec.json.Decoder(Said)

    def extend(self, number: int, snapshot: int, position: int, rows: Sequence[Said]) -> None:
        """Take rows of one snapshot that follow each other in the input.

        Args:
            number: The number of their cohort in this run.
            snapshot: The number of their snapshot.
            position: The place of the first one in the input.
            rows: What they say.
        """
        cohort = self._cohorts.setdefault(number, _Cohort())
        if cohort.snapshot != snapshot:
            self._write(cohort)
            cohort.snapshot = snapshot
        said = [*map(self._encode, rows)]
        salt = self._salt
        cohort.digests += b"".join(
            [hashlib.blake2b(each, digest_size=8, salt=salt).digest() for each in said]
        )
        cohort.positions.extend(range(position, position + len(rows)))
        cohort.said += said
        self._waiting += len(rows)
        if len(cohort.said) >= BLOCK:
            self._write(cohort)
        elif self._waiting >= MOST_WAITING:  # rows of very many cohorts take turns
            for each in self._cohorts.values():
                self._write(each)

    def count(self, number: int) -> int:
        """Count the rows of a cohort."""
        return sum(block.rows for block in self._written(number).blocks)

    def total(self, number: int) -> int:
        """Add up the digests of a cohort's rows."""
        return self._written(number).total

    def digests(self, number: int) -> Iterator[array[int]]:
        """Read the digests of a cohort's rows, block by block."""
        for block in self._written(number).blocks:
            yield self._digests(block)

    def rows(self, number: int, among: Container[int] | None = None) -> Iterator[list[SpooledRow]]:
        """Read the rows of a cohort, block by block, in the order of the input.

        Args:
            number: The cohort's number in this run.
            among: Only those with one of these digests.
        """
        for block in self._written(number).blocks:
            digests = self._digests(block)
            places = [
                place for place, digest in enumerate(digests) if among is None or digest in among
            ]
            if places:
                yield self._rows(block, digests, places)

    def move(self, number: int, other: int, snapshots: Mapping[int, int]) -> None:
        """Give the rows of one number to another: both turned out to be one cohort.

        Args:
            number: The number that gets them.
            other: The number that they came with.
            snapshots: What their snapshots are called there.
        """
        mine, theirs = self._written(number), self._written(other)
        mine.blocks += [
            _Block(block.at, block.rows, block.length, snapshots[block.snapshot])
            for block in theirs.blocks
        ]
        mine.total += theirs.total
        self._cohorts[other] = _Cohort()

    def _written(self, number: int) -> _Cohort:
        cohort = self._cohorts.setdefault(number, _Cohort())
        self._write(cohort)
        return cohort

    def _write(self, cohort: _Cohort) -> None:
        if not cohort.said:
            return
        data = b"".join((cohort.digests, cohort.positions, b"\n".join(cohort.said), b"\n"))
        try:
            if self._file is None:
                self._file = self._make_file()
            self._file.seek(self._end)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise LedgerError(
                f"The rows of this run can't be kept for a while ({error.strerror}). Make room "
                "in the ledger's folder (with PostgreSQL, in this machine's folder for temporary "
                "files), and run again."
            ) from None
        cohort.blocks.append(_Block(self._end, len(cohort.said), len(data), cohort.snapshot))
        cohort.total += sum(_numbers(cohort.digests))
        self._end += len(data)
        self._waiting -= len(cohort.said)
        cohort.said, cohort.digests, cohort.positions = [], bytearray(), array("q")

    def _digests(self, block: _Block) -> array[int]:
        assert self._file is not None  # noqa: S101  what there is a block of was written
        self._file.seek(block.at)
        return _numbers(self._file.read(8 * block.rows))

    def _rows(self, block: _Block, digests: array[int], places: Sequence[int]) -> list[SpooledRow]:
        assert self._file is not None  # noqa: S101  what there is a block of was written
        self._file.seek(block.at + 8 * block.rows)
        positions = _numbers(self._file.read(8 * block.rows))
        lines = self._file.read(block.length - 16 * block.rows).split(b"\n")
        decode = self._decoder.decode
        return [
            (positions[place], block.snapshot, *decode(lines[place]), digests[place])
            for place in places
        ]


def _numbers(data: bytes | bytearray) -> array[int]:
    numbers = array("q")
    numbers.frombytes(data)
    return numbers
