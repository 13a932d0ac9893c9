"""Which cohort a row means: by its id, or by its name alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.run.received import CohortIntake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_cordial.core.membership import Cohort
    from target_cordial.ledger.store import CohortRow


class Cohorts:
    """The cohorts of a run.

    A row with a name only is the cohort of that name, in this run or in the ledger; which one that
    is, is known when the input has ended.

    Args:
        known: The cohorts that the ledger knows.

    Attributes:
        by_id: What was received of each, by its id; once united, by its name where it has no id.
    """

    def __init__(self, known: Iterable[CohortRow]) -> None:
        self.by_id: dict[str, CohortIntake] = {}
        self._named: dict[str, CohortIntake] = {}
        self._ids: dict[str, set[str]] = {}
        self._in_ledger: set[str] = set()
        self._by_name: set[str] = set()
        for row in known:
            self._in_ledger.add(row.cohort_id)
            if row.by_name:
                self._by_name.add(row.cohort_id)
            elif row.name is not None:
                self._ids.setdefault(row.name, set()).add(row.cohort_id)

    def meant(self, cohort: Cohort) -> CohortIntake:
        """Find what was received of the cohort that a row speaks of."""
        known = self._named if cohort.id is None else self.by_id
        reference = cohort.id or cohort.name or ""
        received = known.get(reference)
        if received is None:
            number = len(self._named) + len(self.by_id)
            received = known[reference] = CohortIntake(number, reference, cohort.name)
        if cohort.name is not None and cohort.name != received.name:
            received.name = cohort.name
        if cohort.id is not None and cohort.name is not None:
            self._ids.setdefault(cohort.name, set()).add(cohort.id)
        return received

    def unite(self, merge: Callable[[CohortIntake, CohortIntake], None]) -> None:
        """Find out which cohorts are meant by rows that have a name only.

        Where several cohorts have a name, or none, it stands for a cohort of its own, until a run
        brings its id.

        Args:
            merge: Gives to the first of two, which are one cohort, the rows of the second.
        """
        for received in self.by_id.values():
            if received.name in self._by_name and self._id_of(received.name) == received.cohort_id:
                received.formerly = received.name
        for name, named in self._named.items():
            cohort_id = self._id_of(name)
            known = self.by_id.get(cohort_id or name)
            if known is None:
                named.cohort_id = cohort_id or name
                named.by_name = cohort_id is None
                self.by_id[named.cohort_id] = named
            else:
                merge(known, named)
        self._named.clear()

    def _id_of(self, name: str) -> str | None:
        """The one cohort id that goes with a name, if one does.

        Where the ledger has a cohort by this name alone, that is the same one only if its id is
        new: else they are two.
        """
        ids = self._ids.get(name, set())
        if len(ids) != 1:
            return None
        (cohort_id,) = ids
        if name not in self._by_name:
            return cohort_id
        new = cohort_id not in self._in_ledger and self.by_id[cohort_id].name == name
        return cohort_id if new else None
