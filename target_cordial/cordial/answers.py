"""What an HTTP status means and what Cordial's bodies say: the error table, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class Kind(str, Enum):
    """What to make of an answer.

    ``OK``: done. ``RETRY``: try again later. ``STOP``: the key is refused, send nothing more.
    ``NOT_FOUND``: Cordial does not have it. ``REFUSED``: this request is at fault.
    ``TOO_LARGE``: this request has too many parts. ``UNEXPECTED``: not an answer of Cordial's.
    """

    OK = "ok"
    RETRY = "retry"
    STOP = "stop"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    UNEXPECTED = "unexpected"


STATUS_TABLE: Final[Mapping[int, tuple[Kind, str]]] = {
    400: (Kind.REFUSED, "the request is not valid"),
    401: (
        Kind.STOP,
        (
            "the key is not accepted: check api_key, the region (or api_url, endpoint), and that "
            "this machine's address is on the key's IP allow-list"
        ),
    ),
    403: (
        Kind.STOP,
        ("the key may not do this: check the key's permission for this call and its IP allow-list"),
    ),
    404: (Kind.NOT_FOUND, "there is no such thing"),
    406: (Kind.REFUSED, "the request is not valid"),
    408: (Kind.RETRY, "the call took too long"),
    409: (Kind.REFUSED, "the request is in conflict"),
    413: (Kind.TOO_LARGE, "the request is too large"),
    415: (Kind.UNEXPECTED, "the content type is not accepted"),
    422: (Kind.REFUSED, "the request is not valid"),
    425: (Kind.RETRY, "the call came too early"),
    429: (Kind.RETRY, "too many calls"),
}
"""Documented statuses. 429 is not in Cordial's description, but in its article on limits."""

SHARED_NAMES: Final = (
    "List names share one space with contact attributes: if there is an attribute of that name, "
    "give the cohort another list_name in the setting cohorts"
)
"""Documented by Cordial (support article 115005528428); errors about names do not say so."""

_ABSENT: Final = re.compile(r"not[ _]found|does(?:n't| not) exist", re.IGNORECASE)
_OF_LISTS: Final = re.compile(r"\blists?\b|account_lists", re.IGNORECASE)
_PROSE_KEYS: Final = ("message", "messages", "validationErrors", "fieldErrors", "errors", "error")


@dataclass(frozen=True)
class Answer:
    """An answer to a call.

    Attributes:
        status: HTTP status.
        body: The decoded JSON; None where the body is not JSON.
        has_body: Whether there was a body at all.
        in_doubt: An earlier try of the same call may have been carried out: whatever this
            answer says, the change may be there.
    """

    status: int
    body: Any
    has_body: bool
    in_doubt: bool = False

    @property
    def kind(self) -> Kind:
        """What to make of it, by status and body together."""
        kind = kind_of(self.status)
        if kind is Kind.OK:
            if self.has_body and not isinstance(self.body, dict | list):
                return Kind.UNEXPECTED
            return Kind.REFUSED if self.says_error else Kind.OK
        if kind in (Kind.NOT_FOUND, Kind.REFUSED) and not isinstance(self.body, dict):
            return Kind.UNEXPECTED
        if kind is Kind.NOT_FOUND and not self.says_absent:
            return Kind.UNEXPECTED
        return kind

    @property
    def says_error(self) -> bool:
        """Whether a body calls itself an error, under whatever status."""
        return isinstance(self.body, dict) and (
            bool(self.body.get("error")) or self.body.get("success") is False
        )

    @property
    def says_absent(self) -> bool:
        """Whether Cordial itself says that the contact or list does not exist.

        404 in the description and in traffic; 422 "Contact doesn't exist" in the description. A
        404 of a proxy or of a wrong base path has no such body.
        """
        if self.status not in (404, 422) or not isinstance(self.body, dict):
            return False
        if self.body.get("error") is not True:
            return False  # every error of Cordial's but 401 says so; a gateway's does not
        key = self.body.get("errorKey")
        return (isinstance(key, str) and key.upper().endswith("NOT_FOUND")) or bool(
            _ABSENT.search(self.prose)
        )

    def refused_keys(self, keys: Iterable[str]) -> frozenset[str]:
        """Find the keys of a contact write that Cordial refuses because it has no such list.

        Seen in traffic: 422 with ``{"messages": {"validationErrors": {"<key>": ["key <key> is not
        part of the schema for this resource"]}}}``, and no ``errorKey`` that would tell it from
        others. So the words decide: whichever key they name.

        Args:
            keys: The names of the lists that were written.

        Returns:
            Those that are named; all of them where a list is spoken of without its name.
        """
        if self.kind not in (Kind.REFUSED, Kind.NOT_FOUND):
            return frozenset()
        words = f"{self.body.get('errorKey')} {self.prose}"
        if self.says_absent and not _OF_LISTS.search(words):
            return frozenset()  # "record not found" is of the contact, whatever a list is called
        fields = {name for part in _PROSE_KEYS for name in _fields(self.body.get(part))}
        everything = frozenset(keys)
        named = frozenset(key for key in everything if key in fields or _names(words, key))
        return everything if self.says_absent and not named else named

    @property
    def prose(self) -> str:
        """Cordial's own words, out of whichever envelope. May hold an identifier."""
        if not isinstance(self.body, dict):
            return ""
        return "; ".join(text for key in _PROSE_KEYS for text in _texts(self.body.get(key)) if text)


def kind_of(status: int) -> Kind:
    """Look a status up in the table; unlisted ones go by their class."""
    known = STATUS_TABLE.get(status)
    if known is not None:
        return known[0]
    if 200 <= status < 300:  # noqa: PLR2004  the class of success
        return Kind.OK
    return Kind.RETRY if status >= 500 else Kind.UNEXPECTED  # noqa: PLR2004  of server errors


def meaning_of(status: int) -> str:
    """Say in words what a status means; redirects are refused, for they could carry the key."""
    known = STATUS_TABLE.get(status)
    if known is not None:
        return known[1]
    if 300 <= status < 400:  # noqa: PLR2004  the class of redirects
        return "it redirects, and the key goes nowhere else: check api_url or endpoint"
    return "the service is in trouble" if status >= 500 else "this is not an answer of Cordial's"  # noqa: PLR2004  of server errors


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  JSON has any type
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _fields(value: Any) -> Iterator[str]:  # noqa: ANN401  JSON has any type
    """Walk the names of all fields in a body, at any depth."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from _fields(part)


def _names(words: str, key: str) -> bool:
    """Say whether a key stands in a text as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", words) is not None
