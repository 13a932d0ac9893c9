"""What a run shows on a terminal, a real one: live, then a table, and last its last line."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests import forked
from tests.ledgers import SQLITE
from tests.target_cordial.command.conftest import BIN, TIMEOUT, line
from tests.target_cordial.command.messages import MEMBERS, member, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

pytestmark = pytest.mark.ledger(SQLITE)

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


class Terminal:
    """The target with a terminal for its standard error.

    Attributes:
        shown: All that was written there.
    """

    def __init__(self, commands: Commands, **environment: str) -> None:
        self._screen, its_end = pty.openpty()
        self.shown = ""
        self.process = forked.Popen(
            [BIN / "target-cordial", "--config", commands.folder / "config.json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=its_end,
            text=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **environment},
            cwd=commands.folder,
        )
        os.close(its_end)

    def until(self, text: str) -> None:
        """Read the screen until something stands there."""
        while text not in self.shown:
            assert self._read(), self.shown

    def end(self, *messages: Any) -> int:
        """Give the input and read the screen to its end: the exit code."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write("".join(line(message) for message in messages))
            self.process.stdin.close()
        while self._read():
            pass
        os.close(self._screen)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(TIMEOUT)

    @property
    def lines(self) -> list[str]:
        """What somebody who cannot see colours would read, without what was drawn over."""
        plain = CODES.sub("", self.shown).replace("\r\n", "\n")
        return [text.rpartition("\r")[2].rstrip() for text in plain.split("\n") if text.strip()]

    def _read(self) -> bool:
        try:
            chunk = os.read(self._screen, 65_536)
        except OSError:  # so Linux says that nobody has the other end any more
            return False
        self.shown += chunk.decode()
        return bool(chunk)


@pytest.fixture
def configured(commands: Commands) -> Commands:
    commands.config()
    return commands


def row(terminal: Terminal, name: str) -> list[str]:
    """The cells of one list in the table."""
    return next(text.split() for text in terminal.lines if text.strip().startswith(name))


def test_a_table_says_what_became_of_each_list_and_the_last_line_is_last(
    commands: Commands,
) -> None:
    commands.target(*snapshot(*people(40)))
    commands.config()
    terminal = Terminal(commands)
    code = terminal.end(*snapshot(*people(21), member(50, "no address")))
    assert code == 3
    assert "Run degraded" in terminal.shown
    header = next(text.split() for text in terminal.lines if "Members" in text)
    assert header == ["List", "Members", "Joined", "Left", "Withheld", "Skipped"]
    assert row(terminal, "activeusers")[:5] == ["activeusers", "40", "0", "0", "19"]
    assert "List 'activeusers' of cohort" not in terminal.shown
    assert "Run degraded: 1 cohort" in "".join(terminal.lines[-3:])
    assert "@shop.example" not in terminal.shown


def test_the_run_is_seen_to_go_on(configured: Commands) -> None:
    terminal = Terminal(configured)
    terminal.until("Reading")
    assert terminal.end(*snapshot(*people(3))) == 0
    for phase in ("Comparing with the ledger", "Sending", "Reading back"):
        assert phase in terminal.shown
    assert terminal.shown.count(HIDE_CURSOR) == terminal.shown.count(SHOW_CURSOR) > 0


def test_names_are_no_markup(configured: Commands) -> None:
    terminal = Terminal(configured)
    terminal.end(*snapshot(*people(1), cohort_name="[red]b[/red]"))
    assert row(terminal, "redbred")[1] == "1"


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colours_gets_none(configured: Commands, environment: dict[str, str]) -> None:
    terminal = Terminal(configured, **environment)
    assert terminal.end(*snapshot(*people(3))) == 0
    assert "\x1b[32m" not in terminal.shown
    assert "\x1b[1;32m" not in terminal.shown
    assert row(terminal, "activeusers")[1] == "3"


def test_a_narrow_terminal_shows_all_figures(configured: Commands) -> None:
    terminal = Terminal(configured, COLUMNS="60")
    terminal.end(*snapshot(*people(3), member(50, "no address")))
    assert row(terminal, "activeusers") == ["activeusers", "3", "3", "0", "1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_stopped_leaves_the_terminal_as_it_was(configured: Commands, number: int) -> None:
    terminal = Terminal(configured)
    terminal.until("Reading")
    terminal.process.send_signal(number)
    assert terminal.end() == 143
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)
    assert "The run was told to stop." in terminal.lines[-1]


def test_an_error_leaves_the_terminal_as_it_was(configured: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault("status", path_contains="/v2/contacts", times=None, status=401)
    terminal = Terminal(configured)
    assert terminal.end(*snapshot(*people(3))) == 1
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)
    assert "Run failed" in "".join(terminal.lines[-6:])


def test_input_that_breaks_off_leaves_the_terminal_as_it_was(configured: Commands) -> None:
    terminal = Terminal(configured)
    code = terminal.end(MEMBERS, *people(2), "{broken\n")
    assert code != 0
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)


def test_a_wrong_setting_ends_in_one_line(commands: Commands) -> None:
    commands.config(max_concurrency=0)
    terminal = Terminal(commands)
    assert terminal.end() == 1
    assert "max_concurrency" in "".join(terminal.lines[-3:])
    assert HIDE_CURSOR not in terminal.shown


def test_a_run_that_never_began_shows_no_table(commands: Commands) -> None:
    commands.config(api_key="wrong")
    terminal = Terminal(commands)
    assert terminal.end() == 1
    assert "Members" not in terminal.shown
    assert "Run failed" in "".join(terminal.lines[-4:])


def test_where_there_is_no_terminal_nothing_is_drawn(commands: Commands) -> None:
    ended = commands.pipe(*snapshot(*people(3)))
    assert "\x1b" not in ended.stderr
    assert "List 'activeusers' of cohort 9zx41kq: 3 added" in ended.stderr
