"""Whose an identifier is, and that nothing that was sent is forgotten."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import COMMAND, SETTLEMENT, Guard, Mutant

SHARED: Final = (Guard.SHARED,)
OWNERSHIP: Final = (Guard.OWNERSHIP,)

MUTANTS: Final = (
    # -- shared identifiers ------------------------------------------------------------------------
    Mutant(
        "one-leaver-is-enough",
        "ledger/settlement/entries.py",
        "            (entry.c.wanted == 1) != wanted_now,\n",
        "            entry.c.wanted == 1,\n",
        "who shares an address with somebody who left is taken off with them",
        SETTLEMENT,
        SHARED,
    ),
    Mutant(
        "leavers-address-not-looked-at",
        "ledger/settlement/members.py",
        "    this.touch(select(member.c.identifier).where(who))\n    _remember",
        "    _remember",
        "the last user of an address has left, and it goes on getting mail",
        SETTLEMENT,
        SHARED,
    ),
    Mutant(
        "comes-back-and-is-not-wanted",
        "ledger/settlement/members.py",
        "    this.touch(select(new.c.identifier))\n",
        "",
        "whoever joins is never added",
        SETTLEMENT,
        SHARED,
    ),
    Mutant(
        "kept-and-not-told",
        "run/sealing.py",
        "        if settled.kept:\n",
        "        if False:\n",
        "nobody hears that a removal by id left a shared address on the list",
        (f"{COMMAND}/test_membership.py::test_a_removal_by_id_that_leaves_an_address_is_told_of",),
        SHARED,
    ),
    Mutant(
        "held-for-another",
        "ledger/settlement/members.py",
        "        member.c.held_of.in_(removed),\n",
        "",
        "the former address of somebody who left goes on getting mail",
        SETTLEMENT,
        SHARED,
    ),
    # -- ownership ---------------------------------------------------------------------------------
    Mutant(
        "sent-before-it-is-written-down",
        "delivery/engine.py",
        "            self._recorder.intend(change for call in block for change in call)\n",
        "",
        "people added by a run that was killed are never taken off again",
        (),
        OWNERSHIP,
    ),
    Mutant(
        "lost-answer-is-no-addition",
        "delivery/engine.py",
        "result = Result.UNKNOWN if end.may_be_applied else Result.NOT_SENT",
        "result = Result.NOT_SENT",
        "an addition whose answer was lost is never taken off again",
        (),
        OWNERSHIP,
    ),
    Mutant(
        "others-forgotten-too",
        "ledger/forget.py",
        "table.delete().where(table.c.cohort == key)",
        "table.delete()",
        "whoever forgets one cohort forgets whom all others have added",
        ("tests/target_cordial/ledger/test_forget.py",),
        OWNERSHIP,
    ),
    Mutant(
        "unknown-is-settled",
        "ledger/schema.py",
        "pending: Final = entry.c.wanted != entry.c.sent",
        "pending: Final = and_(entry.c.wanted != entry.c.sent, entry.c.sent != int(Sent.UNKNOWN))",
        "a change whose answer was lost is never sent again: people stay on, or off, for ever",
        ("tests/target_cordial/ledger/test_plan.py", "tests/target_cordial/ledger/test_entries.py"),
        OWNERSHIP,
    ),
    Mutant(
        "strangers-removal-is-done",
        "ledger/settlement/entries.py",
        "                literal(0),\n                literal(int(Sent.UNKNOWN)),",
        "                literal(0),\n                literal(int(Sent.OFF)),",
        "an explicit removal is lost after the ledger was",
        SETTLEMENT,
        OWNERSHIP,
    ),
    Mutant(
        "differing-reads-agree",
        "run/readback.py",
        "        return [expected[one] for one in differ]\n",
        "        return []\n",
        "people whom Cordial dropped are never added again",
        (
            f"{COMMAND}/test_read_back.py::test_an_addition_that_is_not_there_degrades_the_run_and_is_sent_again",
        ),
        OWNERSHIP,
    ),
    Mutant(
        "joined-are-ours-on-another-list",
        "ledger/entries.py",
        "MINE, entry.c.identifier.in_(",
        "entry.c.identifier.in_(",
        "what was done for one list counts as done for all",
        (),
        OWNERSHIP,
    ),
)
