"""The history: what each run did, kept for so long and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.ledger import history
from target_cordial.ledger.history import PastRun, Tally
from tests.target_cordial.ledger.rows import DAY, NOW

if TYPE_CHECKING:
    from target_cordial.ledger.store import Ledger

TALLY = Tally(
    cohort=1,
    snapshot="complete",
    members=7,
    added=3,
    removed=2,
    already_absent=1,
    withheld=4,
    pending=5,
    skipped={"invalid_identifier": 2},
    rejected={"rejected_by_cordial": 1, "contact_not_found": 6},
)


def test_a_run_is_read_as_it_was_kept(ledger: Ledger) -> None:
    ledger.begin_run("r1", NOW)
    history.keep(ledger, [TALLY])
    ledger.end_run("r1", NOW + 5, "ok")
    ledger.begin_run("r2", NOW + 60)
    kept = [
        PastRun(1, "r1", NOW, NOW + 5, "ok", {1: TALLY}),
        PastRun(2, "r2", NOW + 60, None, None, {}),
    ]
    assert history.newest(ledger, 10) == kept
    assert history.newest(ledger, 1) == kept[1:]
    assert history.number_of(ledger, "r2") == 2
    assert history.number_of(ledger, "r3") is None


def test_without_runs_there_is_no_history(ledger: Ledger) -> None:
    history.keep(ledger, [])
    assert history.newest(ledger, 10) == []


def test_runs_are_forgotten_when_nobody_compares_with_them_any_more(ledger: Ledger) -> None:
    for number, days in enumerate((401, 399), 1):
        ledger.begin_run(f"r{number}", NOW - days * DAY)
        history.keep(ledger, [TALLY])
    history.forget(ledger, NOW)
    (left,) = history.newest(ledger, 10)
    assert left.run_id == "r2"
    assert left.tallies == {1: TALLY}
