"""`contacts` of Cordial's REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cordial_sandbox import errors
from cordial_sandbox.account import EMAIL, RefusedError, channel_of
from cordial_sandbox.contact_view import contact_view
from cordial_sandbox.contact_write import ContactWrite, SchemaError
from cordial_sandbox.cordial import json_body, page_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from cordial_sandbox.account import Contact
    from cordial_sandbox.state import State

_PREFIX = "/v2/contacts/"


class ContactRoutes:
    """Write, read and delete contacts one at a time, and page through them."""

    def __init__(self, state: State) -> None:
        self._state = state
        one = _PREFIX + "{key:path}"  # a value may hold a percent-encoded slash
        self.routes = [
            Route("/v2/contacts", self._all),
            Route("/v2/contacts", self._upsert, methods=["POST"]),
            Route(one, self._one),
            Route(one, self._update, methods=["PUT"]),
            Route(one, self._delete, methods=["DELETE"]),
        ]

    async def _all(self, request: Request) -> Response:
        account, query = self._state.account, request.query_params
        if "email" in query:
            found = account.find(EMAIL, query["email"])
            page = [] if found is None else [found]
        elif "audience-key" in query:
            page = []  # the stand-in has no audiences
        else:
            page = page_of(account.contacts.values(), query)
        if not page:
            return errors.record_not_found()
        return JSONResponse([self._view(contact) for contact in page])

    async def _upsert(self, request: Request) -> Response:
        account = self._state.account
        body = json_body(request)
        if isinstance(body, Response):
            return body
        try:
            write = ContactWrite.parse(account, body)
            contact = write.who(account)
            write.check_addresses(account, contact)
        except SchemaError as error:
            return errors.not_in_schema(error.problems)
        except RefusedError as reason:
            return errors.refused(str(reason))
        if contact is None:
            if not write.addresses:
                # Whether Cordial makes a contact without any address is not known.
                return errors.refused("Address not exists")
            contact = account.make_contact(next(iter(write.addresses.values())))
            only_removes = bool(write.lists) and not any(wanted for _, wanted in write.lists)
            self._state.violations.note("made_by_removal", "POST /v2/contacts", only_removes)
        write.apply(self._state, contact)
        self._note("POST /v2/contacts", body, contact)
        # Recorded traffic says "contact created" for an update too.
        content = {"success": True, "message": "contact created", "cID": contact.cid}
        return JSONResponse(content, status_code=201)

    async def _one(self, request: Request) -> Response:
        contact = self._contact(request)
        return errors.record_not_found() if contact is None else JSONResponse(self._view(contact))

    async def _update(self, request: Request) -> Response:
        account = self._state.account
        contact = self._contact(request)
        if contact is None:
            return errors.record_not_found()
        body = json_body(request)
        if isinstance(body, Response):
            return body
        try:
            write = ContactWrite.parse(account, body)
            write.check_addresses(account, contact)
        except SchemaError as error:
            return errors.not_in_schema(error.problems)
        except RefusedError as reason:
            return errors.refused(str(reason))
        write.apply(self._state, contact)
        self._note("PUT /v2/contacts", body, contact)
        return JSONResponse({"success": True, "message": "contact updated", "cID": contact.cid})

    async def _delete(self, request: Request) -> Response:
        contact = self._contact(request)
        if contact is None:
            return errors.record_not_found()
        self._state.account.remove_contact(contact)
        return JSONResponse({"success": True})

    def _note(self, where: str, body: dict[str, Any], contact: Contact) -> None:
        addresses = [entry["address"] for entry in contact.channels.values()]
        self._state.note_contact_call(where, body, addresses)

    def _view(self, contact: Contact) -> dict[str, object]:
        return contact_view(self._state.account, contact, self._state.settings.lists_in)

    def _contact(self, request: Request) -> Contact | None:
        """Return the contact a path names: `<cID>`, `<address>`, or `<key>:<value>`.

        The bare form takes an e-mail address as the account's primary key. The path is read as it
        was sent, because a percent-encoded colon or slash belongs to the value.
        """
        account = self._state.account
        raw = request.state.call.path[len(_PREFIX) :]
        key, colon, value = (unquote(part) for part in raw.partition(":"))
        if not colon:
            bare = unquote(raw)
            # Some clients encode the colon with the rest.
            key, colon, value = bare.partition(":")
            if not colon or not self._is_identifier(key):
                return account.contacts.get(bare) or account.find(EMAIL, bare)
        return account.find(key, value) if self._is_identifier(key) else None

    def _is_identifier(self, key: str) -> bool:
        return key == "cID" or channel_of(key) is not None or key in self._state.account.attributes
