"""Real processes of the target, which tests kill and signal from outside.

Most are forked from a :class:`Nursery`; some are the console script itself, started as a shell
would.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from tests.target_cordial.command.conftest import BIN, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.target_cordial.command.conftest import Commands

PATIENCE_SECONDS: Final = 60
"""How long anything is waited for: what never comes is a failure, not a hang."""

TICK_SECONDS: Final = 0.005

Files = tuple[int, int, int]
"""Input, output and errors."""


class Child(Protocol):
    """A process, as far as its end is concerned.

    Attributes:
        pid: Its id.
    """

    pid: int

    def poll(self) -> int | None:
        """Tell its exit code, negative for a signal; None while it runs."""


class Starter(Protocol):
    """Starts processes."""

    def __call__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, files: Files
    ) -> Child:
        """Start the target."""


class Forked:
    """A process of the nursery's. See :class:`Child`."""

    def __init__(self, line: IO[str]) -> None:
        self._line = line
        self._fd = line.fileno()
        self.pid = int(line.readline())
        self._code: int | None = None
        os.set_blocking(self._fd, False)

    def poll(self) -> int | None:
        if self._code is None:
            said = self._line.readline()
            if said:
                self._code = int(said)
                self._line.close()
        return self._code


class Nursery:
    """A process that has imported the target and forks others. See ``tests.faults.nursery``."""

    def __init__(self) -> None:
        self._asking, its_own = socket.socketpair()
        with its_own:
            command = [sys.executable, "-m", "tests.faults.nursery"]
            self._process = subprocess.Popen(command, stdin=its_own.fileno())

    def __call__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, files: Files
    ) -> Child:
        request = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
        }
        ours, theirs = socket.socketpair()
        with ours, theirs:
            said = f"{json.dumps(request)}\n".encode()
            socket.send_fds(self._asking, [said], [*files, theirs.fileno()])
            return Forked(os.fdopen(os.dup(ours.fileno()), encoding="utf-8"))

    def close(self) -> None:
        """End it; what it has forked goes on."""
        self._asking.close()
        self._process.wait(PATIENCE_SECONDS)


def script(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, files: Files
) -> Child:
    """Start the console script itself."""
    stdin, stdout, stderr = files
    return subprocess.Popen(
        [BIN / "target-cordial", *arguments[1:]],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        cwd=folder,
    )


class Process:
    """A run of the target, in a process of its own.

    Args:
        start: Starts it.
        commands: Its settings.
        number: Tells its files from those of others.
        stdout: Where its output goes, if not into a file.
        settings: Settings of this run alone.
    """

    def __init__(
        self,
        start: Starter,
        commands: Commands,
        number: int,
        *,
        stdout: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._commands = commands
        commands.report_path.unlink(missing_ok=True)
        config = commands.config(**(settings or {}))
        own = config.rename(config.with_name(f"config{number}.json"))
        self._said = commands.folder / f"stderr{number}"
        self._told = commands.folder / f"stdout{number}"
        reading, self._input = os.pipe()
        with self._said.open("wb") as stderr, self._told.open("wb") as output:
            self._child = start(
                ["target-cordial", "--config", str(own)],
                {**os.environ, "LOGLEVEL": "DEBUG"},
                commands.folder,
                (reading, output.fileno() if stdout is None else stdout, stderr.fileno()),
            )
        os.close(reading)
        self._open = True

    # -- its input --------------------------------------------------------------------------------

    def feed(self, text: str | bytes) -> None:
        """Write input; whoever has died reads none of it."""
        left = memoryview(text.encode() if isinstance(text, str) else text)
        with contextlib.suppress(BrokenPipeError):
            while left:
                left = left[os.write(self._input, left) :]

    def close_input(self) -> None:
        """End its input."""
        if self._open:
            self._open = False
            os.close(self._input)

    def drained(self) -> None:
        """Wait until it has taken all input that was written."""
        self.until(lambda: unread(self._input) == 0)

    # -- its end ----------------------------------------------------------------------------------

    @property
    def dead(self) -> bool:
        """Whether it has ended."""
        return self._child.poll() is not None

    def until(self, happens: Callable[[], bool]) -> None:
        """Wait for something that it does."""
        for _ in _ticks():
            if happens():
                return
            assert not self.dead, f"It ended before: {self.stderr[-2000:]}"
        raise AssertionError("It never came there.")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if not self.dead:
            with contextlib.suppress(ProcessLookupError):  # it was just ending
                os.kill(self._child.pid, number)

    def kill(self) -> None:
        """Kill it with -9, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> Ended:
        """Wait for its end."""
        for _ in _ticks(seconds):
            code = self._child.poll()
            if code is not None:
                self.close_input()
                return Ended(code, self.stdout, self.stderr, self._commands.report())
        raise AssertionError(f"It was still there after {seconds} s: {self.stderr[-2000:]}")

    @property
    def stderr(self) -> str:
        """What it has logged so far."""
        return self._said.read_text(encoding="utf-8")

    @property
    def stdout(self) -> str:
        """Its whole lines of output so far: a tap's STATE counts when its line has ended."""
        return whole_lines(self._told.read_text(encoding="utf-8"))


def whole_lines(text: str) -> str:
    """Cut off what is no whole line."""
    return text[: text.rfind("\n") + 1]


def unread(pipe: int) -> int:
    """Tell how many bytes wait in a pipe."""
    answer = fcntl.ioctl(pipe, termios.FIONREAD, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])


def _ticks(seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(TICK_SECONDS)
