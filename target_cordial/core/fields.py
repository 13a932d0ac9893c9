"""Finding a field in a record, however its tap spells it.

Keys match exactly first, then folded: letter case and ``_`` ignored, and one leading ``gp:``
(Amplitude's mark for custom properties in some of its APIs) ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

Record = Mapping[str, Any]

MISSING: Final = object()
"""What :func:`field` returns where a record has no such key (None is a value)."""

COHORT_ID: Final = ("cohort_id", "amp_cohort_id", "audience_id")
COHORT_NAME: Final = ("cohort_name", "amp_cohort_name")
AMPLITUDE_ID: Final = ("amplitude_id",)
USER_ID: Final = ("user_id",)
IN_COHORT: Final = ("in_cohort",)
OPERATION: Final = ("operation",)
SNAPSHOT_ID: Final = ("snapshot_id",)
MEMBER_COUNT: Final = ("member_count",)
COMPLETE: Final = ("complete",)
DELETED_AT: Final = ("_sdc_deleted_at",)
TIME: Final = ("computed_time", "compute_time", "computed_at")
MESSAGE_ID: Final = ("message_id",)
USERS: Final = ("users",)
SOURCE_FILE: Final = ("_sdc_source_file", "_smart_source_file")
"""What file taps call the file that a row comes from."""

PROPERTY_CONTAINERS: Final = ("user_properties", "properties")


@lru_cache(maxsize=4096)
def fold(key: str) -> str:
    """Bring the spellings of one key together: ``amplitudeID``, ``amplitude_id``."""
    return key.lower().removeprefix("gp:").replace("_", "")


def field(record: Record, names: tuple[str, ...]) -> Any:  # noqa: ANN401  JSON has any type
    """Read the first of some names that a record has.

    Args:
        record: A decoded Singer record.
        names: The names in order of preference.

    Returns:
        The value, or ``MISSING``. An exact name wins over a folded one.
    """
    key = _key_among(tuple(record), names)
    return MISSING if key is None else record[key]


@lru_cache(maxsize=4096)
def _key_among(keys: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    """Find the key that is meant; the rows of a stream nearly all have the same ones."""
    for name in names:
        if name in keys:
            return name
    for name in names:
        wanted = fold(name)
        for key in keys:
            if fold(key) == wanted:
                return key
    return None


def has_field(keys: Iterable[str], names: tuple[str, ...]) -> bool:
    """Say whether any of some names is among a record's keys."""
    wanted = {fold(name) for name in names}
    return any(fold(key) in wanted for key in keys)


def candidates(record: Record, name: str) -> Iterator[list[Any]]:
    """Walk the places where a user property can be, the best first.

    Args:
        record: A decoded Singer record.
        name: The property, as the user spells it in ``contact_identifier_mapping``.

    Yields:
        The values at one place: a list of one for an exact match; of all that match
        folded, where no exact one does.
    """
    places = [(record, name)]
    for container in PROPERTY_CONTAINERS:
        properties = opened(field(record, (container,)))
        if isinstance(properties, Mapping):
            places.append((properties, name))
    for container in PROPERTY_CONTAINERS:
        flat = _flattened(record, container)
        if flat:
            places.append((flat, name))
    for place, key in places:
        if key in place:
            yield [place[key]]
    for place, key in places:
        wanted = fold(key)
        found = [value for other, value in place.items() if other != key and fold(other) == wanted]
        if found:
            yield found


def opened(value: Any) -> Any:  # noqa: ANN401  JSON has any type
    """Take an object or a list out of its JSON text.

    Flattening writes those that it does not take apart as text (``singer_sdk`` does so with lists,
    and with objects whose schema names no properties), and so do taps for warehouses.

    Returns:
        What the text holds; any other value as it is.
    """
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _flattened(record: Record, container: str) -> Record:
    """Bring ``user_properties__email`` back to ``email``."""
    wanted = fold(container)
    parts = ((key.partition("__"), value) for key, value in record.items())
    return {tail: value for (head, _, tail), value in parts if tail and fold(head) == wanted}
