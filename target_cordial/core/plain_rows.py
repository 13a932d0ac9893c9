"""Rows that can be read at a glance: members of a snapshot, with everything in its usual place.

Nearly all rows of a cohort are of this kind, and there may be millions of them. So the SCHEMA of
their stream is compiled into a decoder that takes such rows and no others: a row that says more, or
says it otherwise, is none of its rows and is read by ``membership``, which knows every way to write
one. What this module takes, it takes as ``membership`` would, and it is valid by its SCHEMA.
"""

from __future__ import annotations

from functools import reduce
from itertools import islice
from operator import or_
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

import msgspec

from target_cordial.core import fields
from target_cordial.core.fields import fold
from target_cordial.core.identifier import plain
from target_cordial.core.membership import Cohort, Role, role_of

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


AMPLITUDE_KIND: Final = "a:"
"""How the keys of users begin whose Amplitude id is known. See ``membership.user_key``."""

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
        if len(lines) != block.count(b"\n"):  # an empty one, or two messages in one
            return None
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
    stream: str, schema: Mapping[str, Any], mapping: IdentifierMapping
) -> PlainStream | None:
    """Compile the SCHEMA of a stream of members.

    Args:
        stream: Its name.
        schema: Its JSON Schema.
        mapping: Where the contact identifier is.

    Returns:
        The decoder; None where the SCHEMA says more than it could hold a row against, or leaves
        open in which column something is.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict) or role_of(properties, mapping) is not Role.MEMBERSHIP:
        return None
    try:
        meanings = _meanings(properties, mapping)
        record = _Compiler(mapping.properties[0]).object(schema, meanings, closed=True)
        line = msgspec.defstruct(
            "Line",
            [("type", Literal["RECORD"]), ("stream", Literal[stream]), ("record", record)],
            gc=False,
        )
        decoder = msgspec.json.Decoder(line)
    except (_NotPlainError, TypeError, ValueError):  # msgspec does not take every union and name
        return None
    return PlainStream(decoder, nested=_CONTAINER in meanings.values())


class _NotPlainError(Exception):
    """A SCHEMA of which no decoder can be made."""


_CONTAINER: Final = "container"
_VALUE: Final = "value"
_EMPTY: Final = ""

_ALWAYS: Final = {"cohort_id": fields.COHORT_ID, "amplitude_id": fields.AMPLITUDE_ID}
_OFTEN: Final = {
    "cohort_name": fields.COHORT_NAME,
    "snapshot_id": fields.SNAPSHOT_ID,
    "user_id": fields.USER_ID,
}
_OF_ONE_ROW: Final = (*fields.TIME, *fields.MESSAGE_ID, *fields.SOURCE_FILE, *fields.DELETED_AT)
"""Columns that say something of their row alone: a row that has one of them is not plain."""

_OF_OTHERS: Final = (*fields.IN_COHORT, *fields.OPERATION, *fields.USERS)
"""Columns of streams whose rows are no rows of a snapshot."""


def _meanings(properties: Mapping[str, Any], mapping: IdentifierMapping) -> dict[str, str]:
    """Tell what the columns mean of which something is to be known.

    Raises:
        _NotPlainError: It is not clear, or the rows are not those of a snapshot.
    """
    if _spellings(properties, _OF_OTHERS):
        raise _NotPlainError
    meanings = dict.fromkeys(_spellings(properties, _OF_ONE_ROW), _EMPTY)
    meanings |= {_only(properties, names): meaning for meaning, names in _ALWAYS.items()}
    for meaning, names in _OFTEN.items():
        if _spellings(properties, names):
            meanings[_only(properties, names)] = meaning
    wanted = mapping.properties[0]
    nested = wanted not in properties
    place = _only(properties, ("user_properties",)) if nested else wanted
    if place in meanings:
        raise _NotPlainError
    return {**meanings, place: _CONTAINER if nested else _VALUE}


def _spellings(keys: Iterable[str], names: Iterable[str]) -> list[str]:
    """Find all columns that may be meant by some names."""
    wanted = {fold(name) for name in names}
    return [key for key in keys if fold(key) in wanted]


def _only(keys: Iterable[str], names: Iterable[str]) -> str:
    found = _spellings(keys, names)
    if len(found) != 1:
        raise _NotPlainError
    return found[0]


_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
"""What a SCHEMA is that names no dialect; in older ones ``format`` is more than a note."""

_NOTES: Final = {"title", "description", "default", "examples", "format", "deprecated", "$comment"}
"""Keywords that hold no value against anything."""

_SCALARS: Final[Mapping[str, Any]] = {
    "string": str,
    "null": None,
    "boolean": bool,
    "integer": int,
    "number": float,
}


class _Compiler:
    """Makes types that take nothing that a schema does not.

    Where a schema is not understood to the last keyword, or takes nothing that would be plain,
    there is no type, and ``_NotPlainError`` is raised.

    Args:
        wanted: The property that has the identifier.
    """

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def object(
        self, schema: Mapping[str, Any], meanings: Mapping[str, str], *, closed: bool
    ) -> Any:  # noqa: ANN401  a type
        """Make the type of an object.

        Args:
            schema: Its schema.
            meanings: What some of its properties mean.
            closed: Take no property that the schema does not name.
        """
        self._names(schema, "properties", "required", "additionalProperties", "$schema")
        if schema.get("$schema", _DIALECT) != _DIALECT:
            raise _NotPlainError
        open_ = schema.get("additionalProperties", True)
        declared = schema.get("properties", {})
        if not isinstance(open_, bool) or not (open_ or meanings.keys() <= declared.keys()):
            raise _NotPlainError
        members: list[tuple[Any, ...]] = []
        keys: dict[str, str] = {}
        for key, of in {**dict.fromkeys(meanings, True), **declared}.items():
            meaning = meanings.get(key)
            kind = self._any(of) if meaning is None else self._meant(of, meaning)
            if kind is not _NOTHING:
                name = meaning or f"other_{len(members)}"
                keys[name] = key
                must = key in schema.get("required", ()) or name in _ALWAYS
                members.append((name, kind) if must else (name, kind, None))
        if not {*schema.get("required", ())} <= {*keys.values()}:
            raise _NotPlainError
        return msgspec.defstruct(
            "Object",
            members,
            rename=keys,
            kw_only=True,
            gc=False,  # a million of them, none in a cycle
            forbid_unknown_fields=closed or not open_,
        )

    def _meant(self, of: Any, meaning: str) -> Any:  # noqa: ANN401  a type
        if meaning == _CONTAINER:
            names = self._names(of, "properties", "required", "additionalProperties")
            inner = {} if of is True else of
            kind, name = self.object(inner, {self._wanted: _VALUE}, closed=False), "object"
        else:
            names = self._names(of)
            kind, name = str, "string"
        if meaning == _EMPTY:
            return None if "null" in names else _NOTHING
        if name not in names:
            raise _NotPlainError
        return kind | None if "null" in names and meaning not in _ALWAYS else kind

    def _any(self, of: Any) -> Any:  # noqa: ANN401  a type
        """Make the type of a property of which nothing is to be known."""
        if of is True or (isinstance(of, dict) and not {*of} - _NOTES):
            return msgspec.Raw
        names = self._names(of, "properties", "required", "additionalProperties", "items")
        kinds: list[Any] = [_SCALARS[name] for name in names if name in _SCALARS]
        if "object" in names:
            kinds.append(self.object({**of, "type": "object"}, {}, closed=False))
        if "array" in names:
            kinds.append(GenericAlias(list, self._any(of.get("items", True))))
        return reduce(or_, kinds[1:], kinds[0])

    def _names(self, of: Any, *keywords: str) -> set[str]:  # noqa: ANN401  a schema, or what stands for one
        """Read which types a schema names, if it has no other keywords than these."""
        of = {} if of is True else of
        if not isinstance(of, dict) or {*of} - {*keywords, "type"} - _NOTES:
            raise _NotPlainError
        named = of.get("type", [*_SCALARS, "object", "array"])
        names = {named} if isinstance(named, str) else {*named}
        if not names or names - {*_SCALARS, "object", "array"}:
            raise _NotPlainError
        return names


_NOTHING: Final = object()
"""The type of what must not be there."""


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
