"""The settings: their schema, their checks, and their values."""

from target_cordial.settings.checks import (
    config_from_environment,
    environment_problems,
    is_secure,
    schema_problems,
    unknown_in_environment,
)
from target_cordial.settings.cohorts import SingleCohorts
from target_cordial.settings.schema import DEFAULT_LEDGER_URL, REGIONS, SCHEMA
from target_cordial.settings.values import Settings

__all__ = [
    "DEFAULT_LEDGER_URL",
    "REGIONS",
    "SCHEMA",
    "Settings",
    "SingleCohorts",
    "config_from_environment",
    "environment_problems",
    "is_secure",
    "schema_problems",
    "unknown_in_environment",
]
