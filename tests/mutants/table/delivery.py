"""Single calls and batches."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Guard, Mutant

MUTANTS: Final = (
    # -- delivery/engine.py -----------------------------------------------------------------------
    Mutant(
        "lost-ledger-goes-on",
        "delivery/engine.py",
        "self._recorder.check_hold()",
        "pass",
        "two runs write to one list at once, and what one of them did is never known",
        guards=(Guard.OWNERSHIP,),
    ),
    # -- delivery/breaker.py ----------------------------------------------------------------------
    Mutant(
        "row-without-answer-never-ends",
        "delivery/breaker.py",
        "self._used_up = 0 if delivered.answered else self._used_up + 1",
        "self._used_up = 0",
        "a run goes on for days against a Cordial that is down, and nobody is told",
    ),
    Mutant(
        "any-failure-lengthens-the-row",
        "delivery/breaker.py",
        "self._used_up = 0 if delivered.answered else self._used_up + 1",
        "self._used_up += not delivered.answered",
        "a few lost calls among thousands end a delivery",
    ),
    Mutant(
        "rejects-never-stop",
        "delivery/breaker.py",
        "self._rejected = self._rejected + 1 if same else None",
        "self._rejected = None",
        "a wrong setting rejects everybody, and all of them rest for a week",
    ),
    Mutant(
        "late-rejects-stop",
        "delivery/breaker.py",
        "self._rejected = self._rejected + 1 if same else None",
        "self._rejected += same",
        "a long delivery that goes well is ended by its two hundredth reject",
    ),
    Mutant(
        "pending-ends-the-count",
        "delivery/breaker.py",
        "if self._rejected is None or outcome.is_pending:",
        "if self._rejected is None:",
        "one time-out among the first lets everybody be rejected",
    ),
    Mutant(
        "accepted-is-not-heard",
        "delivery/breaker.py",
        "None if accepted else 0",
        "0",
        "a few refused people of one list keep all others waiting",
    ),
    # -- delivery/list_watch.py -------------------------------------------------------------------
    Mutant(
        "list-by-its-old-name",
        "delivery/list_watch.py",
        "return target.list_name if now is None else now.get(target.list_id)",
        "return target.list_name",
        "after a rename everybody is refused, whatever the list is called now",
    ),
    Mutant(
        "lost-list-comes-back",
        "delivery/list_watch.py",
        "known = lists if self._now is None else self._now",
        "known = lists",
        "a list restored half way has the second half of its changes alone",
    ),
    Mutant(
        "lists-read-by-every-contact",
        "delivery/list_watch.py",
        "if refused <= self._unexplained:",
        "if False:",
        "the lists are read once for every refused contact",
    ),
    # -- delivery/contacts.py ---------------------------------------------------------------------
    Mutant(
        "an-odd-answer-is-no-doubt",
        "delivery/contacts.py",
        "may_be_applied=True,",
        "may_be_applied=False,",
        "whoever was added in spite of an odd answer stays on the list after leaving",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "deleted-list-is-an-absent-contact",
        "delivery/contacts.py",
        "absent=answer.says_absent and not refused",
        "absent=answer.says_absent",
        "the removals of a deleted list count as done, and after its return nobody takes them off",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "doubt-lost-with-the-list",
        "delivery/contacts.py",
        "if refused and not answer.in_doubt and",
        "if refused and",
        "somebody who may be on the list is never taken off it",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "removal-creates",
        "delivery/contacts.py",
        "if adds and self._create:",
        "if self._create:",
        "taking an unknown person off a list makes a contact of them",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "one-lost-list-loses-all",
        "delivery/contacts.py",
        "again=(rest,) if rest else ()",
        "again=()",
        "whoever is in a deleted list's cohort joins and leaves no other list",
    ),
    # -- delivery/endpoint.py ---------------------------------------------------------------------
    Mutant(
        "an-odd-answer-of-the-endpoint-is-no-doubt",
        "delivery/endpoint.py",
        "answer.in_doubt or answer.kind is Kind.UNEXPECTED or ",
        "answer.in_doubt or ",
        "whoever was added in spite of an odd answer stays on the list after leaving",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "unwritten-call-is-delivered",
        "delivery/endpoint.py",
        "replace(all_of(call, Result.NOT_SENT, problem), answered=None)",
        "all_of(call, Result.CONFIRMED)",
        "people who were never sent count as delivered",
    ),
)
