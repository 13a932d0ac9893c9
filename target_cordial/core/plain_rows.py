"""Rows that can be read at a glance: members of a snapshot, with everything in its usual place.

Nearly all rows of a cohort are of this kind, and there may be millions of them. So the SCHEMA of
their stream is compiled into a decoder that takes such rows and no others: a row that says more, or
says it otherwise, is none of its rows and is read by ``membership``, which knows every way to write
one. What this module takes, it takes as ``membership`` would, and it is valid by its SCHEMA.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from target_cordial.core.identifier import plain
from target_cordial.core.membership import Cohort
from target_cordial.core.plain_schema import plain_kind
from target_cordial.core.user_key import AMPLITUDE_KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_cordial.core.identifier import Mapping as IdentifierMapping


class PlainRow(Protocol):
    """A record as it is decoded.

    Attributes:
        cohort_id: Its cohort,
        cohort_name: and that one's name.
        snapshot_id: Its snapshot.
        amplitude_id: The user,
        user_id: and their user id.
        container: What has the identifier; None where the record itself has it.
        value: The identifier, where the record itself has it.
    """

    cohort_id: str
    cohort_name: str | None
    snapshot_id: str | None
    amplitude_id: str
    user_id: str | None
    container: _Container | None
    value: str | None


class _Container(Protocol):
    value: str | None


class _PlainLine(Protocol):
    record: PlainRow


class Same(NamedTuple):
    """What rows that stand together have in common: cohort and snapshot."""

    cohort: Cohort
    snapshot_id: str | None


Said = tuple[str, str | None, str]
"""What a row says of its user: that they are in, by key, user id and contact identifier."""


_NUL: Final = b"\\u0000"
"""What no ledger can hold, as JSON writes it."""


class PlainStream:
    """The decoder of one stream.

    Attributes:
        nested: The identifier is one of the user's properties; else a column of its own.
    """

    def __init__(self, decoder: msgspec.json.Decoder[Any], *, nested: bool) -> None:
        self._decoder = decoder
        self.nested = nested

    def rows(self, block: bytes) -> list[PlainRow] | None:
        """Decode whole lines.

        Args:
            block: One line or more, each with its end.

        Returns:
            The record of each line; None where any of them is not of this kind.
        """
        if b"\\" in block and _NUL in block:  # the first look is the quicker one
            return None
        if not (block.isascii() or _is_utf8(block)):
            return None  # what is skipped is not looked at otherwise
        try:
            lines: list[_PlainLine] = self._decoder.decode_lines(block)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        ends = block.count(b"}\n{") or block.count(b"}\r\n{")
        if len(lines) != block.count(b"\n") or len(lines) != ends + 1:
            return None  # an empty one, two messages in one, or one message in two
        return [line.record for line in lines]


def said_together(
    rows: Sequence[PlainRow], start: int, mapping: IdentifierMapping, *, nested: bool
) -> tuple[Same, list[Said]]:
    """Read rows of one snapshot that follow each other.

    Args:
        rows: Plain rows.
        start: The first one to be read.
        mapping: Where the contact identifier is.
        nested: It is one of the user's properties.

    Returns:
        Cohort and snapshot of the first one, and what it and those after it say, up to a row of
        another snapshot or one that needs a closer look.
    """
    first = rows[start]
    cohort_id, cohort_name, snapshot_id = first.cohort_id, first.cohort_name, first.snapshot_id
    named = cohort_name if cohort_name and cohort_name.strip() else None
    same = Same(Cohort(cohort_id.strip() or None, named), (snapshot_id or "").strip() or None)
    end = start
    for row in islice(rows, start, None):
        if (
            row.cohort_id != cohort_id
            or row.snapshot_id != snapshot_id
            or row.cohort_name != cohort_name
        ):
            break
        end += 1
    if same.cohort.id is None:
        return same, []
    together = rows[start:end]
    # Column by column, and what is not plain is found in the shortest one: a tenth of the time of
    # the whole run is spent in these lines.
    values: list[str | None]
    if nested:
        values = [row.container.value if row.container else None for row in together]
    else:
        values = [row.value for row in together]
    users = [AMPLITUDE_KIND + row.amplitude_id.strip() for row in together]
    user_ids = [(row.user_id.strip() or None) if row.user_id else None for row in together]
    if AMPLITUDE_KIND in users:  # an id that is blank
        del users[users.index(AMPLITUDE_KIND) :]
    return same, list(zip(users, user_ids, plain(values, mapping), strict=False))


def plain_stream(
    stream: str, schema: Mapping[str, Any], keys: Iterable[str], mapping: IdentifierMapping
) -> PlainStream | None:
    """Make what reads the plain rows of a stream.

    Args:
        stream: Its name.
        schema: Its JSON Schema.
        keys: Its key properties, which every record must have.
        mapping: Where the contact identifier is.

    Returns:
        The reader; None where the SCHEMA has no plain rows.
    """
    kind = plain_kind(stream, schema, keys, mapping)
    return None if kind is None else PlainStream(kind.decoder, nested=kind.nested)


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
