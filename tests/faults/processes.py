"""Real processes of the target, which tests kill and signal from outside.

Most are forked from one that has done the imports, see ``tests.forked``; some are the console
script itself, started as a shell would.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Any, Final

from tests.forked import Popen
from tests.target_cordial.command.conftest import BIN, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.target_cordial.command.conftest import Commands

PATIENCE_SECONDS: Final = 60
"""How long anything is waited for: what never comes is a failure, not a hang."""

TICK_SECONDS: Final = 0.005

LOOKS: Final = 8
"""At a process that does nothing; one that works is not found asleep so often in a row."""


class Process:
    """A run of the target, in a process of its own.

    Args:
        commands: Its settings.
        number: Tells its files from those of others.
        script: Whether it is the console script itself.
        stdout: Where its output goes, if not into a file.
        settings: Settings of this run alone.
    """

    def __init__(
        self,
        commands: Commands,
        number: int,
        *,
        script: bool = False,
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
        start: type[subprocess.Popen[str]] = subprocess.Popen if script else Popen
        with self._said.open("wb") as stderr, self._told.open("wb") as output:
            self._child = start(
                [str(BIN / "target-cordial"), "--config", str(own)],
                stdin=reading,
                stdout=output if stdout is None else stdout,
                stderr=stderr,
                env={**os.environ, "LOGLEVEL": "DEBUG"},
                cwd=commands.folder,
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

    def asleep(self) -> None:
        """Wait until it does nothing but wait, in whatever it is."""
        seen: list[str] = []

        def sleeps() -> bool:
            # as BSD and Linux both say it
            command = ["ps", "-o", "stat=", "-p", str(self._child.pid)]
            seen.append(subprocess.run(command, capture_output=True, check=False).stdout.decode())
            return len(seen) > LOOKS and all(one.startswith("S") for one in seen[-LOOKS:])

        self.until(sleeps)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if not self.dead:
            self._child.send_signal(number)

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
