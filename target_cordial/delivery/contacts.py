"""Delivery by REST v2: one call per contact, with all its list changes."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from target_cordial.cordial.answers import Answer, Kind, meaning_of
from target_cordial.core.identifier import channel_of
from target_cordial.core.outcome import CONTACT_NOT_FOUND, Outcome, Result
from target_cordial.core.plan import Change, Operation
from target_cordial.delivery.base import (
    Call,
    Delivered,
    Targets,
    all_of,
    rejected,
    suppresses,
    unavailable,
)
from target_cordial.errors import UnavailableError, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_cordial.cordial.rest import RestClient
    from target_cordial.delivery.list_watch import ListWatch


class ContactsDelivery:
    """Writes ``{"<list>": true|false}`` to contacts.

    An addition makes the contact where the settings allow it and the identifier is a channel
    address. A removal never does: it is a ``PUT``, and a contact that is not there is already
    absent. ``subscribeStatus`` and ``forceSubscribe`` are never sent: a cohort is no consent.

    Lists are written under their names, and a name that Cordial does not know refuses the whole
    call. So another look is taken at the lists then: see :class:`ListWatch`.

    Args:
        client: The REST API.
        lists: The names of the lists.
        identifier_name: The Cordial key of the identifiers.
        create_contacts: Whether additions may make contacts.
        suppress_triggers: ``always``, ``first_sync`` or ``never``.
    """

    name = "contacts"
    by_contact = True

    def __init__(
        self,
        client: RestClient,
        lists: ListWatch,
        *,
        identifier_name: str,
        create_contacts: bool,
        suppress_triggers: str,
    ) -> None:
        self._client = client
        self._lists = lists
        self._name = identifier_name
        self._channel = channel_of(identifier_name)
        self._create = create_contacts and self._channel is not None
        self._suppress = suppress_triggers

    def calls(self, changes: Iterable[Change]) -> Iterator[Call]:
        """All changes of a contact make one call."""
        for _, together in groupby(changes, key=lambda change: change.identifier):
            yield tuple(together)

    def send(self, call: Call, targets: Targets) -> Delivered:
        """Write one contact. See :class:`target_cordial.delivery.base.Delivery`."""
        names = {change.cohort: self._lists.name(targets[change.cohort]) for change in call}
        lost = tuple(change for change in call if names[change.cohort] is None)
        if lost:
            rest = tuple(change for change in call if names[change.cohort] is not None)
            waiting = all_of(lost, Result.NOT_SENT)
            return replace(waiting, again=(rest,) if rest else (), answered=None)
        lists = {
            targets[cohort].list_id: name for cohort, name in names.items() if name is not None
        }
        adds = any(change.operation is Operation.ADD for change in call)
        try:
            body = self._body(call, targets, lists)
            if adds and self._create:
                answer = self._upsert(call, body)
            else:
                answer = self._client.update_contact(self._name, call[0].identifier, body)
            refused = answer.refused_keys(lists.values())
            # What is in doubt is left to the next run: nothing that follows may forget the doubt.
            if refused and not answer.in_doubt and self._lists.explains(lists, refused):
                return Delivered(again=(call,))
        except UnavailableError as error:
            return unavailable(call, error)
        return self._outcomes(call, answer, absent=answer.says_absent and not refused, adds=adds)

    def _outcomes(self, call: Call, answer: Answer, *, absent: bool, adds: bool) -> Delivered:
        if answer.kind is Kind.OK and answer.has_body:
            return all_of(call, Result.CONFIRMED)
        if absent and not adds:
            return all_of(call, Result.ALREADY_ABSENT)
        if absent and not answer.in_doubt:
            return Delivered(
                tuple(
                    Outcome(change, Result.REJECTED, CONTACT_NOT_FOUND, answer.prose)
                    if change.operation is Operation.ADD
                    else Outcome(change, Result.ALREADY_ABSENT)
                    for change in call
                )
            )
        if answer.in_doubt:
            problem = f"an answer was lost, and Cordial then answered {answer.status}"
            return all_of(call, Result.UNKNOWN, problem)
        if answer.kind in (Kind.REFUSED, Kind.NOT_FOUND):
            return rejected(call, answer.prose)
        raise UnexpectedError(
            f"Cordial answered {answer.status} to a contact: {meaning_of(answer.status)}. "
            "Check region and api_url.",
            may_be_applied=True,  # whoever it was that answered
        )

    def _upsert(self, call: Call, body: dict[str, Any]) -> Answer:
        body["channels"] = {self._channel: {"address": call[0].identifier}}
        body["identifyBy"] = [self._name]
        return self._client.upsert_contact(body)

    def _body(self, call: Call, targets: Targets, lists: Mapping[str, str]) -> dict[str, Any]:
        body: dict[str, Any] = {
            lists[targets[change.cohort].list_id]: change.operation is Operation.ADD
            for change in call
        }
        first = any(targets[change.cohort].first_sync for change in call)
        body["suppressTriggers"] = suppresses(self._suppress, first_sync=first)
        return body
