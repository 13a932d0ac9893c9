"""Members as the lines of their messages, equal to those that the SDK writes of their rows.

A member's escaped cells are put between pieces of text that are the same for all members with the
same cells empty. That takes a fraction of building its row and encoding it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import msgspec

from tap_amplitude.members import Cells

if TYPE_CHECKING:
    from datetime import datetime

    from singer_sdk.helpers.types import Record

    from tap_amplitude.members import Frame, Members

# With more combinations of properties than that, to make forms takes longer than they save.
_MOST_FORMS: Final = 256
_MARK: Final = secrets.token_hex(16)  # stands in no name
_SEPARATOR: Final = "\0"

_Form = Callable[[Cells], str]


class _Forms(dict[tuple[bool, ...], _Form]):
    """What makes lines out of escaped cells, but for their ends, by which cells are not empty."""

    def __init__(self, stream: str, frame: Frame) -> None:
        super().__init__()
        self._stream = stream
        self._frame = frame

    def __missing__(self, has: tuple[bool, ...]) -> _Form:
        """Make a form, from the message of a member with a mark in place of each value."""
        layout = self._frame.layout
        row = self._frame.row([_MARK if each else "" for each in has])
        text = _json({"type": "RECORD", "stream": self._stream, "record": row})
        places = [layout.amplitude_id, *self._frame.places(has).values()]
        if has[layout.user_id]:
            places.insert(1, layout.user_id)
        self[has] = form = _form(text.removesuffix("}").split(_MARK), places)
        return form


def _form(pieces: list[str], places: list[int]) -> _Form:
    """Return what puts the cells at some places between pieces of text."""
    parts = [part for piece in pieces for part in (piece, "")][:-1]
    if len(places) == 1:
        return lambda cells: cells[places[0]].join(pieces)
    pick = itemgetter(*places)

    def form(cells: Cells) -> str:
        parts[1::2] = pick(cells)
        return "".join(parts)

    return form


class Lines:
    """Encodes the members of one file."""

    def __init__(self, stream: str, frame: Frame) -> None:
        """Prepare.

        Args:
            stream: Name of the stream that the messages are of.
            frame: What the members have in common.
        """
        self._stream = stream
        self._forms = _Forms(stream, frame)
        self._complete = self._forms[(True,) * frame.layout.width]

    def encode(self, members: Members, time: datetime) -> bytes:
        """Return the lines.

        Args:
            members: Members of the file.
            time: When they were taken from it, which the messages say.
        """
        forms, complete = self._forms, self._complete
        if len(forms) >= _MOST_FORMS:
            return b"".join([self._encoded(row, time) for row in members.rows()])
        records = members.records if members.plain else _escaped(members.records)
        begins = [
            (forms[tuple(map(bool, cells))] if "" in cells else complete)(cells)
            for cells in records
        ]
        end = f',"time_extracted":{_json(time)}}}\n'
        return (end.join(begins) + end).encode()

    def _encoded(self, row: Record, time: datetime) -> bytes:
        message = {"type": "RECORD", "stream": self._stream, "record": row, "time_extracted": time}
        return msgspec.json.encode(message) + b"\n"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _escaped(records: list[Cells]) -> list[Cells]:
    """Return records with their cells as they stand in JSON, between the quotes.

    All are escaped at once, with a separator between them that looks otherwise when escaped. Where
    it stands in a cell too, each is escaped for itself.
    """
    width = len(records[0])
    text = _SEPARATOR.join([_SEPARATOR.join(cells) for cells in records])
    cells = _json(text)[1:-1].split(_json(_SEPARATOR)[1:-1])
    if len(cells) != width * len(records):
        return [[_json(cell)[1:-1] for cell in cells] for cells in records]
    return [cells[at : at + width] for at in range(0, len(cells), width)]
