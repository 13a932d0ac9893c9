"""What a ledger belongs to: kept at its first run, compared at every other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from target_cordial.errors import BindingError
from target_cordial.ledger.rebinding import BINDING, DESTINATION, IDENTIFIER_NAME, MAPPING
from target_cordial.run.remedy import ledger_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.ledger.entries import Entries
    from target_cordial.ledger.store import Ledger

ACCEPTANCE: Final = "acceptance"
"""The ledger's note of the settings under which Cordial last accepted and rejected changes."""

BOUND: Final = {
    DESTINATION: "destination (delivery, endpoint, api_url or region)",
    IDENTIFIER_NAME: IDENTIFIER_NAME,
    MAPPING: MAPPING,
}
"""What a ledger is bound to, in the words of the settings."""


def changed(ledger: Ledger, binding: Mapping[str, str]) -> list[str]:
    """Find what a ledger is bound to otherwise.

    Args:
        ledger: The ledger.
        binding: What the settings say (``Settings.binding``).

    Returns:
        The names of ``BOUND`` that differ; none for a ledger that is not bound yet.
    """
    kept = ledger.get(BINDING)
    known = json.loads(kept) if kept is not None else {}
    return [name for name, value in known.items() if binding.get(name) != value]


def check(ledger: Ledger, binding: Mapping[str, str]) -> None:
    """Go on only with the ledger's own destination, identifier and mapping.

    Raises:
        BindingError: One of them is another.
    """
    names = " and ".join(BOUND[name] for name in changed(ledger, binding))
    if names:
        raise BindingError(
            f"The ledger was written with another {names}. Nothing was written: with this ledger, "
            "everyone on the lists would look wrong. Put the setting back, give the new one a "
            "ledger_url of its own, or take the ledger over to it with: "
            f"{ledger_command('rebind')}"
        )


def renew_acceptance(ledger: Ledger, entries: Entries, acceptance: str) -> None:
    """Send again what Cordial rejected under other settings: it may accept it now.

    Args:
        ledger: The ledger.
        entries: Its entries.
        acceptance: A fingerprint of the settings (``Settings.acceptance``).
    """
    known = ledger.get(ACCEPTANCE)
    if known == acceptance:
        return
    if known is not None:
        entries.retry_rejected()
    ledger.put(ACCEPTANCE, acceptance)


def bind(ledger: Ledger, binding: Mapping[str, str]) -> None:
    """Bind a ledger that is not bound yet."""
    if ledger.get(BINDING) is None:
        ledger.put(BINDING, json.dumps(binding))
