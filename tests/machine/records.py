"""The records of a run, as a tap writes them and as the model is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.target_cordial.ledger.model import Told

USER_IDS = {"1": "x", "2": "x", "3": "y", "4": None}
"""Amplitude users and their user ids: two share one, one has none."""

EPOCH = 1_795_000_000


@dataclass(frozen=True)
class Who:
    """Somebody in a record, by the ids that the record knows."""

    amplitude_id: str | None
    user_id: str | None
    identifier: str | None

    @property
    def key(self) -> str:
        """Their key, after "a user is one by `amplitude_id`, else `user_id`, else identifier"."""
        if self.amplitude_id:
            return f"a:{self.amplitude_id}"
        return f"u:{self.user_id}" if self.user_id else f"i:{self.identifier}"

    @property
    def fields(self) -> dict[str, Any]:
        """Their part of a record."""
        fields: dict[str, Any] = {"user_properties": {"email": self.identifier}}
        if self.amplitude_id:
            fields["amplitude_id"] = self.amplitude_id
        if self.user_id:
            fields["user_id"] = self.user_id
        return fields

    def told(self, *, present: bool, snapshot: int | None, **more: Any) -> Told:
        """What the model is told."""
        return Told(self.key, self.user_id, self.identifier, present, snapshot, **more)


@dataclass(frozen=True)
class Snapshot:
    """Rows without a flag, and perhaps their marker.

    Attributes:
        kind: ``complete``; ``truncated``: its last row got lost; ``one_more``: it counts one
            too many; ``incomplete``: it says so; ``unmarked``: no marker comes.
        first: Whether the marker comes before the rows.
    """

    cohort: str
    snapshot_id: str
    users: tuple[Who, ...]
    kind: str
    time: int | None
    first: bool


@dataclass(frozen=True)
class Change:
    """A row with a word of its own."""

    cohort: str
    who: Who
    word: dict[str, Any]
    present: bool
    time: int | None
    message: str | None


@dataclass(frozen=True)
class Batch:
    """A webhook's message."""

    cohort: str
    users: tuple[Who, ...]
    present: bool
    time: int | None
    message: str


@dataclass(frozen=True)
class Unreadable:
    """A row with a word that nobody knows."""

    cohort: str


Block = Snapshot | Change | Batch | Unreadable


@dataclass
class Mark:
    """The last marker of a snapshot; ``told`` is how much the model was told before it."""

    count: int
    complete: bool
    time: int | None
    at: int
    told: int


@dataclass
class Heard:
    """What a run heard of one cohort.

    Attributes:
        told: What the model is told, in order.
        rows: The users of each snapshot, and where its rows stood.
        marks: The last marker of each snapshot.
        unreadable: Whether some record could not be read.
        received: Users in its rows.
    """

    told: list[Told] = field(default_factory=list)
    rows: dict[str, tuple[set[str], list[int], int]] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    unreadable: bool = False
    received: int = 0
    numbers: dict[str, int] = field(default_factory=dict)


class Script:
    """Writes the records of a run, and what each cohort is to make of them.

    Args:
        names: The cohorts' names as they are now.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._at = 0
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.heard: dict[str, Heard] = {}

    def write(self, block: Block) -> None:
        """Write one block."""
        if _says_nothing(block):
            return
        heard = self.heard.setdefault(block.cohort, Heard())
        base = {"cohort_id": block.cohort, "cohort_name": self._names[block.cohort]}
        if isinstance(block, Snapshot):
            self._write_snapshot(block, heard, base)
        elif isinstance(block, Change):
            digest = f"{block.message} {block.who.key}" if block.message else None
            self._say(heard, block.who, block, digest)
            self._record(
                "changes",
                base | block.who.fields | block.word | _times(block) | _message(block.message),
            )
        elif isinstance(block, Batch):
            for who in block.users:
                self._say(heard, who, block, block.message)
            users = [who.fields for who in block.users]
            said = {"in_cohort": block.present, "users": users}
            self._record("batches", base | said | _times(block) | _message(block.message))
        else:
            heard.unreadable = True
            self._record("changes", base | {"user_id": "x", "operation": "paused"})

    def _say(self, heard: Heard, who: Who, block: Change | Batch, message: str | None) -> None:
        heard.received += 1
        heard.told.append(
            who.told(
                present=block.present,
                snapshot=None,
                time=_milliseconds(block.time),
                message=message,
            )
        )

    def _write_snapshot(self, block: Snapshot, heard: Heard, base: dict[str, Any]) -> None:
        if block.first:
            self._mark(block, heard, base)
        sent = block.users[:-1] if block.kind == "truncated" else block.users
        for who in sent:
            number = heard.numbers.setdefault(block.snapshot_id, len(heard.numbers))
            heard.told.append(who.told(present=True, snapshot=number))
            heard.received += 1
            self._record("members", base | who.fields | {"snapshot_id": block.snapshot_id})
            users, told_at, _ = heard.rows.get(block.snapshot_id, (set(), [], 0))
            heard.rows[block.snapshot_id] = (
                users | {who.key},
                [*told_at, len(heard.told)],
                self._at,
            )
        if not block.first:
            self._mark(block, heard, base)

    def _mark(self, block: Snapshot, heard: Heard, base: dict[str, Any]) -> None:
        if block.kind == "unmarked":
            return
        count = len({who.key for who in block.users}) + (block.kind == "one_more")
        marker = {
            "snapshot_id": block.snapshot_id,
            "member_count": count,
            "complete": block.kind != "incomplete",
        }
        if block.time is not None:
            marker["computed_at"] = EPOCH + block.time
        self._record("markers", base | marker)
        heard.marks[block.snapshot_id] = Mark(
            count, block.kind != "incomplete", _milliseconds(block.time), self._at, len(heard.told)
        )

    def _record(self, stream: str, record: dict[str, Any]) -> None:
        self._at += 1
        self.messages.append((stream, record))


def _says_nothing(block: Block) -> bool:
    """A message about nobody names no cohort either."""
    if isinstance(block, Snapshot):
        sent = len(block.users) - (block.kind == "truncated")
        return block.kind == "unmarked" and sent < 1
    return isinstance(block, Batch) and not block.users


def _times(block: Change | Batch) -> dict[str, Any]:
    return {} if block.time is None else {"computed_time": str(EPOCH + block.time)}


def _message(message: str | None) -> dict[str, Any]:
    return {} if message is None else {"message_id": message}


def _milliseconds(time: int | None) -> int | None:
    return None if time is None else (EPOCH + time) * 1000
