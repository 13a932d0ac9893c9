"""How long tests go on that try many examples: a short while, or as ``make soak`` does."""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, settings

SOAK: Final = "soak"

SHORT: Final = settings(
    max_examples=8,
    stateful_step_count=6,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def is_soak() -> bool:
    """Say whether this is the long one. pytest knows when all ``conftest.py`` are read."""
    return settings.get_current_profile_name() == SOAK


settings.register_profile("short", SHORT)
settings.register_profile(SOAK, SHORT, max_examples=1_667, derandomize=False, print_blob=True)
