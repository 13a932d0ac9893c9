"""Naming a user within a cohort, by the best id there is.

What is known of a user stands under one key, whose beginning says what kind of id it is.
"""

from __future__ import annotations

from typing import Final

AMPLITUDE_KIND: Final = "a:"
"""How the keys of users begin whose Amplitude id is known."""

USER_ID_KIND: Final = "u:"
"""Those of users who are known by their user id alone."""

IDENTIFIER_KIND: Final = "i:"
"""Those of users who are known by nothing but their identifier."""


def user_key(amplitude_id: str | None, user_id: str | None, identifier: str | None) -> str | None:
    """Name a user.

    Amplitude ids never change hands; user ids may be missing (anonymous users).
    """
    if amplitude_id:
        return f"{AMPLITUDE_KIND}{amplitude_id}"
    if user_id:
        return f"{USER_ID_KIND}{user_id}"
    return f"{IDENTIFIER_KIND}{identifier}" if identifier else None


def keys_of(kind: str) -> tuple[str, str]:
    """Tell in which half-open range the keys of a kind are, as they sort by their bytes."""
    return kind, kind[:-1] + chr(ord(kind[-1]) + 1)
