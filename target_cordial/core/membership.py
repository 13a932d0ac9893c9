"""From a Singer record to what it says about membership.

A stream's role is read from its schema; a row then says, for one user of one cohort or for a batch
of them, *present* or *gone*; or it is a snapshot's marker; or it can't be read, and then it is
never guessed at.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from target_cordial.core import fields
from target_cordial.core.fields import MISSING, Record, field, has_field, opened
from target_cordial.core.identifier import Mapping as IdentifierMapping
from target_cordial.core.identifier import Resolved, is_text, resolve
from target_cordial.core.source_file import SourceFile, read_source_file
from target_cordial.core.times import FORMS, source_time
from target_cordial.core.user_key import user_key
from target_cordial.core.values import UnreadableFieldError, boolean, identity, presence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


UNTIMED: Final = (
    f"has no time in a form that is read ({FORMS}): name the file so, or give its rows a "
    "computed_time"
)
"""What is wrong with an exported file of which nobody can say how old it is."""


class Role(str, Enum):
    """What a stream's rows mean."""

    MEMBERSHIP = "membership"
    MARKER = "marker"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Cohort:
    """The cohort a row speaks of; one of the two is there.

    Attributes:
        id: Amplitude's cohort id.
        name: Its name in Amplitude.
    """

    id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Membership:
    """One user of one cohort, as a row tells it.

    Attributes:
        cohort: The cohort.
        user: The user's key in the cohort: ``a:`` and the amplitude id, else ``u:`` and the
            user id, else ``i:`` and the identifier.
        user_id: The user id, where the row has one.
        resolved: The contact identifier, or why there is none.
        present: In the cohort, or gone from it.
        explicit: The row has a flag or an operation; else it is part of a snapshot.
        snapshot_id: The snapshot it is part of.
        contradicted: A deletion mark overruled ``in_cohort: true``.
        time: When the source computed it, in milliseconds since the epoch.
        message: A digest of the ``message_id`` it came with: equal for a message sent again.
    """

    cohort: Cohort
    user: str
    user_id: str | None
    resolved: Resolved
    present: bool
    explicit: bool
    snapshot_id: str | None
    contradicted: bool = False
    time: int | None = None
    message: bytes | None = None


