"""The tap: settings in, streams out."""

from __future__ import annotations

import copy
import os
import signal
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from singer_sdk import Stream, Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)

from tap_amplitude import settings
from tap_amplitude.client import Client
from tap_amplitude.clock import Clock
from tap_amplitude.run import Run
from tap_amplitude.session import Session, hold_http_loggers
from tap_amplitude.streams import CohortMembersStream, CohortSnapshotsStream, CohortsStream
from tap_amplitude.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import PurePath
    from types import FrameType

_ENVIRONMENT_PREFIX = "TAP_AMPLITUDE_"


class Interrupted(SystemExit):
    """The process was asked to stop; its exit code is the one a shell reports for the signal.

    Attributes:
        signal_name: Name of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal_name = signal.Signals(number).name


class TapAmplitude(Tap):
    """Singer tap for the membership of Amplitude cohorts."""

    name = "tap-amplitude"
    package_name = "target-cordial"  # the distribution both plugins come in
    # A copy, because the SDK adds its own settings to it.
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(settings.SCHEMA)
    message_writer_class = Writer
    # ACTIVATE_VERSION concerns a stream as a whole and is sent before its rows: with cohorts that
    # are skipped or fail, it would make a target delete theirs. BATCH would take the rows away
    # from between SCHEMA and marker.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(
        self,
        *,
        config: dict[str, Any] | PurePath | str | list[PurePath | str] | None = None,
        parse_env_config: bool = False,
        validate_config: bool = True,
        **options: Any,
    ) -> None:
        """Build the tap; the network is not touched.

        Args:
            config: The settings, or files with them.
            parse_env_config: Whether to read settings from the environment, too.
            validate_config: Whether wrong settings are refused; discovery does without.
            options: What else the SDK passes.

        Raises:
            ConfigValidationError: A setting is wrong, or the selection of streams is.
        """
        hold_http_loggers()
        try:
            super().__init__(
                config=config,
                parse_env_config=parse_env_config,
                validate_config=validate_config,
                **options,
            )
        except (ConfigValidationError, ValueError) as error:
            # The SDK's own lines quote values, secrets too.
            found = self._problems(from_environment=parse_env_config)
            if not found and isinstance(error, ConfigValidationError):
                found = list(error.errors)
            if not found:
                raise
            raise _refusal(found) from None
        if validate_config:
            found = self._problems(from_environment=parse_env_config)
            found += self._selection_problems()
            if found:
                raise _refusal(found)
        self._handle_signals()

    def discover_streams(self) -> Sequence[Stream]:
        """Return the streams; children are synced in this order, so the marker comes last."""
        return [CohortsStream(self), CohortMembersStream(self), CohortSnapshotsStream(self)]

    @cached_property
    def run(self) -> Run:
        """The run the streams are part of, made when the first of them starts."""
        typed = settings.Settings.from_config(self.config)
        clock = Clock()
        members = self.streams[CohortMembersStream.name]
        return Run(
            settings=typed,
            client=Client(Session(typed, clock), clock),
            clock=clock,
            logger=self.logger,
            state_of=lambda cohort_id: members.get_context_state({"cohort_id": cohort_id}),
            publish_state=lambda: self.state_writer.write_state(self.state),
        )

    def _problems(self, *, from_environment: bool) -> list[str]:
        found = []
        if from_environment:
            found = settings.environment_problems(os.environ, _ENVIRONMENT_PREFIX)
        try:
            config = self.config
        except AttributeError:
            # The SDK died of a word in the environment, before it took over the configuration.
            return found
        return found + settings.problems(config, self.config_jsonschema["properties"])

    def _selection_problems(self) -> list[str]:
        """Return what is wrong with the selection of streams.

        Members without a marker could remove nobody; a marker without its members would be untrue.
        """
        chosen = [
            self.streams[name].selected
            for name in (CohortMembersStream.name, CohortSnapshotsStream.name)
        ]
        if chosen[0] == chosen[1]:
            return []
        message = (
            "cohort_members and cohort_snapshots belong together: select both streams, or neither "
            "(cohort_snapshots marks that all members of a cohort were sent)"
        )
        return [message]

    def _handle_signals(self) -> None:
        """Replace the SDK's handlers, which exit with 0 as if all had been sent."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, _interrupt)
            signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's form
    raise Interrupted(number)


def _refusal(found: list[str]) -> ConfigValidationError:
    message = "Config validation failed"
    return ConfigValidationError(message, errors=found, schema=settings.SCHEMA)
