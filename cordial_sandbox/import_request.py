"""What a `POST /v2/contactimports` asks for, checked as Cordial's description says.

The texts of required fields, of the transport and of `confirmEmail` are documented; those of
other wrong values follow the same framework's habit and are assumed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cordial_sandbox.account import Account

STRATEGIES = ("insertOnly", "updateOnly")
# The fields each transport needs, by the description of `SourceObject`.
_NEEDED: dict[str, tuple[str, ...]] = {
    "HTTP": ("url",),
    "HTTPS": ("url",),
    "FTP": ("server", "port", "username", "path"),
    "SFTP": ("server", "port", "username", "path"),
    "S3": ("aws_access_key_id", "aws_secret_access_key", "aws_bucket", "aws_region", "path"),
    "GCS": ("buket", "path"),
    "AZUREBLOB": ("account", "container", "path"),
    "SNOWFLAKE": ("account", "database", "schema", "source"),
}
_SWITCHES = ("hasHeader", "suppressTriggers", "subscribe")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CAPITAL = re.compile(r"(?=[A-Z])")


class ConfigurationError(Exception):
    """The configuration of an import is refused; its text is the answer's message."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A checked request for an import.

    Attributes:
        source: Where the file is, as given; its address may be signed and is never shown.
        name: `importName`, None without one.
        has_header: Whether the first row names the columns; Cordial's default is no.
        columns: The columns in the file's order; None leaves them to the header.
        delimiter: One character.
        strategy: `insertOnly`, `updateOnly`, or None for both.
        suppressed: Whether triggers are suppressed; Cordial's default is yes.
        subscribe: The parameter of the help pages; None where it is not given.
        add_to: Lists for every row, by name or id.
        remove_from: Likewise.
        null_marker: The cell that leaves an attribute as it is.
        explicit: Whether `suppressTriggers` and `hasHeader` are given and `subscribe` is false.
    """

    source: dict[str, Any]
    name: str | None
    has_header: bool
    columns: tuple[str, ...] | None
    delimiter: str
    strategy: str | None
    suppressed: bool
    subscribe: bool | None
    add_to: tuple[str, ...]
    remove_from: tuple[str, ...]
    null_marker: str | None
    explicit: bool

    @classmethod
    def parse(cls, body: dict[str, Any], account: Account) -> ImportRequest:
        """Return the import a body asks for.

        Raises:
            ConfigurationError: Something is missing or makes no sense.
        """
        source = _source(body.get("source"))
        switches = {name: _switch(body, name) for name in _SWITCHES}
        columns = body.get("columns")
        if columns is None and switches["hasHeader"] is not True:
            raise ConfigurationError(_required("columns"))
        if columns is not None and not _texts(columns):
            raise ConfigurationError("The columns must be an array.")
        strategy = body.get("strategy")
        if strategy is not None and strategy not in STRATEGIES:
            raise ConfigurationError("The selected strategy is invalid.")
        delimiter = body.get("delimiter", ",")
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"':
            raise ConfigurationError("The delimiter must be 1 character.")
        confirm = body.get("confirmEmail")
        if confirm is not None and not (isinstance(confirm, str) and _EMAIL.fullmatch(confirm)):
            raise ConfigurationError("The confirm email must be a valid email address.")
        lists = body.get("lists", {})
        if not isinstance(lists, dict):
            raise ConfigurationError("The lists must be an array.")
        return cls(
            source=source,
            name=_text(body, "importName"),
            has_header=switches["hasHeader"] is True,
            columns=None if columns is None else tuple(columns),
            delimiter=delimiter,
            strategy=strategy,
            suppressed=switches["suppressTriggers"] is not False,
            subscribe=switches["subscribe"],
            add_to=_lists(lists, "addTo", account),
            remove_from=_lists(lists, "removeFrom", account),
            null_marker=_text(body, "nullMarker"),
            explicit={"suppressTriggers", "hasHeader"} <= body.keys()
            and body.get("subscribe") is False,
        )


def _source(source: object) -> dict[str, Any]:
    given = source if isinstance(source, dict) else {}
    transport = given.get("transport")
    if not transport:
        raise ConfigurationError(_required("source.transport"))
    if not isinstance(transport, str) or transport.upper() not in _NEEDED:
        raise ConfigurationError("The selected source.transport is invalid.")
    for name in _NEEDED[transport.upper()]:
        if not given.get(name):
            raise ConfigurationError(_required(f"source.{name}"))
        if not isinstance(given[name], int if name == "port" else str):
            raise ConfigurationError(f"The selected source.{name.replace('_', ' ')} is invalid.")
    if transport.upper() in ("FTP", "SFTP") and not (
        given.get("password") or given.get("savedKey")
    ):
        raise ConfigurationError("Parameter password is not set")
    return dict(given, transport=transport.upper())


def _switch(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise ConfigurationError(f"The {_spoken(name)} field must be true or false.")
    return value


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"The {_spoken(name)} must be a string.")
    return value


def _lists(lists: dict[str, Any], name: str, account: Account) -> tuple[str, ...]:
    """Return the lists for every row; what Cordial does with an unknown one is assumed."""
    given = lists.get(name, [])
    if not _texts(given):
        raise ConfigurationError(f"The lists.{name} must be an array.")
    if any(account.list_of(entry) is None for entry in given):
        raise ConfigurationError(f"The selected lists.{name} is invalid.")
    return tuple(given)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _required(name: str) -> str:
    return f"The {name.replace('_', ' ')} field is required."


def _spoken(name: str) -> str:
    """Return a name as the documented texts speak of it: `confirmEmail` is "confirm email"."""
    return _CAPITAL.sub(" ", name).lower()
