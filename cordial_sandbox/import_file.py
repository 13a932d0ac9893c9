"""The CSV file of an import, read block by block and from its end to its beginning.

Cordial splits a file, imports the parts in parallel and keeps no order (its help pages say so).
Going backwards holds a client to that: an order it relies on is never kept. The file is read
twice, once for where its blocks begin, so that it never stands in memory as a whole.
"""

from __future__ import annotations

import csv
import re
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.import_request import ImportRequest

_BLOCK_ROWS = 2000
_BOM = b"\xef\xbb\xbf"
_FORMULA = frozenset("=+-@\t\r")
_PHONE = re.compile(r"\+\d+", re.ASCII)


class ImportFileError(Exception):
    """The file is no UTF-8 text or no CSV; what Cordial does then is assumed: the job fails."""


class ImportFile:
    """A file with its columns and rows.

    Attributes:
        columns: Its columns in order; None in an empty file that should have a header.
        rows: How many rows there are, the header and empty lines left out.
        formulas: How many cells a spreadsheet would read as a formula; phone numbers are none.

    Args:
        file: The file, which stays with the caller.
        request: How to read it.

    Raises:
        ImportFileError: It cannot be read as CSV.
    """

    def __init__(self, file: IO[bytes], request: ImportRequest) -> None:
        self._file = file
        self._delimiter = request.delimiter
        self.columns = request.columns
        self.rows = 0
        self.formulas = 0
        self._starts: list[int] = []
        self._position = 0
        header_expected = request.has_header
        file.seek(0)
        begin = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
        for place, row in self._records(begin):
            self.formulas += sum(
                cell[0] in _FORMULA and not _PHONE.fullmatch(cell) for cell in row if cell
            )
            if header_expected:
                header_expected = False
                self.columns = self.columns or tuple(row)
                continue
            if self.rows % _BLOCK_ROWS == 0:
                self._starts.append(place)
            self.rows += 1

    def blocks_backwards(self) -> Iterator[list[list[str]]]:
        """Yield every row once, the last one first, in blocks that fit into memory."""
        left = self.rows % _BLOCK_ROWS or _BLOCK_ROWS
        for start in reversed(self._starts):
            records = self._records(start)
            block = [next(records)[1] for _ in range(left)]
            block.reverse()
            yield block
            left = _BLOCK_ROWS

    def _records(self, start: int) -> Iterator[tuple[int, list[str]]]:
        """Yield every record from a place in the file on, with the place where it begins."""
        self._position = start
        reader = csv.reader(self._lines(start), delimiter=self._delimiter, strict=True)
        place = start
        try:
            for row in reader:
                if row:
                    yield place, row
                place = self._position
        except (csv.Error, UnicodeDecodeError):
            # The error's own text may hold a part of the file.
            raise ImportFileError("the file is not CSV in UTF-8") from None

    def _lines(self, start: int) -> Iterator[str]:
        self._file.seek(start)
        for line in self._file:
            self._position += len(line)
            yield line.decode("utf-8")
