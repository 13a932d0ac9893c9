"""What the setting ``cohorts`` says of single cohorts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class SingleCohorts:
    """Entries by a cohort's id or name.

    Attributes:
        given: The setting as it stands in the configuration.
    """

    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def list_name(self, cohort_id: str, name: str | None) -> str | None:
        """Return the list name that is asked for, if any."""
        found: str | None = self._value("list_name", cohort_id, name)
        return found

    def max_removal_percent(self, cohort_id: str, name: str | None) -> int | None:
        """Return the cohort's own share of removals that always passes, if any."""
        found: int | None = self._value("max_removal_percent", cohort_id, name)
        return found

    def max_addition_percent(self, cohort_id: str, name: str | None) -> int | None:
        """Return the cohort's own share of additions that always passes, if any."""
        found: int | None = self._value("max_addition_percent", cohort_id, name)
        return found

    def unmatched(self, known: Iterable[tuple[str, str | None]]) -> list[str]:
        """Find entries that speak of no known cohort: a typing error, perhaps.

        Args:
            known: Ids and names of the known cohorts.
        """
        names = {text for cohort in known for text in cohort}
        return sorted(set(self.given) - names)

    def _value(self, field_name: str, cohort_id: str, name: str | None) -> Any:  # noqa: ANN401  each field has its type
        """Read one field: the entry by id wins over the one by name."""
        for key in (cohort_id, name):
            value = self.given.get(key, {}).get(field_name) if key is not None else None
            if value is not None:
                return value
        return None
