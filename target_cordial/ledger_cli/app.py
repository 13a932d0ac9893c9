"""The command line itself: its options, its commands, its errors."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from target_cordial.errors import TargetCordialError, describe
from target_cordial.ledger_cli import claim, decide, look, past
from target_cordial.ledger_cli.desk import Desk
from target_cordial.ledger_cli.erase import erase_person
from target_cordial.ledger_cli.report import report
from target_cordial.ledger_cli.why import why


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The target's settings as JSON; else TARGET_CORDIAL_* of the environment.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.pass_context
def cli(context: click.Context, config_file: Path | None, *, as_json: bool) -> None:
    """Look after the ledger of target-cordial."""
    context.obj = Desk.of(config_file, as_json=as_json)


for command in (
    look.status,
    why,
    past.history,
    decide.approve,
    claim.adopt,
    claim.rebind,
    decide.retry,
    past.undo,
    decide.abandon,
    decide.forget,
    erase_person,
    look.verify,
    report,
):
    cli.add_command(command)


def main() -> None:
    """Run the command and end with its exit code.

    An unexpected exception is named by its kind and place only: its text may hold identifiers.
    """
    try:
        code = cli.main(prog_name="cordial-ledger", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        code = _tell("usage", error.format_message(), error.exit_code)
    except TargetCordialError as error:
        click.echo(f"Error: {error}", err=True)
        code = _tell(error.code, str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001  whatever it is, it ends here
        click.echo(f"Error: {describe(error)}", err=True)
        code = _tell("unexpected", describe(error), 1)
    sys.exit(code)


def _tell(code: str, message: str, exit_code: int) -> int:
    """Answer with an error in JSON too, where JSON was asked for."""
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False))
    return exit_code
