"""Who watches a run: told of its phases, so that somebody at a terminal sees it go on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_cordial.run.report import RunReport


class Watch(Protocol):
    """Shows how a run goes on."""

    def phase(
        self, text: str, done: Callable[[], int] | None = None, total: int | None = None
    ) -> None:
        """Begin a phase; the one before is over.

        Args:
            text: What the run does now.
            done: Says how much of it is done; asked a few times a second, from another thread.
            total: How much there is to do, where that is known.
        """

    def end(self) -> None:
        """Show nothing more of phases. May be called again."""

    def summarize(self, report: RunReport) -> bool:
        """Show what became of each list.

        Returns:
            Whether it was shown.
        """


class Unwatched:
    """Nobody watches: what the run says is in its log."""

    def phase(
        self, text: str, done: Callable[[], int] | None = None, total: int | None = None
    ) -> None:
        """See :class:`Watch`."""

    def end(self) -> None:
        """See :class:`Watch`."""

    def summarize(self, report: RunReport) -> bool:  # noqa: ARG002  nothing is shown of it
        """See :class:`Watch`."""
        return False


def watch() -> Watch:
    """Let whoever sits at the terminal watch, if anybody does."""
    if not sys.stderr.isatty():
        return Unwatched()
    from target_cordial.terminal.display import Display  # noqa: PLC0415  takes its time to import

    return Display()
