"""Cordial's REST API, version 2: what its routes share, and the contact attributes.

Paths, codes and shapes are those of Cordial's published description; where real traffic differs,
`differences.py` has the list.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cordial_sandbox import errors
from cordial_sandbox.account import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.datastructures import QueryParams
    from starlette.requests import Request

    from cordial_sandbox.state import State

_Item = TypeVar("_Item")
_PER_PAGE = 25  # neither the default nor the maximum of Cordial is documented
_MAX_PER_PAGE = 1000
_ATTRIBUTE_TYPES = ("string", "number", "date", "geo", "array")


def json_body(request: Request) -> dict[str, Any] | Response:
    """Return the JSON object a call carries, {} for no body at all, or the answer that refuses it.

    The error keys are Cordial's; the codes 400 and 422 that go with them are assumed. Cordial
    takes form bodies too, this stand-in does not.
    """
    received: bytes = request.state.received
    if not received:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        content = errors.body("Unsupported media type", "UNSUPPORTED_MEDIA_TYPE")
        return JSONResponse(content, status_code=415)
    try:
        body = json.loads(received)
    except (ValueError, RecursionError):
        return JSONResponse(errors.body("Invalid JSON", "INVALID_JSON_PROVIDED"), status_code=400)
    if isinstance(body, dict):
        return body
    return JSONResponse(
        errors.body("The body must be an object", "VALIDATION_ERROR"), status_code=422
    )


def page_of(items: Iterable[_Item], query: QueryParams) -> list[_Item]:
    """Return the page of some items that `page` and `per_page` of a query ask for."""
    size = min(number(query.get("per_page"), _PER_PAGE), _MAX_PER_PAGE)
    first = (number(query.get("page"), 1) - 1) * size
    return list(islice(items, first, first + size))


def number(text: str | None, default: int) -> int:
    """Return a positive number out of a query, the default for anything else."""
    found = int(text) if text and text.isascii() and text.isdecimal() else 0
    return found or default


class AttributeRoutes:
    """`accountcontactattributes`: as much of it as list names can clash with."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.routes = [
            Route("/v2/accountcontactattributes", self._all),
            Route("/v2/accountcontactattributes", self._make, methods=["POST"]),
            Route("/v2/accountcontactattributes/{key}", self._one),
        ]

    async def _all(self, request: Request) -> Response:
        kind = request.query_params.get("type")
        if kind is not None and kind not in _ATTRIBUTE_TYPES:
            return errors.refused("invalid field type")
        found = [
            entry
            for entry in self._state.account.attributes.values()
            if kind is None or entry["type"] == kind
        ]
        return JSONResponse(found) if found else errors.record_not_found()

    async def _make(self, request: Request) -> Response:
        body = json_body(request)
        if isinstance(body, Response):
            return body
        key, name, kind = (body.get(field) for field in ("key", "name", "type"))
        if not (isinstance(key, str) and key and isinstance(name, str)):
            return errors.refused("Key and name are required")
        if not isinstance(kind, str) or kind not in _ATTRIBUTE_TYPES:
            return errors.refused("invalid field type")
        try:
            self._state.account.make_attribute(key, name, kind)
        except RefusedError as reason:
            return errors.refused(str(reason))
        return JSONResponse({"success": True})

    async def _one(self, request: Request) -> Response:
        found = self._state.account.attributes.get(request.path_params["key"])
        if found is None:
            # The description has no 404 here.
            return errors.refused("Attribute does not exist")
        return JSONResponse(found)
