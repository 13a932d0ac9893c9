"""Reading Singer messages.

Differs from the SDK's reader where that loses data or leaks it (SDK 0.54.9 and 0.55.0b7):

- floats stay floats: a ``Decimal`` in STATE ends the SDK's run after the load, before the state;
- ``_sdc_deleted_at`` is read here: the SDK takes it off the record before the sink sees it, which
  would turn a deletion into an addition;
- STATE is kept here and written when the ledger is durable: the SDK would write it after five
  minutes, whatever has become of the records;
- ACTIVATE_VERSION removes nobody: it is sent per stream, and before the rows;
- a bad line is never logged: it is full of people.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_cordial.errors import InputError, TargetCordialError, describe, mark_told

if TYPE_CHECKING:
    import logging

    from target_cordial.run.intake import Intake
    from target_cordial.run.stop import Stop

Message = dict[str, Any]
Callbacks = dict[str, Callable[[Message], None]]


class Job(Protocol):
    """The run, as far as the reader needs it."""

    def begin(self) -> Intake:
        """Open everything that can fail before the first record is read."""

    def abandon(self, error: TargetCordialError) -> None:
        """End a run that can't go on."""


class _NoMessageError(Exception):
    """A line is not a Singer message."""


class CordialReader(GenericSingerReader[str]):
    """Reads lines and hands messages on.

    Args:
        job: The run that the messages belong to.
        stop: Told when the process is.
        logger: For messages without effect.
    """

    def __init__(self, job: Job, stop: Stop, logger: logging.Logger) -> None:
        super().__init__()
        self._job = job
        self._stop = stop
        self._logger = logger
        self._decoder = msgspec.json.Decoder(dict[str, Any])
        self._versioned: set[str] = set()

    @property
    def default_input(self) -> IO[str]:
        """See the SDK."""
        return sys.stdin

    def deserialize_json(self, line: str | bytes) -> Message:
        """Decode one line.

        Raises:
            ValueError: It is no JSON object. The error holds nothing of the line.
        """
        try:
            return self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            message = "not a JSON object"
            raise ValueError(message) from None

    def process_lines(self, file_input: IO[str] | None, callbacks: Callbacks) -> Counter[str]:
        """Read to the end of the input, or to the first line that is not a message.

        Args:
            file_input: The input; standard input where it is None.
            callbacks: The SDK's own processing, by message type.

        Returns:
            Messages read, by type.

        Raises:
            TargetCordialError: The run can't go on.
        """
        stats: Counter[str] = Counter()
        number = 0
        try:
            intake = self._job.begin()
            with self._stop.reading():
                for number, line in enumerate(_lines(file_input or self.default_input), 1):
                    if not line.strip():
                        continue
                    try:
                        kind, message = self._message(line)
                    except _NoMessageError:
                        intake.broken(number)
                        break
                    self._dispatch(kind, message, number, intake, callbacks)
                    stats[kind] += 1
        except TargetCordialError as error:
            self._job.abandon(error)
            raise
        except Exception as error:  # what the SDK makes of a message it can't process
            self._job.abandon(InputError(f"Line {number} of the input: {describe(error)}"))
            mark_told(error)
            raise
        return stats

    def _message(self, line: str | bytes) -> tuple[str, Message]:
        try:
            message = self.deserialize_json(line)
        except ValueError:
            raise _NoMessageError from None
        kind = message.get("type")
        needed = _NEEDED.get(kind) if isinstance(kind, str) else None
        if needed is None or not all(
            isinstance(message.get(name), of) for name, of in needed.items()
        ):
            raise _NoMessageError
        return str(kind), message

    def _dispatch(
        self, kind: str, message: Message, number: int, intake: Intake, callbacks: Callbacks
    ) -> None:
        if kind == "RECORD":
            intake.receive(message["stream"], message["record"], number)
            callbacks[kind](message)
        elif kind == "SCHEMA":
            intake.schema(message["stream"], message["schema"])
            callbacks[kind](message)
        elif kind == "STATE":
            intake.state = message["value"]
        elif kind == "ACTIVATE_VERSION":
            self._note_version(message["stream"])
        else:
            raise InputError(
                f"Line {number}: BATCH messages are not taken, since their rows can't be "
                "counted and checked. Switch batch_config off in the tap."
            )

    def _note_version(self, stream: str) -> None:
        if stream not in self._versioned:
            self._versioned.add(stream)
            self._logger.info(
                "ACTIVATE_VERSION of stream '%s' removes nobody: it proves nothing about one "
                "cohort.",
                stream,
            )


_NEEDED: dict[str, dict[str, type]] = {
    "RECORD": {"stream": str, "record": dict},
    "SCHEMA": {"stream": str, "schema": dict},
    "STATE": {"value": dict},
    "ACTIVATE_VERSION": {"stream": str},
    "BATCH": {"stream": str},
}


def _lines(file_input: IO[str]) -> Iterator[str | bytes]:
    """Take bytes where there are any: the SDK opens its input as text, which costs time."""
    if isinstance(file_input, io.TextIOWrapper):
        yield from file_input.buffer
    else:
        yield from file_input
