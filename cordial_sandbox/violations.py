"""What no delivery may ever do. It is noted and stops nothing, so that every test can look."""

from __future__ import annotations

from typing import Any

RULES = {
    "subscribed_by_import": "an import subscribed a contact",
    "made_by_removal": "a contact was made by a write that only takes it off lists",
    "left_to_defaults": "an import leaves suppressTriggers or hasHeader open, or does not say "
    "subscribe: false",
    "overlap": "two writes of one contact overlap, one of them by an import job whose end nobody "
    "had been told",
    "added_and_removed": "one import adds and removes the same contact",
    "several_lists": "one import writes to more than one list",
    "formula": "a cell of an imported file starts as a formula does",
    "subscription_in_write": "a contact write carries subscribeStatus or forceSubscribe",
}


class Violations:
    """Rules broken, counted by rule and by who broke it; they hold no identifier."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def note(self, rule: str, where: str, count: int = 1) -> None:
        """Note that a rule was broken.

        Args:
            rule: One of `RULES`.
            where: The kind of call, or the import job by its id.
            count: How often, in what the rule speaks of; nothing is noted for 0.
        """
        if count:
            self._counts[rule, where] = self._counts.get((rule, where), 0) + count

    def as_list(self) -> list[dict[str, Any]]:
        """Return them as the control API shows them, in the order they first happened."""
        return [
            {"rule": rule, "where": where, "count": count, "message": RULES[rule]}
            for (rule, where), count in self._counts.items()
        ]
