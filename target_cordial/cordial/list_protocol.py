"""Amplitude's list protocol, as Cordial's cohort integration takes it at the service URL.

Documented by Amplitude for its partners: ``POST /lists``, ``POST /lists/<id>/add``,
``POST /lists/<id>/remove``. That Cordial's service has this very shape is assumed: Cordial does
not publish its own. So each call is a template, which the setting ``endpoint_requests`` replaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_cordial.cordial.answers import SHARED_NAMES, Answer, Kind, meaning_of
from target_cordial.core.endpoint_requests import SETTING, EndpointRequests
from target_cordial.core.plan import Operation
from target_cordial.errors import UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_cordial.cordial.session import Session
    from target_cordial.core.endpoint_requests import Request

_DEFAULT: Final = EndpointRequests()


class ListProtocolClient:
    """Lists and their members.

    Args:
        session: The service.
        requests: The calls.
        identifier_name: The Cordial key of the identifiers.

    Attributes:
        settings: Where messages send the reader: the settings that say how the service is called.
    """

    def __init__(
        self,
        session: Session,
        requests: EndpointRequests = _DEFAULT,
        *,
        identifier_name: str = "email",
    ) -> None:
        self.session = session
        self._requests = requests
        self._identifier_name = identifier_name
        given = requests != _DEFAULT
        self.settings = f"the settings endpoint and {SETTING}" if given else "the setting endpoint"

    def list_id(self, values: Mapping[str, str]) -> str:
        """Look a list up by name; it is made where it is missing.

        Args:
            values: What calls may say of the list and its cohort, but the list's id.

        Raises:
            UnexpectedError: The answer holds no list id: the name is refused, or it is no answer of
                this service.
        """
        request = self._requests.create
        answer = self._call(request, values)
        list_id = _id_in(answer.body)
        if answer.kind is Kind.REFUSED and answer.prose:
            raise UnexpectedError(
                f"The endpoint refused to make the list '{values['list_name']}' ({answer.status}: "
                f"{answer.prose}). {SHARED_NAMES}"
            )
        if answer.kind is not Kind.OK or not list_id:
            raise UnexpectedError(
                f"The endpoint answered {answer.status} to {request.label} without a listId: "
                f"{meaning_of(answer.status)}. Check {self.settings}."
            )
        return list_id

    def change(
        self, values: Mapping[str, str], operation: Operation, identifiers: Sequence[str]
    ) -> Answer:
        """Add members to a list, or remove them.

        Args:
            values: What calls may say of the list and its cohort.
            operation: Which of the two.
            identifiers: Whom.

        Raises:
            UnexpectedError: The call can't be written for this list; nothing was sent.
        """
        adds = operation is Operation.ADD
        request = self._requests.add if adds else self._requests.remove
        return self._call(request, values, identifiers)

    def _call(
        self, request: Request, values: Mapping[str, str], identifiers: Sequence[str] = ()
    ) -> Answer:
        known = {**values, "contact_identifier_name": self._identifier_name}
        try:
            path = request.path_for(known)
            body = request.body_for(known, identifiers)
        except ValueError as error:
            raise UnexpectedError(
                f"{request.label} can't be written for the list '{values['list_name']}': {error}. "
                f"Check {self.settings}, or rename the cohort."
            ) from None
        return self.session.call(request.method, path, body, route=request.route)


def _id_in(body: Any) -> str:  # noqa: ANN401  JSON has any type
    """Find a list's id in the answer to the call that looks it up; empty where there is none."""
    found = body if isinstance(body, dict) else {}
    list_id = found.get("listId", found.get("id"))
    if isinstance(list_id, str | int) and not isinstance(list_id, bool):
        return str(list_id)
    return ""
