"""The control API under `/_sandbox`: look at the sandbox, change it, make faults happen.

It needs no credentials: it is reachable from this machine only, and no browser page can use it,
because changes are taken as JSON only and the host name is checked.
"""

from __future__ import annotations

import base64
import binascii
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cordial_sandbox.account import EMAIL, RefusedError
from cordial_sandbox.cohorts import Cohort, FileForm, User
from cordial_sandbox.contact_view import contact_view
from cordial_sandbox.faults import Fault
from cordial_sandbox.import_work import release

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from cordial_sandbox.state import State

_ENCODINGS = ("gzip", "gzip_without_header", "plain")


class ControlApi:
    """The routes of the control API; one handler per thing that can be looked at or changed."""

    def __init__(self, state: State, prefix: str) -> None:
        self._state = state
        table: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
            "/reset": ("POST", self._reset),
            "/day": ("POST", self._move_to_day),
            "/settings": ("POST", self._settings),
            "/list": ("POST", self._put_list),
            "/list/remove": ("POST", self._remove_list),
            "/list/rename": ("POST", self._rename_list),
            "/attribute": ("POST", self._put_attribute),
            "/cohort": ("POST", self._put_cohort),
            "/cohort/remove": ("POST", self._remove_cohort),
            "/calls/clear": ("POST", self._clear_calls),
            "/fault": ("POST", self._add_fault),
            "/faults/clear": ("POST", self._clear_faults),
            "/jobs/release": ("POST", self._release_jobs),
        }
        views: dict[str, Callable[[Request], Any]] = {
            "": self._overview,
            "/lists": self._lists,
            "/contacts": self._contacts,
            "/calls": self._calls,
            "/triggers": lambda _: state.triggers,
            "/violations": lambda _: state.violations.as_list(),
            "/jobs": lambda _: [job.summary() for job in state.jobs.values()],
            "/faults": lambda _: [fault.as_dict() for fault in state.faults],
        }
        self.routes = [
            *(Route(prefix + path, _viewing(view)) for path, view in views.items()),
            *(
                Route(prefix + path, _changing(change), methods=[method])
                for path, (method, change) in table.items()
            ),
        ]

    # Looking.

    def _overview(self, _request: Request) -> dict[str, Any]:
        state = self._state
        return {
            "day": state.day,
            "cohorts": {key: cohort.name for key, cohort in state.cohorts.items()},
            "lists": {entry.name: len(entry.members) for entry in state.account.lists.values()},
            "contacts": len(state.account.contacts),
            "calls": len(state.calls),
            "write_calls": sum(call.write for call in state.calls),
            "faults": len(state.faults),
        }

    def _lists(self, _request: Request) -> dict[str, list[str]]:
        account = self._state.account
        return {
            entry.name: sorted(account.contacts[cid].identifier for cid in entry.members)
            for entry in account.lists.values()
        }

    def _contacts(self, _request: Request) -> list[dict[str, Any]]:
        account = self._state.account
        return [contact_view(account, contact) for contact in account.contacts.values()]

    def _calls(self, request: Request) -> list[dict[str, Any]]:
        writes_only = request.query_params.get("write") == "1"
        return [call.as_dict() for call in self._state.calls if call.write or not writes_only]

    # Changing.

    def _reset(self, given: dict[str, Any]) -> None:
        self._state.reset(given.get("day", 1))

    def _move_to_day(self, given: dict[str, Any]) -> None:
        self._state.move_to_day(given["day"])

    def _settings(self, given: dict[str, Any]) -> None:
        self._state.settings.change(given)

    def _put_list(self, given: dict[str, Any]) -> dict[str, int]:
        account = self._state.account
        listed = account.list_named(given["name"]) or account.make_list(
            given["name"], enhanced=given.get("enhanced", True)
        )
        for member in given.get("members", ()):
            account.put_on_list(account.contact_by_identifier(EMAIL, member), listed)
        return {"id": listed.id}

    def _remove_list(self, given: dict[str, Any]) -> None:
        self._state.account.remove_list(self._list(given["name"]))

    def _rename_list(self, given: dict[str, Any]) -> None:
        self._state.account.rename_list(self._list(given["old"]), given["new"])

    def _list(self, name: str) -> Any:  # noqa: ANN401 - see the return
        listed = self._state.account.list_named(name)
        if listed is None:
            message = f"there is no list {name!r}"
            raise ValueError(message)
        return listed

    def _put_attribute(self, given: dict[str, Any]) -> None:
        self._state.account.make_attribute(given["key"], given["key"], "string")

    def _put_cohort(self, given: dict[str, Any]) -> None:
        self._state.place_cohort(_cohort(given, self._state.next_computed_at()))

    def _remove_cohort(self, given: dict[str, Any]) -> None:
        self._state.remove_cohort(given["cohort_id"])

    def _clear_calls(self, _given: dict[str, Any]) -> None:
        self._state.calls.clear()

    def _add_fault(self, given: dict[str, Any]) -> None:
        self._state.faults.append(Fault.parse(given))

    def _clear_faults(self, _given: dict[str, Any]) -> None:
        self._state.faults.clear()

    async def _release_jobs(self, given: dict[str, Any]) -> dict[str, int]:
        held = [
            job
            for job in self._state.jobs.values()
            if job.held is not None and given.get("name_contains", "") in (job.request.name or "")
        ]
        for job in held:
            await release(self._state, job)
        return {"released": len(held)}


def _viewing(view: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def handler(request: Request) -> Response:
        return JSONResponse(view(request))

    return handler


def _changing(
    change: Callable[[dict[str, Any]], Any],
) -> Callable[[Request], Awaitable[Response]]:
    async def handler(request: Request) -> Response:
        given = request.state.call.json()
        if request.headers.get("content-type") != "application/json" or not isinstance(given, dict):
            return JSONResponse({"error": "a JSON object is needed"}, status_code=415)
        try:
            outcome = change(given)
            if isawaitable(outcome):
                outcome = await outcome
        except KeyError as missing:
            return JSONResponse({"error": f"{missing} is needed"}, status_code=422)
        except (ValueError, TypeError, RefusedError) as reason:
            return JSONResponse({"error": str(reason)}, status_code=422)
        return JSONResponse(outcome if outcome is not None else {"ok": True})

    return handler


def _cohort(given: dict[str, Any], computed_at: int) -> Cohort:
    """Return the cohort a control call describes.

    Raises:
        KeyError: The id or the name is missing.
        ValueError: The form of its file makes no sense.
        TypeError: A name in the form of its file is unknown.
    """
    form = dict(given.get("file") or {})
    if form.get("encoding", "gzip") not in _ENCODINGS:
        message = f"unknown encoding {form['encoding']!r}; there are: {', '.join(_ENCODINGS)}"
        raise ValueError(message)
    if form.get("body") is not None:
        try:
            form["body"] = base64.b64decode(form["body"], validate=True)
        except binascii.Error as wrong:
            message = "the body of a file is given in base64"
            raise ValueError(message) from wrong
    users = tuple(
        User(str(user["amplitude_id"]), user.get("user_id"), user.get("properties") or {})
        for user in given.get("users", ())
    )
    return Cohort(
        id=given["cohort_id"],
        name=given["name"],
        users=users,
        archived=given.get("archived", False),
        computed_at=computed_at,
        list_fields=given.get("list_fields") or {},
        form=FileForm(**form),
        polls=given.get("polls"),
        async_status=given.get("async_status") or "JOB COMPLETED",
    )
