"""Reading single fields of a record: what it says, and by which ids it says it.

What is there and cannot be read is an error and never guessed at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_cordial.core import fields
from target_cordial.core.fields import MISSING, Record, field
from target_cordial.core.identifier import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping

ADD_WORDS: Final = frozenset({"add", "added", "enter", "entering", "existing"})
REMOVE_WORDS: Final = frozenset({"remove", "removed", "exit", "exiting", "delete", "deleted"})

_FLAGS: Final[Mapping[Any, bool]] = {"true": True, "1": True, "false": False, "0": False}

_MAX_EXACT: Final = 2**53
"""Whole numbers above this lose digits when a tool has carried them as floats."""


class UnreadableFieldError(Exception):
    """A field that is there and cannot be read.

    Args:
        name: The field.
        problem: What is wrong with it; never its value.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name = name
        self.problem = problem


def is_deleted(record: Record) -> bool:
    """Say whether a record, as the tap sent it, carries a deletion mark.

    An empty text is none: file taps know no null.
    """
    value = field(record, fields.DELETED_AT)
    return value not in (MISSING, None) and str(value).strip() != ""


def presence(record: Record) -> bool | None:
    """Read whether flag and operation say present or gone.

    Returns:
        True for present; None where there is neither of the two.

    Raises:
        UnreadableFieldError: One of them is none that is known, or they contradict each other.
    """
    flag = _flag(record)
    operation = _operation(record)
    if flag is not None and operation is not None and flag != operation:
        name = "operation"
        raise UnreadableFieldError(name, "says the opposite of in_cohort")
    return flag if flag is not None else operation


def _flag(record: Record) -> bool | None:
    value = field(record, fields.IN_COHORT)
    if value is MISSING:
        return None
    flag = boolean(value)
    if flag is None:
        name = "in_cohort"
        raise UnreadableFieldError(name, "is neither true nor false")
    return flag


def _operation(record: Record) -> bool | None:
    value = field(record, fields.OPERATION)
    if value is MISSING:
        return None
    word = value.strip().lower() if isinstance(value, str) else None
    if word in ADD_WORDS:
        return True
    if word in REMOVE_WORDS:
        return False
    name = "operation"
    raise UnreadableFieldError(name, "is none of the words for adding or removing")


def boolean(value: object) -> bool | None:
    """Read a flag, as taps of all kinds write it; None for whatever is none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | str):
        return _FLAGS.get(str(value).strip().lower())
    return None


def identity(record: Record, names: tuple[str, ...]) -> str | None:
    """Read an id.

    Args:
        record: A record, or a user of a batch.
        names: The names of the field, in order of preference.

    Returns:
        The id as text; None where it is missing, null or blank.

    Raises:
        UnreadableFieldError: It is of another type, or a number that may have lost digits.
    """
    value = field(record, names)
    if value is MISSING or value is None:
        return None
    if isinstance(value, str) and is_text(value):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT:
        return str(int(value))
    raise UnreadableFieldError(names[0], "is neither a text nor a whole number")
