"""Cordial's REST API v2: the calls this target makes.

Paths and bodies are those of Cordial's published description (Swagger 2.0, "2.0.0").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from target_cordial.cordial.answers import Answer, Kind, meaning_of
from target_cordial.core.identifier import EMAIL_KEYS
from target_cordial.errors import UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.cordial.session import Session


CONTACT: Final = "/contacts/<identifier>"
"""How messages name the path of a contact."""


@dataclass(frozen=True)
class CordialList:
    """A list in Cordial: ``{id, name, enhanced}``."""

    id: str
    name: str


@dataclass(frozen=True)
class ContactLists:
    """What a contact that was read shows of its lists.

    Where version 2 shows them is not settled: the description has ``"<list name>": true`` in the
    contact, recorded traffic of version 1 an array ``lists`` of names beside it, and version 2
    nests other things in ``attributes``. So each of these is looked at in both places; the dates
    of joining (``listJoinDate``, ``lj``) are not, for they may outlive a membership.
    """

    places: tuple[Mapping[str, Any], ...] = field(repr=False)

    def hold(self, listed: CordialList) -> bool | None:
        """Say whether the contact is on a list; None where it shows no lists at all."""
        arrays = [place["lists"] for place in self.places if isinstance(place.get("lists"), list)]
        flags = [place[listed.name] for place in self.places if listed.name in place]
        # Names are texts and ids are numbers: a list may be called "101".
        keys = (listed.name, int(listed.id) if listed.id.isdecimal() else listed.name)
        if True in flags or any(item in keys for array in arrays for item in array):
            return True
        return False if arrays or False in flags else None


class RestClient:
    """Lists and contacts."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def lists(self) -> list[CordialList]:
        """Read all lists.

        Returns:
            The lists. An account without any answers 404 (``RECORD_NOT_FOUND``).

        Raises:
            UnexpectedError: The answer is not Cordial's: a wrong base path, for instance.
        """
        answer = self.session.call("GET", "/accountlists")
        if answer.kind is Kind.NOT_FOUND:
            return []
        if answer.kind is not Kind.OK or not isinstance(answer.body, list):
            raise _unexpected(answer, "reading the lists")
        return [
            CordialList(str(row["id"]), row["name"])
            for row in answer.body
            if isinstance(row, dict) and "id" in row and isinstance(row.get("name"), str)
        ]

    def create_list(self, name: str) -> Answer:
        """Make a list that keeps the dates at which contacts joined (``enhanced``)."""
        return self.session.call("POST", "/accountlists", {"name": name, "enhanced": True})

    def count(self, list_id: str) -> int | None:
        """Count the members of a list; None where Cordial does not say."""
        answer = self.session.call("GET", f"/accountlists/{quote(list_id, safe='')}/count")
        count = answer.body.get("count") if isinstance(answer.body, dict) else None
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    def upsert_contact(self, body: Mapping[str, Any]) -> Answer:
        """Write a contact, made where Cordial does not know it (``POST /contacts``)."""
        return self.session.call("POST", "/contacts", body)

    def update_contact(self, key: str, value: str, body: Mapping[str, Any]) -> Answer:
        """Write a contact that is there (``PUT /contacts/<key>:<value>``); never makes one."""
        return self.session.call("PUT", _contact_path(key, value), body, route=CONTACT)

    def contact_lists(self, key: str, value: str) -> ContactLists | None:
        """Read which lists a contact is on (``GET /contacts/<key>:<value>``).

        Returns:
            Its lists; None where Cordial does not have the contact.

        Raises:
            CordialError: It could not be read; also where the key lacks the permission for this
                call, so a caller whose work is done already must not fail by it.
        """
        answer = self.session.call("GET", _contact_path(key, value), route=CONTACT)
        if answer.says_absent:
            return None
        if answer.kind is not Kind.OK or not isinstance(answer.body, dict):
            raise _unexpected(answer, "reading a contact")
        inner = answer.body.get("attributes")
        return ContactLists((answer.body, inner) if isinstance(inner, dict) else (answer.body,))


def _contact_path(key: str, value: str) -> str:
    """Name a contact in a path; in public code an address goes by the short key of its channel."""
    key = "email" if key in EMAIL_KEYS else key
    return f"/contacts/{quote(key, safe='.')}:{quote(value, safe='')}"


def _unexpected(answer: Answer, doing: str) -> UnexpectedError:
    return UnexpectedError(
        f"Cordial answered {answer.status} to {doing}: {meaning_of(answer.status)}. "
        "Check region and api_url."
    )
