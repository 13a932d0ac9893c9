"""The settings: their schema, their checks, and their values as one plain object."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from singer_sdk import typing as th

from target_cordial.core.guard import Limit
from target_cordial.core.identifier import Mapping
from target_cordial.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as ConfigMapping

ENVIRONMENT_PREFIX: Final = "TARGET_CORDIAL_"

REGIONS: Final = {
    # documented by Cordial (support article 203885498); use1 by a third party only: assumed
    "usw1": "https://api.cordial.io/v2",
    "usw2": "https://api.usw2.cordial.io/v2",
    "use1": "https://api.use1.cordial.io/v2",
}
"""REST base by region."""

DEFAULT_LEDGER_URL: Final = "sqlite:///.target-cordial/ledger.db"

_NO_SETTINGS: Final = frozenset({f"{ENVIRONMENT_PREFIX}LOGLEVEL"})
"""Variables with the settings' prefix that the SDK reads for itself."""

_NOT_IN_A_BASE: Final = re.compile(r"[?#\s]")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})
_WHOLE: Final = re.compile(r"\s*[+-]?[0-9]+\s*")

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

SCHEMA: Final[dict[str, Any]] = th.PropertiesList(
    th.Property(
        "api_key",
        th.StringType(nullable=False, min_length=1),
        required=True,
        secret=True,
        title="API key",
        description=(
            "Cordial API key, from Settings > API Keys. With endpoint it is sent there too."
        ),
    ),
    th.Property(
        "region",
        th.StringType(allowed_values=list(REGIONS), nullable=False),
        default="usw1",
        title="Region",
        description=(
            "Where the account lives: usw2 if you log in at usw2.admin.cordial.io, use1 at "
            "use1.admin.cordial.io, else usw1."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType(nullable=False, min_length=1),
        title="REST base",
        description=(
            "Another REST base than the region's, such as a sandbox. https unless loopback."
        ),
    ),
    th.Property(
        "endpoint",
        th.StringType(nullable=False, min_length=1),
        title="Amplitude service URL",
        description=(
            "The service URL of Cordial's own Amplitude integration, from your Cordial contact. "
            "https unless loopback."
        ),
    ),
    th.Property(
        "endpoint_batch_size",
        th.IntegerType(minimum=1, maximum=10_000, nullable=False),
        default=1000,
        title="Ids per call",
        description="How many identifiers one call to the endpoint carries.",
    ),
    th.Property(
        "delivery",
        th.StringType(allowed_values=["auto", "contacts", "endpoint"], nullable=False),
        default="auto",
        title="Delivery",
        description=(
            "contacts: REST v2, one call a contact. endpoint: the Amplitude service URL, in "
            "batches. auto: endpoint where that setting is there, else contacts."
        ),
    ),
    th.Property(
        "contact_identifier_name",
        th.StringType(nullable=False, min_length=1),
        default="email",
        title="Contact identifier name",
        description="The Cordial key that identifies a contact.",
    ),
    th.Property(
        "contact_identifier_mapping",
        th.StringType(nullable=False, min_length=1),
        default="email",
        title="Contact identifier mapping",
        description=(
            "The Amplitude user property that holds the identifier; several, separated by "
            "commas, in order of preference."
        ),
    ),
    th.Property(
        "create_lists",
        th.BooleanType(nullable=False),
        default=True,
        title="Create lists",
        description="Make a cohort's list where it is missing; else a missing list is an error.",
    ),
    th.Property(
        "create_contacts",
        th.BooleanType(nullable=False),
        default=True,
        title="Create contacts",
        description=(
            "Make contacts that Cordial does not know (with delivery contacts, and where the "
            "identifier is a channel address); else they are rejected as contact_not_found."
        ),
    ),
    th.Property(
        "suppress_triggers",
        th.StringType(allowed_values=["always", "first_sync", "never"], nullable=False),
        default="always",
        title="Suppress triggers",
        description=(
            "Whether Cordial's automations stay silent when membership changes: always, only in "
            "the first sync of a cohort, or never."
        ),
    ),
    th.Property(
        "max_removal_count",
        th.IntegerType(minimum=0, nullable=False),
        default=10,
        title="Removals that always pass",
        description=(
            "Removals of a list within 24 hours are withheld when they exceed this number and "
            "max_removal_percent."
        ),
    ),
    th.Property(
        "max_removal_percent",
        th.IntegerType(minimum=0, maximum=100, nullable=False),
        default=30,
        title="Share of removals that always passes",
        description="In percent of the list's confirmed members; 100 switches the guard off.",
    ),
    th.Property(
        "max_rejected_percent",
        th.IntegerType(minimum=0, maximum=100, nullable=False),
        default=5,
        title="Tolerated rejects",
        description=(
            "With more than 10 changes rejected, and more than this share of those attempted, "
            "the run fails."
        ),
    ),
    th.Property(
        "ledger_url",
        th.StringType(nullable=False, min_length=1),
        default=DEFAULT_LEDGER_URL,
        secret=True,
        title="Ledger",
        description="Where the ledger is kept: a SQLAlchemy URL of SQLite.",
    ),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=64, nullable=False),
        default=8,
        title="Calls at a time",
        description="How many calls are in flight at once.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.IntegerType(minimum=1, maximum=3600, nullable=False),
        default=60,
        title="Time-out of a call",
        description="Seconds to wait for an answer.",
    ),
    th.Property(
        "dry_run",
        th.BooleanType(nullable=False),
        default=False,
        title="Dry run",
        description=(
            "Plan, print and report; write nothing to Cordial, to the ledger or as STATE."
        ),
    ),
    th.Property(
        "report_path",
        th.StringType(nullable=False, min_length=1),
        title="Report",
        description="File for the JSON report of the run.",
    ),
    th.Property(
        "rejects_path",
        th.StringType(nullable=False, min_length=1),
        title="Rejects",
        description=(
            "File for skipped and rejected members, one JSON line each, replaced every run. It "
            "holds identifiers and is readable by its owner only."
        ),
    ),
    additional_properties=False,
).to_dict()
"""JSON Schema of the project's own settings. The SDK adds its built-in ones."""

