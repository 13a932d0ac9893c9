"""The ledger's tables.

``member`` and ``entry`` are the two sides that every run brings together: who the source says is
in a cohort (by user), and what was sent to and confirmed by Cordial (by identifier). They hold
millions of rows, so their keys are clustered, and the two partial indexes hold only what is
pending and who left.

Times of this machine are whole seconds since the epoch, UTC, and end in ``_at``; times of the
source are milliseconds. The two are never compared.

A change of these tables is a new version of the ledger: see ``versions``.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    and_,
)

from target_cordial.core.plan import Sent

ledger_metadata: Final = MetaData()

Text: Final = String().with_variant(String(collation="C"), "postgresql")
"""Texts sort by their bytes: keys are compared by ranges, which no language's order keeps."""

Seconds: Final = Integer().with_variant(BigInteger(), "postgresql")
"""SQLite's integers have eight bytes in any case; PostgreSQL's would end in 2038."""


def _index_where(name: str, where: ColumnElement[bool], *columns: Column[Any]) -> None:
    """Index the few rows of a table that a condition picks out."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


meta = Table(
    "meta",
    ledger_metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about the ledger itself: its version, its binding."""

run = Table(
    "run",
    ledger_metadata,
    Column("number", Integer, primary_key=True, comment="in the order in which they began"),
    Column("run_id", Text, nullable=False, unique=True),
    Column("started_at", Seconds, nullable=False),
    Column("finished_at", Seconds),
    Column("status", Text),
)
"""Every run that recorded something; one without an end died."""

