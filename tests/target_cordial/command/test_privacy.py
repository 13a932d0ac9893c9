"""No identifier, no key and no signed address in any output, log line or exception, at any level.

Everything that is personal or secret holds MARK here, or is the sandbox's key. The matrix of faults
looks for the same in each of its cells; here are the commands, the errors, and what is shown of the
objects that hold such things.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_cordial import errors
from target_cordial.cordial.imports import Import
from target_cordial.core.import_counts import Kind
from target_cordial.delivery.imports import carrying
from target_cordial.errors import TargetCordialError
from target_cordial.ledger.store import Ledger
from target_cordial.ledger_cli.app import cli
from target_cordial.run.wiring import Wiring
from target_cordial.settings import SCHEMA, Settings
from tests.ledgers import SQLITE
from tests.machine.world import QuickClock
from tests.target_cordial.command.conftest import BIN, TIMEOUT, Commands, line
from tests.target_cordial.command.messages import COHORT, MEMBERS, marker, member, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Ended

MARK: Final = "zqmark"
ADDRESS: Final = f"ana.{MARK}@shop.example"
SECRETS: Final = re.compile(rf"{MARK}|sandbox-key|X-Amz-|secret/of", re.IGNORECASE)
IDS: Final = re.compile(rf'"\d{MARK}"')
NOWHERE: Final = f"postgresql://user:{MARK}@127.0.0.1:9/{MARK}"

pytestmark = [pytest.mark.ledger(SQLITE), pytest.mark.usefixtures("every_level")]


def person(number: int, **values: Any) -> dict[str, Any]:
    marked = {"amplitude_id": f"{number}{MARK}", "user_id": f"u{number}{MARK}"}
    return member(number, f"{number}.{ADDRESS}", **{**marked, **values})


DAY: Final = snapshot(*map(person, range(1, 6)))


@pytest.fixture
def every_level(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything be logged, and nobody wait."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("LOGLEVEL", "DEBUG")
    monkeypatch.setattr("target_cordial.run.wiring.StoppableClock", QuickClock)


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[TargetCordialError]:
    """Every error of ours that is made."""
    made: list[TargetCordialError] = []

    def note(error: TargetCordialError, *arguments: Any) -> None:
        Exception.__init__(error, *arguments)
        made.append(error)

    monkeypatch.setattr(TargetCordialError, "__init__", note)
    return made


def assert_silent(*texts: object) -> None:
    for text in texts:
        assert not SECRETS.search(str(text)), text


def shown(error: BaseException) -> str:
    """Show all that an error can show, with what it came from."""
    chain = "".join(traceback.format_exception(error))
    return f"{chain}\n{error!r}\n{error.args!r}\n{vars(error)!r}"


# -- the commands of cordial-ledger ---------------------------------------------------------------

CLAIMS: Final = {
    "good.csv": f"email\n{ADDRESS}\n",
    "none.csv": f"email\n{MARK}\n",
    "no_header.csv": f"{MARK}\n{ADDRESS}\n",
    "quotes.csv": f'email\n"{ADDRESS}\n',
    "nul.csv": f"email\n{ADDRESS}\x00\n",
    "empty.csv": "",
}

PAGE: Final = "page.html"

COMMANDS: Final[dict[str, list[tuple[str, ...]]]] = {
    "status": [()],
    "why": [
        (f"1.{ADDRESS}",),
        (f"4.{ADDRESS}",),
        (f"u2{MARK}",),
        (f"3{MARK}", "--by", "amplitude-id"),
        (f"nobody.{MARK}",),
        (ADDRESS, MARK),
        (f"1.{ADDRESS}", "--by", "nonsense"),
    ],
    "history": [(), (COHORT,), ("nobody",)],
    "approve": [(COHORT, "--up-to", "9"), ("nobody", "--up-to", "9")],
    "adopt": [(COHORT, "--none"), *((COHORT, "--file", name) for name in CLAIMS)],
    "rebind": [()],
    "retry": [(), (COHORT,)],
    "undo": [("none",), ("none", "--cohort", "nobody")],
    "report": [("--html", PAGE)],
    "abandon": [("none",)],
    "verify": [(), (COHORT,), (COHORT, "--sample", "9")],
    "erase": [
        (f"1.{ADDRESS}",),
        (f"u2{MARK}",),
        (f"3{MARK}", "--by", "amplitude-id"),
        (f"nobody.{MARK}",),
        (ADDRESS, MARK),
        (f"1.{ADDRESS}", "--by", "nonsense"),
    ],
    "forget": [(COHORT,)],
}
"""How each command is called. One that is not here makes the test fail."""

TROUBLE: Final[dict[str, dict[str, Any]]] = {
    "none": {},
    "wrong key": {"api_key": f"wrong-{MARK}"},
    "nobody there": {"api_url": "http://127.0.0.1:9/v2"},
    "wrong setting": {"max_concurrency": MARK, "cohorts": {"vip": MARK}},
    "another mapping": {"contact_identifier_mapping": "work"},
    "no ledger": {"ledger_url": f"sqlite:////{MARK}/nowhere.db"},
    "no URL": {"ledger_url": f"{MARK}:{MARK}"},
    "no server": {"ledger_url": NOWHERE},
    "locked": {},
    "corrupt": {},
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_command_of_the_ledger_says_who_anybody_is(
    commands: Commands,
    sandbox: Running,
    raised: list[TargetCordialError],
    caplog: pytest.LogCaptureFixture,
    trouble: str,
) -> None:
    assert set(COMMANDS) == set(cli.commands)
    message = f"{ADDRESS} is on a block list"
    sandbox.control.add_fault("reject_contact", identifier=f"4.{ADDRESS}", message=message)
    sandbox.control.put_list("activeusers", [f"before.{ADDRESS}"])
    commands.target(*DAY)
    for name, text in CLAIMS.items():
        commands.folder.joinpath(name).write_text(text, encoding="utf-8")
    commands.settings.update(TROUBLE[trouble])
    holding = Ledger(commands.place.url, exclusive=True) if trouble == "locked" else None
    if trouble == "corrupt":
        commands.ledger.write_bytes(MARK.encode() * 10_000)
    for name, calls in COMMANDS.items():
        for arguments in calls:
            words = [str(commands.folder / w) if w in {*CLAIMS, PAGE} else w for w in arguments]
            ended = commands.ledger_command(name, *words, "--json")
            # Through whom somebody is on a list is what "why" is asked: it names users by ids.
            answer = IDS.sub("", ended.stdout) if name == "why" else ended.stdout
            assert_silent(answer, ended.stderr)
            assert "Unexpected" not in ended.stderr, ended.stderr
    if holding is not None:
        holding.close()
    assert_silent(caplog.text, *map(shown, raised))


# -- every error ----------------------------------------------------------------------------------


def _odd_input(commands: Commands, _: Running) -> None:
    commands.target(f'{{"type": "RECORD", "{MARK}\n')
    commands.target({"type": "BATCH", "stream": "s", "manifest": [MARK]})
    commands.target(MEMBERS, person(1, cohort_id=None, user_id={"a": MARK}), marker(7))
    commands.target(person(1))


def _settings(commands: Commands, _: Running) -> None:
    commands.target(delivery=MARK, api_url=f"https://{MARK}:{MARK}@h.example")
    commands.target(import_staging_url=f"s3://{MARK}:{MARK}@bucket", delivery="imports")


def _ledger(commands: Commands, _: Running) -> None:
    commands.target(*DAY)
    commands.target(*DAY, contact_identifier_name="customerId")
    commands.target(*DAY, ledger_url=NOWHERE)
    held = Ledger(commands.place.url, exclusive=True)
    commands.target(*DAY)
    held.put("version", "999")
    held.close()
    commands.target(*DAY)
    commands.place.write("UPDATE meta SET value = '1' WHERE name = 'version'")
    commands.place.write("DROP TABLE entry")
    commands.target(*DAY)


def _answers(commands: Commands, sandbox: Running) -> None:
    body = {"error": True, "message": f"{ADDRESS} {MARK}", "errorKey": MARK}
    commands.target(*DAY, api_key=f"wrong-{MARK}")
    for where in ("/v2/accountlists", "/v2/contacts", "/v2/accountlists/"):
        for status in (200, 302, 403, 404, 422, 500):
            sandbox.control.add_fault(
                "status", path_contains=where, status=status, body=body, times=60
            )
            commands.target(*DAY)
            sandbox.control.clear_faults()
            sandbox.control.reset(day=1)
            commands.place.remove()


def _silence(commands: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault("drop_before", path_contains="/v2/contacts", times=None)
    commands.target(*DAY, max_concurrency=2)
    commands.target(max_concurrency=2, create_contacts=False)  # addresses stand in paths then


SCENARIOS: Final[dict[str, Callable[[Commands, Running], None]]] = {
    "input": _odd_input,
    "settings": _settings,
    "ledger": _ledger,
    "answers": _answers,
    "silence": _silence,
}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Ended]:
    """Every run of the target."""
    ended: list[Ended] = []
    target = Commands.target

    def noted(commands: Commands, *messages: Any, **settings: Any) -> Ended:
        ended.append(target(commands, *messages, **settings))
        return ended[-1]

    monkeypatch.setattr(Commands, "target", noted)
    return ended


def _hold(
    runs: list[Ended], raised: list[TargetCordialError], caplog: pytest.LogCaptureFixture
) -> set[str]:
    for ended in runs:
        assert_silent(ended.stdout, ended.stderr, json.dumps(ended.report))
        assert "Traceback" not in ended.stderr
        assert "Unexpected" not in ended.stderr, ended.stderr
    assert_silent(caplog.text, *map(shown, raised))
    return {type(error).__name__ for error in raised}


def test_no_error_says_who_anybody_is_or_how_to_get_in(  # noqa: PLR0917  fixtures have names
    sandbox: Running,
    tmp_path: Path,
    imports: Commands,
    raised: list[TargetCordialError],
    runs: list[Ended],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, scenario in SCENARIOS.items():
        folder = tmp_path / name
        folder.mkdir()
        sandbox.control.reset(day=1)
        scenario(Commands(sandbox, folder), sandbox)
    sandbox.control.reset(day=1)
    _staging(imports, sandbox, monkeypatch)
    seen = _hold(runs, raised, caplog)
    all_of = {
        name
        for name, of in vars(errors).items()
        if isinstance(of, type) and issubclass(of, TargetCordialError) and not of.__subclasses__()
    }
    assert all_of - seen == {"InterruptedRunError"}, "which takes no value"


def _staging(imports: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "FIRST_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(carrying, "LONGEST_LOOK_SECONDS", 0.1)
    options = imports.settings["import_staging_options"]
    wrong = {**options, "aws_secret_access_key": MARK, "aws_access_key_id": MARK}
    imports.target(*DAY, import_staging_options=wrong)
    imports.target(*DAY, import_staging_options={**options, "nonsense": MARK})
    sandbox.control.add_fault("job_stuck", strategy="updateOnly")
    imports.target(*DAY, import_timeout_seconds=1)
    sandbox.control.release_jobs()
    imports.target(*DAY)


# -- what is shown of objects, and by a real process ----------------------------------------------


def test_nothing_that_holds_a_secret_shows_it(commands: Commands, tmp_path: Path) -> None:
    config = {
        **commands.settings,
        "api_key": MARK,
        "endpoint": "https://ingest.example",
        "endpoint_requests": {"create": {"path": f"/{MARK}"}},
        "import_staging_url": "s3://bucket/prefix",
        "import_staging_options": {"secret_access_key": MARK, "access_key_id": "AKIA"},
        "ledger_url": f"sqlite:///{tmp_path}/{MARK}.db",
    }
    settings = Settings.from_config(config, SCHEMA)
    wiring = Wiring(settings, threading.Event())
    wiring.open_store()
    asked = Import("name", Kind.ADD, "list", f"https://h/{MARK}", suppress_triggers=True)
    ledger = Ledger(settings.ledger_url, exclusive=True)
    parts = [settings, wiring, wiring.rest, wiring.protocol, wiring.delivery(), asked, ledger]
    for part in [*parts, *wiring.sessions, *vars(wiring).values()]:
        assert_silent(str(part), repr(part), f"{part}")
    ledger.close()


def test_a_process_that_shows_all_its_warnings_shows_nobody(imports: Commands) -> None:
    given = "".join(map(line, [*DAY, person(9, user_id=f"\ud83d{MARK}")]))
    done = subprocess.run(
        [
            *(sys.executable, "-X", "dev", "-W", "always", str(BIN / "target-cordial")),
            *("--config", str(imports.config(verify_sample=5))),
        ],
        input=given,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env={**os.environ, "LOGLEVEL": "DEBUG"},
        cwd=imports.folder,
        check=False,
    )
    assert done.returncode == 3
    assert "DEBUG" in done.stderr
    assert_silent(done.stdout, done.stderr)
    assert "ResourceWarning" not in done.stderr
    assert "Exception ignored" not in done.stderr
