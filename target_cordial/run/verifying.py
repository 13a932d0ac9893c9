"""Comparing the ledger with Cordial, list by list, outside a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_cordial.errors import UnexpectedError
from target_cordial.run.readback import Expected, differing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_cordial.cordial.rest import ContactLists, CordialList, RestClient
    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import CohortRow
    from target_cordial.settings import Settings


@dataclass(frozen=True)
class Verified:
    """One list, held against the ledger.

    Attributes:
        cohort_id: The cohort's id.
        cohort_name: The cohort's name.
        list_name: The list's name.
        list_id: The list's id.
        members: Members that Cordial has confirmed.
        count_in_cordial: Members that Cordial counts; None where it does not say.
        drift: How many more those are.
        sampled: Confirmed members that were read back; None where Cordial does not show whether
            they are on the list.
        missing: Those of them that are not on it.
        problem: Why the list could not be compared; empty where it could.
    """

    cohort_id: str
    cohort_name: str | None
    list_name: str | None
    list_id: str | None
    members: int
    count_in_cordial: int | None = None
    drift: int | None = None
    sampled: int | None = None
    missing: int | None = None
    problem: str = ""

    @property
    def fits(self) -> bool:
        """Whether nothing was found that differs."""
        return not self.problem and not self.drift and not self.missing

    def line(self) -> str:
        """Say it in one line."""
        text = f"List '{self.list_name}' of cohort {self.cohort_id}: {self.members} members"
        if self.problem:
            return f"{text}; {self.problem}"
        text += f", {self.count_in_cordial} in Cordial"
        if self.drift:
            text += f" ({self.drift:+d}: others may write to it, or the count lags behind)"
        if self.sampled is None:
            return f"{text}; Cordial shows no lists in the contacts that were read"
        return f"{text}; {self.missing} of {self.sampled} that were read are not on it"


class Verifier:
    """Compares lists.

    Args:
        entries: The ledger's entries.
        rest: The REST API.
        settings: The settings.
    """

    def __init__(self, entries: Entries, rest: RestClient, settings: Settings) -> None:
        self._entries = entries
        self._rest = rest
        self._key = settings.mapping.name
        self._by_name = settings.delivery == "endpoint"  # whose ids are not those of REST

    def verify(self, cohorts: Sequence[CohortRow], sample: int) -> list[Verified]:
        """Count each list, and read back some of its confirmed members.

        Args:
            cohorts: Cohorts that have their lists.
            sample: How many members of each.

        Raises:
            CordialError: Cordial could not be asked.
        """
        lists = {
            listed.name if self._by_name else listed.id: listed for listed in self._rest.lists()
        }
        return [
            self._verify_one(
                cohort,
                lists.get(str(cohort.list_name if self._by_name else cohort.list_id)),
                sample,
            )
            for cohort in cohorts
        ]

    def _verify_one(self, cohort: CohortRow, listed: CordialList | None, sample: int) -> Verified:
        members = self._entries.members(cohort.key)
        known = (cohort.cohort_id, cohort.name, cohort.list_name, cohort.list_id, members)
        if listed is None:
            return Verified(*known, problem="it is not in Cordial")
        count = self._rest.count(listed.id)
        if count is None:
            return Verified(*known, problem="Cordial does not say how many it has")
        identifiers = self._entries.sample(cohort.key, sample)
        missing = self._missing(cohort, listed, identifiers)
        return Verified(
            *known,
            count_in_cordial=count,
            drift=count - members,
            sampled=None if missing is None else len(identifiers),
            missing=missing,
        )

    def _missing(
        self, cohort: CohortRow, listed: CordialList, identifiers: Iterable[str]
    ) -> int | None:
        found: dict[str, ContactLists | None] = {
            identifier: self._rest.contact_lists(self._key, identifier)
            for identifier in identifiers
        }
        expected = [Expected(cohort.key, identifier, listed, on=True) for identifier in found]
        try:
            return len(differing(expected, found))
        except UnexpectedError:
            return None
