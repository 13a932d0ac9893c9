"""Templates of calls: JSON and paths in which ``$name`` stands for a value.

A text that is a variable becomes its value, with its type. Inside a longer text, and in an object's
key, a variable is written as text. ``$$`` is a dollar. What was put in is never looked at again: an
identifier may hold a dollar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE: Final = re.compile(r"\$(\$|[A-Za-z_][A-Za-z0-9_]*|)")
_DOLLAR: Final = "$"

_CHARACTERS: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_PATH: Final = re.compile(rf"/{_CHARACTERS}(?:\?(?:{_CHARACTERS}|\?)*)?")


class Place(Enum):
    """Where a variable stands: as a text of its own, inside a longer one, or in an object's key."""

    ALONE = "alone"
    TEXT = "text"
    KEY = "key"


@dataclass(frozen=True)
class Use:
    """One use of a variable.

    Attributes:
        name: Its name without the dollar; empty for a dollar with no name behind it.
        place: Where it stands.
    """

    name: str
    place: Place


def uses(template: Any) -> Iterator[Use]:  # noqa: ANN401  JSON has any type
    """Walk the variables of a template."""
    if isinstance(template, str):
        place = Place.ALONE if _VARIABLE.fullmatch(template) else Place.TEXT
        yield from (Use(name, place) for name in _names(template))
    elif isinstance(template, list):
        for part in template:
            yield from uses(part)
    elif isinstance(template, dict):
        for key, part in template.items():
            yield from (Use(name, Place.KEY) for name in _names(key))
            yield from uses(part)


def filled(template: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON has any type
    """Put values in the place of variables.

    Args:
        template: Any JSON value.
        values: The value of every variable in it; texts, but for variables that stand alone.

    Raises:
        ValueError: Two keys of one object have become the same, and one part would be lost.
    """
    if isinstance(template, str):
        alone = _VARIABLE.fullmatch(template)
        if alone is not None and alone[1] != _DOLLAR:
            return values[alone[1]]
        return _text(template, values)
    if isinstance(template, list):
        return [filled(part, values) for part in template]
    if isinstance(template, dict):
        made = {_text(key, values): filled(part, values) for key, part in template.items()}
        if len(made) != len(template):
            message = "two keys of an object are the same"
            raise ValueError(message)
        return made
    return template


def filled_path(template: str, values: Mapping[str, str]) -> str:
    """Put values in the place of a path's variables, percent-encoded.

    Raises:
        ValueError: A value of dots would lead to another path.
    """
    path = _VARIABLE.sub(
        lambda found: _DOLLAR if found[1] == _DOLLAR else quote(values[found[1]], safe=""), template
    )
    if not is_path(path):
        message = "a value makes it another path"
        raise ValueError(message)
    return path


def is_path(path: str) -> bool:
    """Say whether a text is a path below a base, perhaps with a query, that stays below it."""
    before = path.partition("?")[0]
    return (
        _PATH.fullmatch(path) is not None
        and "//" not in before
        and not {".", ".."} & set(unquote(before).split("/"))
    )


def _text(template: str, values: Mapping[str, Any]) -> str:
    return _VARIABLE.sub(
        lambda found: _DOLLAR if found[1] == _DOLLAR else str(values[found[1]]), template
    )


def _names(text: str) -> Iterator[str]:
    return (found[1] for found in _VARIABLE.finditer(text) if found[1] != _DOLLAR)
