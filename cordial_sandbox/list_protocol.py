"""Amplitude's partner list protocol, which Cordial's own cohort integration speaks.

`POST /lists` finds or makes a list by name; `/lists/<id>/add` and `/remove` take user ids. The
calls are Amplitude's documentation; how Cordial answers a bad one is not published and assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cordial_sandbox import errors
from cordial_sandbox.account import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request

    from cordial_sandbox.account import ContactList
    from cordial_sandbox.calls import Call
    from cordial_sandbox.state import State


class ListProtocol:
    """The three calls. They write to the same lists as the REST API, at once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.routes = [
            Route("/lists", self._create, methods=["POST"]),
            Route("/lists/{list_id}/add", self._add, methods=["POST"]),
            Route("/lists/{list_id}/remove", self._remove, methods=["POST"]),
        ]

    async def _create(self, request: Request) -> Response:
        call: Call = request.state.call
        account = self._state.account
        body = call.json()
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str):
            return _malformed("name is a text and required")
        listed = account.list_named(name)
        if listed is None:
            try:
                listed = account.make_list(name, enhanced=True)
            except RefusedError as reason:
                return errors.refused(str(reason))
            call.write = True
        return JSONResponse({"listId": str(listed.id)})

    async def _add(self, request: Request) -> Response:
        account = self._state.account
        key = self._state.settings.list_identifier
        found = self._batch(request)
        if isinstance(found, Response):
            return found
        listed, ids = found
        for identifier in ids:
            account.put_on_list(account.contact_by_identifier(key, identifier), listed)
        return JSONResponse({"success": True})

    async def _remove(self, request: Request) -> Response:
        account = self._state.account
        key = self._state.settings.list_identifier
        found = self._batch(request)
        if isinstance(found, Response):
            return found
        listed, ids = found
        for identifier in ids:
            contact = account.find(key, identifier)
            if contact is not None:
                account.take_off_list(contact, listed)
        return JSONResponse({"success": True})

    def _batch(self, request: Request) -> tuple[ContactList, list[str]] | Response:
        """Return the list and the ids a call concerns, or the answer that refuses it."""
        list_id = request.path_params["list_id"]
        listed = self._state.account.lists.get(int(list_id)) if list_id.isdecimal() else None
        if listed is None:
            return errors.list_not_found()
        body = request.state.call.json()
        ids = body.get("userIds") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not all(isinstance(item, str) and item for item in ids):
            return _malformed("userIds is a list of texts and required")
        maximum = self._state.settings.max_batch
        if len(ids) > maximum:
            content = errors.body(f"At most {maximum} userIds are accepted", "PAYLOAD_TOO_LARGE")
            return JSONResponse(content, status_code=413)
        return listed, ids


def _malformed(message: str) -> Response:
    return JSONResponse(errors.body(message), status_code=400)
