"""What the counts of an import prove.

``Done`` says that a job has ended, not that its rows were written. Cordial's description has six
counts (``ResultJ``) and no word on single rows, so a job is believed only where its counts account
for every row of its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from target_cordial.core.plan import Operation


class Kind(str, Enum):
    """What an import is for.

    ``CREATE``: makes the contacts that Cordial does not know, unsubscribed, and touches no other.
    ``ADD``, ``REMOVE``: writes membership to contacts that are there.
    """

    CREATE = "create"
    ADD = "add"
    REMOVE = "remove"

    @property
    def operation(self) -> Operation | None:
        """The change of membership that it writes; none where it only makes contacts."""
        return None if self is Kind.CREATE else Operation(self.value)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a job that has ended; None where Cordial did not tell one."""

    total: int | None = None
    updated: int | None = None
    inserted: int | None = None
    rejected: int | None = None
    error: int | None = None
    ignored: int | None = None

    def refused(self, kind: Kind, rows: int) -> int | None:
        """Count the rows that came to nothing.

        An addition or a removal is a job that may update contacts and never make one. It updates
        a row also where the contact is (or is not) on the list already: that such rows count as
        ``updated`` is assumed, here and nowhere else. Contacts that Cordial does not have are
        ``ignored`` (described): in a removal, they are on no list either.

        Args:
            kind: What the job was for.
            rows: The rows of its file.

        Returns:
            The number; None where the counts do not account for every row, which proves nothing.
        """
        if self.updated is None or self.total not in (None, rows):
            return None
        done = self.updated + (self.absent if kind is Kind.REMOVE else 0)
        undone = [self.rejected, self.error] + ([self.ignored] if kind is Kind.ADD else [])
        refused = sum(count or 0 for count in undone)
        return refused if done + refused == rows and not self.inserted else None

    @property
    def absent(self) -> int:
        """Rows of a removal whose contacts Cordial does not have."""
        return self.ignored or 0
