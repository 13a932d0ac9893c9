"""What was received: one record per call, and whose credentials it carried."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cordial_sandbox.import_source import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

CORDIAL_KEY = "sandbox-key"
AMPLITUDE_KEY = "sandbox-key"
AMPLITUDE_SECRET = "sandbox-secret"  # noqa: S105 - printed in the docs; it opens nothing but this stand-in

IMPORTS = "/v2/contactimports"
_CONTACTS = "/v2/contacts"


@dataclass(slots=True)
class Call:
    """One received call.

    Attributes:
        api: `cordial`, `lists` or `amplitude`.
        method: The HTTP method.
        path: The path, percent-encoded as received.
        query: The query, percent-encoded as received.
        content: The body as received, but for secrets (see `recordable`). It is kept as bytes and
            parsed when asked for, because a load test leaves hundreds of thousands of them behind.
        authorized_as: The key that was accepted; None without valid credentials.
        write: Whether the call changes anything in Cordial.
        status: The status of the answer; None when the connection was closed without one.
    """

    api: str
    method: str
    path: str
    query: str
    content: bytes
    authorized_as: str | None
    write: bool
    status: int | None = None

    def json(self) -> Any:  # noqa: ANN401 - a body is whatever the client sent
        """Return the parsed body; None when it is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    def as_dict(self) -> dict[str, Any]:
        """Return the record as the control API shows it."""
        return {
            "api": self.api,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "body": self.json(),
            "write": self.write,
            "authorized_as": self.authorized_as,
        }

    @property
    def is_cohort_file(self) -> bool:
        """Whether it asks for the file of a cohort, at Amplitude or at its storage."""
        return self.path.startswith("/_s3/") or (
            self.api == "amplitude" and self.path.endswith("/file")
        )

    def is_import(self, name_contains: str, strategy: str | None) -> bool:
        """Return whether it asks for an import of such a name and strategy.

        Args:
            name_contains: A part of its `importName`.
            strategy: `insertOnly`, `updateOnly`, `upsert` for none, or None for any.
        """
        body = self.json()
        if self.method != "POST" or self.path != IMPORTS or not isinstance(body, dict):
            return False
        return name_contains in str(body.get("importName", "")) and (
            strategy is None or strategy == body.get("strategy", "upsert")
        )

    def concerns_contact(self, identifier: str) -> bool:
        """Return whether it writes the contact of that identifier, compared in lower case."""
        wanted = identifier.lower()
        body = self.json()
        if self.api == "lists":
            ids = body.get("userIds") if isinstance(body, dict) else None
            return isinstance(ids, list) and wanted in (str(item).lower() for item in ids)
        if self.method == "PUT" and self.path.startswith(_CONTACTS + "/"):
            key = unquote(self.path[len(_CONTACTS) + 1 :]).lower()
            return key == wanted or key.endswith(":" + wanted)
        if self.method == "POST" and self.path == _CONTACTS and isinstance(body, dict):
            channels = body.get("channels")
            addresses = [
                entry.get("address")
                for entry in (channels.values() if isinstance(channels, dict) else ())
                if isinstance(entry, dict)
            ]
            values = [*addresses, *body.values()]
            return wanted in (value.lower() for value in values if isinstance(value, str))
        return False


def recordable(path: str, content: bytes) -> bytes:
    """Return a body fit to be recorded: the source of an import holds a signed address or keys."""
    if not unquote(path).startswith(IMPORTS):
        return content
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(body, dict):
        return b""
    source = body.get("source")
    shown = redacted(source) if isinstance(source, dict) else None
    return json.dumps({**body, "source": shown} if "source" in body else body).encode()


def api_of(path: str) -> str:
    """Return which of the three APIs a path belongs to."""
    if path == "/v2" or path.startswith("/v2/"):
        return "cordial"
    if path.startswith(("/api/", "/_s3/")):
        return "amplitude"
    return "lists"


def writes(api: str, method: str, path: str) -> bool:
    """Return whether a call changes something in Cordial, as far as its address tells.

    A `POST /lists` only looks up, unless it makes the list; its route says so then.
    """
    if api == "cordial":
        return method in ("POST", "PUT", "DELETE")
    return api == "lists" and method == "POST" and path.endswith(("/add", "/remove"))


def _basic(header: str | None) -> tuple[str, str] | None:
    """Return user name and password of a Basic header, None when it is anything else."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    # Without the colon it is not Basic authentication; Cordial's own pages insist on it.
    return (user, password) if colon else None


def authorized(api: str, headers: Mapping[str, str], key: str = CORDIAL_KEY) -> str | None:
    """Return the key a call is authorized with, None when its credentials do not pass.

    Cordial REST takes Basic with the key as user name and no password; Amplitude takes Basic with
    key and secret; the list protocol takes Basic as Cordial does, the key as `x-api-key`, or both,
    and every one that is given has to be right.

    Args:
        api: What `api_of` said.
        headers: The headers, looked up without regard to letter case.
        key: The key Cordial's side accepts.
    """
    basic = _basic(headers.get("authorization"))
    if api == "amplitude":
        return AMPLITUDE_KEY if basic == (AMPLITUDE_KEY, AMPLITUDE_SECRET) else None
    by_basic = basic == (key, "")
    if api == "cordial":
        return key if by_basic else None
    given = [by_basic] if "authorization" in headers else []
    if "x-api-key" in headers:
        given.append(headers["x-api-key"] == key)
    return key if given and all(given) else None
