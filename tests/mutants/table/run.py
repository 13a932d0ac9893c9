"""The course of a run."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import BOTH, COMMAND, READ_BACK, Guard, Mutant

MUTANTS: Final = (
    # -- run/sealing.py ---------------------------------------------------------------------------
    Mutant(
        "absent-without-proof",
        "run/sealing.py",
        "cohort.sealed(as_sent=not intake.mapped) if proof.proven else None",
        "cohort.sealed(as_sent=not intake.mapped)",
        "a dead tap's missing rows take people off the list",
        (f"{COMMAND}/test_membership.py::test_without_proof_nobody_is_removed",),
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "any-snapshot-ends-the-wait",
        "run/sealing.py",
        "elif proof.completeness is Completeness.COMPLETE:",
        "else:",
        "half a snapshot passes for a whole one: who is missing in it stays by a former address",
        (f"{COMMAND}/test_rebind.py::test_what_is_no_complete_snapshot_ends_no_wait",),
        guards=(Guard.COMPLETENESS,),
    ),
    # -- run/intake.py ----------------------------------------------------------------------------
    Mutant(
        "rejected-elsewhere",
        "run/intake.py",
        "meant = {row.cohort, *(said.cohort for said in self._current.members)}",
        "meant = {row.cohort}",
        "whoever a stream map took to another cohort, and was rejected there, counts as gone",
        guards=(Guard.COMPLETENESS,),
    ),
    # -- run/cohorts.py ---------------------------------------------------------------------------
    Mutant(
        "place-of-another",
        "run/cohorts.py",
        "new = cohort_id not in self._in_ledger and",
        "new =",
        "a cohort that has a list takes that of another one, and its members' places",
        ("tests/target_cordial/run/test_intake.py",),
        guards=(Guard.OWNERSHIP,),
    ),
    # -- run/received.py --------------------------------------------------------------------------
    Mutant(
        "snapshot-without-its-rows-time",
        "run/received.py",
        "tally.time if tally and time is None else time",
        "time",
        "an old snapshot whose rows alone say when it was takes off who joined since",
        ("tests/target_cordial/run/test_intake.py",),
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "maps-may-drop-everyone",
        "run/received.py",
        "dropped=self._id in self.tallies and self._id not in self.snapshots",
        "dropped=False",
        "a stream map that drops all rows takes everybody off the list",
        ("tests/target_cordial/run/test_intake.py",),
        guards=(Guard.COMPLETENESS,),
    ),
    # -- run/planning.py --------------------------------------------------------------------------
    Mutant(
        "day-forgotten",
        "run/planning.py",
        "recent=recent,",
        "recent=0,",
        "a list leaks away by ten people a run",
        guards=BOTH,
    ),
    Mutant(
        "share-of-what-is-left",
        "run/planning.py",
        "confirmed=before,",
        "confirmed=counts.confirmed,",
        "after a run that died, leavers that were let pass before go on getting mail",
        guards=BOTH,
    ),
    Mutant(
        "claimed-by-nobody",
        "run/planning.py",
        "if operation is Operation.REMOVE and cohort.found is not None:",
        "if operation is Operation.ADD and cohort.found is not None:",
        "with a lost ledger, people are taken off a list that others fill too",
        guards=(Guard.ADOPTION,),
    ),
    Mutant(
        "first-sync-withheld",
        "run/planning.py",
        "if operation is Operation.ADD and cohort.first_synced_at is None:",
        "if operation is Operation.REMOVE and cohort.first_synced_at is None:",
        "no large cohort is ever delivered without an approval",
        guards=(Guard.ADDITIONS,),
    ),
    Mutant(
        "approval-without-memory",
        "run/planning.py",
        " - self._entries.done_since(key, operation, approval.approved_at)",
        "",
        "a run that died and began anew removes twice what was approved",
        guards=BOTH,
    ),
    Mutant(
        "verdict-ignored",
        "run/planning.py",
        "return self.due if self.verdict.withheld else 0",
        "return 0",
        "nobody learns of the removals that wait for an approval",
        guards=BOTH,
    ),
    # -- run/recorder.py --------------------------------------------------------------------------
    Mutant(
        "absent-believed-at-once",
        "run/recorder.py",
        "replace(out, result=Result.UNKNOWN) if",
        "out if",
        "an account without its contacts is believed: nobody is ever taken off again",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "who-never-arrived-is-doubted",
        "run/recorder.py",
        "return self._entries.absent_without_trace(cohort) if known else 0",
        "return 0",
        "after a run that was killed every run fails, and nobody is told anything else any more",
    ),
    Mutant(
        "nobody-known-is-no-doubt",
        "run/recorder.py",
        "return self._entries.absent_without_trace(cohort) if known else 0",
        "return self._entries.absent_without_trace(cohort)",
        "an account without its contacts is believed: nobody is ever taken off again",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "doubted-once-believed-twice",
        "run/recorder.py",
        "                self._entries.doubt_absent(cohort)\n",
        "",
        "an account without its contacts is believed by the second run",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "doubted-are-done",
        "run/recorder.py",
        "                self._results[Result.ALREADY_ABSENT] -= count\n",
        "",
        "removals that nobody believes count as done, and the run calls itself well",
    ),
    Mutant(
        "sample-of-what-was-not-done",
        "run/recorder.py",
        "if outcome.result in DONE:",
        "if True:",
        "rejected people are read back, and degrade every run",
    ),
    Mutant(
        "absent-not-looked-at",
        "run/recorder.py",
        "frozenset({Result.CONFIRMED, Result.ALREADY_ABSENT})",
        "frozenset({Result.CONFIRMED})",
        "whom a proxy says to be absent goes on getting mail, and nobody ever looks",
    ),
    Mutant(
        "doubted-are-read-back",
        "run/recorder.py",
        "                self._sample.drop(cohort, Result.ALREADY_ABSENT)\n",
        "",
        "a run says of people that they were taken off who were never believed to be",
    ),
    Mutant(
        "followed-and-changed-again",
        "run/recorder.py",
        "        self._sample.forget(sent)\n",
        "",
        "a run says of people that they are not on a list who were taken off it by itself",
    ),
    # -- run/readback.py --------------------------------------------------------------------------
    Mutant(
        "read-back-the-wrong-way-round",
        "run/readback.py",
        "if bool(on) is not one.on:",
        "if bool(on) is one.on:",
        "who is missing is called fine, and everybody else is sent again",
    ),
    Mutant(
        "read-back-forgives",
        "run/readback.py",
        "if bool(on) is not one.on:",
        "if bool(on) and not one.on:",
        "people whom Cordial dropped are never added again",
    ),
    Mutant(
        "reading-that-fails-fails-the-run",
        "run/readback.py",
        "self._read({one.identifier: None for one in expected}, found)\n"
        "        except CordialError as error:",
        "self._read({one.identifier: None for one in expected}, found)\n"
        "        except UnexpectedError as error:",
        "a key without one permission fails every delivery",
        (f"{READ_BACK}::test_reading_that_fails_is_noted_and_undoes_nothing",),
    ),
    # -- run/delivering.py ------------------------------------------------------------------------
    Mutant(
        "missing-and-still-ours",
        "run/delivering.py",
        "self._entries.doubt(differ)",
        "pass",
        "somebody who is not on the list is told of once, and stays off it",
        (f"{READ_BACK}::test_an_addition_that_is_not_there_degrades_the_run_and_is_sent_again",),
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "found-and-not-kept",
        "run/delivering.py",
        "if key in bound.found:",
        "if key not in bound.targets:",
        "with a lost ledger, people are taken off a list that others fill too",
        (
            f"{COMMAND}/test_adopt.py::test_everyone_present_is_added_nobody_removed_and_every_run_says_so",
        ),
        guards=(Guard.ADOPTION,),
    ),
    Mutant(
        "lost-list-of-nobody",
        "run/delivering.py",
        "cohort=self._report.parts[key].label",
        'cohort=""',
        "a list is lost, and nobody learns whose members get no mail",
        (
            (
                f"{COMMAND}/test_delivery_rules.py"
                "::test_another_refusal_of_the_endpoint_is_of_the_list_and_stays_pending"
            ),
        ),
    ),
    # -- run/sampling.py --------------------------------------------------------------------------
    Mutant(
        "first-come-are-the-sample",
        "run/sampling.py",
        "if place < self._size:",
        "if False:",
        "whatever goes wrong after the first minute is never looked at",
    ),
    # -- run/claims.py ----------------------------------------------------------------------------
    Mutant(
        "rows-of-others-adopted",
        "run/claims.py",
        "cells[flag].strip().lower() not in ON_LIST",
        "False",
        "people who were never on the list count as ours, and are removed from it by their number",
        guards=(Guard.ADOPTION,),
    ),
    # -- run/sending.py ---------------------------------------------------------------------------
    Mutant(
        "half-is-whole",
        "run/sending.py",
        "if left == 0 and not half and",
        "if left == 0 and",
        "automations greet the second half of a cohort whose first snapshot broke off",
        (
            f"{COMMAND}/test_list_rules.py::test_what_follows_half_a_first_snapshot_is_still_the_first_sync",
        ),
    ),
    # -- run/closing.py ---------------------------------------------------------------------------
    Mutant(
        "stuck-removals-pass-for-additions",
        "run/closing.py",
        "Rejects(cohort.label, counts.rejected, counts.rejected_removals)",
        "Rejects(cohort.label, counts.rejected, 0)",
        "people who could not be taken off go on getting mail, and are called not added",
        (
            f"{COMMAND}/test_delivery_rules.py::test_rejects_are_named_by_cohort_direction_and_reason",
        ),
    ),
    Mutant(
        "old-lists-pass",
        "run/closing.py",
        "if now - known > limit * 3600:",
        "if now - known > limit * 86_400:",
        "people who left weeks ago go on getting mail, and no run says so",
        (f"{COMMAND}/test_list_rules.py::test_a_list_that_is_too_old_fails_the_run_and_is_named",),
    ),
)
