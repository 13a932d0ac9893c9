"""Checking settings: every problem in one line that names the setting and never its value."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from target_cordial.errors import SettingsError
from target_cordial.settings.schema import ENVIRONMENT_PREFIX, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_SETTINGS: Final = frozenset({f"{ENVIRONMENT_PREFIX}LOGLEVEL"})
"""Variables with the settings' prefix that the SDK reads for itself."""

_NOT_IN_A_BASE: Final = re.compile(r"[?#\s]")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})
_WHOLE: Final = re.compile(r"\s*[+-]?[0-9]+\s*")

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def schema_problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Hold a configuration against its schema.

    Returns:
        One line for each problem: the setting and the rule, never the value, which may be a key.
    """
    problems: list[str] = []
    for error in Draft202012Validator(dict(schema)).iter_errors(dict(config)):
        path = ".".join(str(part) for part in error.absolute_path)
        if error.validator == "required":
            missing = [name for name in schema.get("required", []) if name not in config]
            problems.extend(f"The setting {name} is missing." for name in missing)
        elif error.validator == "additionalProperties" and error.validator_value is False:
            unknown = sorted(set(error.instance) - set(error.schema["properties"]))
            inside = f"{path}." if path else ""
            problems.extend(f"There is no setting {inside}{name}." for name in unknown)
        else:
            rule = f"{error.validator} {error.validator_value}"
            problems.append(f"The setting {path} is not valid: it must meet {rule}.")
    return list(dict.fromkeys(problems))


def unknown_in_environment(
    environment: Mapping[str, str], known: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Find variables that look like settings and are none; the SDK would pass over them.

    Args:
        environment: The process's environment.
        known: The schemas of the settings, by name.
    """
    names = {_variable(name) for name in known} | _NO_SETTINGS
    # Meltano adds what it keeps for itself (TARGET_CORDIAL__DIALECT), and every part of an object.
    parts = tuple(
        f"{_variable(name)}_"
        for name, schema in known.items()
        if "object" in schema.get("type", ())
    )
    return [
        f"There is no setting {variable.removeprefix(ENVIRONMENT_PREFIX).lower()} "
        "(from the environment)."
        for variable in sorted(environment)
        if variable.startswith(ENVIRONMENT_PREFIX)
        and variable not in names
        and not variable.startswith((f"{ENVIRONMENT_PREFIX}_", *parts))
    ]


def environment_problems(environment: Mapping[str, str]) -> list[str]:
    """Find settings in the environment that are no numbers, no JSON, or neither true nor false.

    The SDK would end in a traceback on the first two, and take ``dry_run=ture`` for false.
    """
    problems = []
    for name, schema in SCHEMA["properties"].items():
        text = environment.get(_variable(name))
        if text is None:
            continue
        if "integer" in schema["type"] and not _WHOLE.fullmatch(text):
            problems.append(f"The setting {name} (from the environment) is not a whole number.")
        if "boolean" in schema["type"] and text.strip().lower() not in _TRUE | _FALSE:
            problems.append(f"The setting {name} (from the environment) is not true or false.")
        if "object" in schema["type"] and not _is_json(text):
            problems.append(f"The setting {name} (from the environment) is not JSON.")
    return problems


def is_secure(url: str) -> bool:
    """Say whether a URL may be given the key: a plain one, https or to this machine itself."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or port == 0 or _NOT_IN_A_BASE.search(url) or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def config_from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Read the settings from the environment, as the SDK does for the target itself.

    Args:
        environment: The process's environment.

    Raises:
        SettingsError: A value can't be read as what its setting is.
    """
    problems = environment_problems(environment)
    if problems:
        raise SettingsError(problems)
    config: dict[str, Any] = {}
    for name, schema in SCHEMA["properties"].items():
        text = environment.get(_variable(name))
        if text is None:
            continue
        if "integer" in schema["type"]:
            config[name] = int(text)
        elif "boolean" in schema["type"]:
            config[name] = text.strip().lower() in _TRUE
        elif "object" in schema["type"]:
            config[name] = json.loads(text)
        else:
            config[name] = text
    return config


def _variable(setting: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{setting.upper()}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
