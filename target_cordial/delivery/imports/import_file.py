"""The file of an import: from identifiers to CSV.

Columns are named as Cordial documents them (KB 203886058), one contact a line.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK_CHARACTERS: Final = 1 << 20
"""About how much of a file is in memory at once."""

NOBODY_ASKED: Final = "none"
"""The subscribe status of a contact that an import makes. Without it the contact is subscribed
(documented); on contacts that exist it could undo a subscription, so it stands in no other file."""

_FORMULA: Final = frozenset("=+-@")
"""What makes a spreadsheet compute a cell (OWASP, CSV injection). Tabs and returns do too; they
stand in no file at all."""

_PHONE: Final = re.compile(r"\+[0-9]+")

_UNFIT: Final = re.compile("[\\x00-\\x1f\\x7f\\x85\u2028\u2029\ud800-\udfff]")
"""Control characters and line breaks, which parsers of CSV disagree on, and half surrogates."""


def fits(identifier: str) -> bool:
    """Say whether an identifier may stand in a file. Those that may not go by single calls.

    Whoever opens the file must not run what a visitor of a shop typed in as an address, and no
    parser may make two contacts of one.
    """
    if _UNFIT.search(identifier):
        return False
    if _PHONE.fullmatch(identifier):
        return True
    start = identifier.lstrip(" \"'")[:1]
    # Spreadsheets also take the wide forms of these characters (OWASP).
    return bool(start) and unicodedata.normalize("NFKC", start)[0] not in _FORMULA


def chunks(identifiers: Iterable[str], channel: str, *, may_create: bool) -> Iterator[bytes]:
    """Write a file, block by block.

    Args:
        identifiers: Addresses on the channel, all of which fit.
        channel: The channel's key, such as ``email``.
        may_create: The import may make contacts, which it must not subscribe.

    Yields:
        The file's bytes: a header line, then one line each, in UTF-8.

    Raises:
        ValueError: One of the identifiers does not fit. It is not named.
    """
    block = io.StringIO(newline="")
    # Not CRLF, as RFC 4180 has it: a parser that splits at line feeds would take the return for
    # part of the last column, and "none\r" for no status.
    writer = csv.writer(block, lineterminator="\n")
    header = [f"channels.{channel}.address"]
    rest = []
    if may_create:
        header.append(f"channels.{channel}.subscribeStatus")
        rest.append(NOBODY_ASKED)
    writer.writerow(header)
    for identifier in identifiers:
        if not fits(identifier):
            raise ValueError("An identifier does not fit into a file.")
        writer.writerow([identifier, *rest])
        if block.tell() >= BLOCK_CHARACTERS:
            yield block.getvalue().encode()
            block.seek(0)
            block.truncate()
    yield block.getvalue().encode()
