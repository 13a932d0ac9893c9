"""The target as the Singer SDK and Meltano see it."""

from __future__ import annotations

import copy
import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TargetCapabilities,
)

from target_cordial.errors import SettingsError, TargetCordialError
from target_cordial.run.checkup import Checkup, Verdict
from target_cordial.run.stop import Stop
from target_cordial.run.sync import SyncRun
from target_cordial.run.watch import watch
from target_cordial.run.wiring import Wiring
from target_cordial.settings import SCHEMA, Settings, environment_problems, unknown_in_environment
from target_cordial.singer.reader import CordialReader
from target_cordial.singer.sink import CordialSink

if TYPE_CHECKING:
    from target_cordial.run.intake import Intake

Config = dict[str, Any] | PurePath | str | list[PurePath | str]

NOT_OURS = ("load_method",)
"""Built-in settings of the SDK that mean nothing here: they are about SQL tables."""


CHANGING = ("stream_maps", "flattening_enabled", "add_record_metadata")
"""Built-in settings by which the SDK changes records on their way to a sink."""


class TargetCordial(Target):
    """Keeps Cordial lists in step with Amplitude cohorts."""

    name = "target-cordial"
    package_name = "target-cordial"
    default_sink_class = CordialSink
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(SCHEMA)
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]
    refused: ClassVar[list[str]] = []  # what is wrong with the settings, for the last line
    max_parallelism = 1  # the SDK's eight would process the last records in other threads

    def __init__(
        self,
        *,
        config: Config | None = None,
        parse_env_config: bool = False,
        validate_config: bool = True,
        setup_mapper: bool = True,
    ) -> None:
        """Read and check the settings. Nothing is opened and nothing is asked yet.

        Raises:
            ConfigValidationError: With one line for each wrong setting, never with its value.
        """
        self.stop = Stop(self.logger)
        if parse_env_config and validate_config:
            self.append_builtin_config(self.config_jsonschema)
            known = self.config_jsonschema["properties"]
            self._refuse(
                unknown_in_environment(os.environ, known) + environment_problems(os.environ)
            )
        super().__init__(
            config=config,
            parse_env_config=parse_env_config,
            validate_config=False,  # the SDK's messages quote values, and so keys
            setup_mapper=False,  # not before the settings are checked: stream_maps is one
            message_reader=CordialReader(self, self.stop, self.logger),
        )
        self.stop.install()  # in the place of the SDK's own handler, which ends with 0
        self._run: SyncRun | None = None
        self._intake: Intake | None = None
        self._settings: Settings | None = None
        if validate_config:
            self._settings = self._checked()
        if setup_mapper:
            self.setup_mapper()

    @property
    def intake(self) -> Intake:
        """Where records go, once the run has begun."""
        if self._intake is None:
            self.begin()
        assert self._intake is not None  # noqa: S101  begin() has set it
        return self._intake

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Add ``--test`` to the SDK's command line: it knows that for taps alone."""
        command = super().get_singer_command()
        text = "Check settings, key, permissions and ledger by reading alone, and exit."
        command.params.append(click.Option(["--test"], is_flag=True, help=text))
        return command

    @classmethod
    def invoke(cls, *, test: bool = False, **given: Any) -> None:
        """Run the target, or test what a run needs.

        Raises:
            click.exceptions.Exit: What was tested is not as it has to be.
        """
        if not test:
            super().invoke(**given)
            return
        config = given["config"]
        cls(config=config.config, parse_env_config=config.parse_env).test()

    def test(self) -> None:
        """Say of everything that a run needs whether it is there.

        Raises:
            click.exceptions.Exit: Something is not.
        """
        settings = self._settings or self._checked()
        wiring = Wiring(settings, self.stop.event, tries=1)
        failed = False
        try:
            for finding in Checkup(settings, wiring).findings():
                click.echo(finding.line())
                failed = failed or finding.verdict is Verdict.FAILED
        finally:
            for session in wiring.sessions:
                session.close()
        raise click.exceptions.Exit(int(failed))

    def begin(self) -> Intake:
        """Begin a run. See :meth:`SyncRun.begin`."""
        settings = self._settings or self._checked()
        mapped = any(self.config.get(name) for name in CHANGING)
        self._run = SyncRun(
            settings, mapped=mapped, logger=self.logger, stop=self.stop, watch=watch()
        )
        self._intake = self._run.begin()
        return self._intake

    def abandon(self, error: TargetCordialError) -> None:
        """End a run that can't go on. See :meth:`SyncRun.abandon`."""
        if self._run is not None:
            self._run.abandon(error)

    def count_taken(self, stream: str, records: int) -> None:
        """Count records that were taken together, as the SDK counts those that are taken singly."""
        sink = self.get_sink(stream)
        sink.tally_record_read(records)
        sink.tally_record_written(records)
        sink.record_counter_metric.increment(records)

    def process_endofpipe(self) -> None:
        """End the run, after the SDK's own last metrics."""
        super().process_endofpipe()
        if self._run is not None:
            self._run.finish()

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings, less those that are not for this target."""
        super().append_builtin_config(config_jsonschema)
        for name in NOT_OURS:
            config_jsonschema["properties"].pop(name, None)

    def _checked(self) -> Settings:
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        try:
            return Settings.from_config(self.config, schema)
        except SettingsError as error:
            for name in ("report_path", "rejects_path"):
                stale = self.config.get(name)
                if isinstance(stale, str):
                    Path(stale).unlink(missing_ok=True)  # it would speak of another run
            self._refuse(error.problems)
            raise

    @classmethod
    def _refuse(cls, problems: list[str]) -> None:
        if problems:
            cls.refused = problems
            message = "Config validation failed"
            raise ConfigValidationError(message, errors=problems, schema={})
