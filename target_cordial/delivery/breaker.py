"""When to stop a delivery: everything fails, and more of the same would only make it worse."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from target_cordial.core.outcome import CONTACT_NOT_FOUND, REJECTED_BY_CORDIAL, Result
from target_cordial.errors import DeliveryStoppedError

if TYPE_CHECKING:
    from target_cordial.delivery.base import Delivered

FIRST_CHANGES: Final = 200
"""So many changes at the start of a run, all rejected for one reason, have one common cause."""

REMEDIES: Final = {
    CONTACT_NOT_FOUND: (
        "Check contact_identifier_name and contact_identifier_mapping, or allow create_contacts"
    ),
    REJECTED_BY_CORDIAL: "Set rejects_path to read Cordial's words, and mend the cause",
}


class Breaker:
    """Is told of every call that has ended, by its worker, and says when there have been enough.

    Changes that stay pending say nothing about rejections: only what Cordial answered counts.

    Args:
        calls_in_a_row: How many calls may use up their tries, one after the other.
        accepted: Cordial has accepted others like these: it does not reject everything.
    """

    def __init__(self, calls_in_a_row: int, *, accepted: bool = False) -> None:
        self._most = calls_in_a_row
        self._lock = threading.Lock()
        self._used_up = 0
        self._rejected: int | None = None if accepted else 0
        self._reason: str | None = None

    def after(self, delivered: Delivered) -> DeliveryStoppedError | None:
        """Take a call's end into account.

        Returns:
            Why delivery has to stop; None where it goes on.
        """
        with self._lock:
            return self._judge(delivered)

    def _judge(self, delivered: Delivered) -> DeliveryStoppedError | None:
        if delivered.answered is not None:
            self._used_up = 0 if delivered.answered else self._used_up + 1
        for outcome in delivered.outcomes:
            if self._rejected is None or outcome.is_pending:
                continue
            self._reason = self._reason or outcome.reason
            same = outcome.result is Result.REJECTED and outcome.reason == self._reason
            self._rejected = self._rejected + 1 if same else None
        if self._used_up >= self._most:
            return DeliveryStoppedError(
                f"Delivery stopped: {_calls(self._most)} used up all tries"
                f"{', the last one: ' + delivered.problem if delivered.problem else '.'} "
                "Run again when Cordial answers: what was not sent is in the ledger."
            )
        if self._rejected is not None and self._rejected >= FIRST_CHANGES:
            return DeliveryStoppedError(
                f"Delivery stopped: the first {FIRST_CHANGES} changes were all rejected, as "
                f"{self._reason}. {REMEDIES.get(self._reason or '', 'Mend the cause')}; then run: "
                "cordial-ledger retry. What was not sent is in the ledger, and the next run "
                "sends it."
            )
        return None


def _calls(number: int) -> str:
    return "a call" if number == 1 else f"{number} calls in a row"
