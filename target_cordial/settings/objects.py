"""The shapes of those settings that are objects."""

from __future__ import annotations

from typing import Final

from singer_sdk import typing as th

COHORTS: Final = th.ObjectType(
    additional_properties=th.ObjectType(
        th.Property(
            "list_name",
            th.StringType(nullable=False, min_length=1, max_length=128),
            description="Another name for its list, before the first sync.",
        ),
        th.Property(
            "max_removal_percent",
            th.IntegerType(minimum=0, maximum=100, nullable=False),
            description="Instead of max_removal_percent for all.",
        ),
        th.Property(
            "max_addition_percent",
            th.IntegerType(minimum=0, nullable=False),
            description="Instead of max_addition_percent for all.",
        ),
        additional_properties=False,
        nullable=False,
    ),
    nullable=False,
)
"""The setting ``cohorts``: what is otherwise, by a cohort's id or name."""

_CALL: Final = th.ObjectType(
    th.Property("method", th.StringType, description="The HTTP method."),
    th.Property("path", th.StringType, description="The path below the endpoint."),
    th.Property("body", th.AnyType, description="What is sent as JSON."),
    th.Property("item", th.AnyType, description="The shape of each element of $items."),
    additional_properties=False,
)

ENDPOINT_REQUESTS: Final = th.ObjectType(
    th.Property("create", _CALL, description="Looks a list up by name, made where missing."),
    th.Property("add", _CALL, description="Adds members to a list."),
    th.Property("remove", _CALL, description="Takes members off a list."),
    additional_properties=False,
    nullable=False,
)
"""The setting ``endpoint_requests``: the three calls of the list protocol."""

STAGING_OPTIONS: Final = th.ObjectType(
    additional_properties=th.StringType(nullable=False), nullable=False
)
"""The setting ``import_staging_options``: passed to the store as they are."""
