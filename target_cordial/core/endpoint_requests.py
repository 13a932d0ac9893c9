"""The three calls of the list protocol, and what ``endpoint_requests`` makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_cordial.core.request_template import Place, filled, filled_path, uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SETTING: Final = "endpoint_requests"

CREATE: Final = "create"
ADD: Final = "add"
REMOVE: Final = "remove"

_IDENTIFIER: Final = "identifier"
_ITEMS: Final = "items"
_LIST_ID: Final = "list_id"
_EVERYWHERE: Final = ("list_name", "cohort_id", "cohort_name", "contact_identifier_name")
_OF_ONE_LIST: Final = ("list_name", "cohort_id")
"""Variables that no two lists share; two cohorts may have one name."""

_METHODS: Final = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class Request:
    """One of the three calls, as a template.

    Attributes:
        method: The HTTP method.
        path: The path below the endpoint.
        body: What is sent as JSON.
        item: The shape of each element of ``$items``; None for the identifier itself.
        route: How messages name a path that comes from the setting: it may hold a secret.
    """

    method: str
    path: str = field(repr=False)
    body: Any = field(repr=False)
    item: Any = field(default=None, repr=False)
    route: str | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """How messages name the call."""
        return f"{self.method} {self.route or self.path}"

    def path_for(self, values: Mapping[str, str]) -> str:
        """Write the path.

        Raises:
            ValueError: A value makes it another path.
        """
        return filled_path(self.path, values)

    def body_for(self, values: Mapping[str, str], identifiers: Sequence[str] = ()) -> Any:  # noqa: ANN401  JSON has any type
        """Write the body.

        Args:
            values: What the variables stand for, but ``$items`` and ``$identifier``.
            identifiers: Whom the call is about.

        Raises:
            ValueError: Two keys of one object have become the same.
        """
        if self.item is None:
            items = list(identifiers)
        else:
            items = [filled(self.item, {**values, _IDENTIFIER: each}) for each in identifiers]
        return filled(self.body, {**values, _ITEMS: items})


@dataclass(frozen=True)
class EndpointRequests:
    """The three calls. By default they are those that Amplitude documents for its partners."""

    create: Request = Request("POST", "/lists", {"name": "$list_name"})
    add: Request = Request("POST", "/lists/$list_id/add", {"userIds": "$items"})
    remove: Request = Request("POST", "/lists/$list_id/remove", {"userIds": "$items"})

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> EndpointRequests:
        """Take the calls from the setting: each part that is not there is the default's."""
        made = {call: _request(call, given.get(call) or {}) for call in (CREATE, ADD, REMOVE)}
        return cls(**made)


def problems(given: Mapping[str, Any]) -> list[str]:
    """Check the setting.

    Args:
        given: The setting, valid by its schema.

    Returns:
        One line for each problem: the part and the remedy, never the value.
    """
    made = EndpointRequests.of(given)
    found = [
        *_all_of(CREATE, made.create, _EVERYWHERE),
        *_all_of(ADD, made.add, (_LIST_ID, *_EVERYWHERE)),
        *_all_of(REMOVE, made.remove, (_LIST_ID, *_EVERYWHERE)),
    ]
    if (given.get(CREATE) or {}).get("item") is not None:
        found.append(".create.item has no use: nobody is put on a list by create. Leave it out.")
    if made.add == made.remove:
        found.append(
            " makes add and remove one call: nobody could be taken off a list. Give remove another "
            "method, path or body."
        )
    return [f"The setting {SETTING}{problem}" for problem in found]


def joined(given: Mapping[str, Any]) -> dict[str, Any]:
    """Put the setting together again where Meltano took it apart.

    Meltano takes a dot in a key for a path (seen with 4.4.1): into the environment it writes
    ``{"add.body.ids": "$items"}``.
    """
    made: dict[str, Any] = {}
    for key in sorted(given, key=lambda key: key.count(".")):
        *outer, last = key.split(".")
        place = made
        for name in outer:
            inner = place.get(name, {})
            if not isinstance(inner, dict):
                place, last = made, key  # left as it is, and so refused as unknown
                break
            place[name] = dict(inner)
            place = place[name]
        place[last] = given[key]
    return made


def _request(call: str, parts: Mapping[str, Any]) -> Request:
    default: Request = getattr(EndpointRequests, call)
    given = {name: value for name, value in parts.items() if value is not None}
    item = given.get("item")
    if isinstance(item, str) and item and _IDENTIFIER not in {use.name for use in uses(item)}:
        item = {item: f"${_IDENTIFIER}"}
    return Request(
        given.get("method", default.method),
        given.get("path", default.path),
        given.get("body", default.body),
        item,
        f"<{SETTING}.{call}.path>" if "path" in given else None,
    )


def _all_of(call: str, request: Request, allowed: tuple[str, ...]) -> Iterator[str]:
    """Check one call.

    Args:
        call: Its name.
        request: The call.
        allowed: The variables that may stand in all its parts.
    """
    methods = (*_METHODS, "DELETE") if call == REMOVE else _METHODS
    if request.method not in methods:
        yield f".{call}.method must be one of {', '.join(methods)}."
    try:
        filled_path(request.path, {use.name: "x" for use in uses(request.path)})
    except ValueError:
        yield (
            f".{call}.path must be a path below the endpoint, perhaps with a query: it begins with "
            "'/' and has no '//', no '.' or '..' between slashes, and no fragment; whatever else "
            "an address can't hold stands in it percent-encoded."
        )
    parts = {"path": request.path, "body": request.body, "item": request.item}
    more = {"path": (), "body": () if call == CREATE else (_ITEMS,), "item": (_IDENTIFIER,)}
    for part, template in parts.items():
        yield from _misused(f".{call}.{part}", template, (*more[part], *allowed))
    if call != CREATE:
        yield from _without_people(call, request)
    known = set(_OF_ONE_LIST) | ({_LIST_ID} & set(allowed))
    if not known & {use.name for template in parts.values() for use in uses(template)}:
        names = " or ".join(f"${name}" for name in sorted(known))
        yield f".{call} says nowhere which list it is about: put {names} into its path or body."


def _misused(part: str, template: Any, allowed: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401  JSON has any type
    found = list(uses(template))
    if any(use.name not in allowed for use in found):
        names = ", ".join(f"${name}" for name in allowed)
        yield f"{part} holds a '$' that is none of {names}; a dollar itself is written $$."
    if any(use.name == _ITEMS and use.place is not Place.ALONE for use in found):
        yield f"{part} must hold $items as a value of its own: in no key and in no longer text."


def _without_people(call: str, request: Request) -> Iterator[str]:
    if _ITEMS not in {use.name for use in uses(request.body)}:
        yield f".{call}.body must hold $items, the people it is about."
    if request.item is not None and _IDENTIFIER not in {use.name for use in uses(request.item)}:
        yield (
            f".{call}.item must hold $identifier, or be the name of the key under which it stands."
        )
