"""Reading back: what Cordial says of the lists before and after a delivery."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from target_cordial.cordial.rest import ContactLists, CordialList
from target_cordial.core.outcome import Result
from target_cordial.core.plan import Operation
from target_cordial.errors import CordialError, InterruptedRunError, UnexpectedError
from target_cordial.run.remedy import ledger_command

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Mapping

    from target_cordial.cordial.rest import RestClient
    from target_cordial.core.outcome import Outcome
    from target_cordial.core.plan import Change
    from target_cordial.run.lists import ListBinder
    from target_cordial.run.report import CohortReport, RunReport

Counts = dict[int, int | None]
"""Members of the lists, by the cohort's key; None where Cordial does not say."""

ANSWERS: Final = ", and see whether a proxy answers in Cordial's place"

Found = dict[str, ContactLists | None]
"""Contacts that were read, by identifier; None where Cordial has none."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One membership as Cordial confirmed it, or as it has to be by Cordial's word.

    Attributes:
        cohort: The cohort's key in the ledger.
        identifier: The contact identifier.
        listed: The list, as REST knows it.
        on: Whether the contact is to be on it.
        absent: Cordial said that it has no such contact.
    """

    cohort: int
    identifier: str
    listed: CordialList
    on: bool
    absent: bool = False


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

    Reading back is a service: whatever goes wrong with it is noted, and undoes no delivery.

    Args:
        rest: The REST API.
        binder: Knows the lists' ids there.
        report: Told of what does not fit.
        identifier_name: The Cordial key of the identifiers.
        workers: Contacts that are read at once.
        stop: Set when the run is told to stop.
    """

    def __init__(  # noqa: PLR0913  what is read, how, and where it is told
        self,
        rest: RestClient,
        binder: ListBinder,
        report: RunReport,
        *,
        identifier_name: str,
        workers: int,
        stop: threading.Event,
    ) -> None:
        self._rest = rest
        self._binder = binder
        self._report = report
        self._name = identifier_name
        self._workers = workers
        self._stop = stop
        self.counted = False

    def counts(self, cohorts: Iterable[int]) -> Counts:
        """Count the lists of some cohorts, by their keys."""
        counts: Counts = {}
        keys = list(cohorts)
        try:
            if not {self._list_name(key) for key in keys} <= self._binder.lists.keys():
                self._binder.refresh()  # the list protocol has made lists not known in REST so far
            for key in keys:
                list_id = self._binder.lists.get(self._list_name(key))
                if list_id is not None:
                    counts[key] = self._rest.count(list_id)
            self.counted = True
        except CordialError as error:
            self.counted = False
            self._note(f"the lists could not be counted: {error}")
        return counts

    def compare(self, before: Counts, after: Counts, written: Mapping[int, int]) -> None:
        """Report the counts, and how far they are from what this run wrote between them.

        Args:
            before: The counts before the delivery.
            after: The counts after it.
            written: What this run had reported before the delivery, additions less removals.
        """
        for key, count in after.items():
            part = self._report.parts[key]
            part.count_in_cordial = count
            known = before.get(key, count)
            if count is None or known is None:
                continue
            self._miss(part, known)
            wrote = part.added - part.removed - written.get(key, 0)
            part.drift = count - (known + wrote)
            if part.drift:
                self._note(
                    f"list '{part.list_name}' counts {count}, {part.drift:+d} from what this "
                    "run wrote (others may write to it, or the count lags behind)"
                )

    def _miss(self, part: CohortReport, count: int) -> None:
        """Tell of a list that had fewer members than it was confirmed to have."""
        if count < part.members:
            forget = ledger_command("forget", part.cohort_id)
            self._note(
                f"list '{part.list_name}' of cohort {part.label} counted {count} before this run "
                f"wrote to it, and {part.members} members were confirmed: others have taken people "
                f"off it or cleared it, or contacts are gone. To compare: "
                f"{ledger_command('verify', part.cohort_id)}; to have everyone sent again: "
                f"{forget}, and run the tap with --full-refresh"
            )

    def contacts(self, done: Iterable[Outcome], *, proves: bool) -> list[Change]:
        """Read contacts whose changes were confirmed in this run, or that were said to be absent.

        A list that is gone meanwhile is a problem of its own: nobody is on it any more.

        Args:
            done: How the changes ended.
            proves: What is confirmed is written already. Else what differs may yet come.

        Returns:
            The changes that are not as confirmed.

        Raises:
            InterruptedRunError: The run was told to stop.
        """
        if not proves and any(part.added or part.removed for part in self._report.parts.values()):
            self._note("the endpoint has accepted the changes and writes them later: not proven")
        expected = {
            self._expected(outcome): outcome.change
            for outcome in done
            if self._list_name(outcome.change.cohort) in self._binder.lists
        }
        found: Found = {}
        try:
            self._read({one.identifier: None for one in expected}, found)
        except CordialError as error:
            self._note_unread(error)
        try:
            differ = differing(expected, found)
        except UnexpectedError as error:
            self._note_unread(error)
            return []
        for key in dict.fromkeys(one.cohort for one in differ):
            read = [one for one in expected if one.cohort == key and one.identifier in found]
            self._tell(key, len(read), [one for one in differ if one.cohort == key], proves=proves)
        return [expected[one] for one in differ]

    def _expected(self, outcome: Outcome) -> Expected:
        change = outcome.change
        return Expected(
            change.cohort,
            change.identifier,
            self._listed(change.cohort),
            on=change.operation is Operation.ADD,
            absent=outcome.result is Result.ALREADY_ABSENT,
        )

    def _read(self, identifiers: Iterable[str], found: Found) -> None:
        people = list(identifiers)
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="read-back")
        try:
            for person, lists in zip(people, pool.map(self._contact, people), strict=True):
                found[person] = lists
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _contact(self, identifier: str) -> ContactLists | None:
        if self._stop.is_set():
            raise InterruptedRunError
        return self._rest.contact_lists(self._name, identifier)

    def _tell(self, key: int, read: int, differ: list[Expected], *, proves: bool) -> None:
        missing = sum(one.on for one in differ)
        absent = sum(one.absent for one in differ)
        left = len(differ) - missing - absent
        how = [f"{missing} are not on it though they were added"] if missing else []
        how += [f"{left} are still on it though they were removed"] if left else []
        how += [f"{absent} are on it though Cordial said it has no such contact"] if absent else []
        said = (
            f"Cohort {self._report.parts[key].label}, list '{self._list_name(key)}': "
            f"of {read} contacts that were read back, {' and '.join(how)}"
        )
        if proves:
            self._report.degrade(
                f"{said}: the next run sends them again. If it comes to the same, look in Cordial "
                f"for what else writes to this list, or merges contacts{ANSWERS if absent else ''}"
            )
        else:
            self._note(f"{said} (the endpoint writes later)")

    def _note_unread(self, error: CordialError) -> None:
        self._note(
            f"the changed contacts could not all be read back, which undoes nothing: {error} "
            "(verify_sample 0 reads none)"
        )

    def _note(self, text: str) -> None:
        if text not in self._report.notes:
            self._report.notes.append(text)

    def _listed(self, key: int) -> CordialList:
        name = self._list_name(key)
        return CordialList(self._binder.lists.get(name, ""), name)

    def _list_name(self, key: int) -> str:
        return self._report.parts[key].list_name or ""
