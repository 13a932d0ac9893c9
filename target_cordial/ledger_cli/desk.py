"""What every command of ``cordial-ledger`` works with."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

import click

from target_cordial.errors import LedgerError, SettingsError
from target_cordial.ledger.places import ledger_exists
from target_cordial.ledger.store import Ledger
from target_cordial.settings import (
    DEFAULT_LEDGER_URL,
    Settings,
    config_from_environment,
    unknown_in_environment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from target_cordial.ledger.store import CohortRow

MOST_RUNS: Final = 1_000

F = TypeVar("F", bound="Callable[..., Any]")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Desk:
    """The settings in use, and the way to answer.

    Attributes:
        config: The target's settings as given.
        of_environment: They are those of the environment.
        as_json: Answer in JSON.
    """

    config: Mapping[str, Any]
    of_environment: bool
    as_json: bool

    @classmethod
    def of(cls, config_file: Path | None, *, as_json: bool) -> Desk:
        """Read the settings, from a file or from the environment.

        Raises:
            SettingsError: They can't be read.
        """
        if config_file is None:
            config = config_from_environment(os.environ)
            return cls(config, of_environment=True, as_json=as_json)
        try:
            read: Any = json.loads(config_file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            raise SettingsError([f"{config_file} is not a JSON object."])
        return cls(read, of_environment=False, as_json=as_json)

    def settings(self) -> Settings:
        """Check and take the whole settings, as the target does.

        Raises:
            SettingsError: With one line for each wrong setting.
        """
        # Only a few commands need the SDK's own settings, and importing it takes half a second.
        from target_cordial.singer.target import TargetCordial  # noqa: PLC0415  see above

        schema = TargetCordial.config_jsonschema
        TargetCordial.append_builtin_config(schema)
        if self.of_environment:
            unknown = unknown_in_environment(os.environ, schema["properties"])
            if unknown:
                raise SettingsError(unknown)
        return Settings.from_config(self.config, schema)

    @contextmanager
    def ledger(self, *, exclusive: bool = False) -> Iterator[Ledger]:
        """Open the ledger.

        Args:
            exclusive: Not while a run goes on: the command would write what the run writes too.

        Raises:
            LedgerError: There is none, it can't be opened, or a run goes on.
        """
        url = self.config.get("ledger_url") or DEFAULT_LEDGER_URL
        if not isinstance(url, str):
            raise SettingsError(["The setting ledger_url is not a text."])
        if not ledger_exists(url):
            raise LedgerError(
                "There is no ledger yet at the ledger_url in use. A first run makes it; or give "
                "--config, or TARGET_CORDIAL_LEDGER_URL."
            )
        ledger = Ledger(url, exclusive=exclusive)
        try:
            yield ledger
        finally:
            ledger.close()

    def answer(self, data: Mapping[str, Any], text: str) -> None:
        """Print an answer."""
        click.echo(json.dumps(data, ensure_ascii=False, indent=2) if self.as_json else text)


def with_desk(command: Callable[Concatenate[Desk, P], R]) -> Callable[..., R]:
    """Give a command its desk, and let it take ``--json`` behind its name too."""

    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @click.pass_obj
    @wraps(command)
    def call(desk: Desk, /, *args: P.args, as_json: bool, **options: P.kwargs) -> R:  # type: ignore[valid-type]  # click adds it
        return command(replace(desk, as_json=desk.as_json or as_json), *args, **options)

    return call


def newest_runs(usual: int) -> Callable[[F], F]:
    """Let a command take how many of the newest runs it shows, as ``most``.

    Args:
        usual: How many without a word.
    """
    return click.option(
        "--runs",
        "most",
        type=click.IntRange(1, MOST_RUNS),
        default=usual,
        show_default=True,
        help="The newest runs that are shown.",
    )


def known(ledger: Ledger, cohort_id: str) -> CohortRow:
    """Find a cohort.

    Raises:
        LedgerError: The ledger does not know it.
    """
    cohort = ledger.cohort(cohort_id)
    if cohort is None:
        ids = ", ".join(row.cohort_id for row in ledger.cohorts()) or "none"
        raise LedgerError(f"The ledger knows no cohort {cohort_id}. Known: {ids}.")
    return cohort
