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
        try:
            error = self._error_in(record)
        except UnicodeEncodeError:
            # Half a surrogate pair, in what would be quoted: a name that was cut in the midst of an
            # emoji, say. A sign stands for it here.
            error = self._error_in(_writable(record))
        if error is not None:
            name = ".".join(str(part) for part in error.instance_path) or "the record"
            self._intake.violate(name, str(error.schema_path[-1]))

    def _error_in(self, record: dict[str, Any]) -> jsonschema_rs.ValidationError | None:
        if self._validator.is_valid(record):
            return None
        return next(iter(self._validator.iter_errors(record)))


def _writable(value: Any) -> Any:  # noqa: ANN401  JSON has any type
    """Copy a record, with a sign where a text has half a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_writable(name): _writable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_writable(part) for part in value]
    return value
