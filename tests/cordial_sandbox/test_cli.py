"""The command line as scripts use it: real processes, real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from cordial_sandbox import runner
from cordial_sandbox.cli import run_command_line, table_of_lists
from cordial_sandbox.environment import COHORT_NAMES
from cordial_sandbox.seed import cohorts_of_day

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Imports

SANDBOX = [sys.executable, "-m", "cordial_sandbox"]
SHOW_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SANDBOX, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_run_sets_both_plugins_up_and_cleans_up() -> None:
    done = run("run", "--", sys.executable, "-c", SHOW_ENVIRONMENT, TARGET_CORDIAL_API_KEY="my own")
    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    url = seen["CORDIAL_SANDBOX_URL"]
    assert seen["TARGET_CORDIAL_API_KEY"] == "my own"
    assert seen["TARGET_CORDIAL_API_URL"] == f"{url}/v2"
    assert seen["TAP_AMPLITUDE_API_URL"] == url
    assert seen["TAP_AMPLITUDE_API_KEY"] == "sandbox-key"
    assert seen["TAP_AMPLITUDE_SECRET_KEY"] == "sandbox-secret"
    assert seen["TAP_AMPLITUDE_POLL_INTERVAL_SECONDS"] == "1"
    names = [cohort.name for cohort in cohorts_of_day(1).values()]
    assert json.loads(seen["TAP_AMPLITUDE_COHORT_NAMES"]) == list(COHORT_NAMES) == names[:3]
    ledger = Path(seen["TARGET_CORDIAL_LEDGER_URL"].removeprefix("sqlite:///"))
    assert ledger.is_absolute()
    assert not ledger.parent.exists()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/_sandbox", timeout=30)


def test_run_answers_the_command_and_exits_as_it_does() -> None:
    script = """
        "$PYTHON" -m cordial_sandbox day 2 &&
        "$PYTHON" -m cordial_sandbox fault status --path-contains /contacts --status 500 --body x &&
        "$PYTHON" -m cordial_sandbox lists && exit 7
    """
    done = run("run", "--", "sh", "-c", script, PYTHON=sys.executable)
    assert (done.returncode, done.stdout, done.stderr) == (7, "There are no lists.\n", "")


@pytest.mark.parametrize(
    ("command", "code"),
    [(["/nonexistent/command"], 127), (["/"], 126), ([], 2), (["sh", "-c", "kill -9 $$"], 137)],
)
def test_run_tells_why_a_command_did_not_end_well(command: list[str], code: int) -> None:
    done = run("run", "--", *command)
    assert done.returncode == code
    assert bool(done.stderr) == (code != 137)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_passes_signals_on(number: int) -> None:
    script = "trap 'exit 41' TERM; trap 'exit 42' INT; echo ready; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [*SANDBOX, "run", "--", "sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(timeout=30) == (41 if number == signal.SIGTERM else 42)


def test_a_signal_that_comes_before_the_command_is_not_lost() -> None:
    forwarder = runner._Forwarder()  # noqa: SLF001 - the moment cannot be hit from outside
    forwarder.pass_on(signal.SIGTERM, None)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        forwarder.watch(child)
        assert child.wait(timeout=30) == -signal.SIGTERM


def test_serve_tells_its_settings_and_stops_on_a_signal() -> None:
    process = subprocess.Popen(
        [*SANDBOX, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        assert process.stdout.readline() == "\n"
        assert process.stdout.readline() == f"export CORDIAL_SANDBOX_URL={url}\n"
        try:
            overview = requests.get(f"{url}/_sandbox", timeout=30).json()
        finally:
            process.send_signal(signal.SIGINT)
        assert overview["day"] == 1
        process.stdout.read()
        assert process.wait(timeout=30) == 0


def test_lists_are_shown_as_a_table_and_as_json(
    sandbox: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.control.put_list("vips", ["b@x.example", "a@x.example"])
    sandbox.control.put_list("activeusers")
    assert run_command_line(["lists", "--url", sandbox.url]) == 0
    assert capsys.readouterr().out == (
        "List         Members\n"
        "-----------  -------\n"
        "activeusers  0\n"
        "vips         2\n"
        "               a@x.example\n"
        "               b@x.example\n"
    )
    assert run_command_line(["lists", "--json", "--url", sandbox.url]) == 0
    assert json.loads(capsys.readouterr().out)["vips"] == ["a@x.example", "b@x.example"]
    assert table_of_lists({}) == "There are no lists."


def test_small_commands_reach_the_sandbox(
    sandbox: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--url", sandbox.url]
    assert run_command_line(["day", "2", *url]) == 0
    assert sandbox.control.overview()["day"] == 2
    requests.get(f"{sandbox.url}/v2/contacts", timeout=30)
    requests.post(f"{sandbox.url}/v2/contacts", json={}, timeout=30)
    assert run_command_line(["calls", "--write", *url]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["method"] == "POST"
    fault = ["fault", "latency", "--seconds", "1", "--times", "0", "--method", "PUT"]
    assert run_command_line([*fault, *url]) == 0
    assert run_command_line(["fault", "reject_contact", "--identifier", "a@x.example", *url]) == 0
    latency, refused = sandbox.control.faults()
    assert (latency["seconds"], latency["times"], latency["method"]) == (1, None, "PUT")
    assert refused["identifier"] == "a@x.example"
    assert run_command_line(["fault", "clear", *url]) == 0
    assert sandbox.control.faults() == []
    assert run_command_line(["reset", "--day", "3", *url]) == 0
    assert sandbox.control.overview()["day"] == 3


def test_jobs_and_violations_are_shown(
    sandbox: Running, imports: Imports, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--url", sandbox.url]
    assert run_command_line(["violations", *url]) == 0
    assert run_command_line(["fault", "job_late", "--strategy", "upsert", *url]) == 0
    imports.start("email\nana@shop.example\n", importName="mine")
    assert run_command_line(["release", "--name-contains", "other", *url]) == 0
    assert run_command_line(["release", "--name-contains", "min", *url]) == 0
    assert capsys.readouterr().out == "0 released\n1 released\n"
    assert run_command_line(["jobs", *url]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["inserted"] == 1
    assert run_command_line(["violations", *url]) == 1
    expected = "import 5f6b14340000000000000001: an import subscribed a contact (1)\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fault", "html", "--status", "500"], "unknown ['status']"),
        (["fault", "status"], "missing ['status']"),
        (["lists", "--url", "http://127.0.0.1:9"], "nothing answers at http://127.0.0.1:9"),
        (["serve", "--host", "0.0.0.0"], "loopback only"),  # noqa: S104 - refused is the point
    ],
)
def test_trouble_is_told_in_one_line(
    sandbox: Running,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("CORDIAL_SANDBOX_URL", sandbox.url)
    assert run_command_line(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cordial-sandbox: ")
    assert message in line