SECRETS: Final = tuple(
    name for name, schema in SCHEMA["properties"].items() if schema.get("secret")
)


@dataclass(frozen=True)
class Settings:
    """The settings of a run. Each field is described in ``SCHEMA``."""

    api_key: str = field(repr=False)
    api_url: str
    endpoint: str | None
    endpoint_batch_size: int
    delivery: str
    mapping: Mapping
    create_lists: bool
    create_contacts: bool
    suppress_triggers: str
    removal_limit: Limit
    max_rejected_percent: int
    ledger_url: str = field(repr=False)
    max_concurrency: int
    request_timeout_seconds: int
    dry_run: bool
    report_path: str | None
    rejects_path: str | None

    @classmethod
    def from_config(
        cls, config: ConfigMapping[str, Any], schema: ConfigMapping[str, Any]
    ) -> Settings:
        """Check a configuration and take its values.

        Args:
            config: The configuration, defaults filled in or not.
            schema: The schema to hold it against (``SCHEMA``, or that with the SDK's own).

        Raises:
            SettingsError: With one line for each problem; no line repeats a value.
        """
        given = {name: value for name, value in config.items() if value is not None}
        problems = schema_problems(given, schema)
        problems += [
            f"The setting {name} is not a whole number."
            for name, value in given.items()
            if isinstance(value, float) and value.is_integer() and name in SCHEMA["properties"]
        ]
        if problems:
            raise SettingsError(problems)
        values = {
            name: property_schema.get("default")
            for name, property_schema in SCHEMA["properties"].items()
        } | given
        problems = _cross_problems(values)
        if problems:
            raise SettingsError(problems)
        endpoint = values["endpoint"]
        delivery = values["delivery"]
        if delivery == "auto":
            delivery = "endpoint" if endpoint else "contacts"
        return cls(
            api_key=values["api_key"],
            api_url=_rest_base(values["api_url"] or REGIONS[values["region"]]),
            endpoint=endpoint.rstrip("/") if endpoint else None,
            endpoint_batch_size=values["endpoint_batch_size"],
            delivery=delivery,
            mapping=Mapping(
                values["contact_identifier_name"].strip(),
                _properties(values["contact_identifier_mapping"]),
            ),
            create_lists=values["create_lists"],
            create_contacts=values["create_contacts"],
            suppress_triggers=values["suppress_triggers"],
            removal_limit=Limit(values["max_removal_count"], values["max_removal_percent"]),
            max_rejected_percent=values["max_rejected_percent"],
            ledger_url=values["ledger_url"],
            max_concurrency=values["max_concurrency"],
            request_timeout_seconds=values["request_timeout_seconds"],
            dry_run=values["dry_run"],
            report_path=values["report_path"],
            rejects_path=values["rejects_path"],
        )

    @property
    def binding(self) -> dict[str, str]:
        """What a ledger belongs to: change one of these, and its entries mean something else."""
        destination = (
            self.endpoint if self.delivery == "endpoint" and self.endpoint else self.api_url
        )
        return {
            "destination": destination,
            "contact_identifier_name": "email" if self.mapping.is_email else self.mapping.name,
            "contact_identifier_mapping": ",".join(self.mapping.properties),
        }


