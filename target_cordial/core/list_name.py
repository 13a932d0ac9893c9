"""The Cordial list of a cohort: its name, and cohorts that come to the same one."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LENGTH: Final = 128
"""Cordial's published limit (``ListValidationError`` in its v2 description)."""

HASH_LENGTH: Final = 8

RESERVED: Final = frozenset(
    {
        # refused by Cordial: "cid is not allowed for list names." (v2 description)
        "cid",
        # assumed: a list name becomes a top-level key of the contact, and these are keys already
        "_id",
        "accountid",
        "attributes",
        "cart",
        "channels",
        "createdat",
        "email",
        "forcesubscribe",
        "identifyby",
        "lastmodified",
        "listjoindate",
        "lists",
        "lj",
        "request_source",
        "suppresstriggers",
    }
)

_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_-]")
_ALLOWED: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}")


def list_name(cohort_name: str, cohort_id: str) -> str:
    """Name the list of a cohort like the cohort without its spaces (contract 2.4).

    Args:
        cohort_name: The cohort's name in Amplitude; letter case is kept.
        cohort_id: The cohort's id, for names of which nothing usable is left.

    Returns:
        A name of 1 to 128 characters out of ASCII letters, digits, ``-`` and ``_``.
    """
    name = _allowed(cohort_name)
    if not name or name.lower() in RESERVED:
        name = f"cohort-{_allowed(cohort_id) or _digest(cohort_id)}"
    if len(name) > MAX_LENGTH:
        name = f"{name[: MAX_LENGTH - HASH_LENGTH - 1]}-{_digest(cohort_id)}"
    return name


def is_allowed(name: str) -> bool:
    """Say whether Cordial would take a list name as it is."""
    return bool(_ALLOWED.fullmatch(name)) and name.lower() not in RESERVED


def collisions(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Find cohorts that come to the same list name, letter case ignored.

    Args:
        names: Pairs of cohort id and list name.

    Returns:
        For every cohort id in a collision, the ids of the others, sorted.
    """
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for cohort_id, name in names:
        by_name[name.lower()].add(cohort_id)
    return {
        cohort_id: sorted(together - {cohort_id})
        for together in by_name.values()
        if len(together) > 1
        for cohort_id in together
    }


def _digest(cohort_id: str) -> str:
    return hashlib.sha256(cohort_id.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("", unicodedata.normalize("NFKD", "".join(text.split())))
