"""How a run's rows change what the ledger knows."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import RECALL, SETTLEMENT, TIMES, Guard, Mutant

MUTANTS: Final = (
    # -- ledger/settlement/members.py -------------------------------------------------------------
    Mutant(
        "present-are-leavers",
        "ledger/settlement/members.py",
        "absent = ~exists(ONE)",
        "absent = exists(ONE)",
        "everybody in a complete snapshot is taken off the list",
        SETTLEMENT,
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "changed-address-stays",
        "ledger/settlement/members.py",
        "    this.touch(select(member.c.identifier).where(who))\n"
        "    this.run(delete(member).where(who))\n    new",
        "    this.run(delete(member).where(who))\n    new",
        "an address that somebody gave up goes on getting mail",
        SETTLEMENT,
        guards=(Guard.SHARED,),
    ),
    Mutant(
        "snapshot-overrides-newer-record",
        "ledger/settlement/members.py",
        "func.coalesce(member.c.time, 0) <= sealed.time",
        "func.coalesce(member.c.time, 0) >= 0",
        "who joined after the snapshot was computed is taken off for not being in it",
        TIMES,
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "leavers-times-forgotten",
        "ledger/settlement/members.py",
        "    _remember_times(this, who)\n",
        "",
        "a record that comes late brings somebody back who has left since",
        TIMES,
    ),
    # -- ledger/settlement/words.py ---------------------------------------------------------------
    Mutant(
        "first-word-wins",
        "ledger/settlement/words.py",
        "order_by=(rows.c.position.desc(), rows.c.time.desc()),",
        "order_by=(rows.c.position.asc(), rows.c.time.desc()),",
        "somebody who came back in the same run is taken off the list",
        SETTLEMENT,
    ),
    # -- ledger/settlement/course.py --------------------------------------------------------------
    Mutant(
        "replaced-snapshot-counts",
        "ledger/settlement/course.py",
        "        drop_uncounted(this)\n",
        "",
        "people of a snapshot that was begun anew stay on the list",
        SETTLEMENT,
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "broken-mapping-delivered",
        "ledger/settlement/course.py",
        "if present and not resolved and (flagless or not has_members(this)):",
        "if False:",
        "a misspelt mapping calls the whole cohort a success",
        SETTLEMENT,
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "removal-of-strangers-dropped",
        "ledger/settlement/course.py",
        "    note_unknown_removals(this)\n",
        "",
        "an explicit removal is lost after the ledger was",
        SETTLEMENT,
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "user-id-concerns-nobody",
        "ledger/settlement/course.py",
        "        spread_user_ids(this)\n",
        "",
        "a removal by user id leaves its user on the list",
        SETTLEMENT,
    ),
    Mutant(
        "removal-by-address-concerns-nobody",
        "ledger/settlement/course.py",
        "        spread_identifiers(this)\n",
        "",
        "who asked to be removed by address stays on the list for being known by an id too",
        SETTLEMENT,
        guards=(Guard.SHARED,),
    ),
    Mutant(
        "lesser-id-forgotten",
        "ledger/settlement/course.py",
        "        recall(this)\n",
        "",
        "who left by user id is brought back by an old record with the Amplitude id",
        RECALL,
    ),
    Mutant(
        "user-id-unlearned",
        "ledger/settlement/course.py",
        "        learn_user_ids(this)\n        recall(this)\n        spread_identifiers(this)\n"
        "        learn_user_ids(this)",
        "        recall(this)\n        spread_identifiers(this)",
        "a removal by user id does not reach who came last by Amplitude id alone",
        RECALL,
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
        "        drop_repeated_messages(this)\n",
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
        "old-snapshot-believed",
        "ledger/settlement/words.py",
        "known is not None and sealed.time < known",
        "known is not None and sealed.time < 0",
        "a snapshot of yesterday, sent again, takes off who joined today",
        TIMES,
        guards=(Guard.COMPLETENESS,),
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
        guards=(Guard.ADOPTION,),
    ),
    # -- ledger/settlement/entries.py -------------------------------------------------------------
    Mutant(
        "address-of-another-list",
        "ledger/settlement/entries.py",
        "member.c.cohort == this.cohort, member.c.identifier == entry.c.identifier",
        "member.c.identifier == entry.c.identifier",
        "whoever left one cohort stays on its list for being in another",
        SETTLEMENT,
        guards=(Guard.SHARED,),
    ),
    # -- ledger/settlement/identity.py ------------------------------------------------------------
    Mutant(
        "address-of-this-run-unknown",
        "ledger/settlement/identity.py",
        "            ~between(rows.c.user_key, IDENTIFIER_KEYS),\n"
        "            rows.c.identifier.is_not(None),\n",
        "            rows.c.position < -1,\n",
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
        guards=(Guard.SHARED,),
    ),
    # -- ledger/settlement/recall.py --------------------------------------------------------------
    Mutant(
        "former-address-recalled",
        "ledger/settlement/recall.py",
        "            or_(this.time.is_(None), ~overtaken(this)),\n",
        "",
        "a removal of an old address takes its former user off under the new one",
        RECALL,
    ),
    Mutant(
        "recalled-over-newer-word",
        "ledger/settlement/recall.py",
        "            said.where(*(~each for each in known)),\n",
        "            said,\n",
        "a leave of long ago takes off who came back since",
        RECALL,
    ),
)
