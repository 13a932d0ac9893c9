from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cordial_sandbox.server import Running, serving
from tap_amplitude.clock import Clock
from tap_amplitude.settings import Settings
from tests import forked


class FakeClock(Clock):
    """A clock that moves only when something waits."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds

    def jitter(self) -> float:
        return 1.0


@dataclass(frozen=True)
class Outcome:
    """What a run of the command printed and returned."""

    code: int
    messages: list[dict[str, Any]]
    log: str

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [m["record"] for m in self.messages if m.get("stream") == stream and "record" in m]

    @property
    def state(self) -> dict[str, Any]:
        last: dict[str, Any] = [m["value"] for m in self.messages if m["type"] == "STATE"][-1]
        return last

    @property
    def last_line(self) -> str:
        return self.log.splitlines()[-1]


TapCommand = Callable[..., Outcome]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings() -> Settings:
    return Settings(api_key="the-key", secret_key="the-secret", base_url="https://api.example")


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Running]:
    with serving() as running:
        yield running


@pytest.fixture
def sandbox(sandbox_process: Running) -> Running:
    sandbox_process.control.reset(day=1)
    sandbox_process.control.configure(polls=0)
    return sandbox_process


@pytest.fixture
def tap(sandbox: Running, tmp_path: Path) -> TapCommand:
    """The real command against the sandbox."""

    def run(
        *arguments: str,
        state: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        **config: Any,
    ) -> Outcome:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(sandbox_config(sandbox.url) | config))
        command = ["tap-amplitude", "--config", str(path), *arguments]
        if state is not None:
            (tmp_path / "state.json").write_text(json.dumps(state))
            command += ["--state", str(tmp_path / "state.json")]
        done = forked.run(
            command,
            cwd=tmp_path,
            env=clean_environment() | (environment or {}),
        )
        messages = [json.loads(line) for line in done.stdout.splitlines() if line[:2] == '{"']
        return Outcome(done.returncode, messages, done.stderr)

    return run


def sandbox_config(url: str) -> dict[str, Any]:
    return {
        "api_key": "sandbox-key",
        "secret_key": "sandbox-secret",
        "api_url": url,
        "poll_interval_seconds": 1,
    }


def clean_environment() -> dict[str, str]:
    """The environment with this checkout importable and no settings of the tap in it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAP_AMPLITUDE_")}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[2])}