def schema_problems(config: ConfigMapping[str, Any], schema: ConfigMapping[str, Any]) -> list[str]:
    """Hold a configuration against its schema.

    Returns:
        One line for each problem: the setting and the rule, never the value, which may be a key.
    """
    problems: list[str] = []
    known = set(schema["properties"])
    for error in Draft202012Validator(dict(schema)).iter_errors(dict(config)):
        path = ".".join(str(part) for part in error.absolute_path)
        if error.validator == "required":
            missing = [name for name in schema.get("required", []) if name not in config]
            problems.extend(f"The setting {name} is missing." for name in missing)
        elif error.validator == "additionalProperties" and not path:
            unknown = sorted(set(config) - known)
            problems.extend(f"There is no setting {name}." for name in unknown)
        else:
            rule = f"{error.validator} {error.validator_value}"
            problems.append(f"The setting {path} is not valid: it must meet {rule}.")
    return list(dict.fromkeys(problems))


def unknown_in_environment(environment: ConfigMapping[str, str], known: Iterable[str]) -> list[str]:
    """Find variables that look like settings and are none; the SDK would pass over them."""
    names = {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in known} | _NO_SETTINGS
    return [
        f"There is no setting {variable.removeprefix(ENVIRONMENT_PREFIX).lower()} "
        "(from the environment)."
        for variable in sorted(environment)
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in names
    ]


def environment_problems(environment: ConfigMapping[str, str]) -> list[str]:
    """Find settings in the environment that are no numbers, or neither true nor false.

    The SDK would end in a traceback on the first, and take ``dry_run=ture`` for false.
    """
    problems = []
    for name, schema in SCHEMA["properties"].items():
        text = environment.get(f"{ENVIRONMENT_PREFIX}{name.upper()}")
        if text is None:
            continue
        if "integer" in schema["type"] and not _WHOLE.fullmatch(text):
            problems.append(f"The setting {name} (from the environment) is not a whole number.")
        if "boolean" in schema["type"] and text.strip().lower() not in _TRUE | _FALSE:
            problems.append(f"The setting {name} (from the environment) is not true or false.")
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


def config_from_environment(environment: ConfigMapping[str, str]) -> dict[str, Any]:
    """Read the settings from the environment, as the SDK does for the target itself.

    Args:
        environment: The process's environment.

    Raises:
        SettingsError: A number is no whole number.
    """
    problems = environment_problems(environment)
    if problems:
        raise SettingsError(problems)
    config: dict[str, Any] = {}
    for name, schema in SCHEMA["properties"].items():
        text = environment.get(f"{ENVIRONMENT_PREFIX}{name.upper()}")
        if text is None:
            continue
        if "integer" in schema["type"]:
            config[name] = int(text)
        elif "boolean" in schema["type"]:
            config[name] = text.strip().lower() in _TRUE
        else:
            config[name] = text
    return config


def _cross_problems(values: ConfigMapping[str, Any]) -> list[str]:
    problems = [
        f"The setting {name} must be an https URL (http only on loopback), without credentials, "
        "query or fragment."
        for name in ("api_url", "endpoint")
        if values[name] is not None and not is_secure(values[name])
    ]
    if values["delivery"] == "endpoint" and not values["endpoint"]:
        problems.append("delivery is endpoint, but the setting endpoint is missing.")
    if not _properties(values["contact_identifier_mapping"]):
        problems.append("The setting contact_identifier_mapping names no property.")
    if not values["contact_identifier_name"].strip():
        problems.append("The setting contact_identifier_name is empty.")
    return problems


def _properties(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _rest_base(url: str) -> str:
    """Bring a REST base to the form that ends in ``/v2``, whether or not it was given so."""
    base = url.rstrip("/")
    return base if base.endswith("/v2") else f"{base}/v2"
