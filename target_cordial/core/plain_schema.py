"""Which SCHEMAs have plain rows: they are compiled into types that a decoder holds rows against.

A type takes nothing that its SCHEMA does not. What a SCHEMA says that no type can hold a row
against makes that its rows are not plain at all.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from target_cordial.core import fields
from target_cordial.core.fields import fold
from target_cordial.core.membership import Role, role_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_cordial.core.identifier import Mapping as IdentifierMapping


class PlainKind(NamedTuple):
    """The plain rows of a stream.

    Attributes:
        decoder: Takes lines of them, whose records are a ``plain_rows.PlainRow``.
        nested: The identifier is one of the user's properties; else a column of its own.
    """

    decoder: msgspec.json.Decoder[Any]
    nested: bool


def plain_kind(
    stream: str, schema: Mapping[str, Any], keys: Iterable[str], mapping: IdentifierMapping
) -> PlainKind | None:
    """Compile the SCHEMA of a stream of members.

    Args:
        stream: Its name.
        schema: Its JSON Schema.
        keys: Its key properties, which every record must have.
        mapping: Where the contact identifier is.

    Returns:
        What takes its rows; None where the SCHEMA says more than types could hold a row against,
        or leaves open in which column something is.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict) or role_of(properties, mapping) is not Role.MEMBERSHIP:
        return None
    try:
        meanings = _meanings(properties, mapping)
        whole = {**schema, "required": [*schema.get("required", ()), *keys]}
        record = _Compiler(mapping.properties[0]).object(whole, meanings, closed=True)
        line = msgspec.defstruct(
            "Line",
            [("type", Literal["RECORD"]), ("stream", Literal[stream]), ("record", record)],
            gc=False,
        )
        decoder = msgspec.json.Decoder(line)
    except (_NotPlainError, TypeError, ValueError):  # msgspec does not take every union and name
        return None
    return PlainKind(decoder, nested=_CONTAINER in meanings.values())


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
        names = self._names(schema, "properties", "required", "additionalProperties", "$schema")
        if "object" not in names:
            raise _NotPlainError
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
