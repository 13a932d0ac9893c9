from __future__ import annotations

from hypothesis import HealthCheck, settings

SHORT = settings(
    max_examples=10,
    stateful_step_count=6,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("short", SHORT)
settings.register_profile("soak", SHORT, max_examples=1_667, derandomize=False, print_blob=True)
