"""Which list a cohort has: bound on first sync by id, followed when renamed, never shared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from target_cordial.cordial.answers import Kind
from target_cordial.core.list_name import collisions, list_name
from target_cordial.delivery.base import Target
from target_cordial.errors import UnavailableError, UnexpectedError

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from target_cordial.cordial.list_protocol import ListProtocolClient
    from target_cordial.cordial.rest import CordialList, RestClient
    from target_cordial.ledger.store import CohortRow


@dataclass
class Bound:
    """What binding found.

    Attributes:
        targets: Where changes go, by the cohort's key.
        problems: Why a cohort has no list, by the cohort's key.
    """

    targets: dict[int, Target] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)


def wanted_name(cohort: CohortRow) -> str:
    """Name the list that a cohort has, or would get."""
    return cohort.list_name or list_name(cohort.name or "", cohort.cohort_id)


def refused_names(cohorts: Sequence[CohortRow]) -> dict[int, str]:
    """Find the cohorts that may not be written because of their list's name.

    Args:
        cohorts: All cohorts of the ledger.

    Returns:
        The reason, by the cohort's key. A cohort that has its list already keeps it; any other
        in the collision is refused.
    """
    by_id = {cohort.cohort_id: cohort for cohort in cohorts}
    together = collisions((cohort.cohort_id, wanted_name(cohort)) for cohort in cohorts)
    return {
        by_id[cohort_id].key: (
            f"Cohort {by_id[cohort_id].label} comes to the list name "
            f"'{wanted_name(by_id[cohort_id])}', as does "
            f"{', '.join(by_id[other].label for other in others)}: it was not written. Rename "
            "one of them in Amplitude; or stop syncing one and run: cordial-ledger forget "
            "<cohort_id>"
        )
        for cohort_id, others in together.items()
        if by_id[cohort_id].list_id is None
    }


class ListBinder:
    """Looks lists up and makes those that are missing.

    Args:
        rest: The REST API, for the lists that are there.
        protocol: The list protocol, where delivery goes by it.
        create: Whether missing lists may be made.
        dry: Make nothing.
        logger: For renamed lists.
    """

    def __init__(
        self,
        rest: RestClient,
        protocol: ListProtocolClient | None,
        *,
        create: bool,
        dry: bool,
        logger: logging.Logger,
    ) -> None:
        self._rest = rest
        self._protocol = protocol
        self._create = create
        self._dry = dry
        self._logger = logger
        self._lists: list[CordialList] = []

    @property
    def lists(self) -> dict[str, str]:
        """Ids in REST by list name, as last read."""
        return {row.name: row.id for row in self._lists}

    def refresh(self) -> None:
        """Read the lists again."""
        self._lists = self._rest.lists()

    def follow(self, cohorts: Sequence[CohortRow]) -> list[CohortRow]:
        """Read the lists, and follow those that were renamed in Cordial.

        Args:
            cohorts: All cohorts of the ledger.

        Returns:
            The cohorts, with the names that their lists have now.

        Raises:
            CordialError: Cordial could not be asked.
        """
        self.refresh()
        if self._protocol is not None:
            return list(cohorts)  # its ids are not those of REST
        names = {row.id: row.name for row in self._lists}
        followed = []
        for cohort in cohorts:
            name = names.get(cohort.list_id or "", cohort.list_name)
            if name != cohort.list_name:
                self._logger.warning(
                    "The list '%s' of cohort %s is now called '%s' in Cordial; it is followed.",
                    cohort.list_name,
                    cohort.label,
                    name,
                )
            followed.append(replace(cohort, list_name=name))
        return followed

    def bind(self, cohorts: Sequence[CohortRow]) -> Bound:
        """Find or make the list of each cohort.

        Args:
            cohorts: Those that something is to be written for, as :meth:`follow` left them.

        Returns:
            The targets, and the problems of cohorts that have none.

        Raises:
            CordialError: Cordial could not be asked.
        """
        bound = Bound()
        for cohort in cohorts:
            try:
                found = self._by_protocol(cohort) if self._protocol else self._by_rest(cohort)
            except (UnavailableError, UnexpectedError) as error:
                found = str(error)
            if isinstance(found, str):
                bound.problems[cohort.key] = f"Cohort {cohort.label}: {found}"
            else:
                bound.targets[cohort.key] = found
        return bound

    def _by_protocol(self, cohort: CohortRow) -> Target | str:
        name = wanted_name(cohort)
        list_id = cohort.list_id
        if list_id is None:
            if not self._create and name not in self.lists:
                return _not_made(name)
            if self._dry or self._protocol is None:
                list_id = self.lists.get(name, "")
            else:
                list_id = self._protocol.list_id(name)
        return Target(list_id, name, cohort.first_synced_at is None)

    def _by_rest(self, cohort: CohortRow) -> Target | str:
        first = cohort.first_synced_at is None
        if cohort.list_id is not None:
            row = next((row for row in self._lists if row.id == cohort.list_id), None)
            if row is None:
                return (
                    f"its list '{cohort.list_name}' is not in Cordial any more: it was not "
                    "written. Restore the list in Cordial, or run: cordial-ledger forget "
                    f"{cohort.cohort_id}"
                )
            return Target(row.id, row.name, first)
        name = wanted_name(cohort)
        if name in self.lists:
            return Target(self.lists[name], name, first)
        if not self._create:
            return _not_made(name)
        if self._dry:
            return Target("", name, first)
        return self._make(name, first=first)

    def _make(self, name: str, *, first: bool) -> Target | str:
        answer = self._rest.create_list(name)
        if answer.kind is Kind.OK or answer.kind is Kind.REFUSED:
            # The id is read back: a refused name may have been made by somebody else meanwhile,
            # or by an earlier try whose answer was lost.
            self.refresh()
            if name in self.lists:
                return Target(self.lists[name], name, first)
        return (
            f"its list '{name}' could not be made ({answer.status}"
            f"{': ' + answer.prose if answer.prose else ''}). List names share one space with "
            "contact attributes: is there an attribute of that name?"
        )


def _not_made(name: str) -> str:
    return (
        f"its list '{name}' is not in Cordial and create_lists is off: it was not written. "
        "Make the list, or allow create_lists."
    )
