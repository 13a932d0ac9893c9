"""The sandbox's application without sockets."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOOP = asyncio.new_event_loop()
"""One for all calls: making one takes longer than most calls do."""


class AppAdapter(BaseAdapter):
    """Hands requests to an application in this process.

    Args:
        app: The application.
        step: Told of the path before a call is carried out, and after: it may end the world.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], step: Callable[[str], None]) -> None:
        super().__init__()
        self._app = app
        self._step = step
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]  # none of its options means anything here
        """Answer one request as the server would."""
        parts = urlsplit(request.url or "")
        body = request.body or b""
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 1),
            "client": ("127.0.0.1", 2),
            "headers": [
                (b"host", b"127.0.0.1:1"),
                *((k.lower().encode(), str(v).encode()) for k, v in request.headers.items()),
            ],
            "state": {"transport": self},
        }
        received = iter([{"type": "http.request", "body": body, "more_body": False}])
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(received, {"type": "http.disconnect"})

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        with self._lock:
            self._step(parts.path)
            LOOP.run_until_complete(self._app(scope, receive, send))
            self._step(parts.path)
        if not sent:
            raise requests.ConnectionError
        response = requests.Response()
        response.status_code = sent[0]["status"]
        for name, value in sent[0]["headers"]:
            response.headers[name.decode()] = value.decode()
        response._content = b"".join(message.get("body", b"") for message in sent[1:])  # noqa: SLF001  how an adapter fills it
        response.request = request
        return response

    def abort(self) -> None:
        """What a fault does to the connection; nothing was sent, and that says it all."""

    def close(self) -> None:
        """There is nothing to close."""
