"""Which delivery a run takes where the settings leave it open."""

from __future__ import annotations

from typing import Final

AUTO: Final = "auto"
CONTACTS: Final = "contacts"
IMPORTS: Final = "imports"
ENDPOINT: Final = "endpoint"

SINGLE_AT_MOST: Final = 5_000
"""So many contacts are written one by one (contract section 3). At eight calls at a time and 50 ms
that is half a minute, about what an import takes until it has begun."""


def chosen(setting: str, contacts: int) -> str:
    """Choose a delivery, once per run and from its plan.

    Args:
        setting: What the settings say. ``auto`` stands there only where a store for imports is
            configured: all else is decided when they are read.
        contacts: How many contacts the plan changes.
    """
    if setting != AUTO:
        return setting
    return IMPORTS if contacts > SINGLE_AT_MOST else CONTACTS
