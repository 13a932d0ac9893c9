"""Baseline (b): the target for an API that everybody writes, one request a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from singer_sdk import RecordSink, Target
from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 60


class NaiveSink(RecordSink):
    """Sends each record before it takes the next one, on a connection that it keeps open."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Open a session."""
        super().__init__(*arguments, **options)
        self._session = requests.Session()
        self._session.auth = (self.config["api_key"], "")
        self._url = f"{self.config['api_url']}/contacts"

    def process_record(self, record: dict[str, Any], context: Mapping[str, Any]) -> None:  # noqa: ARG002  the SDK's signature
        """Send a record, if it is a member."""
        if "user_properties" not in record:
            return
        body = {
            "channels": {"email": {"address": record["user_properties"]["email"]}},
            record["cohort_name"].replace(" ", ""): True,
            "suppressTriggers": True,
        }
        self._session.post(self._url, json=body, timeout=SECONDS).raise_for_status()


class NaiveTarget(Target):
    """Writes members to a list, as they come."""

    name = "target-naive"
    default_sink_class = NaiveSink
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("api_key", th.StringType, required=True, secret=True),
    ).to_dict()


if __name__ == "__main__":
    NaiveTarget.cli()
