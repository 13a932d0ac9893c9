"""What the setting ``cohorts`` says of single cohorts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELDS: Final = frozenset({"list_name", "max_removal_percent", "max_addition_percent"})
"""What an entry may hold."""


def joined(given: Mapping[str, Any]) -> dict[str, Any]:
    """Put entries together again that Meltano took apart.

    Meltano takes a dot in a key for a path (seen with 4.4.1): it writes the entry of a cohort
    ``v1.2`` as ``{"v1": {"2": {…}}}`` into the target's configuration file, and the entries of its
    own file as ``{"vip.list_name": …}`` into the environment. No value of an entry is an object,
    so nothing else can look like that.
    """
    entries: dict[str, Any] = {}
    for key, value in given.items():
        name, _, last = key.rpartition(".")
        if isinstance(value, dict):
            _join(entries, key, value)
        elif name and last in FIELDS and isinstance(entries.setdefault(name, {}), dict):
            entries[name][last] = value
        else:
            entries[key] = value
    return entries


def _join(entries: dict[str, Any], key: str, value: Mapping[str, Any]) -> None:
    inner = {name: part for name, part in value.items() if isinstance(part, dict)}
    own = {name: part for name, part in value.items() if name not in inner}
    known = entries.setdefault(key, {}) if own or not inner else {}
    if isinstance(known, dict):
        known.update(own)
    for name, part in inner.items():
        _join(entries, f"{key}.{name}", part)


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
