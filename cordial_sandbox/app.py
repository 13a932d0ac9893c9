"""The application: one gate that every call passes, and the routes behind it."""

from __future__ import annotations

import json
import re
from asyncio import sleep
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from cordial_sandbox import (
    amplitude,
    cordial,
    cordial_contacts,
    cordial_imports,
    cordial_jobs,
    cordial_lists,
    errors,
    list_protocol,
)
from cordial_sandbox.calls import Call, api_of, authorized, recordable, writes
from cordial_sandbox.control_routes import ControlApi
from cordial_sandbox.faults import AFTER, Fault

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cordial_sandbox.state import State

CONTROL = "/_sandbox"
_LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.ASCII | re.IGNORECASE)
_LATENCY = frozenset({"latency"})
_INSTEAD = frozenset({"status", "rate_limit", "drop_before", "reject_contact", "html"})
_MAINTENANCE = "<html><body><h1>We will be right back</h1></body></html>"


def make_app(state: State) -> ASGIApp:
    """Return the ASGI application that answers out of a state."""
    routes = [  # the busiest first: they are tried in order
        *cordial_contacts.ContactRoutes(state).routes,
        *cordial_lists.ListRoutes(state).routes,
        *cordial.AttributeRoutes(state).routes,
        *cordial_imports.ImportRoutes(state).routes,
        *cordial_jobs.JobRoutes(state).routes,
        *amplitude.AmplitudeApi(state).routes,
        *list_protocol.ListProtocol(state).routes,
        *ControlApi(state, CONTROL).routes,
    ]
    inner = Starlette(routes=routes, exception_handlers={HTTPException: _http_error})
    return Gate(state, inner)


async def _http_error(_request: Request, exception: Exception) -> Response:
    """Answer a path or method nobody serves, in Cordial's shape."""
    if not isinstance(exception, HTTPException):
        raise exception
    status = exception.status_code
    key = errors.NOT_FOUND if status == HTTPStatus.NOT_FOUND else errors.GENERIC
    content = errors.body(str(exception.detail), key)
    return JSONResponse(content, status_code=status, headers=exception.headers)


class Gate:
    """Checks the host, records the call, checks the credentials and lets faults happen.

    It is written on the ASGI level because a fault may need the connection itself: the server's
    protocol leaves the transport in the scope's state (see `server.py`).
    """

    def __init__(self, state: State, inner: ASGIApp) -> None:
        self._state = state
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        headers = Headers(scope=scope)
        if not _LOOPBACK_HOST.fullmatch(headers.get("host", "")):
            # A page in somebody's browser must not reach this server under a name of its own.
            refusal = PlainTextResponse("this server answers loopback only", status_code=421)
            await refusal(scope, receive, send)
            return
        path = scope["raw_path"].decode("ascii")
        content = await _read(receive)
        api = api_of(path)
        call = Call(
            api=api,
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("ascii", "replace"),
            content=recordable(path, content),
            authorized_as=authorized(api, headers, self._state.api_key),
            write=writes(api, scope["method"], path),
        )
        scope["state"]["call"] = call
        scope["state"]["received"] = content
        if path.startswith(CONTROL):
            await self._inner(scope, receive, send)
            return
        self._state.calls.append(call)
        await self._answer(call, scope, receive, send)

    async def _answer(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        slow = self._state.fault_for(call, _LATENCY)
        if slow is not None:
            await sleep(slow.details["seconds"])
        fault = self._state.fault_for(call, _INSTEAD)
        if fault is not None and fault.kind == "drop_before":
            await _drop(scope, receive)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        app = self._inner if fault is None else _instead(fault, call)
        if fault is None and call.authorized_as is None and not call.path.startswith("/_s3/"):
            app = _denial(call)
        await app(scope, receive, keep)
        status = messages[0]["status"]
        after = self._state.fault_for(call, AFTER, status)
        if after is not None and after.kind == "drop_after":
            await _drop(scope, receive)
            return
        call.status = status
        if after is not None:
            messages = _halved(messages)
        for message in messages:
            await send(message)


async def _read(receive: Receive) -> bytes:
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer, and wait until the server has noticed."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _denial(call: Call) -> Response:
    return amplitude.denied() if call.api == "amplitude" else errors.denied()


def _instead(fault: Fault, call: Call) -> Response:
    """Return what a fault answers in place of the route."""
    details = fault.details
    if fault.kind == "html":
        return HTMLResponse(details.get("body", _MAINTENANCE))
    if fault.kind == "rate_limit":
        content: Any = errors.body("Too Many Requests", "TOO_MANY_REQUESTS")
        if call.api == "amplitude":
            return amplitude.error(429, "Too Many Requests")
        return JSONResponse(content, status_code=429, headers=fault.limit_headers())
    if fault.kind == "reject_contact":
        return errors.refused(details.get("message", "Address not exists"))
    body = details.get("body")
    text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
    kind = "text/html" if text.startswith("<") else "application/json" if text else None
    return Response(
        text, status_code=details["status"], headers=details.get("headers"), media_type=kind
    )


def _halved(messages: list[Message]) -> list[Message]:
    """Return an answer with the second half of its body missing, its length header to match."""
    body = b"".join(message.get("body", b"") for message in messages[1:])
    half = body[: len(body) // 2]
    start = dict(messages[0])
    start["headers"] = [
        (name, str(len(half)).encode() if name == b"content-length" else value)
        for name, value in start["headers"]
    ]
    return [start, {"type": "http.response.body", "body": half}]
