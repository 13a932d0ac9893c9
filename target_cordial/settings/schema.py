"""The settings as a JSON Schema: names, types, defaults, and what they mean.

``meltano.yml``, the README's table and ``--about`` are made from it.
"""

from __future__ import annotations

from typing import Any, Final

from singer_sdk import typing as th

from target_cordial.settings.objects import COHORTS, ENDPOINT_REQUESTS, STAGING_OPTIONS

ENVIRONMENT_PREFIX: Final = "TARGET_CORDIAL_"

REGIONS: Final = {
    # documented by Cordial (support article 203885498); use1 by a third party only: assumed
    "usw1": "https://api.cordial.io/v2",
    "usw2": "https://api.usw2.cordial.io/v2",
    "use1": "https://api.use1.cordial.io/v2",
}
"""REST base by region."""

DEFAULT_LEDGER_URL: Final = "sqlite:///.target-cordial/ledger.db"

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
        "endpoint_requests",
        ENDPOINT_REQUESTS,
        secret=True,
        title="Calls to the endpoint",
        description=(
            "Another shape of the calls to the endpoint: an object with create, add or remove as "
            "key, and method, path, body or item as its value."
        ),
    ),
    th.Property(
        "delivery",
        th.StringType(allowed_values=["auto", "contacts", "imports", "endpoint"], nullable=False),
        default="auto",
        title="Delivery",
        description=(
            "contacts: REST v2, one call a contact. imports: REST v2, files of contacts. endpoint: "
            "the Amplitude service URL, in batches. auto: endpoint where that setting is there; "
            "else imports where import_staging_url is there and more than 5,000 contacts change; "
            "else contacts."
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
        "cohorts",
        COHORTS,
        title="Single cohorts",
        description=(
            "What is otherwise for single cohorts: an object with a cohort's id or name as key, "
            "and list_name, max_removal_percent or max_addition_percent as its value."
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
            "Make contacts that Cordial does not know (with contacts and imports, and where the "
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
        "snapshot_completion",
        th.StringType(allowed_values=["marker", "end_of_input", "never"], nullable=False),
        default="marker",
        title="Proof of completeness",
        description=(
            "What proves that a snapshot is whole, so that absence means removal: marker, the "
            "tap's own word and count; end_of_input, for taps without markers, a clean end of "
            "the input (a tap that died can look the same); never, to add only."
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
        "max_addition_count",
        th.IntegerType(minimum=0, nullable=False),
        default=1000,
        title="Additions that always pass",
        description=(
            "Additions to a list within 24 hours, after its first sync, are withheld when they "
            "exceed this number and max_addition_percent."
        ),
    ),
    th.Property(
        "max_addition_percent",
        th.IntegerType(minimum=0, nullable=False),
        default=200,
        title="Share of additions that always passes",
        description="In percent of the list's confirmed members; 0 switches the guard off.",
    ),
    th.Property(
        "max_rejected_percent",
        th.IntegerType(minimum=0, maximum=100, nullable=False),
        default=5,
        title="Tolerated rejects",
        description=(
            "With more than 10 changes rejected, and more than this share of those attempted, "
            "the run fails; likewise with removals of contacts that Cordial does not know."
        ),
    ),
    th.Property(
        "max_list_age_hours",
        th.IntegerType(minimum=0, nullable=False),
        default=0,
        title="Age of lists",
        description=(
            "Fail when a list's last complete snapshot is older than this many hours; 0 is off."
        ),
    ),
    th.Property(
        "ledger_url",
        th.StringType(nullable=False, min_length=1),
        default=DEFAULT_LEDGER_URL,
        secret=True,
        title="Ledger",
        description=(
            "Where the ledger is kept: a SQLAlchemy URL of SQLite or of PostgreSQL (extra "
            "postgres)."
        ),
    ),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=64, nullable=False),
        default=8,
        title="Calls at a time",
        description="The most calls in flight at once; over eight only while answers are quick.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.IntegerType(minimum=1, maximum=3600, nullable=False),
        default=60,
        title="Time-out of a call",
        description="Seconds to wait for an answer.",
    ),
    th.Property(
        "import_staging_url",
        th.StringType(nullable=False, min_length=1),
        title="Staging of imports",
        description=(
            "Where files for imports lie until Cordial has read them: s3://bucket/prefix, "
            "gs://bucket/prefix or az://…, a bucket of yours."
        ),
    ),
    th.Property(
        "import_staging_options",
        STAGING_OPTIONS,
        secret=True,
        title="Options of the staging store",
        description=(
            "Options of that store, such as keys, region or endpoint: an object of texts. What is "
            "not given is taken from the store's own environment variables."
        ),
    ),
    th.Property(
        "import_timeout_seconds",
        th.IntegerType(minimum=1, maximum=604_800, nullable=False),
        default=3600,
        title="Time-out of an import",
        description=(
            "Seconds to wait for the end of an import, and how long its file can be fetched. The "
            "next run goes on with what has not ended."
        ),
    ),
    th.Property(
        "verify_sample",
        th.IntegerType(minimum=0, maximum=1000, nullable=False),
        default=10,
        title="Contacts read back",
        description="How many changed contacts of each list are read back; 0 is off.",
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
