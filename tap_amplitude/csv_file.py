"""A cohort's file as records: RFC 4180 CSV, the header first, every cell quoted.

Sources of the format: public code that reads these files. Not documented by Amplitude.

Most files hold nothing but quoted cells of plain text, and such text is cut into cells several
times faster than it is parsed. So a file is read in blocks of whole lines: a block that is provably
of that kind is cut, any other is parsed, from its begin to the first record that ends with a block.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from tap_amplitude.errors import FileShapeError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# Values are at most 1,024 characters, lists 10,000. The default of 131,072 would do; this leaves
# room, and still ends the search for a quote that is never closed.
_LONGEST_CELL = 1 << 20
_BLOCK = 1 << 17  # bytes; some thousand records, so that what is done once a block costs nothing
_LONGEST_LINE = 1 << 24  # bytes; a file without line ends would else be held whole
_MOST_RECORDS = 1000  # in a batch of parsed ones
_BYTE_ORDER_MARK = "\ufeff"
_NOT_CSV = {"{": "it is JSON, not CSV", "<": "it is a web page or XML, not CSV"}

# Bytes that mean themselves in JSON too: no control character but the line end, no backslash.
_LITERAL = b"\n" + bytes(range(ord(" "), 256)).replace(b"\\", b"")
_WIDE_SPACES = [chr(code) for code in range(0x80, 0x3001) if chr(code).isspace()]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that follow each other in a file, at least one.

    Attributes:
        records: Their cells.
        plain: No cell has white space around it, nor a character that JSON escapes.
    """

    records: list[list[str]]
    plain: bool


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


def batches(file: BinaryIO) -> Generator[Batch, None, None]:
    """Yield the records of a CSV file in batches, without empty lines.

    Records, not lines: a quoted cell may hold line ends.

    Args:
        file: The file, at its start; it stays open.

    Raises:
        FileShapeError: The text is not UTF-8, or its quotes do not add up. Records before the
            faulty one have been yielded by then.
    """
    blocks = _blocks(file)
    for block in blocks:
        records = plain_records(block.text)
        if records is None:
            yield from _parsed(block, blocks)
        else:
            yield Batch(records, plain=True)


def plain_records(text: str) -> list[list[str]] | None:
    """Return the records of whole lines, if these hold quoted cells of plain text only.

    The separators between cells and between records are looked for as text. When they, with the
    first and the last quote, account for every quote and every line end there is, no cell has one
    in it, and there is no other way to read the text.

    Returns:
        The records, or None where the text has to be parsed.
    """
    if "\r" in text:
        text = text.replace('"\r\n', '"\n')
    if len(text) > _LONGEST_CELL or not (text.startswith('"') and text.endswith('"\n')):
        return None
    if text.encode().translate(None, _LITERAL) or _has_outer_space(text):
        return None
    records = [line.split('","') for line in text[1:-2].split('"\n"')]
    if text.count("\n") != len(records) or text.count('"') != 2 * sum(map(len, records)):
        return None
    return records


def _has_outer_space(text: str) -> bool:
    """Return whether a cell may begin or end with white space; line ends are not looked at."""
    if " " in text and (' "' in text or '" ' in text):
        return True
    return not text.isascii() and any(space in text for space in _WIDE_SPACES)


def _parsed(block: _Block, following: Iterator[_Block]) -> Iterator[Batch]:
    """Yield the records of a block, and of as many more as it takes to end with a record."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = block.lines()
    end = len(lines)

    def more() -> Iterator[str]:
        nonlocal end
        for another in following:
            lines = another.lines()
            end += len(lines)
            yield from lines

    reader = csv.reader(chain(lines, more()), strict=True)
    records: list[list[str]] = []
    try:
        for record in reader:
            if record:
                records.append(record)
            if reader.line_num == end:
                break
            if len(records) == _MOST_RECORDS:
                yield Batch(records, plain=False)
                records = []
    except csv.Error:
        if records:
            yield Batch(records, plain=False)
        raise _unreadable(block.line + reader.line_num) from None
    if records:
        yield Batch(records, plain=False)


@dataclass(frozen=True, slots=True)
class _Block:
    """Whole lines of a file; the last one may lack its end.

    Attributes:
        line: Lines before it.
        text: The lines.
    """

    line: int
    text: str

    def lines(self) -> list[str]:
        """Return the lines with their ends, in whichever style."""
        return list(io.StringIO(self.text, newline=""))


def _blocks(file: BinaryIO) -> Iterator[_Block]:
    line = 0
    start = len(codecs.BOM_UTF8) if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0
    file.seek(start)
    parts: list[bytes] = []
    more = True
    while more:
        chunk = file.read(_BLOCK)
        more = bool(chunk)
        whole, end, rest = chunk.rpartition(b"\n")
        if more and not end:
            parts.append(rest)
            if len(parts) * _BLOCK > _LONGEST_LINE:
                raise _unreadable(line + 1)
            continue
        raw = b"".join([*parts, whole, end])
        parts = [rest]
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise _unreadable(line + 1 + raw.count(b"\n", 0, error.start)) from None
        if text:
            yield _Block(line, text)
        line += raw.count(b"\n")


def _unreadable(line: int) -> FileShapeError:
    return FileShapeError(f"it is not readable as CSV at line {line}")


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
