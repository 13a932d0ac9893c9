"""A cohort's file as records: RFC 4180 CSV, the header first, every cell quoted.

Sources of the format: public code that reads these files. Not documented by Amplitude.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from tap_amplitude.errors import FileShapeError

if TYPE_CHECKING:
    from collections.abc import Generator

# Values are at most 1,024 characters, lists 10,000. The default of 131,072 would do; this leaves
# room, and still ends the search for a quote that is never closed.
_LONGEST_CELL = 1 << 20
_BYTE_ORDER_MARK = "\ufeff"
_NOT_CSV = {"{": "it is JSON, not CSV", "<": "it is a web page or XML, not CSV"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in a row.

    Attributes:
        width: Cells in every row.
        amplitude_id: Index of the column of Amplitude's own id.
        user_id: Index of the column of the app's id.
        properties: Index and property name of all other columns, in the order of the file.
    """

    width: int
    amplitude_id: int
    user_id: int
    properties: tuple[tuple[int, str], ...]


def records(file: BinaryIO) -> Generator[list[str], None, None]:
    """Yield the records of a CSV file, without empty lines.

    Records, not lines: a quoted cell may hold line ends.

    Args:
        file: The file, at its start; it stays open.

    Raises:
        FileShapeError: The text is not UTF-8, or its quotes do not add up.
    """
    csv.field_size_limit(_LONGEST_CELL)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        for record in reader:
            if record:
                yield record
    except (csv.Error, UnicodeDecodeError):
        message = f"it is not readable as CSV at line {reader.line_num + 1}"
        raise FileShapeError(message) from None
    finally:
        text.detach()


def read_layout(header: list[str]) -> Layout:
    """Return where things are, from the header.

    The first column of each id counts. A later one of the same name is there because a property
    of that name was asked for, and is a property. Custom properties may carry the prefix `gp:`.

    Raises:
        FileShapeError: There is no column for either id, so this is not a list of members.
    """
    names = [name.strip().strip(_BYTE_ORDER_MARK).strip() for name in header]
    if "amplitude_id" not in names or "user_id" not in names:
        reason = _NOT_CSV.get(names[0][:1], "its header lacks amplitude_id and user_id")
        raise FileShapeError(reason)
    amplitude_id, user_id = names.index("amplitude_id"), names.index("user_id")
    properties = (
        (index, name.removeprefix("gp:"))
        for index, name in enumerate(names)
        if index not in (amplitude_id, user_id)
    )
    return Layout(
        width=len(names),
        amplitude_id=amplitude_id,
        user_id=user_id,
        properties=tuple((index, name) for index, name in properties if name),
    )
