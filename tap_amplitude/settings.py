"""The settings: their description for users, their check, and their typed form."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Amplitude's API hosts by data centre. analytics.amplitude.com is the web app, not the API.
REGIONS = {"us": "https://amplitude.com", "eu": "https://analytics.eu.amplitude.com"}
SECRETS = ("api_key", "secret_key")
_SELECTIONS = ("cohort_ids", "cohort_names", "select_all")
_TRUE_WORDS = ("true", "1", "yes", "on")  # those of the SDK; every other word would mean false
_FALSE_WORDS = ("false", "0", "no", "off")

SCHEMA = th.PropertiesList(
    th.Property(
        "api_key",
        th.StringType(nullable=False, min_length=1),
        required=True,
        secret=True,
        title="API Key",
        description="API key of the Amplitude project that owns the cohorts.",
    ),
    th.Property(
        "secret_key",
        th.StringType(nullable=False, min_length=1),
        required=True,
        secret=True,
        title="Secret Key",
        description="Secret key of the same Amplitude project.",
    ),
    th.Property(
        "region",
        th.StringType,
        default="us",
        allowed_values=list(REGIONS),
        title="Region",
        description="Data centre of the Amplitude organization.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        title="API URL",
        description="Another base address of the API instead of the one of the region. Must be "
        "https, except on this machine.",
    ),
    th.Property(
        "cohort_ids",
        th.ArrayType(th.StringType(min_length=1)),
        title="Cohort IDs",
        description="Ids of cohorts to download: the last part of a cohort's address in Amplitude. "
        "Unlisted cohorts can be downloaded this way too.",
    ),
    th.Property(
        "cohort_names",
        th.ArrayType(th.StringType(min_length=1)),
        title="Cohort Names",
        description="Exact names of cohorts to download.",
    ),
    th.Property(
        "select_all",
        th.BooleanType,
        default=False,
        title="Select All Cohorts",
        description="Download every listed cohort. Each download counts against Amplitude's "
        "monthly limit.",
    ),
    th.Property(
        "user_properties",
        th.ArrayType(th.StringType(min_length=1)),
        default=["email"],
        title="User Properties",
        description="User properties to download with each member. An empty list downloads ids "
        "only.",
    ),
    th.Property(
        "skip_unchanged",
        th.BooleanType,
        default=True,
        title="Skip Unchanged Cohorts",
        description="Do not download a cohort again that Amplitude has neither computed nor "
        "changed since its last complete snapshot.",
    ),
    th.Property(
        "max_snapshot_age_hours",
        th.IntegerType(minimum=0),
        default=20,
        title="Maximum Snapshot Age (Hours)",
        description="Download an unchanged cohort all the same when its last snapshot is at least "
        "this old: properties such as addresses change without the cohort changing.",
    ),
    th.Property(
        "monthly_request_reserve",
        th.IntegerType(minimum=0),
        default=0,
        title="Monthly Request Reserve",
        description="Downloads of Amplitude's monthly limit to leave to others.",
    ),
    th.Property(
        "poll_interval_seconds",
        th.IntegerType(minimum=1),
        default=5,
        title="Poll Interval (Seconds)",
        description="Time between two questions whether a download is ready.",
    ),
    th.Property(
        "poll_timeout_seconds",
        th.IntegerType(minimum=1),
        default=1800,
        title="Poll Timeout (Seconds)",
        description="How long to wait for one download to become ready. The next run goes on "
        "waiting for it without a new request.",
    ),
    th.Property(
        "include_archived",
        th.BooleanType,
        default=False,
        title="Include Archived Cohorts",
        description="Download selected cohorts that are archived, too.",
    ),
    additional_properties=False,
).to_dict()


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in typed form, checked and with their defaults.

    Attributes:
        api_key: API key of the project.
        secret_key: Its secret key.
        base_url: Scheme and host of the API, without a slash at the end.
        cohort_ids: Selected ids, without repeats.
        cohort_names: Selected exact names, without repeats.
        select_all: Whether every listed cohort is selected.
        user_properties: Properties to ask for, without repeats; empty for none.
        skip_unchanged: Whether unchanged cohorts are left out.
        max_snapshot_age_hours: Age from which a snapshot is taken again, in hours.
        monthly_request_reserve: Requests of the monthly limit that are left unused.
        poll_interval_seconds: Time between two polls.
        poll_timeout_seconds: Longest wait for one file.
        include_archived: Whether archived cohorts are downloaded.
    """

    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    base_url: str
    cohort_ids: tuple[str, ...] = ()
    cohort_names: tuple[str, ...] = ()
    select_all: bool = False
    user_properties: tuple[str, ...] = ("email",)
    skip_unchanged: bool = True
    max_snapshot_age_hours: int = 20
    monthly_request_reserve: int = 0
    poll_interval_seconds: int = 5
    poll_timeout_seconds: int = 1800
    include_archived: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Return the typed form of a configuration that `problems` has nothing to say about."""

        def value(name: str) -> Any:  # noqa: ANN401 - the type is that of the setting
            given = config.get(name)
            return SCHEMA["properties"][name].get("default") if given is None else given

        def texts(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(value(name) or ()))

        return cls(
            api_key=config["api_key"].strip(),
            secret_key=config["secret_key"].strip(),
            base_url=(config.get("api_url") or REGIONS[value("region")]).strip().rstrip("/"),
            cohort_ids=texts("cohort_ids"),
            cohort_names=texts("cohort_names"),
            user_properties=texts("user_properties"),
            select_all=value("select_all"),
            skip_unchanged=value("skip_unchanged"),
            max_snapshot_age_hours=value("max_snapshot_age_hours"),
            monthly_request_reserve=value("monthly_request_reserve"),
            poll_interval_seconds=value("poll_interval_seconds"),
            poll_timeout_seconds=value("poll_timeout_seconds"),
            include_archived=value("include_archived"),
        )

    @property
    def properties_hash(self) -> str:
        """Short fingerprint of the selection of properties, whatever its order."""
        names = json.dumps(sorted(self.user_properties)).encode()
        return hashlib.sha256(names).hexdigest()[:16]


def problems(config: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """Return what is wrong with a configuration, one line each, naming the setting.

    The SDK checks the same schema, but its lines quote the value, be it a secret or not.

    Args:
        config: The configuration as given.
        known: Names of all settings there are, the SDK's own included.
    """
    found = [f"{name}: there is no such setting" for name in config if name not in known]
    found += [
        f"{name}: this setting is required" for name in SECRETS if config.get(name) in (None, "")
    ]
    for name, schema in SCHEMA["properties"].items():
        if config.get(name) is None or (name in SECRETS and config[name] == ""):
            continue
        fault = _fault(name, schema, config[name])
        if fault:
            found.append(f"{name}: {fault}")
    if not any(config.get(name) for name in _SELECTIONS):
        found.append(f"one of {', '.join(_SELECTIONS)} is required: no cohort is selected")
    return found


def environment_problems(environment: Mapping[str, str], prefix: str) -> list[str]:
    """Return what is wrong with settings in the environment before they are converted.

    The SDK takes any unknown word for false and dies of a number that is none.

    Args:
        environment: The environment variables.
        prefix: What the variables of this tap begin with.
    """
    found = []
    for name, schema in SCHEMA["properties"].items():
        text = environment.get(prefix + name.upper())
        if text is None:
            continue
        if "integer" in schema["type"] and not text.strip().lstrip("+-").isdecimal():
            found.append(f"{name}: must be a whole number")
        if "boolean" in schema["type"] and text.lower() not in _TRUE_WORDS + _FALSE_WORDS:
            found.append(f"{name}: must be true or false")
    return found


def _fault(name: str, schema: Mapping[str, Any], value: object) -> str | None:
    kind = schema["type"][0]
    if kind == "string":
        return _text_fault(name, schema, value)
    if kind == "boolean":
        return None if isinstance(value, bool) else "must be true or false"
    if kind == "integer":
        if isinstance(value, bool) or not isinstance(value, int):
            return "must be a whole number"
        return None if value >= schema["minimum"] else f"must be at least {schema['minimum']}"
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        return 'must be a list of texts, in the environment as JSON: ["one", "two"]'
    return None


def _text_fault(name: str, schema: Mapping[str, Any], value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a text"
    if name in SECRETS and not value.strip():
        return "must not be empty"
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {', '.join(schema['enum'])}"
    return _url_fault(value) if name == "api_url" else None


def _url_fault(value: str) -> str | None:
    try:
        parts = urlsplit(value.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not host:
        return "must be an address that begins with https://"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "must not hold credentials, a query or a fragment"
    if parts.scheme == "http" and not is_loopback(host):
        return "must begin with https://, because the keys are sent to it"
    return None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
