"""Reading back: what Cordial says of the lists before and after a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_cordial.errors import UnavailableError, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_cordial.cordial.rest import ContactLists, CordialList, RestClient
    from target_cordial.run.lists import ListBinder
    from target_cordial.run.report import RunReport

Counts = dict[int, int | None]
"""Members of the lists, by the cohort's key; None where Cordial does not say."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One membership as Cordial confirmed it.

    Attributes:
        cohort: The cohort's key in the ledger.
        identifier: The contact identifier.
        listed: The list, as REST knows it.
        on: Whether the contact is to be on it.
    """

    cohort: int
    identifier: str
    listed: CordialList
    on: bool


def differing(
    expected: Iterable[Expected], found: Mapping[str, ContactLists | None]
) -> list[Expected]:
    """Hold contacts that were read against what was confirmed of them.

    A contact that is not there at all is on no list. One that shows no lists is on none either,
    if others show theirs; where nobody does, Cordial shows them in a place that is not known.

    Args:
        expected: What was confirmed.
        found: The contacts that were read, by identifier; None where Cordial has none.

    Returns:
        What is not as confirmed, of the contacts that were read.

    Raises:
        UnexpectedError: Nothing can be told, since no contact shows any lists.
    """
    differ, places_known, unclear = [], False, False
    for one in expected:
        if one.identifier not in found:
            continue
        lists = found[one.identifier]
        on = None if lists is None else lists.hold(one.listed)
        places_known = places_known or on is not None
        if bool(on) is not one.on:
            differ.append(one)
            unclear = unclear or (lists is not None and on is None)
    if unclear and not places_known:
        raise UnexpectedError("Cordial shows no lists in any contact that was read.")
    return differ


class ReadBack:
    """Compares what was written with what Cordial shows.

    Args:
        rest: The REST API.
        binder: Knows the lists' ids there.
        report: Told of what does not fit.
    """

    def __init__(self, rest: RestClient, binder: ListBinder, report: RunReport) -> None:
        self._rest = rest
        self._binder = binder
        self._report = report

    def counts(self, cohorts: Iterable[int]) -> Counts:
        """Count the lists of some cohorts, by their keys."""
        counts: Counts = {}
        keys = list(cohorts)
        if not {self._list_name(key) for key in keys} <= self._binder.lists.keys():
            self._binder.refresh()  # the list protocol has made lists not known in REST so far
        for key in keys:
            list_id = self._binder.lists.get(self._list_name(key))
            if list_id is None:
                continue
            try:
                counts[key] = self._rest.count(list_id)
            except UnavailableError:
                counts[key] = None  # reading back is a service; its failure undoes no delivery
        return counts

    def compare(self, before: Counts, after: Counts) -> None:
        """Report the counts, and how far they are from what this run wrote."""
        for key, count in after.items():
            part = self._report.parts[key]
            part.count_in_cordial = count
            known = before.get(key, count)
            if count is None or known is None:
                continue
            part.drift = count - (known + part.added - part.removed)
            if part.drift:
                self._report.notes.append(
                    f"list '{part.list_name}' counts {count}, {part.drift:+d} from what this "
                    "run wrote (others may write to it, or the count lags behind)"
                )

    def _list_name(self, key: int) -> str:
        return self._report.parts[key].list_name or ""
