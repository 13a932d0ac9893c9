"""The mutants: what is changed, and whom it would harm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from tests.mutants.origin import PACKAGE


@dataclass(frozen=True)
class Mutant:
    """One wrong turn.

    Attributes:
        name: What it is called.
        file: The file it changes, below the package.
        old: The text it replaces; it stands in the file exactly once.
        new: What it puts there.
        harm: What people would suffer from it.
        caught_by: The tests that have to fail, where that is not the file's own test.
    """

    name: str
    file: str
    old: str
    new: str
    harm: str
    caught_by: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The module it changes."""
        return f"{PACKAGE}.{self.file.removesuffix('.py').replace('/', '.')}"

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests that have to fail."""
        path = PurePosixPath(self.file)
        return self.caught_by or (f"tests/{PACKAGE}/{path.parent}/test_{path.name}",)


SETTLEMENT: Final = ("tests/target_cordial/ledger/test_settlement.py",)
TIMES: Final = ("tests/target_cordial/ledger/test_source_times.py",)

MUTANTS: Final = (
    # -- core/plan.py ----------------------------------------------------------------------------
    Mutant(
        "adds-who-left",
        "core/plan.py",
        "operation = Operation.ADD if entry.wanted else Operation.REMOVE",
        "operation = Operation.REMOVE if entry.wanted else Operation.ADD",
        "who joined is taken off the list, and who left goes on getting mail",
    ),
    Mutant(
        "settled-the-wrong-way-round",
        "core/plan.py",
        "Sent.ON if entry.wanted else Sent.OFF",
        "Sent.OFF if entry.wanted else Sent.ON",
        "nobody joins, nobody leaves, and all others are written again on every run",
    ),
    Mutant(
        "rejected-for-ever",
        "core/plan.py",
        "now - entry.rejected_at < RETRY_REJECTED_SECONDS",
        "now - entry.rejected_at > RETRY_REJECTED_SECONDS",
        "somebody refused once stays off the list, though the cause was mended",
    ),
    Mutant(
        "rejection-ignored",
        "core/plan.py",
        "entry.rejected_at is not None and now",
        "entry.rejected_at is None and now",
        "every run breaks at the first change that was ever accepted",
    ),
    # -- core/guard.py ---------------------------------------------------------------------------
    Mutant(
        "guard-needs-only-one",
        "core/guard.py",
        "changes > self.count and changes * 100",
        "changes > self.count or changes * 100",
        "everyday leavers are withheld, and people who left go on getting mail",
    ),
    Mutant(
        "guard-share-reversed",
        "core/guard.py",
        "changes * 100 > self.percent * confirmed",
        "changes * 100 < self.percent * confirmed",
        "an emptied list passes the guard",
    ),
    Mutant(
        "guard-share-per-mille",
        "core/guard.py",
        "changes * 100 > self.percent * confirmed",
        "changes * 10 > self.percent * confirmed",
        "ten times the allowed share of a list is removed unasked",
    ),
    Mutant(
        "guard-forgets-the-day",
        "core/guard.py",
        "limit.exceeded_by(planned + recent, confirmed)",
        "limit.exceeded_by(planned, confirmed)",
        "a list leaks away by ten people a run",
    ),
    Mutant(
        "approval-without-ceiling",
        "core/guard.py",
        "approved is not None and planned <= approved",
        "approved is not None",
        "whoever approved ten removals has approved all of them",
    ),
    Mutant(
        "approval-used-for-nothing",
        "core/guard.py",
        "if planned == 0 or not limit.exceeded_by(planned + recent, confirmed):",
        "if planned == 0:",
        "ordinary leavers are withheld, and an approval is used up by them",
    ),
    Mutant(
        "guard-off-by-default",
        "core/guard.py",
        "if self.percent is None:",
        "if self.percent is not None:",
        "there is no guard at all",
    ),
    # -- core/completeness.py --------------------------------------------------------------------
    Mutant(
        "dead-tap-believed",
        "core/completeness.py",
        'return "no marker came for it (did the tap die?)"',
        'return ""',
        "a tap that dies half way removes the other half",
    ),
    Mutant(
        "too-few-are-enough",
        "core/completeness.py",
        "if received != marker.member_count:",
        "if received > marker.member_count:",
        "members whose rows were lost are taken off the list",
    ),
    Mutant(
        "marker-overruled",
        "core/completeness.py",
        "if not marker.complete:",
        "if False:",
        "a snapshot that calls itself incomplete removes people",
    ),
    Mutant(
        "unreadable-forgotten",
        "core/completeness.py",
        'if unreadable:\n        return f"',
        'if False:\n        return f"',
        "somebody whose row could not be read counts as gone",
    ),
    Mutant(
        "newer-snapshot-overlooked",
        "core/completeness.py",
        "tally.last > marker.position",
        "tally.last < marker.position",
        "people of a newer, unfinished snapshot are judged by the old one",
    ),
    Mutant(
        "unmarked-snapshot-overlooked",
        "core/completeness.py",
        "tally.last > marker.position or snapshot_id not in markers",
        "tally.last > marker.position",
        "people of a newer snapshot that its tap left unfinished are taken off the list",
    ),
    Mutant(
        "first-marker-counts",
        "core/completeness.py",
        "sorted(markers.values(), key=lambda marker: marker.position)",
        "sorted(markers.values(), key=lambda marker: -marker.position)",
        "people of a newer snapshot are judged by the older one and taken off the list",
    ),
    Mutant(
        "own-rows-are-foreign",
        "core/completeness.py",
        "if snapshot_id != marker.snapshot_id and",
        "if snapshot_id == marker.snapshot_id and",
        "a marker before its rows proves nothing, and leavers stay",
    ),
    Mutant(
        "rows-counted-for-users",
        "core/completeness.py",
        "sum(len(set(partition)) for",
        "sum(len(partition) for",
        "a repeated row stands in for one that was lost, and its user is removed",
    ),
    Mutant(
        "older-marker-counts",
        "core/completeness.py",
        "if not marker.is_older_than(counts):",
        "if True:",
        "people of a newer snapshot are judged by an older one that came after it",
    ),
    Mutant(
        "never-means-sometimes",
        "core/completeness.py",
        "proven=completion is not Completion.NEVER",
        "proven=True",
        "people are taken off lists that were only ever to be added to",
    ),
    Mutant(
        "broken-input-believed",
        "core/completeness.py",
        "if not ended:",
        "if False:",
        "an input that broke off removes everyone who had not come yet",
    ),
    Mutant(
        "any-snapshot-is-the-whole",
        "core/completeness.py",
        "if len(tallies) > 1:",
        "if False:",
        "of two snapshots without markers one removes the people of the other",
    ),
    # -- core/times.py and core/source_file.py ---------------------------------------------------
    Mutant(
        "milliseconds-for-seconds",
        "core/times.py",
        "int(value) if value > LARGEST_SECONDS else int(value * 1000)",
        "int(value)",
        "records of one source look older than all others, and nobody leaves any more",
    ),
    Mutant(
        "time-of-exports-unread",
        "core/times.py",
        "    if found is None:\n        return None",
        "    if found is not None:\n        return None",
        "an old export that is read again brings people back",
    ),
    Mutant(
        "leavers-join",
        "core/source_file.py",
        'kind != "exiting"',
        'kind == "exiting"',
        "the file of those who left puts them on the list",
    ),
    Mutant(
        "existing-is-as-new",
        "core/source_file.py",
        "time -= _EARLIER",
        "time -= 0",
        "who was there at the last sync and has left since is brought back by the order of files",
    ),
    # -- core/membership.py ----------------------------------------------------------------------
    Mutant(
        "deletion-is-an-addition",
        "core/membership.py",
        "present=not deleted and present is not False",
        "present=present is not False",
        "deleted rows put people on the list",
    ),
    Mutant(
        "flag-overlooked",
        "core/membership.py",
        "present=not deleted and present is not False",
        "present=not deleted",
        "in_cohort: false puts people on the list",
    ),
    Mutant(
        "explicit-rows-fill-snapshots",
        "core/membership.py",
        "explicit=deleted or present is not None",
        "explicit=present is not None",
        "a deletion mark makes up for a lost member of a snapshot",
    ),
    Mutant(
        "words-swapped",
        "core/membership.py",
        "if word in ADD_WORDS:\n        return True",
        "if word in REMOVE_WORDS:\n        return True",
        "operation: remove adds",
    ),
    Mutant(
        "exiting-unknown",
        "core/membership.py",
        '"exit", "exiting"',
        '"exit"',
        "leavers of an export stay on the list",
    ),
    Mutant(
        "false-is-true",
        "core/membership.py",
        '"false": False',
        '"false": True',
        'in_cohort: "false" puts people on the list',
    ),
    Mutant(
        "null-flag-guessed",
        "core/membership.py",
        "if value is MISSING:\n        return None\n    flag",
        "if value is MISSING or value is None:\n        return None\n    flag",
        "a flag that a tap could not fill counts as membership",
    ),
    Mutant(
        "contradiction-guessed",
        "core/membership.py",
        "operation is not None and flag != operation",
        "operation is not None and flag is operation",
        "a row that says both in and out is taken at its first word",
    ),
    Mutant(
        "users-by-user-id",
        "core/membership.py",
        "    if amplitude_id:\n",
        "    if amplitude_id and not user_id:\n",
        "two people with one user id become one, and one's leaving removes the other",
    ),
    Mutant(
        "digits-lost",
        "core/membership.py",
        " and abs(value) < _MAX_EXACT",
        "",
        "people whose long ids were rounded are taken for one another",
    ),
    Mutant(
        "cohort-rows-are-markers",
        "core/membership.py",
        " and has_field(names, fields.COMPLETE)",
        "",
        "rows that only count members pass for proof that all were sent",
    ),
    Mutant(
        "any-stream-is-members",
        "core/membership.py",
        "    if not (has_id or has_field(names, (*fields.COHORT_NAME, *fields.SOURCE_FILE))):\n"
        "        return Role.OTHER\n",
        "",
        "a stream of events is read as cohorts",
    ),
    # -- core/identifier.py ----------------------------------------------------------------------
    Mutant(
        "any-of-two-addresses",
        "core/identifier.py",
        "if len(usable) == 1:",
        "if usable:",
        "somebody else's address is put on the list",
    ),
    Mutant(
        "letter-case-kept",
        "core/identifier.py",
        "    text = text.lower()\n",
        "",
        "an address in two spellings is removed in one while the other is wanted",
    ),
    Mutant(
        "invisible-characters-kept",
        "core/identifier.py",
        '_PADDING.sub("", text)',
        "text.strip()",
        "people whose address was pasted with a zero-width space never arrive",
    ),
    Mutant(
        "placeholder-is-a-person",
        "core/identifier.py",
        '"null", "undefined"',
        '"undefined"',
        "all users without a value become one contact called null",
    ),
    Mutant(
        "numbers-are-truths",
        "core/identifier.py",
        "isinstance(value, int) and not isinstance(value, bool)",
        "isinstance(value, int)",
        "everybody with true for an id becomes one contact",
    ),
    Mutant(
        "addresses-unchecked",
        "core/identifier.py",
        "return Resolved(text) if is_email_address(text) else",
        "return Resolved(text) if text else",
        "what is no address is sent as one, and Cordial refuses the call",
    ),
    # -- core/fields.py --------------------------------------------------------------------------
    Mutant(
        "exact-key-not-first",
        "core/fields.py",
        "        if name in keys:\n            return name",
        "        if name in keys:\n            continue",
        "a property that looks like the user id replaces it",
    ),
    Mutant(
        "folded-before-exact",
        "core/fields.py",
        "        if key in place:\n            yield [place[key]]",
        "        if key in place:\n            continue",
        "another property that looks like the address is taken for it",
    ),
    Mutant(
        "prefix-kept",
        "core/fields.py",
        'key.lower().removeprefix("gp:").replace',
        "key.lower().replace",
        "people whose property comes as gp:email are skipped",
    ),
    Mutant(
        "folded-by-half",
        "core/fields.py",
        "if other != key and fold(other) == wanted]",
        "if other != key and fold(other) == wanted][:1]",
        "of two different addresses the first one is taken",
        ("tests/target_cordial/core/test_identifier.py",),
    ),
    # -- core/list_name.py -----------------------------------------------------------------------
    Mutant(
        "case-tells-lists-apart",
        "core/list_name.py",
        "by_name[name.lower()]",
        "by_name[name]",
        "VIP and vip fight over one list, and each removes the other's members",
    ),
    Mutant(
        "reserved-in-capitals",
        "core/list_name.py",
        "name.lower() in RESERVED",
        "name in RESERVED",
        "a cohort called CID is refused by Cordial, a cohort called Email overwrites addresses",
    ),
    Mutant(
        "long-names-alike",
        "core/list_name.py",
        ']}-{_digest(cohort_id)}"',
        ']}-{_digest(name)}"',
        "a long-named cohort loses its list name with every rename",
    ),
    Mutant(
        "one-too-long",
        "core/list_name.py",
        "MAX_LENGTH - HASH_LENGTH - 1",
        "MAX_LENGTH - HASH_LENGTH",
        "lists with long names can't be made",
    ),
    # -- core/outcome.py -------------------------------------------------------------------------
    Mutant(
        "confirmed-the-wrong-way-round",
        "core/outcome.py",
        "Sent.ON if self.change.operation is Operation.ADD else Sent.OFF",
        "Sent.OFF if self.change.operation is Operation.ADD else Sent.ON",
        "whoever was added is forgotten, and never taken off again",
    ),
    Mutant(
        "unknown-forgotten",
        "core/outcome.py",
        "return Sent.UNKNOWN",
        "return self.change.before",
        "an addition whose answer was lost is never taken off again",
    ),
    Mutant(
        "rejected-is-done",
        "core/outcome.py",
        "        return self.change.before\n",
        "        return Sent.ON\n",
        "people whom Cordial refused count as members",
    ),
    Mutant(
        "nothing-is-pending",
        "core/outcome.py",
        "self.result in (Result.NOT_SENT, Result.UNKNOWN)",
        "self.result in (Result.UNKNOWN,)",
        "a run that sent nothing calls itself done",
    ),
    Mutant(
        "degraded-is-green",
        "core/outcome.py",
        "Status.DEGRADED: 3",
        "Status.DEGRADED: 0",
        "nobody learns that people are withheld or missing",
    ),
    Mutant(
        "more-than-ten-are-not-needed",
        "core/outcome.py",
        "count > MOST_TOLERATED and count * 100 > percent * of",
        "count * 100 > percent * of",
        "a small list fails its run for every contact that Cordial refused",
    ),
    Mutant(
        "many-are-tolerated",
        "core/outcome.py",
        "count * 100 > percent * of",
        "count * 100 < percent * of",
        "an account without its contacts passes for one whose leavers were all taken off",
    ),
    Mutant(
        "ten-are-too-many",
        "core/outcome.py",
        "count > MOST_TOLERATED",
        "count >= MOST_TOLERATED",
        "ten leavers without a contact fail the run for nothing",
    ),
    # -- ledger/stage.py -------------------------------------------------------------------------
    Mutant(
        "absent-without-proof",
        "run/sealing.py",
        "cohort.sealed() if proof.proven else None",
        "cohort.sealed()",
        "a dead tap's missing rows take people off the list",
        ("tests/target_cordial/command/test_membership.py",),
    ),
    Mutant(
        "present-are-leavers",
        "ledger/settlement/members.py",
        "absent = ~said",
        "absent = said",
        "everybody in a complete snapshot is taken off the list",
        SETTLEMENT,
    ),
    Mutant(
        "first-word-wins",
        "ledger/settlement/words.py",
        "order_by=rows.c.position.desc()",
        "order_by=rows.c.position.asc()",
        "somebody who came back in the same run is taken off the list",
        SETTLEMENT,
    ),
    Mutant(
        "replaced-snapshot-counts",
        "ledger/settlement/course.py",
        "    drop_uncounted(this)\n",
        "",
        "people of a snapshot that was begun anew stay on the list",
        SETTLEMENT,
    ),
    Mutant(
        "broken-mapping-delivered",
        "ledger/settlement/course.py",
        "if present and not resolved and (flagless or not _has_members(this)):",
        "if False:",
        "a misspelt mapping calls the whole cohort a success",
        SETTLEMENT,
    ),
    Mutant(
        "address-of-another-list",
        "ledger/settlement/entries.py",
        "member.c.cohort == this.cohort, member.c.identifier == entry.c.identifier",
        "member.c.identifier == entry.c.identifier",
        "whoever left one cohort stays on its list for being in another",
        SETTLEMENT,
    ),
    Mutant(
        "changed-address-stays",
        "ledger/settlement/members.py",
        "    this.touch(select(found.c.old_identifier)"
        ".where(found.c.old_identifier.is_not(None)))\n",
        "",
        "an address that somebody gave up goes on getting mail",
        SETTLEMENT,
    ),
    Mutant(
        "removal-of-strangers-dropped",
        "ledger/settlement/course.py",
        "    note_unknown_removals(this)\n",
        "",
        "an explicit removal is lost after the ledger was",
        SETTLEMENT,
    ),
    Mutant(
        "user-id-concerns-nobody",
        "ledger/settlement/course.py",
        "    spread_user_ids(this)\n",
        "",
        "a removal by user id leaves its user on the list",
        SETTLEMENT,
    ),
    Mutant(
        "removal-by-address-concerns-nobody",
        "ledger/settlement/course.py",
        "    spread_identifiers(this)\n",
        "",
        "who asked to be removed by address stays on the list for being known by an id too",
        SETTLEMENT,
    ),
    Mutant(
        "address-of-this-run-unknown",
        "ledger/settlement/identity.py",
        "~between(rows.c.user_key, IDENTIFIER_KEYS), rows.c.identifier.is_not(None)",
        "rows.c.position < 0",
        "who came and left in one run, the leaving by address alone, stays on the list",
        SETTLEMENT,
    ),
    Mutant(
        "present-by-address-removes",
        "ledger/settlement/identity.py",
        "alone = and_(between(rows.c.user_key, IDENTIFIER_KEYS), rows.c.present == 0)",
        "alone = between(rows.c.user_key, IDENTIFIER_KEYS)",
        "a row that adds an address rewrites who else has it",
        SETTLEMENT,
    ),
    Mutant(
        "older-record-applied",
        "ledger/settlement/course.py",
        "    drop_overtaken(this)\n",
        "",
        "a record that comes late brings somebody back who has left since",
        TIMES,
    ),
    Mutant(
        "repeated-message-applied",
        "ledger/settlement/course.py",
        "    drop_repeated_messages(this)\n",
        "",
        "a webhook sent again brings somebody back who has left since",
        TIMES,
    ),
    Mutant(
        "messages-forgotten",
        "ledger/settlement/course.py",
        "    keep_messages(this)\n",
        "",
        "a webhook sent again in another run brings somebody back who has left since",
        TIMES,
    ),
    Mutant(
        "snapshot-overrides-newer-record",
        "ledger/settlement/members.py",
        "func.coalesce(member.c.time, 0) <= this.sealed.time",
        "func.coalesce(member.c.time, 0) >= 0",
        "who joined after the snapshot was computed is taken off for not being in it",
        TIMES,
    ),
    Mutant(
        "leavers-times-forgotten",
        "ledger/settlement/members.py",
        "    _remember_times(this, who)\n",
        "",
        "a record that comes late brings somebody back who has left since",
        TIMES,
    ),
    Mutant(
        "old-snapshot-believed",
        "ledger/settlement/course.py",
        "    return sealed.time < known\n",
        "    return False\n",
        "a snapshot of yesterday, sent again, takes off who joined today",
        TIMES,
    ),
    Mutant(
        "time-lost-with-the-next-record",
        "ledger/settlement/course.py",
        "    carry_times(this)\n",
        "",
        "a record without a time opens the door for older ones",
        TIMES,
    ),
    Mutant(
        "adopted-for-ever",
        "ledger/settlement/course.py",
        "    absorb_adopted(this)\n",
        "",
        "an adopted address stays on the list after its user has left",
        SETTLEMENT,
    ),
    # -- ledger/entries.py -----------------------------------------------------------------------
    Mutant(
        "intent-forgotten",
        "ledger/entries.py",
        "rows = [(int(Sent.UNKNOWN), change.cohort",
        "rows = [(int(Sent.OFF), change.cohort",
        "people added by a run that was killed are never taken off again",
    ),
    Mutant(
        "withheld-goes-out",
        "ledger/entries.py",
        "and_(entry.c.wanted == 0, entry.c.cohort.in_(list(removals)))",
        "and_(entry.c.wanted == 0, entry.c.cohort.in_(list(additions)))",
        "the removals that the guard withheld are sent",
    ),
    Mutant(
        "rejected-every-run",
        "ledger/entries.py",
        "entry.c.rejected_at <= now - RETRY_REJECTED_SECONDS",
        "entry.c.rejected_at > now - RETRY_REJECTED_SECONDS",
        "refused changes are sent on every run, and never after a week",
    ),
    Mutant(
        "guard-window-reversed",
        "ledger/entries.py",
        "entry.c.removed_at > window_since",
        "entry.c.removed_at < window_since",
        "the guard does not see what this day has removed already",
        ("tests/target_cordial/run/test_planning.py",),
    ),
    Mutant(
        "rejection-without-date",
        "ledger/entries.py",
        "now if rejected else None",
        "None",
        "a refused change counts as due for ever and hides its reason",
    ),
    Mutant(
        "leavers-forgotten-at-once",
        "ledger/entries.py",
        "entry.c.removed_at < now - RETENTION_SECONDS",
        "entry.c.removed_at < now",
        "nobody can tell any more whom the last runs removed",
    ),
    # -- ledger/store.py -------------------------------------------------------------------------
    Mutant(
        "approval-for-ever",
        "ledger/store.py",
        "            self.connection.execute("
        "schema.approval.delete().where(schema.approval.c.cohort == key))\n",
        "            pass\n",
        "whoever approved one mass removal has approved all that follow",
    ),
    Mutant(
        "absent-elsewhere-believed",
        "ledger/entries.py",
        "select(absent.c.identifier).where(absent.c.cohort == cohort)",
        "select(absent.c.identifier)",
        "people not found for one list count as removed from another",
    ),
    # -- run/ ------------------------------------------------------------------------------------
    Mutant(
        "day-forgotten",
        "run/planning.py",
        "recent=recent,",
        "recent=0,",
        "a list leaks away by ten people a run",
    ),
    Mutant(
        "share-of-what-is-left",
        "run/planning.py",
        "confirmed=before,",
        "confirmed=counts.confirmed,",
        "after a run that died, leavers that were let pass before go on getting mail",
    ),
    Mutant(
        "approval-never-ages",
        "ledger/store.py",
        " and self.approved_at >= now - APPROVAL_SECONDS",
        "",
        "an approval of last year lets a mass removal of today pass",
        ("tests/target_cordial/run/test_planning.py",),
    ),
    Mutant(
        "approval-for-the-other-way",
        "ledger/store.py",
        "self.only in (None, operation)",
        "True",
        "whoever approved additions has approved a mass removal too",
        ("tests/target_cordial/run/test_planning.py",),
    ),
    Mutant(
        "swelling-raises-the-limit",
        "ledger/entries.py",
        "return self.confirmed - self.recent_additions",
        "return self.confirmed",
        "a list that was filled by mistake lets still more people in",
        ("tests/target_cordial/run/test_planning.py",),
    ),
    Mutant(
        "claimed-by-nobody",
        "run/planning.py",
        "if operation is Operation.REMOVE and cohort.found is not None:",
        "if operation is Operation.ADD and cohort.found is not None:",
        "with a lost ledger, people are taken off a list that others fill too",
    ),
    Mutant(
        "first-sync-withheld",
        "run/planning.py",
        "if operation is Operation.ADD and cohort.first_synced_at is None:",
        "if operation is Operation.REMOVE and cohort.first_synced_at is None:",
        "no large cohort is ever delivered without an approval",
    ),
    Mutant(
        "approval-without-memory",
        "run/planning.py",
        " - self._entries.done_since(key, operation, approval.approved_at)",
        "",
        "a run that died and began anew removes twice what was approved",
    ),
    Mutant(
        "absent-believed-at-once",
        "run/recorder.py",
        "replace(out, result=Result.UNKNOWN) if",
        "out if",
        "an account without its contacts is believed: nobody is ever taken off again",
    ),
    Mutant(
        "doubted-are-done",
        "run/recorder.py",
        "                self._results[Result.ALREADY_ABSENT] -= count\n",
        "",
        "removals that nobody believes count as done, and the run calls itself well",
    ),
    Mutant(
        "maps-may-drop-everyone",
        "run/received.py",
        "dropped=self._id in self.tallies and self._id not in self.snapshots",
        "dropped=False",
        "a stream map that drops all rows takes everybody off the list",
        ("tests/target_cordial/run/test_intake.py",),
    ),
    Mutant(
        "verdict-ignored",
        "run/planning.py",
        "return self.due if self.verdict.withheld else 0",
        "return 0",
        "nobody learns of the removals that wait for an approval",
    ),
    Mutant(
        "members-not-found",
        "run/lists.py",
        "bound.found[cohort.key] = count",
        "bound.found.clear()",
        "with a lost ledger, people are taken off a list that others fill too",
    ),
    Mutant(
        "bound-list-lost",
        "run/lists.py",
        "if by_id[cohort_id].list_id is None",
        "if by_id[cohort_id].list_id is not None",
        "a new cohort takes over the list of another, and its members go",
    ),
    Mutant(
        "list-follows-the-name",
        "run/lists.py",
        "return asked or cohort.list_name or list_name(cohort.name",
        "return asked or list_name(cohort.name",
        "a new cohort that takes the former name of another takes its list as well",
    ),
)
