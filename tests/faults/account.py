"""Rows: an account in disorder, and calls that the account refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.faults.calls import OF_IMPORTS, contacts, counts, jobs, lists
from tests.faults.matrix import Fault
from tests.faults.service import Wire, http

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.scene import Scene

DENIED: Final = {"error": "Access Denied: Authentication Failure"}
FORBIDDEN: Final = {"error": True, "message": "Forbidden"}
NO_ROUTE: Final = "<html><body>404 Not Found</body></html>"

ONLY_CONTACTS: Final = {
    "imports": "people go by file; single calls find the few that one refuses",
    "endpoint": "it writes lists, not contacts",
}
ONLY_IMPORTS: Final = {"contacts": OF_IMPORTS, "endpoint": OF_IMPORTS}
ONLY_ENDPOINT: Final = {"contacts": "there is no endpoint", "imports": "there is no endpoint"}
BY_PROTOCOL: Final = {"endpoint": "the service makes its lists by its own call: see its row"}


def _row(name: str, title: str, not_applicable: Mapping[str, str] | None = None) -> Fault:
    return Fault(name, title, "account", not_applicable or {})


LISTS: Final = (
    _row("list_deleted", "a list deleted between two runs"),
    _row("list_renamed", "a list renamed between two runs"),
    _row("list_cleared", "a list cleared between two runs"),
    _row("list_deleted_midway", "a list deleted while the run writes"),
    _row("list_renamed_midway", "a list renamed while the run writes"),
    _row("list_cleared_midway", "a list cleared while the run writes"),
    _row("name_taken", "a new list's name taken by a contact attribute"),
)
"""Each has a test of its own."""


@dataclass(frozen=True)
class Refusal:
    """A row of calls that the account refuses.

    Attributes:
        fault: The row.
        concerns: Says for a scene which calls.
        status: What is answered, always.
        body: Likewise.
        says: What the last line has in it.
        first: The run is the first one of all: nothing is there yet.
    """

    fault: Fault
    concerns: Callable[[Scene], Callable[[str, str], bool]]
    status: int = 403
    body: Any = None
    says: str = "key"
    first: bool = False

    def wire(self, scene: Scene) -> Wire:
        """Make what goes wrong."""
        answer = http(self.status, FORBIDDEN if self.body is None else self.body)
        return Wire(self.concerns(scene), lambda _: answer)


def everything(_: Scene) -> Callable[[str, str], bool]:
    return lambda _method, _path: True


def after_two_writes(scene: Scene) -> Callable[[str, str], bool]:
    """Everything, once two writing calls have passed."""
    passed = 0

    def concerns(method: str, path: str) -> bool:
        nonlocal passed
        passed += scene.writes(method, path)
        return passed > 2

    return concerns


def only(method: str, part: str) -> Callable[[Scene], Callable[[str, str], bool]]:
    """Calls of a method whose path ends so."""
    return lambda _: lambda called, path: called == method and path.endswith(part)


REFUSALS: Final = (
    Refusal(
        _row("key_revoked", "the key revoked half way"),
        after_two_writes,
        status=401,
        body=DENIED,
        says="key",
    ),
    Refusal(
        _row("no_lists", "no permission to read lists"),
        lambda _: lists,
        says="GET /accountlists",
    ),
    Refusal(
        _row("no_making", "no permission to make lists", BY_PROTOCOL),
        only("POST", "/v2/accountlists"),
        says="POST /accountlists",
        first=True,
    ),
    Refusal(
        _row("no_contacts", "no permission to write contacts", ONLY_CONTACTS),
        lambda scene: scene.writes,
        says="contacts",
    ),
    Refusal(
        _row("no_counts", "no permission to count lists"),
        lambda _: counts,
        says="count",
    ),
    Refusal(
        _row("no_reading", "no permission to read contacts"),
        lambda _: contacts,
        says="read back",
    ),
    Refusal(
        _row("no_imports", "no permission for imports", ONLY_IMPORTS),
        lambda scene: scene.writes,
        says="POST /contactimports",
    ),
    Refusal(
        _row("no_jobs", "no permission to read jobs", ONLY_IMPORTS),
        lambda _: jobs,
        says="/jobs",
    ),
    Refusal(
        _row("no_protocol", "the endpoint refuses to make lists", ONLY_ENDPOINT),
        only("POST", "/lists"),
        says="POST /lists",
        first=True,
    ),
    Refusal(
        _row("no_members", "the endpoint refuses to change members", ONLY_ENDPOINT),
        lambda scene: scene.writes,
        says="/lists/",
    ),
    Refusal(
        _row("blocked", "this machine's address blocked: 403 for everything"),
        everything,
        says="IP allow-list",
    ),
    Refusal(
        _row("region", "wrong region: 401 for everything"),
        everything,
        status=401,
        body=DENIED,
        says="region",
    ),
    Refusal(
        _row("no_base", "wrong base path: 404 and a page for everything"),
        everything,
        status=404,
        body=NO_ROUTE,
        says="Check region and api_url",
    ),
    Refusal(
        _row("no_route", "wrong base path: 404 and a gateway's JSON for everything"),
        everything,
        status=404,
        body={"message": "no Route matched with those values"},
        says="Check region and api_url",
    ),
    Refusal(
        _row("no_endpoint", "404 for everything at the endpoint alone", ONLY_ENDPOINT),
        lambda _: lambda _method, path: not path.startswith("/v2"),
        status=404,
        body=NO_ROUTE,
        says="endpoint",
    ),
)

ROWS: Final = (*LISTS, *(refusal.fault for refusal in REFUSALS))
BY_NAME: Final = {refusal.fault.name: refusal for refusal in REFUSALS}
