"""`accountlists` of Cordial's REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cordial_sandbox import errors
from cordial_sandbox.account import RefusedError
from cordial_sandbox.cordial import json_body

if TYPE_CHECKING:
    from starlette.requests import Request

    from cordial_sandbox.account import ContactList
    from cordial_sandbox.state import State


class ListRoutes:
    """Find, make, rename, count, clear and delete lists."""

    def __init__(self, state: State) -> None:
        self._state = state
        one = "/v2/accountlists/{list_id}"
        self.routes = [
            Route("/v2/accountlists", self._all),
            Route("/v2/accountlists", self._make, methods=["POST"]),
            Route(one, self._one),
            Route(one, self._change, methods=["PUT"]),
            Route(one, self._delete, methods=["DELETE"]),
            Route(f"{one}/count", self._count),
            Route(f"{one}/clear", self._clear, methods=["PUT"]),
        ]

    def _list(self, request: Request) -> ContactList | None:
        list_id = request.path_params["list_id"]
        number = int(list_id) if list_id.isascii() and list_id.isdecimal() else None
        return None if number is None else self._state.account.lists.get(number)

    async def _all(self, request: Request) -> Response:
        name = request.query_params.get("name")
        entries = [
            entry.entry()
            for entry in self._state.account.lists.values()
            if name is None or entry.name == name
        ]
        # No match is a 404 by the description, not an empty array.
        return JSONResponse(entries) if entries else errors.record_not_found()

    async def _make(self, request: Request) -> Response:
        body = json_body(request)
        if isinstance(body, Response):
            return body
        enhanced = body.get("enhanced", False)
        if not isinstance(enhanced, bool):
            return errors.refused("enhanced must be true or false")
        try:
            made = self._state.account.make_list(body.get("name"), enhanced=enhanced)
        except RefusedError as reason:
            return errors.refused(str(reason))
        return JSONResponse({"success": True, "id": made.id})

    async def _one(self, request: Request) -> Response:
        listed = self._list(request)
        return errors.list_not_found() if listed is None else JSONResponse(listed.entry())

    async def _change(self, request: Request) -> Response:
        listed = self._list(request)
        if listed is None:
            return JSONResponse(errors.body("List is not found"), status_code=404)
        body = json_body(request)
        if isinstance(body, Response):
            return body
        enhanced = body.get("enhanced", listed.enhanced)
        if not isinstance(enhanced, bool):
            return errors.refused("enhanced must be true or false")
        try:
            self._state.account.rename_list(listed, body.get("name"))
        except RefusedError as reason:
            return errors.refused(str(reason))
        listed.enhanced = enhanced
        return JSONResponse([listed.entry()])

    async def _delete(self, request: Request) -> Response:
        listed = self._list(request)
        if listed is None:
            return errors.record_not_found()
        self._state.account.remove_list(listed)
        return JSONResponse({"success": True})

    async def _count(self, request: Request) -> Response:
        listed = self._list(request)
        if listed is None:
            return errors.list_not_found()
        return JSONResponse({**listed.entry(), "count": len(listed.members)})

    async def _clear(self, request: Request) -> Response:
        listed = self._list(request)
        if listed is None:
            return errors.list_not_found()
        self._state.account.clear_list(listed)
        return JSONResponse({"success": True, "id": listed.id})
