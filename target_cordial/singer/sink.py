"""The sink of every stream: hands records to the intake by the stream's role."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import RecordSink

from target_cordial.core.membership import Role
from target_cordial.singer.validator import NotingValidator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk import Target
    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    from target_cordial.run.intake import Intake


class CordialSink(RecordSink):
    """Takes the records of one stream.

    Args:
        target: The target.
        stream_name: The stream.
        schema: Its schema, as stream maps left it.
        key_properties: Its key, as the tap declares it.
    """

    def __init__(
        self,
        target: Target,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        self._intake: Intake = target.intake  # type: ignore[attr-defined]  # it is a TargetCordial
        properties = schema.get("properties")
        self._role = self._intake.role(properties) if properties else None
        # As received: the SDK takes its own metadata columns off the schema it is given.
        self._declared = copy.deepcopy(schema)
        super().__init__(target, stream_name, schema, key_properties)
        # The SDK parses strings that the schema calls dates, and logs those that are none,
        # value included. Nothing here needs dates: times are read from the record as sent.
        self.schema = {"properties": {name: {} for name in self.schema.get("properties", {})}}

    @property
    def key_properties(self) -> Sequence[str]:
        """No key is needed to know a member: who it is, is read from the record itself."""
        if self._role is Role.OTHER:
            return super().key_properties
        return []

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """See the SDK. Streams that are ignored are not validated either."""
        if self._role is Role.OTHER or not self.validate_schema:
            return None
        return NotingValidator(self._declared, self._intake)

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002  the SDK's signature
        """Hand one record on."""
        role = self._role
        if role is None:
            role = self._role = self._intake.role(record)
        if role is Role.OTHER:
            self._intake.ignore(self.stream_name)
        else:
            self._intake.take(record, role)