tally = Table(
    "tally",
    ledger_metadata,
    Column("run", Integer, primary_key=True, autoincrement=False, comment="its number"),
    Column("cohort", Integer, primary_key=True, autoincrement=False),
    Column("snapshot", Text, nullable=False, comment="core.completeness.Completeness"),
    Column("members", Integer, nullable=False, comment="confirmed, at the end of the run"),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("already_absent", Integer, nullable=False),
    Column("withheld", Integer, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("skipped", Text, nullable=False, comment="JSON: users by reason"),
    Column("rejected", Text, nullable=False, comment="JSON: changes by reason"),
)
"""What each run did to each list, in numbers: the history. Nobody is named in it."""

cohort = Table(
    "cohort",
    ledger_metadata,
    Column("key", Integer, primary_key=True, comment="stands for the cohort in member and entry"),
    Column("cohort_id", Text, nullable=False, unique=True),
    Column("name", Text, comment="as last seen"),
    Column("list_name", Text, comment="the Cordial list it is bound to"),
    Column("list_id", Text, comment="that list's id, in REST or in the list protocol"),
    Column("first_synced_at", Seconds, comment="when a delivery for it first ended well"),
    Column("last_complete_at", Seconds, comment="when a complete snapshot was last recorded"),
    Column("known_since", Seconds, comment="when the ledger first heard of it"),
    Column("snapshot_time", BigInteger, comment="source time of the last complete snapshot, ms"),
    Column("rest_id", Text, comment="its id in REST, where list_id is the list protocol's"),
    Column("found", Integer, comment="members its list had before, until they are adopted"),
    Column("by_name", SmallInteger, comment="1: its id is not known, its name stands for it"),
    Column("remapped_at", Seconds, comment="mapping changed, and no complete snapshot came since"),
)

member = Table(
    "member",
    ledger_metadata,
    Column("cohort", Integer, primary_key=True),
    Column("user_key", Text, primary_key=True),
    Column("user_id", Text),
    Column("identifier", Text, nullable=False, comment="the last one that resolved"),
    Column("held_of", Text, comment="the user whose former identifier this is"),
    Column("time", BigInteger, comment="source time of the newest record of its own, ms"),
    Column("digest", BigInteger, comment="of the row of a snapshot that said the same"),
    Index("member_identifier", "cohort", "identifier"),
    sqlite_with_rowid=False,
)
"""Who the source says is in: one row per cohort and user with an identifier.

A row with ``held_of`` keeps an identifier wanted that its user no longer has, by the word of an
unproven snapshot: another user, in the part that never came, may have it now. The next proven
snapshot, or the user's removal, ends it. Where ``held_of`` is ``ADOPTED``, the identifier was on
the list when somebody said that its members are ours: it is held until a user comes with it, or a
proven snapshot without it.
"""

ADOPTED: Final = ""
"""Whose identifier an adopted one is: nobody's that is known."""

entry = Table(
    "entry",
    ledger_metadata,
    Column("cohort", Integer, primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("wanted", SmallInteger, nullable=False, comment="some present user resolves to it"),
    Column("sent", SmallInteger, nullable=False, comment="core.plan.Sent"),
    Column("added_at", Seconds, comment="when its addition was confirmed; 0: long ago, perhaps"),
    Column("removed_at", Seconds, comment="when its removal was confirmed"),
    Column("rejected_at", Seconds),
    Column("rejected_reason", Text),
    Column("rejected_message", Text),
    Column("job", Integer, comment="number of the import that carried it, if one did"),
    Column("run", Integer, comment="number of the run that sent the last change"),
    Column("before", SmallInteger, comment="core.plan.Sent before that, as far as it was certain"),
    sqlite_with_rowid=False,
)
"""What Cordial was sent: one row per cohort and identifier. Settled where wanted equals sent."""

_index_where("member_held", member.c.held_of.is_not(None), member.c.cohort, member.c.held_of)
_index_where("member_time", member.c.time.is_not(None), member.c.cohort, member.c.time)

pending: Final = entry.c.wanted != entry.c.sent
"""Wanted and sent differ; the numbers of :class:`Sent` are chosen so that this is all of it."""

gone: Final = and_(entry.c.wanted == 0, entry.c.sent == int(Sent.OFF))
"""Left, and the removal is confirmed."""

confirmed: Final = entry.c.sent == int(Sent.ON)
"""On the list, as Cordial has confirmed."""

_index_where("entry_confirmed", confirmed, entry.c.cohort, entry.c.added_at)
_index_where("entry_pending", pending, entry.c.cohort, entry.c.identifier)
_index_where("entry_gone", gone, entry.c.cohort, entry.c.removed_at)

approval = Table(
    "approval",
    ledger_metadata,
    Column("cohort", Integer, primary_key=True),
    Column("up_to", Integer, nullable=False),
    Column("approved_at", Seconds, nullable=False),
    Column("operation", Text, comment="core.plan.Operation; null: both directions"),
)
"""Approved mass changes that no run has used yet."""

job = Table(
    "job",
    ledger_metadata,
    Column("number", Integer, primary_key=True),
    Column("cohort", Integer, nullable=False),
    Column("kind", Text, nullable=False, comment="core.import_counts.Kind"),
    Column("name", Text, nullable=False, comment="under which Cordial's jobs show it"),
    Column("file", Text, nullable=False, comment="its object below import_staging_url"),
    Column("rows", Integer, comment="rows of its file, once that is written"),
    Column("job_id", Text, comment="Cordial's id of it, once that is known"),
    Column("begun_at", Seconds, nullable=False),
    Column("ended", SmallInteger, comment="1: only its file is left to be deleted"),
    sqlite_autoincrement=True,  # entries keep numbers of jobs that are over
)
"""Imports that are not known to be over: the next run follows them, and starts none again."""

leaver = Table(
    "leaver",
    ledger_metadata,
    Column("cohort", Integer, primary_key=True),
    Column("user_key", Text, primary_key=True),
    Column("user_id", Text),
    Column("time", BigInteger, nullable=False, comment="source time of the newest record, ms"),
    Column("left_at", Seconds, nullable=False),
    sqlite_with_rowid=False,
)
"""Users that left with a source time: an older record that comes late must not bring them back."""

message = Table(
    "message",
    ledger_metadata,
    Column("cohort", Integer, primary_key=True),
    Column("digest", LargeBinary, primary_key=True, comment="of the message_id"),
    Column("applied_at", Seconds, nullable=False),
    sqlite_with_rowid=False,
)
"""Messages that were applied: a webhook sends one again when the answer was lost."""

# -- what one run has received: an unlinked temporary database beside the ledger ------------------

STAGE: Final = "stage"

stage_metadata: Final = MetaData(schema=STAGE)


def staged(number: int) -> Table:
    """The rows received for one cohort, in the order of the input: appended, never indexed.

    Args:
        number: The cohort's number within the run.
    """
    name = f"staged_{number}"
    known = stage_metadata.tables.get(f"stage.{name}")
    if known is not None:
        return known
    return Table(
        name,
        stage_metadata,
        Column("position", Integer, nullable=False),
        Column("snapshot", Integer, comment="number of the snapshot; null: an explicit row"),
        Column("user_key", Text, nullable=False),
        Column("user_id", Text),
        Column("identifier", Text),
        Column("present", SmallInteger, nullable=False, server_default="1"),
        Column("reason", Text, comment="why there is no identifier"),
        Column("time", BigInteger, comment="source time of the row itself, ms"),
        Column("message", LargeBinary, comment="digest of the message it came with"),
        Column("digest", BigInteger, comment="of what the row says, where it is a snapshot's"),
    )


winner = Table(
    "winner",
    stage_metadata,
    Column("user_key", Text, primary_key=True),
    Column("user_id", Text),
    Column("identifier", Text),
    Column("present", SmallInteger, nullable=False),
    Column("snapshot", Integer),
    Column("reason", Text),
    Column("time", BigInteger, comment="to be kept of the user; null: nothing new"),
    Column("digest", BigInteger, comment="to be kept of the user; null: the row has none"),
    sqlite_with_rowid=False,
)
"""The last word on each user of the cohort that is being settled."""

touched = Table(
    "touched",
    stage_metadata,
    Column("identifier", Text, nullable=False),
)
"""Identifiers of the cohort being settled whose users changed: appended, so perhaps repeated."""

vanished = Table(
    "vanished",
    stage_metadata,
    Column("digest", BigInteger, primary_key=True, autoincrement=False),
)
"""Digests of the cohort being settled that no row of its snapshot has any more."""

leaving = Table(
    "leaving",
    stage_metadata,
    Column("user_key", Text, nullable=False),
)
"""Users of the cohort being settled that leave it."""

heard = Table(
    "heard",
    stage_metadata,
    Column("digest", LargeBinary, nullable=False),
)
"""Messages of the cohort that is being settled."""

skipped = Table(
    "skipped",
    stage_metadata,
    Column("cohort", Integer, nullable=False),
    Column("user_key", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
"""Users of this run that have no usable identifier."""

absent = Table(
    "absent",
    stage_metadata,
    Column("cohort", Integer, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("before", SmallInteger, nullable=False, comment="what was known of it: core.plan.Sent"),
)
"""Removals of this run that Cordial answered with "not found": believed at its end, if few."""

claimed = Table(
    "claimed",
    stage_metadata,
    Column("identifier", Text, nullable=False),
)
"""What somebody says is ours: appended as it comes, so perhaps repeated."""

planned = Table(
    "planned",
    stage_metadata,
    Column("number", Integer, primary_key=True),
    Column("cohort", Integer, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("wanted", SmallInteger, nullable=False),
    Column("sent", SmallInteger, nullable=False),
)
"""This run's plan, in the order of delivery."""

STAGE_TABLES: Final = (winner, touched, leaving, vanished, heard, skipped, absent, claimed, planned)
"""The tables of the stage that every connection has from its beginning."""
