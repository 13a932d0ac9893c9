"""Whether absence means removal, in every place that decides or carries it."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import COMMAND, SETTLEMENT, Guard, Mutant

COMPLETION: Final = (f"{COMMAND}/test_completion.py",)
INTAKE: Final = ("tests/target_cordial/run/test_intake.py",)
PROOF: Final = (Guard.COMPLETENESS,)

MUTANTS: Final = (
    Mutant(
        "markers-not-needed",
        "run/sealing.py",
        "cohort.proof(self._settings.snapshot_completion, ended=intake.ended)",
        "cohort.proof(Completion.END_OF_INPUT, ended=intake.ended)",
        "a tap that dies half way removes the other half, whatever the setting says",
        COMPLETION,
        PROOF,
    ),
    Mutant(
        "every-end-is-clean",
        "run/sealing.py",
        "snapshot_completion, ended=intake.ended)",
        "snapshot_completion, ended=True)",
        "an input that broke off removes everyone who had not come yet",
        COMPLETION,
        PROOF,
    ),
    Mutant(
        "tap-moves-on-past-doubt",
        "run/sync.py",
        "if intake.state and whole and not",
        "if intake.state and not",
        "the tap never sends again what did not arrive whole: joiners and leavers are lost",
        COMPLETION,
        PROOF,
    ),
    Mutant(
        "doubt-is-whole",
        "run/sealing.py",
        "        self._whole = False\n",
        "",
        "the tap never sends again what did not arrive whole: joiners and leavers are lost",
        COMPLETION,
        PROOF,
    ),
    Mutant(
        "broken-input-ended",
        "run/intake.py",
        "return self.broken_at is None and not self.lost",
        "return not self.lost",
        "an input that broke off removes everyone who had not come yet",
        COMPLETION,
        PROOF,
    ),
    Mutant(
        "nobodys-records-are-no-loss",
        "run/intake.py",
        "return self.broken_at is None and not self.lost",
        "return self.broken_at is None",
        "somebody whose row did not even show its cohort counts as gone",
        COMPLETION,
        PROOF,
    ),
    Mutant(
        "unreadable-of-no-cohort",
        "run/intake.py",
        "            cohort.unreadable += 1\n        self.lost",
        "            pass\n        self.lost",
        "somebody whose row could not be read counts as gone",
        INTAKE,
        PROOF,
    ),
    Mutant(
        "taken-elsewhere-is-no-loss",
        "run/intake.py",
        "            self._cohorts.meant(sent.cohort).unreadable += 1\n",
        "            pass\n",
        "whoever a stream map takes to another cohort is taken off the first one's list",
        INTAKE,
        PROOF,
    ),
    Mutant(
        "snapshot-by-another-name",
        "run/intake.py",
        "sent.snapshot_id if isinstance(sent, Membership) else row.snapshot_id",
        "row.snapshot_id",
        "a stream map that drops the snapshot's id has everybody taken off the list",
        INTAKE,
        PROOF,
    ),
    Mutant(
        "unreadable-under-the-other-name",
        "run/received.py",
        "        self.unreadable += other.unreadable\n",
        "",
        "somebody whose row could not be read, under the cohort's name alone, counts as gone",
        INTAKE,
        PROOF,
    ),
    Mutant(
        "users-under-the-other-name",
        "core/completeness.py",
        "        self.users.update(other.users)\n",
        "",
        "members that came under the cohort's name alone are not counted, and leavers stay",
        INTAKE,
        PROOF,
    ),
    Mutant(
        "half-a-snapshot-moves-people",
        "ledger/settlement/course.py",
        "    if this.sealed is None:\n        hold_former_identifiers(this)\n",
        "",
        "an unfinished snapshot takes off an address that somebody not yet sent still has",
        SETTLEMENT,
        PROOF,
    ),
    Mutant(
        "ignored-snapshot-completes",
        "run/sealing.py",
        "        elif proof.completeness is Completeness.COMPLETE:\n",
        "        if proof.completeness is Completeness.COMPLETE:\n",
        "a snapshot that was ignored for its age makes an old list look fresh",
        (f"{COMMAND}/test_source_times.py::test_an_old_snapshot_is_ignored_and_the_run_says_so",),
        PROOF,
    ),
    Mutant(
        "whole-cohort-without-identifier",
        "run/sealing.py",
        "            return False\n",
        "            return True\n",
        "a cohort of whom nobody resolves is written all the same, and called well",
        (f"{COMMAND}/test_identifiers.py",),
        PROOF,
    ),
)
