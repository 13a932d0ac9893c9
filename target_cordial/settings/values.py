"""The settings of a run as one plain object."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from target_cordial.core import endpoint_requests
from target_cordial.core.completeness import Completion
from target_cordial.core.endpoint_requests import EndpointRequests
from target_cordial.core.guard import Limit
from target_cordial.core.identifier import Mapping, channel_of
from target_cordial.core.list_name import MAX_LENGTH, is_allowed
from target_cordial.core.plan import Operation
from target_cordial.errors import SettingsError
from target_cordial.settings import cohorts
from target_cordial.settings.checks import is_secure, schema_problems
from target_cordial.settings.cohorts import SingleCohorts
from target_cordial.settings.schema import REGIONS, SCHEMA
from target_cordial.settings.staging import staging_problems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as ConfigMapping


ALL: Final = 100
"""The share of removals, in percent, that switches the guard off; for additions it is 0."""

_TAKEN_APART: Final = {"cohorts": cohorts.joined, "endpoint_requests": endpoint_requests.joined}
"""Objects whose keys may hold dots, which Meltano takes for paths."""

_ANY_JSON: Final = frozenset({"endpoint_requests"})
"""Settings in which a number may have a point."""

_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Settings:
    """The settings of a run. Each field is described in ``SCHEMA``.

    ``delivery`` is ``auto`` only where the plan of a run decides: between contacts and imports.
    """

    api_key: str = field(repr=False)
    api_url: str
    endpoint: str | None
    endpoint_batch_size: int
    endpoint_requests: EndpointRequests
    delivery: str
    mapping: Mapping
    create_lists: bool
    create_contacts: bool
    suppress_triggers: str
    cohorts: SingleCohorts
    snapshot_completion: Completion
    max_removal_count: int
    max_removal_percent: int
    max_addition_count: int
    max_addition_percent: int
    max_rejected_percent: int
    max_list_age_hours: int
    ledger_url: str = field(repr=False)
    max_concurrency: int
    request_timeout_seconds: int
    import_staging_url: str | None
    import_staging_options: ConfigMapping[str, str] = field(repr=False)
    import_timeout_seconds: int
    verify_sample: int
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
        for name, join in _TAKEN_APART.items():
            if isinstance(given.get(name), dict):
                given[name] = join(given[name])
        problems = schema_problems(given, schema)
        problems += [
            f"The setting {name} is not a whole number."
            for name in _with_a_point(
                {name: given[name] for name in (SCHEMA["properties"].keys() & given) - _ANY_JSON}
            )
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
        return cls(
            api_key=values["api_key"],
            api_url=_rest_base(values["api_url"] or REGIONS[values["region"]]),
            endpoint=endpoint.rstrip("/") if endpoint else None,
            endpoint_batch_size=values["endpoint_batch_size"],
            endpoint_requests=EndpointRequests.of(values["endpoint_requests"] or {}),
            delivery=_delivery(values),
            mapping=Mapping(
                values["contact_identifier_name"].strip(),
                _properties(values["contact_identifier_mapping"]),
            ),
            create_lists=values["create_lists"],
            create_contacts=values["create_contacts"],
            cohorts=SingleCohorts(values["cohorts"] or {}),
            snapshot_completion=Completion(values["snapshot_completion"]),
            max_removal_count=values["max_removal_count"],
            max_removal_percent=values["max_removal_percent"],
            max_addition_count=values["max_addition_count"],
            max_addition_percent=values["max_addition_percent"],
            max_list_age_hours=values["max_list_age_hours"],
            verify_sample=values["verify_sample"],
            suppress_triggers=values["suppress_triggers"],
            max_rejected_percent=values["max_rejected_percent"],
            ledger_url=values["ledger_url"],
            max_concurrency=values["max_concurrency"],
            request_timeout_seconds=values["request_timeout_seconds"],
            import_staging_url=values["import_staging_url"],
            import_staging_options=values["import_staging_options"] or {},
            import_timeout_seconds=values["import_timeout_seconds"],
            dry_run=values["dry_run"],
            report_path=values["report_path"],
            rejects_path=values["rejects_path"],
        )

    def limits(self, cohort_id: str, name: str | None) -> dict[Operation, Limit]:
        """Return what the guard lets pass of a cohort's changes, by direction."""
        removals = self.cohorts.max_removal_percent(cohort_id, name)
        additions = self.cohorts.max_addition_percent(cohort_id, name)
        removals = self.max_removal_percent if removals is None else removals
        additions = self.max_addition_percent if additions is None else additions
        return {
            Operation.REMOVE: Limit(self.max_removal_count, None if removals == ALL else removals),
            Operation.ADD: Limit(self.max_addition_count, additions or None),
        }

    @property
    def acceptance(self) -> str:
        """A fingerprint of what decides whether Cordial accepts a change; it tells no secret.

        With delivery auto it is the same whichever way the plan of a run takes.
        """
        decisive: dict[str, Any] = {
            **self.binding,
            "api_url": self.api_url,
            "delivery": self.delivery,
            "create_contacts": self.create_contacts,
            "suppress_triggers": self.suppress_triggers,
        }
        if self.delivery == "endpoint" and self.endpoint_requests != EndpointRequests():
            decisive["endpoint_requests"] = asdict(self.endpoint_requests)
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

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


