"""A sandbox whose answers can be broken on the wire, and whose every membership change is watched.

The sandbox is the one that listens elsewhere. Here it stands behind a gate of its own, which can
answer in its place with bytes that no application would send, before or after it has carried out a
call, and can do something to the account in the middle of a run.
"""

from __future__ import annotations

import contextlib
import copy
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import uvicorn

from cordial_sandbox.account import Account
from cordial_sandbox.app import make_app
from cordial_sandbox.server import Protocol, listen, url_of
from cordial_sandbox.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Message, Receive, Scope, Send

    from cordial_sandbox.account import Contact, ContactList


@dataclass(frozen=True)
class Reply:
    """What the application has answered.

    Attributes:
        status: HTTP status.
        body: The body.
    """

    status: int
    body: bytes


NOTHING = Reply(0, b"")
"""The application was not asked."""

HANG = b"hang"
"""In the place of bytes: nothing is sent, until the client gives up."""


@dataclass
class Wire:
    """Something that is wrong with some calls.

    Attributes:
        concerns: Whether it is about a call, by method and path.
        send: Makes the bytes that are sent; none close the connection, None lets the answer be.
        applied: The call is carried out all the same.
        skip: How many calls it lets pass first.
        times: How many calls it hits then; None for all.
        meanwhile: What happens to the account before the call is carried out.
        lasts: Whether it is still so; asked of every call.
    """

    concerns: Callable[[str, str], bool]
    send: Callable[[Reply], bytes | None] = lambda _: None
    applied: bool = False
    skip: int = 0
    times: int | None = None
    meanwhile: Callable[[], None] = lambda: None
    lasts: Callable[[], bool] = lambda: True

    def hits(self, method: str, path: str) -> bool:
        """Say whether it hits a call, and count the call if so."""
        if self.times == 0 or not self.lasts() or not self.concerns(method, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Watch:
    """What may not happen to a list at any time.

    Attributes:
        allowed: Who may come onto each list.
        kept: Who may not be taken off.
        wrong: What happened all the same.
    """

    allowed: dict[str, set[str]] = field(default_factory=dict)
    kept: dict[str, set[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def put(self, listed: str, address: str) -> None:
        if address not in self.allowed.get(listed, ()):
            self.wrong.append(f"put on {listed}: {address}")

    def taken(self, listed: str, address: str) -> None:
        if address in self.kept.get(listed, ()):
            self.wrong.append(f"taken off {listed}: {address}")


class Service:
    """The sandbox behind the gate.

    Attributes:
        state: The sandbox's state.
        wires: What is wrong at the moment; the first one that hits a call counts.
        watch: What may not happen to lists.
        url: Its base address.
    """

    def __init__(self, api_key: str) -> None:
        self.state = State(1, api_key)
        self.wires: list[Wire] = []
        self.watch = Watch()
        self.url = ""
        self._app = make_app(self.state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        path = scope["raw_path"].decode("ascii")
        wire = next((one for one in self.wires if one.hits(scope["method"], path)), None)
        if wire is None:
            await self._app(scope, receive, send)
            return
        wire.meanwhile()
        reply = NOTHING
        messages: list[Message] = []
        if wire.applied or wire.send(NOTHING) is None:

            async def keep(message: Message) -> None:
                messages.append(message)

            await self._app(scope, receive, keep)
            body = b"".join(message.get("body", b"") for message in messages[1:])
            reply = Reply(messages[0]["status"], body) if messages else NOTHING
        raw = wire.send(reply)
        if raw is None:
            for message in messages:
                await send(message)
            return
        transport = scope["state"]["transport"]
        if raw and raw != HANG:
            transport.write(raw)
        if raw != HANG:
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass

    # -- the account ------------------------------------------------------------------------------

    def lists(self) -> dict[str, set[str]]:
        """Read who is on each list."""
        account = self.state.account
        return {
            one.name: {account.contacts[cid].identifier for cid in one.members}
            for one in account.lists.values()
        }

    def put(self, name: str, address: str) -> None:
        """Let somebody put a contact on a list in Cordial."""
        account = self.state.account
        listed = account.list_named(name)
        assert listed is not None
        ORIGINAL_PUT(account, account.contact_by_identifier("email", address), listed)

    def named(self, name: str) -> ContactList:
        """Return a list that is there."""
        listed = self.state.account.list_named(name)
        assert listed is not None
        return listed

    def writes(self) -> list[str]:
        """Tell which calls would change something, since the last time."""
        found = [f"{call.method} {call.path}" for call in self.state.calls if call.write]
        self.state.calls.clear()
        return found

    def kept(self) -> Account:
        """Copy the account as it is."""
        return copy.deepcopy(self.state.account)

    def reset(self, account: Account | None = None) -> None:
        """Put everything back, to an account that was kept."""
        self.wires.clear()
        self.watch = Watch()
        self.state.reset(1)
        if account is not None:
            self.state.account = copy.deepcopy(account)


ORIGINAL_PUT = Account.put_on_list
ORIGINAL_TAKE = Account.take_off_list


@contextlib.contextmanager
def serving_broken(api_key: str) -> Iterator[Service]:
    """Run a service in a thread for as long as the block lasts."""
    service = Service(api_key)

    def put(account: Account, contact: Contact, listed: ContactList) -> bool:
        if account is service.state.account:
            service.watch.put(listed.name, contact.identifier)
        return ORIGINAL_PUT(account, contact, listed)

    def take(account: Account, contact: Contact, listed: ContactList) -> bool:
        if account is service.state.account:
            service.watch.taken(listed.name, contact.identifier)
        return ORIGINAL_TAKE(account, contact, listed)

    config = uvicorn.Config(
        service,
        http=Protocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with (
        listen() as bound,
        mock.patch.object(Account, "put_on_list", put),
        mock.patch.object(Account, "take_off_list", take),
    ):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.005)
        service.url = url_of(bound)
        try:
            yield service
        finally:
            server.should_exit = True
            thread.join()


# -- bytes --------------------------------------------------------------------------------------


def http(
    status: int, body: bytes | str | Any = b"", *headers: str, length: int | None = None
) -> bytes:
    """Write an answer as it goes over the wire.

    Args:
        status: HTTP status.
        body: Bytes, a page, or what is sent as JSON.
        headers: Further headers.
        length: The length that is claimed.
    """
    kind = "application/json"
    if isinstance(body, str):
        kind = "text/html"
        body = body.encode()
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} Said",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body
