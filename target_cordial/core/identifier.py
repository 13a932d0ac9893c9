"""The contact identifier: from an Amplitude user property to a Cordial key's value.

Rules (contract 2.2): the value is trimmed, placeholders count as absent, e-mail addresses are
compared and sent in lower case, a list counts when it holds exactly one usable value.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from email_validator import EmailNotValidError, validate_email

from target_cordial.core.fields import Record, candidates, opened

if TYPE_CHECKING:
    from collections.abc import Iterable

UNRESOLVED_MAPPING: Final = "unresolved_mapping"
INVALID_IDENTIFIER: Final = "invalid_identifier"
AMBIGUOUS_IDENTIFIER: Final = "ambiguous_identifier"
IDENTIFIER_LOST: Final = "identifier_lost"

EMAIL_KEYS: Final = frozenset({"email", "channels.email.address"})
"""Two names of one Cordial key (contract section 3)."""

PLACEHOLDERS: Final = frozenset({"", "none", "null", "undefined", "(none)"})
"""Values that apps send when they have none (Amplitude documents the first ones as a trap)."""

_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_PADDING: Final = re.compile(rf"^[\s{_INVISIBLE}]+|[\s{_INVISIBLE}]+$")
_PLAIN_NAME: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,30})?"
)
_PLAIN_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\.){1,4}[a-z]{2,24}")
"""Names and domains of addresses that need no closer look. Whatever does not match goes to
email-validator, which knows the whole syntax but takes fifty times as long."""


@dataclass(frozen=True)
class Mapping:
    """Where the identifier comes from and which Cordial key it is.

    Attributes:
        name: The Cordial key (``contact_identifier_name``).
        properties: Amplitude properties in order of preference.
    """

    name: str
    properties: tuple[str, ...]

    @property
    def is_email(self) -> bool:
        """Whether values are e-mail addresses."""
        return self.name in EMAIL_KEYS


@dataclass(frozen=True)
class Resolved:
    """What a record says of a user's identifier: a value, or the reason why there is none."""

    identifier: str | None
    reason: str | None = None


def resolve(record: Record, mapping: Mapping) -> Resolved:
    """Find a user's contact identifier in a record.

    Args:
        record: A member row, or an element of ``users[]``.
        mapping: The properties to look at, and the key they stand for.

    Returns:
        The cleaned identifier, or the reason for having none: the gravest that was met, since
        an ambiguous value says more of what to mend than a missing one.
    """
    reasons: set[str | None] = set()
    for name in mapping.properties:
        for values in candidates(record, name):
            resolved = _one_of(values, mapping)
            if resolved.identifier is not None:
                return resolved
            reasons.add(resolved.reason)
    return Resolved(None, _gravest(reasons))


def clean(value: object, mapping: Mapping) -> Resolved:
    """Bring one value into the form in which it is compared and sent.

    Args:
        value: A scalar or a list, as it stands in the record.
        mapping: Tells whether the value is an e-mail address.

    Returns:
        The identifier, or the reason for having none.
    """
    value = opened(value)
    if isinstance(value, list | tuple):
        return _one_of(value, mapping)
    text = _text(value)
    if text is None:
        return Resolved(None, INVALID_IDENTIFIER)
    text = unicodedata.normalize("NFC", _PADDING.sub("", text))
    if text.lower() in PLACEHOLDERS:
        return Resolved(None, UNRESOLVED_MAPPING)
    if not mapping.is_email:
        return Resolved(text) if is_text(text) else Resolved(None, INVALID_IDENTIFIER)
    text = text.lower()
    return Resolved(text) if is_email_address(text) else Resolved(None, INVALID_IDENTIFIER)


def plain(values: Iterable[str | None], mapping: Mapping) -> list[str]:
    """Bring values of the usual kind into their form, at a sixth of the price of :func:`clean`.

    Args:
        values: Texts as they stand in records.
        mapping: Tells whether they are e-mail addresses.

    Returns:
        What :func:`clean` makes of each, up to the first of which only that knows.
    """
    is_email = mapping.is_email
    found = []
    for value in values:
        if value is None:
            break
        text = value.strip()
        if is_email:
            text = text.lower()
            name, _, domain = text.partition("@")
            if not (_is_plain_domain(domain) and _PLAIN_NAME.fullmatch(name)):
                break
        elif not _is_usual(text):
            break
        found.append(text)
    return found


def _is_usual(text: str) -> bool:
    """Say of a text that is no address whether it stays as it is."""
    opens = text.startswith(("{", "["))
    return text.isascii() and text.isprintable() and not opens and text.lower() not in PLACEHOLDERS


@lru_cache(maxsize=4096)
def _is_plain_domain(domain: str) -> bool:
    """A cohort's members have few domains between them."""
    return bool(_PLAIN_DOMAIN.fullmatch(domain))


def is_text(text: str) -> bool:
    """Say whether a text can be written down.

    Half a surrogate pair, as JSON may hold, can't be anywhere, and a NUL not in every ledger.
    """
    return not _NO_TEXT.search(text)


def as_text(text: str) -> str:
    """Write a text down all the same: a sign stands for what can't be."""
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def is_email_address(text: str) -> bool:
    """Say whether a lower-case text is one e-mail address, by syntax alone."""
    name, _, domain = text.partition("@")
    if _PLAIN_NAME.fullmatch(name) and _is_plain_domain(domain):
        return True
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def channel_of(identifier_name: str) -> str | None:
    """Name the channel whose address an identifier is: ``channels.sms.address`` → ``sms``.

    Returns:
        The channel's key; None where the identifier is no channel address.
    """
    if identifier_name in EMAIL_KEYS:
        return "email"
    parts = identifier_name.split(".")
    if len(parts) == 3 and parts[0] == "channels" and parts[2] == "address":  # noqa: PLR2004  channels.<key>.address
        return parts[1]
    return None


def _one_of(values: Iterable[Any], mapping: Mapping) -> Resolved:
    results = [clean(value, mapping) for value in values]
    usable = {result.identifier for result in results} - {None}
    if len(usable) == 1:
        return Resolved(usable.pop())
    if usable:
        return Resolved(None, AMBIGUOUS_IDENTIFIER)
    return Resolved(None, _gravest({result.reason for result in results}))


def _gravest(reasons: set[str | None]) -> str:
    for reason in (AMBIGUOUS_IDENTIFIER, INVALID_IDENTIFIER):
        if reason in reasons:
            return reason
    return UNRESOLVED_MAPPING


def _text(value: object) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None