def _delivery(values: ConfigMapping[str, Any]) -> str:
    """Decide the delivery as far as the settings can."""
    delivery: str = values["delivery"]
    if delivery != "auto":
        return delivery
    if values["endpoint"]:
        return "endpoint"
    by_file = channel_of(values["contact_identifier_name"].strip()) is not None
    return "auto" if values["import_staging_url"] and by_file else "contacts"


def _cross_problems(values: ConfigMapping[str, Any]) -> list[str]:
    problems = [
        f"The setting {name} must be an https URL (http only on loopback), without credentials, "
        "query or fragment."
        for name in ("api_url", "endpoint")
        if values[name] is not None and not is_secure(values[name])
    ]
    if values["delivery"] == "endpoint" and not values["endpoint"]:
        problems.append("delivery is endpoint, but the setting endpoint is missing.")
    if values["endpoint_requests"] and not values["endpoint"]:
        problems.append("The setting endpoint_requests is there, but endpoint is missing.")
    problems += endpoint_requests.problems(values["endpoint_requests"] or {})
    problems += staging_problems(values)
    if not _properties(values["contact_identifier_mapping"]):
        problems.append("The setting contact_identifier_mapping names no property.")
    if not _KEY.fullmatch(values["contact_identifier_name"].strip()):
        problems.append(
            "The setting contact_identifier_name must be a Cordial key: letters, digits, '_', '-' "
            "and '.'."
        )
    problems += [
        f"The setting cohorts.{cohort}.list_name is no list name that Cordial takes: letters, "
        f"digits, '-' and '_', at most {MAX_LENGTH}, and no reserved name."
        for cohort, entry in (values["cohorts"] or {}).items()
        if entry.get("list_name") is not None and not is_allowed(entry["list_name"])
    ]
    key = values["api_key"]
    if not (key.strip() and key.isascii() and key.isprintable()):
        problems.append("The setting api_key is blank or holds characters that no key has.")
    if not _is_url(values["ledger_url"]):
        problems.append(
            "The setting ledger_url is not a URL, like sqlite:///ledger.db or "
            "postgresql://user@host/database. In a password, @ : and / are written %40, %3A and "
            "%2F."
        )
    elif _in_memory(values["ledger_url"]):
        problems.append(
            "The setting ledger_url names a ledger in memory: every run would forget who it put "
            "on a list, and never take anybody off. Name a file."
        )
    elif _is_uri(values["ledger_url"]):
        problems.append(
            "The setting ledger_url holds a SQLite URI: name the file itself, like "
            "sqlite:////var/lib/target-cordial/ledger.db."
        )
    return problems


def _with_a_point(config: ConfigMapping[str, Any], inside: str = "") -> Iterator[str]:
    """Find numbers like 8.0, which JSON Schema takes for integers."""
    for name, value in config.items():
        if isinstance(value, float) and value.is_integer():
            yield inside + name
        elif isinstance(value, dict):
            yield from _with_a_point(value, f"{inside}{name}.")


def _is_url(url: str) -> bool:
    try:
        make_url(url.strip())
    except (ArgumentError, ValueError):
        return False
    return True


def _in_memory(url: str) -> bool:
    parsed = make_url(url.strip())
    return parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")


def _is_uri(url: str) -> bool:
    """Say whether a file is named as ``file:…``, which would be taken for a folder's name."""
    return (make_url(url.strip()).database or "").startswith("file:")


def _properties(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _rest_base(url: str) -> str:
    """Bring a REST base to the form that ends in ``/v2``, whether or not it was given so."""
    base = url.rstrip("/")
    return base if base.endswith("/v2") else f"{base}/v2"
