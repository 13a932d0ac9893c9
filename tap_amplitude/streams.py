"""The three streams: thin, on the SDK's public hooks. What they send is decided in `run`."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream
from singer_sdk import typing as th
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform

from tap_amplitude.lines import Lines
from tap_amplitude.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter

    from tap_amplitude.members import Members
    from tap_amplitude.tap import TapAmplitude


class _AmplitudeStream(Stream):
    """A stream that knows the run it is part of."""

    # The rows are built with the types of their schema; conforming them again costs more than
    # everything else a row goes through.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: TapAmplitude) -> None:
        super().__init__(tap)
        self.tap = tap


class CohortsStream(_AmplitudeStream):
    """Every listed cohort, and selected ones that are not listed. Syncs the other two streams."""

    name = "cohorts"
    primary_keys: ClassVar[list[str]] = ["id"]
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "id", th.StringType, required=True, title="ID", description="Id of the cohort."
        ),
        th.Property(
            "name", th.StringType, title="Name", description="Name; null for an unlisted cohort."
        ),
        th.Property("description", th.StringType, title="Description", description="Description."),
        th.Property(
            "type",
            th.StringType,
            title="Type",
            description="How it came to be: redshift is a behavioral cohort, manual_upload a list.",
        ),
        th.Property(
            "size",
            th.IntegerType,
            title="Size",
            description="Members when Amplitude last computed it.",
        ),
        th.Property("archived", th.BooleanType, title="Archived", description="It is archived."),
        th.Property(
            "published", th.BooleanType, title="Published", description="It is discoverable."
        ),
        th.Property("hidden", th.BooleanType, title="Hidden", description="It is hidden."),
        th.Property("finished", th.BooleanType, title="Finished", description="It is computed."),
        th.Property(
            "is_predictive", th.BooleanType, title="Predictive", description="It is a prediction."
        ),
        th.Property(
            "is_official_content",
            th.BooleanType,
            title="Official Content",
            description="It is marked as official.",
        ),
        th.Property(
            "app_id", th.StringType, title="App ID", description="Id of the project it belongs to."
        ),
        th.Property(
            "count_group",
            th.StringType,
            title="Count Group",
            description="What its members are: User, or a group type.",
        ),
        th.Property(
            "created_at", th.DateTimeType, title="Created At", description="Time of its creation."
        ),
        th.Property(
            "last_mod",
            th.DateTimeType,
            title="Last Modified",
            description="Time of the last change of its definition.",
        ),
        th.Property(
            "last_computed",
            th.DateTimeType,
            title="Last Computed",
            description="Time of its last computation.",
        ),
    ).to_dict()

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002 - no parent
        """Yield all cohorts, those whose members are due first."""
        run = self.tap.run
        strict = self.ABORT_AT_RECORD_COUNT is not None
        for cohort in run.cohorts(download=self.has_selected_descendents, strict=strict):
            yield dict(cohort.row)

    def generate_child_contexts(
        self,
        record: Record,
        context: Context | None,  # noqa: ARG002 - this stream has no parent
    ) -> Iterable[Context | None]:
        """Yield the context for members and marker of a cohort, if it is due."""
        if self.has_selected_descendents and self.tap.run.starts(record["id"]):
            yield {"cohort_id": record["id"]}

    def log_sync_costs(self) -> None:
        """End the run.

        The SDK calls this once, after everything was synced and the last state is out, in the
        order of the streams' names, in which this one comes last. `Tap.sync_all` itself is final.

        Raises:
            UnfinishedError: A selected cohort was not delivered.
        """
        super().log_sync_costs()
        self.tap.run.finish()


class CohortMembersStream(_AmplitudeStream):
    """The members of each cohort that is due: its whole membership at one moment.

    What the SDK does for each record takes several times as long as all else that a member goes
    through. So the lines of members are written past it, unless something that it does would change
    them (`_goes_straight`); either way the lines are the same.
    """

    name = "cohort_members"
    parent_stream_type = CohortsStream
    primary_keys: ClassVar[list[str]] = ["cohort_id", "amplitude_id"]
    state_partitioning_keys: ClassVar[list[str]] = ["cohort_id"]
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "cohort_id",
            th.StringType,
            required=True,
            title="Cohort ID",
            description="Id of the cohort.",
        ),
        th.Property(
            "cohort_name",
            th.StringType,
            title="Cohort Name",
            description="Name of the cohort; null for an unlisted cohort.",
        ),
        th.Property(
            "amplitude_id",
            th.StringType,
            required=True,
            title="Amplitude ID",
            description="Amplitude's id of the user, a number as text.",
        ),
        th.Property(
            "user_id",
            th.StringType,
            title="User ID",
            description="The id the app gave the user; null for an anonymous user.",
        ),
        th.Property(
            "user_properties",
            th.ObjectType(additional_properties=True),
            title="User Properties",
            description="The selected properties the user has, as texts.",
        ),
        th.Property(
            "snapshot_id",
            th.StringType,
            title="Snapshot ID",
            description="Id of the download request; the same as in the marker.",
        ),
    ).to_dict()

    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Write the members of the cohort of the context, or yield them to the SDK."""
        if context is None:
            return
        blocks = self.tap.run.members(context["cohort_id"])
        writer = self.tap.message_writer
        if isinstance(writer, Writer) and self._goes_straight():
            self._write(blocks, writer)
            return
        left_out = 0
        for row in chain.from_iterable(members.rows() for members in blocks):
            left_out += not any(each.get_filter_result(row) for each in self.stream_maps)
            yield row
        if left_out:
            self.tap.run.leave_out(context["cohort_id"], left_out)

    def get_record_counter(self, **options: Any) -> Counter:
        """Return the SDK's counter for a metric, and keep it: `_write` counts by itself."""
        self._counter = super().get_record_counter(**options)
        return self._counter

    def _goes_straight(self) -> bool:
        """Return whether the SDK would write each record as it is, and ask for all of them."""
        return (
            self.ABORT_AT_RECORD_COUNT is None
            and all(self.mask.values())
            and [type(each) for each in self.stream_maps] == [SameRecordTransform]
            and not any(each.flattening_enabled for each in self.stream_maps)
        )

    def _write(self, blocks: Iterator[Members], writer: Writer) -> None:
        lines = None
        for members in blocks:
            lines = lines or Lines(self.name, members.frame)
            writer.write_lines(lines.encode(members, datetime.now(tz=timezone.utc)))
            self._counter.increment(len(members.records))

    def generate_child_contexts(
        self,
        record: Record,  # noqa: ARG002 - given by the SDK
        context: Context | None,  # noqa: ARG002 - given by the SDK
    ) -> Iterable[Context | None]:
        """Yield nothing: no stream depends on this one, and the SDK asks for every row."""
        return ()


