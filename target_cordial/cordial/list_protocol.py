"""Amplitude's list protocol, as Cordial's cohort integration takes it at the service URL.

Documented by Amplitude for its partners: ``POST /lists``, ``POST /lists/<id>/add``,
``POST /lists/<id>/remove``. That Cordial's service has this very shape is assumed: Cordial does
not publish its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from target_cordial.cordial.answers import SHARED_NAMES, Answer, Kind, meaning_of
from target_cordial.errors import UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_cordial.cordial.session import Session
    from target_cordial.core.plan import Operation


class ListProtocolClient:
    """Lists and their members."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def list_id(self, name: str) -> str:
        """Look a list up by name; it is made where it is missing.

        Raises:
            UnexpectedError: The answer holds no list id: the name is refused, or it is no answer of
                this service.
        """
        answer = self.session.call("POST", "/lists", {"name": name})
        found = answer.body if isinstance(answer.body, dict) else {}
        list_id = found.get("listId", found.get("id"))
        if answer.kind is Kind.REFUSED and answer.prose:
            raise UnexpectedError(
                f"The endpoint refused to make the list '{name}' ({answer.status}: "
                f"{answer.prose}). {SHARED_NAMES}"
            )
        if answer.kind is not Kind.OK or not isinstance(list_id, str | int) or list_id == "":
            raise UnexpectedError(
                f"The endpoint answered {answer.status} to POST /lists without a listId: "
                f"{meaning_of(answer.status)}. Check the setting endpoint."
            )
        return str(list_id)

    def change(self, list_id: str, operation: Operation, identifiers: Sequence[str]) -> Answer:
        """Add members to a list, or remove them."""
        path = f"/lists/{quote(list_id, safe='')}/{operation.value}"
        return self.session.call("POST", path, {"userIds": list(identifiers)})
