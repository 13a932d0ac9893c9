"""The commands as cells run them: with marked secrets, and nobody waits."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cordial_sandbox.control import Control
from cordial_sandbox.server import Running
from target_cordial.cordial.transport import Transport
from target_cordial.errors import InterruptedRunError
from tests.faults.privacy import API_KEY
from tests.target_cordial.command.conftest import BIN, Commands

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from target_cordial.cordial.exchange import Reply
    from tests.faults.service import Wire
    from tests.ledgers import LedgerPlace
    from tests.staging import StagingStore

PATIENCE_SECONDS = 0.05
"""How long a scene waits for an answer that never comes, instead of a minute."""


class Clock:
    """A clock on which nobody waits; who waits puts it forward for all."""

    now_seconds = 0.0

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def now(self) -> float:
        return Clock.now_seconds

    def wait(self, seconds: float) -> None:
        until = Clock.now_seconds + seconds
        if self._stop.is_set():
            raise InterruptedRunError
        Clock.now_seconds = max(Clock.now_seconds, until)


class HastyTransport(Transport):
    """The transport, with less patience for calls that a fault is about."""

    wires: tuple[Wire, ...] = ()

    def send(
        self, method: str, path: str, body: bytes | None, timeout: tuple[float, float]
    ) -> Reply:
        whole = urlsplit(f"{self.base_url}{path}").path
        if any(wire.concerns(method, whole) for wire in self.wires):
            timeout = (PATIENCE_SECONDS, PATIENCE_SECONDS)
        return super().send(method, path, body, timeout)


class FaultCommands(Commands):
    """The commands, with marked secrets.

    Attributes:
        under: The command that the real command is started by, with its options.
    """

    under: tuple[str, ...] = ()

    def __init__(
        self, url: str, folder: Path, delivery: str, store: StagingStore | None, place: LedgerPlace
    ) -> None:
        super().__init__(Running(url, Control(url), API_KEY), folder, delivery, store, place)
        self.settings |= {"api_key": API_KEY, "delivery": delivery, "max_concurrency": 2}

    def start(self, *, level: str = "INFO", **settings: Any) -> subprocess.Popen[str]:
        """Start the real command; its input is a pipe."""
        return subprocess.Popen(
            [*self.under, BIN / "target-cordial", "--config", self.config(**settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "LOGLEVEL": level},
            cwd=self.folder,
        )
