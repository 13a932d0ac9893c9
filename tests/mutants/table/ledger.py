"""The ledger, and the commands that look after it."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import BOTH, COMMAND, Guard, Mutant

MUTANTS: Final = (
    # -- ledger/entries.py ------------------------------------------------------------------------
    Mutant(
        "intent-forgotten",
        "ledger/entries.py",
        "        sent=int(Sent.UNKNOWN),\n        job=",
        "        sent=int(Sent.OFF),\n        job=",
        "people added by a run that was killed are never taken off again",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "guard-window-reversed",
        "ledger/counts.py",
        "entry.c.removed_at > _SINCE",
        "entry.c.removed_at < _SINCE",
        "the guard does not see what this day has removed already",
        ("tests/target_cordial/run/test_planning.py",),
        guards=(Guard.REMOVALS,),
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
        "before = now - RETENTION_SECONDS",
        "before = now",
        "nobody can tell any more whom the last runs removed",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "absent-elsewhere-believed",
        "ledger/entries.py",
        "select(absent.c.identifier).where(absent.c.cohort == cohort)",
        "select(absent.c.identifier)",
        "people not found for one list count as removed from another",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "first-sync-counts",
        "ledger/counts.py",
        "COUNTED: Final = entry.c.added_at > FIRST_SYNC",
        "COUNTED: Final = entry.c.added_at > 0",
        "the day after a first sync nobody can join without an approval",
        ("tests/target_cordial/run/test_planning.py",),
        guards=(Guard.ADDITIONS,),
    ),
    # -- ledger/plan.py ---------------------------------------------------------------------------
    Mutant(
        "withheld-goes-out",
        "ledger/plan.py",
        "and_(entry.c.wanted == 0, entry.c.cohort.in_(list(removals)))",
        "and_(entry.c.wanted == 0, entry.c.cohort.in_(list(additions)))",
        "the removals that the guard withheld are sent",
        guards=(Guard.REMOVALS,),
    ),
    Mutant(
        "rejected-every-run",
        "ledger/plan.py",
        "entry.c.rejected_at <= now - RETRY_REJECTED_SECONDS",
        "entry.c.rejected_at > now - RETRY_REJECTED_SECONDS",
        "refused changes are sent on every run, and never after a week",
        ("tests/target_cordial/ledger/test_entries.py",),
    ),
    Mutant(
        "running-contacts-go-out",
        "ledger/plan.py",
        "            due = and_(due, entry.c.identifier.not_in(_held(running)))\n",
        "            pass\n",
        "an addition and a removal of one person are on their way together",
    ),
    Mutant(
        "made-contacts-go-out",
        "ledger/plan.py",
        "or_(held.c.job.in_(imports), waits)",
        "held.c.job.in_(imports)",
        "people are written while another import may still be making them",
    ),
    Mutant(
        "removals-first",
        "ledger/plan.py",
        "((1, adding), (0, removing))",
        "((0, removing), (1, adding))",
        "people who move to another list are on none for as long as an import takes",
    ),
    # -- ledger/store.py --------------------------------------------------------------------------
    Mutant(
        "approval-for-ever",
        "ledger/store.py",
        "            self.connection.execute("
        "schema.approval.delete().where(schema.approval.c.cohort == key))\n",
        "            pass\n",
        "whoever approved one mass removal has approved all that follow",
        guards=BOTH,
    ),
    Mutant(
        "approval-never-ages",
        "ledger/store.py",
        " and self.approved_at >= now - APPROVAL_SECONDS",
        "",
        "an approval of last year lets a mass removal of today pass",
        ("tests/target_cordial/run/test_planning.py",),
        guards=BOTH,
    ),
    Mutant(
        "approval-for-the-other-way",
        "ledger/store.py",
        "self.only in (None, operation)",
        "True",
        "whoever approved additions has approved a mass removal too",
        ("tests/target_cordial/run/test_planning.py",),
        guards=(Guard.REMOVALS,),
    ),
    # -- ledger/counts.py -------------------------------------------------------------------------
    Mutant(
        "swelling-raises-the-limit",
        "ledger/counts.py",
        "return self.confirmed - self.recent_additions",
        "return self.confirmed",
        "a list that was filled by mistake lets still more people in",
        ("tests/target_cordial/run/test_planning.py",),
        guards=(Guard.ADDITIONS,),
    ),
    # -- ledger/adoption.py -----------------------------------------------------------------------
    Mutant(
        "adopted-are-taken-off",
        "ledger/adoption.py",
        "literal(1), literal(int(Sent.ON))",
        "literal(0), literal(int(Sent.ON))",
        "whoever says that a list's members are ours has all of them removed by the next run",
        guards=(Guard.ADOPTION,),
    ),
    Mutant(
        "leavers-adopted",
        "ledger/adoption.py",
        "where(~leaving)",
        "where(leaving | ~leaving)",
        "somebody who left is kept on the list by an older file, and goes on getting mail",
        guards=(Guard.ADOPTION,),
    ),
    Mutant(
        "adopted-for-another",
        "ledger/adoption.py",
        "entry.c.cohort == self._key, entry.c.identifier == identifier",
        "entry.c.identifier == identifier",
        "who is on another list of ours is adopted for none",
        guards=(Guard.ADOPTION,),
    ),
    # -- ledger/rebinding.py ----------------------------------------------------------------------
    Mutant(
        "nobody-to-adopt-after-rebind",
        "ledger/rebinding.py",
        "found=func.nullif(total, 0)",
        "found=None",
        "the members under the former identifier stay on the list for ever, and nobody is told",
        guards=(Guard.ADOPTION,),
    ),
    Mutant(
        "kept-at-another-account",
        "ledger/rebinding.py",
        "values(sent=int(Sent.OFF), **never)",
        "values(**never)",
        "at the new account nobody is on any list, and the run calls itself well",
        guards=(Guard.BINDING,),
    ),
    Mutant(
        "doubted-taken-along",
        "ledger/rebinding.py",
        "    connection.execute(delete(member).where(member.c.held_of.is_not(None)))\n",
        "",
        "addresses that no user has any more get mail from the new account",
        guards=(Guard.BINDING,),
    ),
    Mutant(
        "former-mapping-forgotten",
        "ledger/rebinding.py",
        "            _await_snapshots(connection)\n",
        "            pass\n",
        "mail goes to the former addresses for weeks, and every run calls itself well",
        (
            f"{COMMAND}/test_rebind.py::test_every_run_is_degraded_until_the_new_mappings_values_came",
        ),
        guards=(Guard.BINDING,),
    ),
    # -- ledger_cli/decide.py ---------------------------------------------------------------------
    Mutant(
        "abandoned-is-waited-for",
        "ledger_cli/decide.py",
        "        jobs.ended(number)\n",
        "",
        "a list waits for ever for an import that never ends",
        (f"{COMMAND}/test_imports_later.py",),
    ),
    # -- ledger_cli/claim.py ----------------------------------------------------------------------
    Mutant(
        "taken-elsewhere-while-importing",
        "ledger_cli/claim.py",
        "            _refuse_while_imports_run(ledger)\n",
        "            pass\n",
        "an import is looked for where it never was, and holds up a list that it never wrote",
        (
            f"{COMMAND}/test_imports_later.py::test_a_ledger_is_not_taken_elsewhere_while_an_import_runs",
        ),
        guards=(Guard.BINDING,),
    ),
    # -- ledger/jobs.py ---------------------------------------------------------------------------
    Mutant(
        "all-imports-told",
        "ledger/jobs.py",
        "update(job).where(job.c.number == number).values(**values)",
        "update(job).values(**values)",
        "one import is followed by the id of another",
    ),
    Mutant(
        "others-carried",
        "ledger/jobs.py",
        "            entry.c.job == row.number,\n",
        "",
        "people whom an import never carried count as added by it",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "recorded-again",
        "ledger/jobs.py",
        "            entry.c.sent == int(Sent.UNKNOWN),\n",
        "",
        "who was taken off since counts as added by an earlier import",
        guards=(Guard.OWNERSHIP,),
    ),
    # -- ledger/undoing.py ------------------------------------------------------------------------
    Mutant(
        "undone-onto-a-list",
        "ledger/undoing.py",
        "        entry.c.before == int(Sent.ON),\n",
        "",
        "who asked to be taken off, and was never known to be on, is put on the list by an undo",
    ),
    Mutant(
        "undone-with-others",
        "ledger/undoing.py",
        "    of_run = entry.c.run == number\n",
        "    of_run = entry.c.run.is_not(None)\n",
        "undoing one run takes off whom good runs added",
    ),
    Mutant(
        "undone-twice-is-done",
        "ledger/undoing.py",
        "values(wanted=0, run=None)",
        "values(wanted=0)",
        "a second undo of a run that died puts back on the list whom the first one takes off",
    ),
    Mutant(
        "certain-after-a-crash",
        "ledger/entries.py",
        "before=case((entry.c.sent == int(Sent.UNKNOWN), entry.c.before), else_=entry.c.sent)",
        "before=entry.c.sent",
        "what a bad run began and the next one finished can't be undone",
        ("tests/target_cordial/ledger/test_undoing.py",),
    ),
)
