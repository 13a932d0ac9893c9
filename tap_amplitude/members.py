"""From a cohort's file to its member rows: the one place that builds them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import chain, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, BinaryIO

from tap_amplitude import csv_file
from tap_amplitude.csv_file import Batch, Layout
from tap_amplitude.errors import FileShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_amplitude.sieve import Sieve

Cells = list[str]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the members of one file have in common.

    Attributes:
        same: The fields all rows have in common.
        layout: Where things are in a record of the file.
    """

    same: dict[str, Any]
    layout: Layout

    def places(self, has: Sequence[object]) -> dict[str, int]:
        """Return where each property of a member stands.

        An empty cell is an absent value: CSV cannot tell null from empty. Where two columns have
        one property name, the first that is not empty counts.

        Args:
            has: For each cell of the record, something that is false where it is empty.
        """
        # Backwards, so that of two columns with one name the first is written last.
        return {name: index for index, name in self.layout.properties[::-1] if has[index]}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return a member's row.

        Values stay texts: how Amplitude writes numbers, booleans and lists here is not documented.
        """
        return {
            **self.same,
            "amplitude_id": cells[self.layout.amplitude_id],
            "user_id": cells[self.layout.user_id] or None,
            "user_properties": {name: cells[at] for name, at in self.places(cells).items()},
        }


@dataclass(frozen=True, slots=True)
class Members:
    """Some different members of a file, at least one.

    Attributes:
        frame: What they have in common.
        records: The trimmed cells of each.
        plain: No cell has a character that JSON escapes.
    """

    frame: Frame
    records: list[Cells]
    plain: bool

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield their rows."""
        return map(self.frame.row, self.records)


def read_members(file: BinaryIO, same: dict[str, Any], sieve: Sieve[Cells]) -> Iterator[Members]:
    """Yield the different members of a cohort's file, by the thousand.

    Cells are trimmed, since some of Amplitude's exports put a tab before each.

    Args:
        file: The unpacked file, at its start.
        same: The fields all rows have in common.
        sieve: Lets each Amplitude id pass once.

    Raises:
        FileShapeError: The file is not a list of members, or a row does not fit the header. Members
            before the faulty one have been yielded by then, but for those that the sieve holds.
    """
    with closing(csv_file.batches(file)) as batches:
        first = next(batches, None)
        if first is None:
            message = "it is empty, without even a header"
            raise FileShapeError(message)
        header, *records = first.records
        layout = csv_file.read_layout(header)
        frame = Frame(same, layout)
        id_of = itemgetter(layout.amplitude_id)
        number = 0
        for batch in chain([Batch(records, plain=first.plain)], batches):
            records, fault = _fitting(batch, layout, number)
            number += len(records)
            new = sieve.sift(list(map(id_of, records)), records)
            if new:
                yield Members(frame, new, plain=batch.plain)
            if fault:
                raise FileShapeError(fault)
            if sieve.is_full:
                yield from _settled(frame, sieve)
        yield from _settled(frame, sieve)


def _settled(frame: Frame, sieve: Sieve[Cells]) -> Iterator[Members]:
    late = sieve.settle()
    if late:
        yield Members(frame, late, plain=False)


def _fitting(batch: Batch, layout: Layout, before: int) -> tuple[list[Cells], str | None]:
    """Return the records of a batch, trimmed, up to the first one that is none of a member.

    Args:
        batch: The batch.
        layout: Where things are.
        before: Members before it in the file.

    Returns:
        The records, and what is wrong with the next one, if there is one.
    """
    records = batch.records
    if not batch.plain:
        records = [[*map(str.strip, cells)] for cells in records]
    # A look at all of them, and at each where something is wrong.
    if {*map(len, records)} <= {layout.width} and all(
        map(itemgetter(layout.amplitude_id), records)
    ):
        return records, None
    good = list(takewhile(lambda cells: _fault(cells, layout) is None, records))
    return good, f"row {before + len(good) + 1} {_fault(records[len(good)], layout)}"


def _fault(cells: Cells, layout: Layout) -> str | None:
    if len(cells) != layout.width:
        return f"has {len(cells)} cells, its header has {layout.width}"
    return None if cells[layout.amplitude_id] else "has no amplitude_id"
