"""The live display: one line that says what the run does, and how much of it is done."""

from __future__ import annotations

import atexit
import logging
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from target_cordial.terminal.summary import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from rich.console import RenderableType

    from target_cordial.run.report import RunReport

REFRESHES: Final = 4
"""In a second."""


class Display:
    """See :class:`target_cordial.run.watch.Watch`.

    Lines of the log that come meanwhile stand above the display: its handlers are given the stream
    that rich puts in the place of standard error, and get their own back at the end.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = _Polled(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _Count(),
            TimeElapsedColumn(),
            console=self._console,
            refresh_per_second=REFRESHES,
            transient=True,
        )
        self._redirected: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []

    def phase(
        self, text: str, done: Callable[[], int] | None = None, total: int | None = None
    ) -> None:
        """See :class:`target_cordial.run.watch.Watch`."""
        if not self._progress.live.is_started:
            self._begin()
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(text, total=total, done=done)

    def end(self) -> None:
        """See :class:`target_cordial.run.watch.Watch`."""
        for handler, stream in self._redirected:
            handler.setStream(stream)
        self._redirected.clear()
        self._progress.stop()

    def summarize(self, report: RunReport) -> bool:
        """See :class:`target_cordial.run.watch.Watch`."""
        if report.parts:
            self._console.print(summary(report))
        return True

    def _begin(self) -> None:
        stream = sys.stderr
        self._progress.start()
        atexit.register(self.end)  # whatever ends the process, the terminal is left as it was
        for handler in logging.root.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
                handler.setStream(sys.stderr)
                self._redirected.append((handler, stream))


class _Polled(Progress):
    """Asks how much is done whenever it is drawn, so that what does it need not tell."""

    def get_renderables(self) -> Iterable[RenderableType]:
        for task in self.tasks:
            done = task.fields["done"]
            if done is not None:
                self.update(task.id, completed=done())
        yield from super().get_renderables()


class _Count(ProgressColumn):
    """How much is done, of how much."""

    def render(self, task: Task) -> Text:
        if task.fields["done"] is None:
            return Text()
        of = "" if task.total is None else f" of {task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{of}")
