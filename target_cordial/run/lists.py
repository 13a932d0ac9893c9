"""Which list a cohort has: bound on first sync by id, followed when renamed, never shared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from target_cordial.cordial.answers import SHARED_NAMES, Kind
from target_cordial.core.list_name import collisions, list_name
from target_cordial.delivery.base import Target
from target_cordial.errors import UnavailableError, UnexpectedError
from target_cordial.run.remedy import ledger_command

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from target_cordial.cordial.list_protocol import ListProtocolClient
    from target_cordial.cordial.rest import CordialList, RestClient
    from target_cordial.ledger.store import CohortRow
    from target_cordial.settings import SingleCohorts


@dataclass
class Bound:
    """What binding found.

    Attributes:
        targets: Where changes go, by the cohort's key.
        problems: Why a cohort has no list, by the cohort's key.
        found: Members that a list had before it became a cohort's, by the cohort's key.
    """

    targets: dict[int, Target] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)
    found: dict[int, int] = field(default_factory=dict)


def wanted_name(cohort: CohortRow, single: SingleCohorts) -> str:
    """Name the list that a cohort has, or would get.

    Args:
        cohort: The cohort.
        single: What the settings say of single cohorts: counts until the cohort has its list.
    """
    asked = single.list_name(cohort.cohort_id, cohort.name) if cohort.list_id is None else None
    return asked or cohort.list_name or list_name(cohort.name or "", cohort.cohort_id)


def refused_names(cohorts: Sequence[CohortRow], single: SingleCohorts) -> dict[int, str]:
    """Find the cohorts that may not be written because of their list's name.

    Args:
        cohorts: All cohorts of the ledger.
        single: What the settings say of single cohorts.

    Returns:
        The reason, by the cohort's key. A cohort that has its list already keeps it; any other
        in the collision is refused.
    """
    by_id = {cohort.cohort_id: cohort for cohort in cohorts}
    names = {cohort.cohort_id: wanted_name(cohort, single) for cohort in cohorts}
    return {
        by_id[cohort_id].key: (
            f"Cohort {by_id[cohort_id].label} comes to the list name '{names[cohort_id]}', as "
            f"does {', '.join(by_id[other].label for other in others)}: it was not written. Rename "
            "one of them in Amplitude, or give it another list_name in the setting cohorts; or "
            f"stop syncing it and run: {ledger_command('forget', cohort_id)}"
        )
        for cohort_id, others in collisions(names.items()).items()
        if by_id[cohort_id].list_id is None
    }


def outgrown_entries(
    cohorts: Sequence[CohortRow], single: SingleCohorts, names_before: Mapping[str, str | None]
) -> list[str]:
    """Find entries of the setting ``cohorts`` by a name that their cohort has no more.

    The list stays the same, but the entry's limits would no longer guard it, and nobody would know.
    That a cohort was called so is seen when its new name comes, and later from its list, which
    keeps the name.

    Args:
        cohorts: All cohorts of the ledger.
        single: What the settings say of single cohorts.
        names_before: What they were called before this run, by their ids.

    Returns:
        What is to be said of each such entry.
    """
    notes = []
    for key in single.unmatched((cohort.cohort_id, cohort.name) for cohort in cohorts):
        for cohort in cohorts:
            called = key == names_before.get(cohort.cohort_id)
            names = (single.list_name(key, None), list_name(key, cohort.cohort_id))
            if called or (cohort.list_id is not None and cohort.list_name in names):
                notes.append(
                    f"the entry '{key}' of the setting cohorts has no effect, for no cohort is "
                    f"called so: cohort {cohort.label} "
                    f"{'was until now' if called else 'has the list that goes with that name'}. "
                    f"Put the cohort's id '{cohort.cohort_id}' in the place of the name"
                )
    return notes


class ListBinder:
    """Looks lists up and makes those that are missing.

    Args:
        rest: The REST API, for the lists that are there.
        protocol: The list protocol, where delivery goes by it.
        single: What the settings say of single cohorts.
        create: Whether missing lists may be made.
        dry: Make nothing.
        logger: For renamed lists.
    """

    def __init__(  # noqa: PLR0913  two services and what the settings say of lists
        self,
        rest: RestClient,
        protocol: ListProtocolClient | None,
        *,
        single: SingleCohorts,
        create: bool,
        dry: bool,
        logger: logging.Logger,
    ) -> None:
        self._rest = rest
        self._protocol = protocol
        self._single = single
        self._create = create
        self._dry = dry
        self._logger = logger
        self._lists: list[CordialList] = []
        self._holders: dict[str, str] = {}

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
        self._holders = {row.list_id: row.label for row in cohorts if row.list_id is not None}
        names = {row.id: row.name for row in self._lists}
        followed = []
        for cohort in cohorts:
            # The list protocol's ids are not those of REST.
            rest_id = cohort.list_id if self._protocol is None else cohort.rest_id
            name = names.get(rest_id or "", cohort.list_name)
            if name != cohort.list_name:
                self._logger.warning(
                    "The list '%s' of cohort %s is now called '%s' in Cordial; it is followed.",
                    cohort.list_name,
                    cohort.label,
                    name,
                )
            followed.append(replace(cohort, list_name=name))
        return followed

    def misses(self, cohort: CohortRow) -> bool:
        """Say whether the list that a cohort was bound to is gone, as the lists were last read."""
        rest_id = cohort.list_id if self._protocol is None else cohort.rest_id
        return rest_id is not None and rest_id not in self.lists.values()

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
            by = self._by_protocol if self._protocol else self._by_rest
            try:
                target = by(cohort, bound)
            except (UnavailableError, UnexpectedError) as error:
                target = str(error)
            if isinstance(target, str):
                bound.problems[cohort.key] = f"Cohort {cohort.label}: {target}"
            else:
                bound.targets[cohort.key] = _named(target, cohort)
        return bound

    def _by_protocol(self, cohort: CohortRow, bound: Bound) -> Target | str:
        name = wanted_name(cohort, self._single)
        list_id = cohort.list_id
        if list_id is None:
            if name not in self.lists and not self._create:
                return _not_made(name)
            # Asked for before the protocol's look-up, which makes what is missing.
            problem = self._find_members(name, cohort, bound) if name in self.lists else ""
            if problem:
                return problem
            if self._dry or self._protocol is None:
                list_id = self.lists.get(name, "")
            else:
                asked = _named(Target("", name, first_sync=True), cohort)
                list_id = self._protocol.list_id(asked.values)
                holder = self._holders.setdefault(list_id, cohort.label)
                if holder != cohort.label:  # who left one would be missing from the other
                    settings = self._protocol.settings
                    return f"its list is that of {holder}: it was not written. Check {settings}"
        elif self.misses(cohort):
            return _deleted(cohort)  # the service would go on accepting changes of it
        return Target(list_id, name, cohort.first_synced_at is None)

    def _by_rest(self, cohort: CohortRow, bound: Bound) -> Target | str:
        first = cohort.first_synced_at is None
        if cohort.list_id is None:
            name = wanted_name(cohort, self._single)
            made = False
            if name not in self.lists:
                if self._dry and self._create:
                    return Target("", name, first)
                made, problem = self._make(name)
                if problem:
                    return problem
            problem = "" if made else self._find_members(name, cohort, bound)
            return problem or Target(self.lists[name], name, first)
        row = next((row for row in self._lists if row.id == cohort.list_id), None)
        return _deleted(cohort) if row is None else Target(row.id, row.name, first)

    def _make(self, name: str) -> tuple[bool, str]:
        """Make a list.

        Returns:
            Whether it is new for certain, and why it is not there; empty where it is.
        """
        if not self._create:
            return False, _not_made(name)
        answer = self._rest.create_list(name)
        if answer.kind is Kind.OK or answer.kind is Kind.REFUSED:
            # The id is read back: a refused name may have been made by somebody else meanwhile,
            # or by an earlier try whose answer was lost.
            self.refresh()
            if name in self.lists:
                return answer.kind is Kind.OK, ""
        return False, (
            f"its list '{name}' could not be made ({answer.status}"
            f"{': ' + answer.prose if answer.prose else ''}). {SHARED_NAMES}"
        )

    def _find_members(self, name: str, cohort: CohortRow, bound: Bound) -> str:
        """Count the members of a list that was there before its cohort.

        Returns:
            Why they can't be counted; empty where they were. Nothing is guessed: without the
            count nobody could say whether these people are to stay.
        """
        try:
            count = self._rest.count(self.lists[name])
        except UnavailableError:
            count = None
        if count is None:
            return (
                f"its list '{name}' is in Cordial already, and how many members it has could not "
                "be read: it was not written. Run again; the API key needs the permission for "
                "GET /accountlists/<id>/count"
            )
        if count:
            bound.found[cohort.key] = count
        return ""


def _named(target: Target, cohort: CohortRow) -> Target:
    return replace(target, cohort_id=cohort.cohort_id, cohort_name=cohort.name or cohort.cohort_id)


def _deleted(cohort: CohortRow) -> str:
    return (
        f"its list '{cohort.list_name}' is not in Cordial any more: it was not written. Restore "
        f"the list in Cordial, or run: {ledger_command('forget', cohort.cohort_id)}"
    )


def _not_made(name: str) -> str:
    return (
        f"its list '{name}' is not in Cordial and create_lists is off: it was not written. "
        "Make the list, or allow create_lists."
    )
