"""From a cohort's file to its member rows: the one place that builds them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from tap_amplitude import csv_file
from tap_amplitude.errors import FileShapeError
from tap_amplitude.seen import SeenIds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_amplitude.csv_file import Layout


@dataclass(slots=True)
class Tally:
    """What was found in a file so far.

    Attributes:
        seen: The different Amplitude ids.
        repeats: Rows left out because their Amplitude id came before.
    """

    seen: SeenIds = field(default_factory=SeenIds)
    repeats: int = 0

    @property
    def members(self) -> int:
        """Rows written: one for each different Amplitude id."""
        return len(self.seen)


def member_rows(file: BinaryIO, same: dict[str, Any], tally: Tally) -> Iterator[dict[str, Any]]:
    """Yield one row for each different member of a cohort's file.

    Cells are trimmed, since some of Amplitude's exports put a tab before each. An empty cell is
    an absent value: CSV cannot tell null from empty. Where two columns have one property name,
    the first that is not empty counts. Values stay texts: how Amplitude writes numbers, booleans
    and lists here is not documented.

    Args:
        file: The unpacked file, at its start.
        same: The fields all rows have in common.
        tally: Counted up with every row.

    Raises:
        FileShapeError: The file is not a list of members, or a row does not fit the header. Rows
            before the faulty one have been yielded by then.
    """
    with closing(csv_file.records(file)) as rows:
        header = next(rows, None)
        if header is None:
            message = "it is empty, without even a header"
            raise FileShapeError(message)
        yield from _rows(rows, csv_file.read_layout(header), same, tally)


def _rows(
    records: Iterator[list[str]], layout: Layout, same: dict[str, Any], tally: Tally
) -> Iterator[dict[str, Any]]:
    width, id_at, user_at = layout.width, layout.amplitude_id, layout.user_id
    # Backwards, so that of two columns with one name the first is written last.
    columns = layout.properties[::-1]
    add = tally.seen.add
    for number, cells in enumerate(records, start=1):
        if len(cells) != width:
            message = f"row {number} has {len(cells)} cells, its header has {width}"
            raise FileShapeError(message)
        amplitude_id = cells[id_at].strip()
        if not amplitude_id:
            message = f"row {number} has no amplitude_id"
            raise FileShapeError(message)
        if not add(amplitude_id):
            tally.repeats += 1
            continue
        yield {
            **same,
            "amplitude_id": amplitude_id,
            "user_id": cells[user_at].strip() or None,
            "user_properties": {
                name: value for index, name in columns if (value := cells[index].strip())
            },
        }