@dataclass(frozen=True, slots=True)
class MarkerRow:
    """A snapshot's marker, as a row tells it."""

    cohort: Cohort
    snapshot_id: str | None
    member_count: int
    complete: bool
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that can't be read.

    Attributes:
        field: The field at fault; never its value.
        problem: What is wrong with it.
        cohort: The cohort, where that at least could be read.
    """

    field: str
    problem: str
    cohort: Cohort | None = None


def role_of(keys: Iterable[str], mapping: IdentifierMapping) -> Role:
    """Tell a stream's role from its columns.

    Args:
        keys: The property names of its schema (or of its first row, where the schema has none).
        mapping: Tells which columns can hold an identifier.
    """
    names = dict.fromkeys(keys)
    has_id = has_field(names, fields.COHORT_ID)
    if has_id and has_field(names, fields.MEMBER_COUNT) and has_field(names, fields.COMPLETE):
        return Role.MARKER
    if not (has_id or has_field(names, (*fields.COHORT_NAME, *fields.SOURCE_FILE))):
        return Role.OTHER
    users = (
        *fields.AMPLITUDE_ID,
        *fields.USER_ID,
        *fields.USERS,
        *fields.PROPERTY_CONTAINERS,
        *mapping.properties,
    )
    heads = [name.partition("__")[0] for name in names if "__" in name]
    flattened = has_field(heads, fields.PROPERTY_CONTAINERS)
    return Role.MEMBERSHIP if flattened or has_field(names, users) else Role.OTHER


def read_membership(
    record: Record, mapping: IdentifierMapping, *, deleted: bool
) -> Sequence[Membership | Unreadable]:
    """Read a membership row: one user's, or a batch of users as webhooks send it.

    Args:
        record: The decoded record.
        mapping: Where the contact identifier is.
        deleted: Whether the row, as the tap sent it, carries a deletion mark
            (``_sdc_deleted_at``). The SDK takes that field away before a sink sees the record.

    Returns:
        What it says of each user, or what can't be read about it.
    """
    file = read_source_file(field(record, fields.SOURCE_FILE))
    cohort = cohort_of(record)
    if cohort is None:
        return [Unreadable("cohort_id", "names no cohort")]
    try:
        frame = _frame(record, cohort, file, deleted=deleted)
        message_id = identity(record, fields.MESSAGE_ID)
    except UnreadableFieldError as error:
        return [Unreadable(error.name, error.problem, cohort)]
    users = opened(field(record, fields.USERS))
    if users is MISSING:
        said = _of_user(record, frame, mapping)
        if message_id is not None and isinstance(said, Membership):
            # One message in rows of its own for each user is applied user by user.
            said = replace(said, message=_digest(f"{message_id} {said.user}"))
        return [said]
    if not isinstance(users, list):
        return [Unreadable("users", "is no list of users", cohort)]
    batch = [_of_element(user, number, frame, mapping) for number, user in enumerate(users)]
    if message_id is None or any(isinstance(said, Unreadable) for said in batch):
        return batch  # what could not be read may come again, mended
    digest = _digest(message_id)
    return [replace(said, message=digest) for said in batch if isinstance(said, Membership)]


def _frame(record: Record, cohort: Cohort, file: SourceFile | None, *, deleted: bool) -> Membership:
    """Read what a row says of all its users alike."""
    present = presence(record)
    if file is not None:
        if present is not None and present != file.present:
            raise UnreadableFieldError("_sdc_source_file", "says the opposite of the row's flag")
        present = file.present
    time = source_time(field(record, fields.TIME))
    if time is None and file is not None:
        time = file.time
        if time is None:  # as if new, an old file would bring people back who have left since
            raise UnreadableFieldError("_sdc_source_file", UNTIMED)
    return Membership(
        cohort=cohort,
        user="",
        user_id=None,
        resolved=Resolved(None),
        present=not deleted and present is not False,
        explicit=deleted or present is not None,
        snapshot_id=identity(record, fields.SNAPSHOT_ID),
        contradicted=deleted and present is True,
        time=time,
    )


def _of_element(
    user: object, number: int, frame: Membership, mapping: IdentifierMapping
) -> Membership | Unreadable:
    """Read one user of a batch."""
    place = f"users.{number}"
    if not isinstance(user, dict):
        return Unreadable(place, "is no user", frame.cohort)
    try:
        present = presence(user)
    except UnreadableFieldError as error:
        return Unreadable(f"{place}.{error.name}", error.problem, frame.cohort)
    if present is not None:
        if frame.explicit and present != frame.present:
            return Unreadable(place, "says the opposite of its batch", frame.cohort)
        frame = replace(frame, present=present, explicit=True)
    said = _of_user(user, frame, mapping)
    return replace(said, field=f"{place}.{said.field}") if isinstance(said, Unreadable) else said


def _of_user(
    record: Record, frame: Membership, mapping: IdentifierMapping
) -> Membership | Unreadable:
    """Read who is meant, and by which identifier."""
    try:
        amplitude_id = identity(record, fields.AMPLITUDE_ID)
        user_id = identity(record, fields.USER_ID)
    except UnreadableFieldError as error:
        return Unreadable(error.name, error.problem, frame.cohort)
    resolved = resolve(record, mapping)
    user = user_key(amplitude_id, user_id, resolved.identifier)
    if user is None:
        return Unreadable("amplitude_id", "names no user", frame.cohort)
    return replace(frame, user=user, user_id=user_id, resolved=resolved)


def read_marker(record: Record) -> MarkerRow | Unreadable:
    """Read a snapshot's marker."""
    cohort = cohort_of(record)
    if cohort is None:
        return Unreadable("cohort_id", "names no cohort")
    try:
        snapshot_id = identity(record, fields.SNAPSHOT_ID)
    except UnreadableFieldError as error:
        return Unreadable(error.name, error.problem, cohort)
    count = field(record, fields.MEMBER_COUNT)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return Unreadable("member_count", "is not a whole number", cohort)
    complete = boolean(field(record, fields.COMPLETE))
    if complete is None:
        return Unreadable("complete", "is neither true nor false", cohort)
    return MarkerRow(cohort, snapshot_id, count, complete, source_time(field(record, fields.TIME)))


def cohort_of(record: Record) -> Cohort | None:
    """Read which cohort a record speaks of; None where it names none that can be read."""
    try:
        cohort_id = identity(record, fields.COHORT_ID)
    except UnreadableFieldError:
        return None
    name = field(record, fields.COHORT_NAME)
    name = name if isinstance(name, str) and name.strip() and is_text(name) else None
    if cohort_id is None:
        file = read_source_file(field(record, fields.SOURCE_FILE))
        cohort_id = file.cohort_id if file else None
    return Cohort(cohort_id, name) if cohort_id or name else None


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