class CohortSnapshotsStream(_AmplitudeStream):
    """One row for each cohort whose members were all sent, after them: the marker."""

    name = "cohort_snapshots"
    parent_stream_type = CohortsStream
    primary_keys: ClassVar[list[str]] = ["cohort_id", "snapshot_id"]
    # None of its own: what is known of a cohort stands with its members.
    state_partitioning_keys: ClassVar[list[str]] = []
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "cohort_id",
            th.StringType,
            required=True,
            title="Cohort ID",
            description="Id of the cohort.",
        ),
        th.Property(
            "cohort_name",
            th.StringType,
            title="Cohort Name",
            description="Name of the cohort; null for an unlisted cohort.",
        ),
        th.Property(
            "snapshot_id",
            th.StringType,
            required=True,
            title="Snapshot ID",
            description="Id of the download request; the same as in the rows of the members.",
        ),
        th.Property(
            "member_count",
            th.IntegerType,
            required=True,
            title="Member Count",
            description="Member rows sent for this snapshot, one for each amplitude_id.",
        ),
        th.Property(
            "complete",
            th.BooleanType,
            required=True,
            title="Complete",
            description="All members of the cohort were sent.",
        ),
        th.Property(
            "computed_at",
            th.DateTimeType,
            required=True,
            title="Computed At",
            description="When Amplitude computed the cohort; the time of the request where the "
            "list does not say.",
        ),
    ).to_dict()

    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield the marker of the cohort of the context, if it has earned one."""
        if context is None:
            return
        marker = self.tap.run.marker(context["cohort_id"])
        if marker is not None:
            yield marker
            # Asked for the next row, so this one has been written.
            self.tap.run.confirm(context["cohort_id"])
