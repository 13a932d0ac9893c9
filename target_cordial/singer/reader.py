"""Reading Singer messages.

Differs from the SDK's reader where that loses data or leaks it (SDK 0.54.9 and 0.55.0b7):

- floats stay floats: a ``Decimal`` in STATE ends the SDK's run after the load, before the state;
- ``_sdc_deleted_at`` is read here: the SDK takes it off the record before the sink sees it, which
  would turn a deletion into an addition;
- STATE is kept here and written when the ledger is durable: the SDK would write it after five
  minutes, whatever has become of the records;
- ACTIVATE_VERSION removes nobody: it is sent per stream, and before the rows;
- a bad line is never logged: it is full of people;
- plain rows are decoded, validated and taken in blocks: see ``core.plain_rows``.
"""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

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

    def count_taken(self, stream: str, records: int) -> None:
        """Count records that were taken without the SDK."""


BLOCK_BYTES: Final = 128 * 1024
"""Most bytes that are read at once."""

MOST_DIGITS: Final = 300
"""Longer numbers are none that mean anything here, and Python refuses the longest."""

SDK_ERRORS: Final = {
    "RecordsWithoutSchemaException": "a RECORD came before the SCHEMA of its stream",
    "MissingKeyPropertiesError": "a RECORD lacks a key property that its SCHEMA declares",
    "InvalidJSONSchema": "a SCHEMA is no valid JSON Schema",
    "InvalidInputLine": "a SCHEMA has no properties; an empty object will do",
    "MapExpressionError": (
        "an expression in the setting stream_maps can't be evaluated: does it use a field that "
        "the stream does not have?"
    ),
    "StreamMapConfigError": "the setting stream_maps can't be used as it is",
}
"""What the SDK's own exceptions mean; their texts can hold records."""


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
        self._line = 0
        self._stream = ""  # whose rows come, as it seems

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
            return _lenient(line)

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
        try:
            intake = self._job.begin()
            blocks = _blocks(file_input or self.default_input)
            self._stop.read(lambda: self._read(blocks, intake, callbacks, stats))
        except TargetCordialError as error:
            self._job.abandon(error)
            raise
        except Exception as error:  # what the SDK makes of a message it can't process
            said = SDK_ERRORS.get(type(error).__name__) or describe(error)
            self._job.abandon(InputError(f"Line {self._line} of the input: {said}"))
            mark_told(error)
            raise
        return stats

    def _read(
        self, blocks: Iterator[bytes], intake: Intake, callbacks: Callbacks, stats: Counter[str]
    ) -> None:
        for block in blocks:
            if not self._take_block(block, intake, callbacks, stats):
                break

    def _take_block(
        self, block: bytes, intake: Intake, callbacks: Callbacks, stats: Counter[str]
    ) -> bool:
        """Take some lines; False where the input ends within them."""
        plain = intake.plain(self._stream)
        rows = None if plain is None else plain.rows(block)
        if plain is None:
            return self._take_singly(block, intake, callbacks, stats)
        if rows is None:
            halves = _halves(block)
            if len(halves) == 1:
                return self._take(block, intake, callbacks, stats)
            return all(self._take_block(half, intake, callbacks, stats) for half in halves)
        lines: list[bytes] = []
        at = 0
        while at < len(rows):
            taken = intake.take_plain(plain, rows[at:] if at else rows)
            self._job.count_taken(self._stream, taken)
            stats["RECORD"] += taken
            self._line += taken
            at += taken
            if at < len(rows):
                lines = lines or block.split(b"\n")
                if not self._take(lines[at], intake, callbacks, stats):
                    return False
                at += 1
        return True

    def _take_singly(
        self, block: bytes, intake: Intake, callbacks: Callbacks, stats: Counter[str]
    ) -> bool:
        """Take lines one by one, until there may be plain rows among those that are left."""
        lines = block.removesuffix(b"\n").split(b"\n")
        for number, line in enumerate(lines, 1):
            if not self._take(line, intake, callbacks, stats):
                return False
            if number < len(lines) and intake.plain(self._stream) is not None:
                rest = b"".join(line + b"\n" for line in lines[number:])
                return self._take_block(rest, intake, callbacks, stats)
        return True

    def _take(self, line: bytes, intake: Intake, callbacks: Callbacks, stats: Counter[str]) -> bool:
        """Take one line of whatever kind; False where the input ends with it."""
        self._line += 1
        if not line.strip():
            return True
        try:
            message = self.deserialize_json(line)
        except ValueError:
            intake.broken(self._line)
            return False
        kind = str(message.get("type"))
        problem = _problem(kind, message)
        if problem:
            intake.unusable(self._line, problem)
        else:
            self._dispatch(kind, message, self._line, intake, callbacks)
            if kind in ("SCHEMA", "RECORD") and intake.plain(message["stream"]) is not None:
                self._stream = message["stream"]
        stats[kind] += 1
        return True

    def _dispatch(
        self, kind: str, message: Message, number: int, intake: Intake, callbacks: Callbacks
    ) -> None:
        if kind == "RECORD":
            intake.receive(message["stream"], message["record"], number)
            callbacks[kind](message)
        elif kind == "SCHEMA":
            if not isinstance(message["schema"].get("properties", {}), dict):
                raise InputError(f"Line {number} of the input: a SCHEMA's properties are no object")
            keys = message.get("key_properties") or ()
            intake.schema(message["stream"], message["schema"], keys)
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


_NEEDED: Final[dict[str, dict[str, type]]] = {
    "RECORD": {"stream": str, "record": dict},
    "SCHEMA": {"stream": str, "schema": dict},
    "STATE": {"value": dict},
    "ACTIVATE_VERSION": {"stream": str},
    "BATCH": {"stream": str},
}
"""What each type of message must have."""


def _problem(kind: str, message: Message) -> str:
    """Say why a message can't be used; empty where it can."""
    needed = _NEEDED.get(kind)
    if needed is None:
        return "has no type that Singer knows"
    lacking = [name for name, of in needed.items() if not isinstance(message.get(name), of)]
    return f"is a {kind} without a usable {' and '.join(lacking)}" if lacking else ""


def _lenient(line: str | bytes) -> Message:
    """Decode JSON that is odd but JSON: half an emoji, a number of thousands of digits.

    Raises:
        ValueError: It is no JSON object.
    """
    try:
        message = json.loads(line, parse_int=_whole)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise ValueError("not a JSON object") from None  # noqa: TRY004  as the SDK's reader does
    return message


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else float("inf")


def _blocks(file_input: IO[str]) -> Iterator[bytes]:
    """Read whole lines, as many as there are, up to a block.

    The SDK opens its input as text, which costs time and says nothing of the bytes; what has no
    bytes is read line by line.
    """
    if not isinstance(file_input, io.TextIOWrapper):
        for line in file_input:
            yield line.encode("utf-8", "surrogatepass").removesuffix(b"\n") + b"\n"
        return
    begun: list[bytes] = []  # a line that has not ended yet
    while part := file_input.buffer.read1(BLOCK_BYTES):
        lines, end, rest = part.rpartition(b"\n")
        if end:
            yield b"".join((*begun, lines, end))
            begun = []
        if rest:
            begun.append(rest)
    if begun:
        yield b"".join((*begun, b"\n"))


def _halves(block: bytes) -> list[bytes]:
    """Cut some lines in two parts; one line stays as it is."""
    cut = block.find(b"\n", len(block) // 2, -1) + 1 or block.rfind(b"\n", 0, -1) + 1
    return [block[:cut], block[cut:]] if cut else [block]
