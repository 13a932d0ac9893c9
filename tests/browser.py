"""A real browser, Debian's Chromium, spoken to over a pipe (the DevTools protocol)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")

TIMEOUT = 60

_START = 'exec "$@" 3<&"$IN" 4>&"$OUT"'
"""Chromium reads commands from descriptor 3 and answers on 4. It takes bash to name one over 9."""

_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-pipe",
)


class Page:
    """One page of the browser.

    Attributes:
        requested: The addresses that were asked for.
    """

    def __init__(self, ask: int, answers: int) -> None:
        self._ask = os.fdopen(ask, "wb", buffering=0)
        self._answers = os.fdopen(answers, "rb", buffering=0)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.requested: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, file: Path, *, width: int, dark: bool, media: str = "screen") -> None:
        """Open a file in a window of some width, and wait until it is there."""
        self.requested.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.call("Page.navigate", url=file.as_uri())
        self._wait_for("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """Compute something in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"][
            "value"
        ]

    def screenshot(self) -> bytes:
        """Take a picture of the whole page: PNG."""
        return base64.b64decode(
            self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        )

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Give one command, and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        self._ask.write(json.dumps(message).encode() + b"\0")
        while (said := self._next()).get("id") != self._number:
            pass
        assert "error" not in said, said["error"]
        result: dict[str, Any] = said["result"]
        return result

    def _wait_for(self, event: str) -> None:
        while self._next().get("method") != event:
            pass

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = self._answers.read(65_536)
            assert chunk, "the browser has gone"
            self._rest += chunk
        line, self._rest = self._rest.split(b"\0", 1)
        said: dict[str, Any] = json.loads(line)
        if said.get("method") == "Network.requestWillBeSent":
            self.requested.append(said["params"]["request"]["url"])
        return said

    def close(self) -> None:
        self._ask.close()
        self._answers.close()


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start the browser, with a profile of its own, and end it."""
    assert CHROMIUM is not None
    its_in, ask = os.pipe()
    answers, its_out = os.pipe()
    process = subprocess.Popen(
        ["bash", "-c", _START, "bash", CHROMIUM, *_SWITCHES, f"--user-data-dir={profile}"],
        env={**os.environ, "IN": str(its_in), "OUT": str(its_out)},
        pass_fds=(its_in, its_out),
        stderr=subprocess.DEVNULL,
    )
    os.close(its_in)
    os.close(its_out)
    page = Page(ask, answers)
    try:
        yield page
    finally:
        page.close()
        process.terminate()
        process.wait(TIMEOUT)
