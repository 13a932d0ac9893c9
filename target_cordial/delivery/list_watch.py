"""Lists that are renamed or deleted by others while a delivery goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from target_cordial.delivery.base import Target

Names = dict[str, str]
"""Names of lists by their ids."""


class ListWatch:
    """The names under which lists are written now, for all workers of a delivery.

    Lists are known by their ids. As long as Cordial refuses no key, they are called what they
    were called when the delivery began.

    Args:
        read: Reads the lists: their names by their ids.

    Attributes:
        moved: Whether a list was found to be renamed or lost.
    """

    def __init__(self, read: Callable[[], Mapping[str, str]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._now: Names | None = None
        self._unexplained: set[str] = set()
        self.moved = False

    def name(self, target: Target) -> str | None:
        """Return the name of a list; None where it is lost for the rest of the delivery."""
        now = self._now
        return target.list_name if now is None else now.get(target.list_id)

    def look(self, target: Target) -> str | None:
        """Read the lists, and return the name of one; None where it is lost.

        For whoever writes so much at once that it can't wait for a refusal.

        Raises:
            CordialError: The lists could not be read.
        """
        with self._lock:
            before = self.name(target)
            self._read_again()
            self.moved = self.moved or self.name(target) != before
        return self.name(target)

    def explains(self, sent: Mapping[str, str], refused: AbstractSet[str]) -> bool:
        """Find out whether a refused call took lists for what they are not any more.

        The lists are read once for all calls that one event refuses: whoever comes later finds
        that the names have changed since its call was made. A refusal that a reading did not
        explain is not asked about again.

        Args:
            sent: The lists of the call, by id, under the names that it had for them.
            refused: Those names that Cordial refused.

        Returns:
            Whether the call is to be made again, by the names that lists have now.

        Raises:
            CordialError: The lists could not be read.
        """
        with self._lock:
            if self._differ(sent):
                return True
            if refused <= self._unexplained:
                return False
            self._read_again()
            explained = self._differ(sent)
            if explained:
                self.moved = True
            else:
                self._unexplained |= refused
            return explained

    def _read_again(self) -> None:
        lists = self._read()
        # What was lost stays so: its changes are pending, and the next run looks at it anew.
        known = lists if self._now is None else self._now
        self._now = {list_id: name for list_id, name in lists.items() if list_id in known}

    def _differ(self, sent: Mapping[str, str]) -> bool:
        now = self._now
        return now is not None and any(now.get(key) != name for key, name in sent.items())
