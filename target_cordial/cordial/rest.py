"""Cordial's REST API v2: the calls this target makes.

Paths and bodies are those of Cordial's published description (Swagger 2.0, "2.0.0").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from target_cordial.cordial.answers import Answer, Kind, meaning_of
from target_cordial.errors import UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.cordial.session import Session


@dataclass(frozen=True)
class CordialList:
    """A list in Cordial: ``{id, name, enhanced}``."""

    id: str
    name: str


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
        path = f"/contacts/{quote(key, safe='.')}:{quote(value, safe='')}"
        return self.session.call("PUT", path, body, route="/contacts/<identifier>")


def _unexpected(answer: Answer, doing: str) -> UnexpectedError:
    return UnexpectedError(
        f"Cordial answered {answer.status} to {doing}: {meaning_of(answer.status)}. "
        "Check region and api_url."
    )
