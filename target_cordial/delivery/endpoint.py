"""Delivery by the Amplitude service URL: batches of one list and one operation."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from target_cordial.cordial.answers import Kind, kind_of, meaning_of
from target_cordial.core.outcome import Result
from target_cordial.core.plan import Sent
from target_cordial.delivery.base import Call, Delivered, all_of, rejected, unavailable
from target_cordial.errors import UnavailableError, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_cordial.cordial.answers import Answer
    from target_cordial.cordial.list_protocol import ListProtocolClient
    from target_cordial.core.plan import Change
    from target_cordial.delivery.base import Target, Targets

TOO_LARGE: Final = 413
SPLIT: Final = frozenset({400, 409, TOO_LARGE, 422})
"""A batch refused with one of these is halved until the culprits are alone."""


class EndpointDelivery:
    """Writes ids to lists in batches. The service answers before it writes.

    Args:
        client: The list protocol.
        batch_size: The most ids in one call.
    """

    name = "endpoint"
    by_contact = False

    def __init__(self, client: ListProtocolClient, *, batch_size: int) -> None:
        self._client = client
        self._size = batch_size

    def calls(self, changes: Iterable[Change]) -> Iterator[Call]:
        """Changes of one list and one operation make a call, up to the batch size."""
        for _, together in groupby(changes, key=lambda change: (change.operation, change.cohort)):
            while batch := tuple(islice(together, self._size)):
                yield batch

    def send(self, call: Call, targets: Targets) -> Delivered:
        """Send one batch. See :class:`target_cordial.delivery.base.Delivery`."""
        target = targets[call[0].cohort]
        try:
            answer = self._client.change(
                target.values, call[0].operation, [change.identifier for change in call]
            )
        except UnavailableError as error:
            return unavailable(call, error)
        except UnexpectedError as error:  # of this list alone: its call can't be written
            problem = f"Cohort {target.cohort}: {error}"
            return replace(all_of(call, Result.NOT_SENT, problem), answered=None)
        return self._ended(call, target, answer)

    def _ended(self, call: Call, target: Target, answer: Answer) -> Delivered:
        if answer.kind is Kind.OK:
            return all_of(call, Result.CONFIRMED)
        if answer.status in SPLIT and len(call) > 1:
            if answer.in_doubt:
                call = tuple(replace(change, before=Sent.UNKNOWN) for change in call)
            middle = len(call) // 2
            return Delivered(again=(call[:middle], call[middle:]))
        problem = (
            f"Cohort {target.cohort}: the endpoint answered {answer.status} to list "
            f"'{target.list_name}': {meaning_of(answer.status)}. If the list was deleted there, "
            "restore it, or forget the cohort (cordial-ledger forget); else check "
            f"{self._client.settings}"
        )
        if answer.in_doubt or answer.kind is Kind.UNEXPECTED or kind_of(answer.status) is Kind.OK:
            return all_of(call, Result.UNKNOWN, problem)
        if answer.status in SPLIT - {TOO_LARGE}:
            return rejected(call, answer.prose)
        # Any other answer is about the list, not about people: its changes stay pending.
        return all_of(call, Result.NOT_SENT, problem)
