"""Holding records against their schema, fast and without quoting a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs
from singer_sdk.exceptions import InvalidJSONSchema
from singer_sdk.sinks.core import BaseJSONSchemaValidator

if TYPE_CHECKING:
    from target_cordial.run.intake import Intake


class NotingValidator(BaseJSONSchemaValidator):
    """Notes the first violation of a record; the sink then rejects that record alone.

    The SDK's own validator takes most of a target's time, quotes values in its messages, and
    knows only two ways: end the run, or deliver the bad record all the same.

    Args:
        schema: The schema of the stream.
        intake: Where violations are noted.

    Raises:
        InvalidJSONSchema: The schema itself is not valid.
    """

    def __init__(self, schema: dict[str, Any], intake: Intake) -> None:
        super().__init__(schema)
        self._intake = intake
        try:
            self._validator = jsonschema_rs.validator_for(schema)
        except (jsonschema_rs.ValidationError, ValueError):
            message = "A SCHEMA message holds no valid JSON Schema."
            raise InvalidJSONSchema(message) from None

    def validate(self, record: dict[str, Any]) -> None:
        """Note what is wrong with a record, if anything is."""
        if self._validator.is_valid(record):
            return
        error = next(iter(self._validator.iter_errors(record)))
        name = ".".join(str(part) for part in error.instance_path) or "the record"
        self._intake.violate(name, str(error.schema_path[-1]))
