"""The command line: serve, run, and the small commands that talk to a running sandbox."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
from typing import TYPE_CHECKING, Any

import requests

from cordial_sandbox.console import complain, say
from cordial_sandbox.control import Control
from cordial_sandbox.environment import URL_VARIABLE, plugin_settings
from cordial_sandbox.faults import KINDS
from cordial_sandbox.runner import run
from cordial_sandbox.seed import LAST_DAY
from cordial_sandbox.server import LOOPBACK, listen, make_server, url_of
from cordial_sandbox.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_PORT = 8765
_DETAILS = tuple(dict.fromkeys(name for details in KINDS.values() for name in details))
_FAILED = 1
_USAGE = 2


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command and return the code to exit with.

    Args:
        arguments: What followed the name of the program.
    """
    given = _parser().parse_args(arguments)
    try:
        return int(given.action(given))
    except requests.ConnectionError:
        complain(f"nothing answers at {given.url}")
    except (ValueError, OSError) as reason:
        complain(str(reason))
    return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cordial-sandbox",
        description="A local stand-in for Cordial and for Amplitude's cohort API.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    days = range(1, LAST_DAY + 1)

    serve = commands.add_parser("serve", help="answer until stopped")
    serve.add_argument("--host", default=LOOPBACK, help="a loopback address (%(default)s)")
    serve.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (%(default)s)"
    )
    serve.add_argument("--day", type=int, choices=days, default=1, help="day of the seed")
    serve.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="warning"
    )
    serve.set_defaults(action=_serve)

    runner = commands.add_parser("run", help="run a command with a sandbox around it")
    runner.add_argument("--day", type=int, choices=days, default=1, help="day of the seed")
    runner.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    runner.set_defaults(action=_run)

    client = argparse.ArgumentParser(add_help=False)
    client.add_argument(
        "--url",
        default=os.environ.get(URL_VARIABLE, f"http://{LOOPBACK}:{DEFAULT_PORT}"),
        help=f"address of the sandbox (${URL_VARIABLE}, else %(default)s)",
    )
    lists = commands.add_parser("lists", parents=[client], help="show every list and its members")
    lists.add_argument("--json", action="store_true", help="as JSON")
    lists.set_defaults(action=_lists)
    calls = commands.add_parser("calls", parents=[client], help="show the calls received")
    calls.add_argument("--write", action="store_true", help="only those that change something")
    calls.set_defaults(action=_calls)
    day = commands.add_parser("day", parents=[client], help="move the cohorts to another day")
    day.add_argument("day", type=int, choices=days)
    day.set_defaults(action=_day)
    reset = commands.add_parser("reset", parents=[client], help="put everything back to the seed")
    reset.add_argument("--day", type=int, choices=days, default=1)
    reset.set_defaults(action=_reset)
    jobs = commands.add_parser("jobs", parents=[client], help="show the import jobs as they are")
    jobs.set_defaults(action=_jobs)
    release = commands.add_parser("release", parents=[client], help="let held jobs go on")
    release.add_argument("--name-contains", default="", help="only jobs of such a name")
    release.set_defaults(action=_release)
    violations = commands.add_parser(
        "violations", parents=[client], help="show what no delivery may ever do and some did"
    )
    violations.set_defaults(action=_violations)
    _add_fault_command(commands, client)
    return parser


def _add_fault_command(commands: Any, client: argparse.ArgumentParser) -> None:  # noqa: ANN401 - argparse has no public type for it
    fault = commands.add_parser(
        "fault",
        parents=[client],
        help="make a fault happen, or clear them all",
        description="Example: cordial-sandbox fault status --path-contains /contacts --status 503",
    )
    fault.add_argument("kind", choices=(*KINDS, "clear"))
    fault.add_argument("--method", help="only calls of this method")
    fault.add_argument("--path-contains", default="", help="only calls whose path contains this")
    fault.add_argument("--times", type=int, default=1, help="calls it hits; 0 means until cleared")
    fault.add_argument("--skip", type=int, default=0, help="calls it lets pass first")
    for name in _DETAILS:
        kinds = ", ".join(kind for kind in KINDS if name in KINDS[kind])
        fault.add_argument(f"--{name.replace('_', '-')}", type=_value, help=f"of {kinds}")
    fault.set_defaults(action=_fault)


def _serve(given: argparse.Namespace) -> int:
    with listen(given.host, given.port) as bound:
        url = url_of(bound)
        server = make_server(State(given.day), given.log_level)
        say(f"cordial-sandbox answers at {url} - Ctrl-C stops it. Settings for another shell:\n")
        for name, value in plugin_settings(url).items():
            say(f"export {name}={shlex.quote(value)}")
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[bound])
    return 0


def _run(given: argparse.Namespace) -> int:
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if not command:
        complain("run needs a command: run -- COMMAND …")
        return _USAGE
    return run(command, day=given.day)


def _lists(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        lists = control.lists()
    if given.json:
        say(json.dumps(lists, ensure_ascii=False, indent=2))
        return 0
    say(table_of_lists(lists))
    return 0


def table_of_lists(lists: dict[str, list[str]]) -> str:
    """Return lists and their members as a table for reading: one line per member."""
    if not lists:
        return "There are no lists."
    width = max(len("List"), *(len(name) for name in lists))
    lines = [f"{'List':<{width}}  Members", f"{'-' * width}  {'-' * len('Members')}"]
    for name in sorted(lists):
        lines.append(f"{name:<{width}}  {len(lists[name])}")
        lines += [f"{'':<{width}}    {member}" for member in lists[name]]
    return "\n".join(lines)


def _calls(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        calls = control.write_calls() if given.write else control.calls()
    for call in calls:
        say(json.dumps(call, ensure_ascii=False))
    return 0


def _jobs(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        for job in control.jobs():
            say(json.dumps(job, ensure_ascii=False))
    return 0


def _release(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        say(f"{control.release_jobs(given.name_contains)} released")
    return 0


def _violations(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        found = control.violations()
    for entry in found:
        say(f"{entry['where']}: {entry['message']} ({entry['count']})")
    return _FAILED if found else 0


def _day(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        control.move_to_day(given.day)
    return 0


def _reset(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        control.reset(given.day)
    return 0


def _fault(given: argparse.Namespace) -> int:
    with contextlib.closing(Control(given.url)) as control:
        if given.kind == "clear":
            control.clear_faults()
            return 0
        control.add_fault(
            given.kind,
            method=given.method,
            path_contains=given.path_contains,
            times=given.times or None,
            skip=given.skip,
            **{name: value for name in _DETAILS if (value := getattr(given, name)) is not None},
        )
    return 0


def _value(text: str) -> Any:  # noqa: ANN401 - whatever JSON can say
    """Return a detail of a fault: JSON where it is that, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
