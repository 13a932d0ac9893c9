"""What the counts of an import prove, and what becomes of rows that it refuses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.delivery.imports import importer
from target_cordial.delivery.imports.course import FURTHER_JOBS, Allowance
from tests.target_cordial.command.messages import COHORT, addresses, people, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cordial_sandbox.server import Running
    from tests.staging import StagingStore
    from tests.target_cordial.command.conftest import Commands

LIST = "activeusers"
FEWER = 300
"""Still more than the 200 whose rejection alone ends a delivery."""


def refuse(sandbox: Running, numbers: Iterable[int]) -> None:
    for address in addresses(*numbers):
        sandbox.control.add_fault("reject_contact", identifier=address)


@pytest.fixture
def fewer(monkeypatch: pytest.MonkeyPatch) -> int:
    """Leave a list less single calls, of which nearly all time goes; the people are less too."""
    monkeypatch.setattr(importer, "Allowance", partial(Allowance, contacts=FEWER))
    return FEWER


def single_calls(sandbox: Running) -> int:
    return len([call for call in sandbox.control.write_calls() if "/v2/contacts" in call["path"]])


# -- refused rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("poisoned", "counts_as"),
    [([201], "rejected"), ([1, 225, 450], "rejected"), ([201], "error"), ([201], "ignored")],
    ids=str,
)
def test_refused_people_are_named_among_many(
    imports: Commands, sandbox: Running, fewer: int, poisoned: list[int], counts_as: str
) -> None:
    for address in addresses(*poisoned):
        sandbox.control.add_fault("reject_contact", identifier=address, counts_as=counts_as)
    ended = imports.target(*snapshot(*people(450)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["pending"]) == (0, 450 - len(poisoned), 0)
    assert part["rejected"] == {"rejected_by_cordial": len(poisoned)}
    assert sorted(line["identifier"] for line in imports.rejects()) == addresses(*poisoned)
    assert sandbox.control.lists()[LIST] == addresses(*(set(range(1, 451)) - set(poisoned)))
    assert len(sandbox.control.jobs()) <= 2 + FURTHER_JOBS
    assert single_calls(sandbox) <= fewer


@pytest.mark.usefixtures("fewer")
def test_neighbours_that_are_refused_are_named(imports: Commands, sandbox: Running) -> None:
    refuse(sandbox, (360, 361, 362))
    ended = imports.target(*snapshot(*people(750)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["pending"]) == (0, 747, 0)
    assert sorted(line["identifier"] for line in imports.rejects()) == addresses(360, 361, 362)


@pytest.mark.usefixtures("fewer")
def test_a_removal_that_is_refused_is_named_as_still_on_the_list(
    imports: Commands, sandbox: Running
) -> None:
    imports.target(*snapshot(*people(450)))
    refuse(sandbox, (7, 270))
    ended = imports.target(*snapshot(), max_removal_percent=100)
    part = ended.cohort(COHORT)
    assert (ended.code, part["removed"], part["pending"]) == (0, 448, 0)
    assert part["rejected"] == {"rejected_by_cordial": 2}
    assert "2 not taken off: STILL on the list" in ended.last_line
    assert sandbox.control.lists()[LIST] == addresses(7, 270)


@pytest.mark.usefixtures("fewer")
def test_absent_and_refused_removals_are_told_apart(imports: Commands, sandbox: Running) -> None:
    """Nobody says which contacts a removal did not find: they are counted all the same."""
    imports.target(*snapshot(*people(450), *people(6, first=5_000)))
    sandbox.control.reset()
    sandbox.control.put_list(LIST, addresses(*range(1, 451)))
    refuse(sandbox, (7, 270))
    ended = imports.target(*snapshot(), max_removal_percent=100)
    part = ended.cohort(COHORT)
    assert part["rejected"] == {"rejected_by_cordial": 2}
    assert (part["removed"], part["already_absent"], part["pending"]) == (448, 6, 0)
    assert sandbox.control.lists()[LIST] == addresses(7, 270)


@pytest.mark.parametrize(
    ("count", "refused"),
    [(660, range(1, 331)), (390, range(1, 391, 2))],
    ids=["adjacent", "spread"],
)
def test_what_can_not_be_narrowed_down_is_unknown_and_runs_converge(
    imports: Commands, sandbox: Running, fewer: int, count: int, refused: range
) -> None:
    wanted = set(addresses(*range(1, count + 1))) - set(addresses(*refused))
    sandbox.control.put_list("others", wanted)  # and nobody may make contacts of the rest
    ended = imports.target(*snapshot(*people(count)), create_contacts=False)
    assert ended.code == 1
    assert "not proven that the imports wrote them" in ended.last_line
    part = ended.cohort(COHORT)
    assert part["added"] + part["pending"] + sum(part["rejected"].values()) == count
    assert part["pending"] == count - fewer
    assert set(sandbox.control.lists()[LIST]) == wanted
    assert len(sandbox.control.jobs()) <= 2 + FURTHER_JOBS
    assert single_calls(sandbox) == fewer
    while part["pending"]:
        before = part["pending"]
        part = imports.target(create_contacts=False).cohort(COHORT)
        assert part["pending"] < before
    assert part["rejected"] == {"contact_not_found": len(refused)}
    assert part["members"] == len(wanted)
    assert set(sandbox.control.lists()[LIST]) == wanted


def test_where_all_are_refused_the_first_two_hundred_are_enough(
    imports: Commands, sandbox: Running
) -> None:
    ended = imports.target(*snapshot(*people(600)), create_contacts=False)
    assert ended.code == 1
    assert "the first 200 changes were all rejected, as contact_not_found" in ended.last_line
    assert single_calls(sandbox) < 300
    assert sandbox.control.lists()[LIST] == []


def test_many_refused_people_of_one_list_do_not_stop_the_others(
    imports: Commands, sandbox: Running
) -> None:
    other = {"cohort_id": "zz9", "cohort_name": "VIPs", "snapshot_id": "Vw3"}
    sandbox.control.put_list("others", addresses(*range(301, 401), *range(2_000, 2_004)))
    rows = [*snapshot(*people(400)), *snapshot(*people(4, 2_000), **other)]
    ended = imports.target(*rows, create_contacts=False)
    assert ended.code == 1
    assert sandbox.control.lists()["VIPs"] == addresses(*range(2_000, 2_004))


# -- counts that prove nothing --------------------------------------------------------------------

NO_PROOF: list[dict[str, Any]] = [
    {},  # no result at all
    {"without": ["updated"]},
    {"without": ["rejected", "error", "ignored"], "counts": {"updated": 2}},
    {"counts": {"updated": 2}},
    {"counts": {"updated": 4}},
    {"counts": {"totalRecords": 4}},
    {"counts": {"updated": "3"}},
    {"counts": {"updated": 2, "inserted": 1}},
]


@pytest.mark.parametrize("shown", NO_PROOF, ids=str)
def test_counts_that_do_not_account_for_every_row_confirm_nobody(
    imports: Commands, sandbox: Running, staging_store: StagingStore, shown: dict[str, Any]
) -> None:
    sandbox.control.add_fault("job_result", strategy="updateOnly", **shown)
    ended = imports.target(*snapshot(*people(3)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["members"], part["pending"]) == (1, 0, 0, 3)
    assert "Cordial's counts do not account for every row" in ended.last_line
    assert staging_store.names() == []
    # They count as ours: who leaves now is taken off.
    ended = imports.target(*snapshot(*people(2)), max_removal_percent=100)
    assert ended.code == 0
    assert sandbox.control.lists()[LIST] == addresses(1, 2)


@pytest.mark.parametrize("shown", [{}, {"without": ["ignored"], "counts": {"updated": 1}}], ids=str)
def test_counts_of_a_removal_that_prove_nothing_confirm_nothing(
    imports: Commands, sandbox: Running, shown: dict[str, Any]
) -> None:
    imports.target(*snapshot(*people(9)))
    sandbox.control.add_fault("job_result", strategy="updateOnly", **shown)
    ended = imports.target(*snapshot(*people(7)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["removed"], part["pending"]) == (1, 0, 2)
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["removed"]) == (0, 2)
    assert sandbox.control.lists()[LIST] == addresses(*range(1, 8))


def test_rows_that_change_nothing_and_count_as_ignored_confirm_nobody(
    imports: Commands, sandbox: Running
) -> None:
    """That they count as updated is assumed: where it is wrong, single calls prove them."""
    sandbox.control.configure(import_unchanged="ignored")
    sandbox.control.put_list(LIST, addresses(1, 2))
    ended = imports.target(*snapshot(*people(4)))
    part = ended.cohort(COHORT)
    assert (part["added"], part["pending"], part["rejected"]) == (4, 0, {})
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3, 4)


@pytest.mark.parametrize("strategy", ["insertOnly", "updateOnly"])
@pytest.mark.parametrize("rows", [0, 2])
def test_a_job_that_failed_confirms_nobody(
    imports: Commands, sandbox: Running, staging_store: StagingStore, strategy: str, rows: int
) -> None:
    sandbox.control.add_fault("job_failed", strategy=strategy, rows=rows)
    ended = imports.target(*snapshot(*people(3)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["members"], part["pending"]) == (1, 0, 0, 3)
    assert "ended as 'Failed'" in ended.last_line
    assert staging_store.names() == []
    assert imports.target().code == 0
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)


def test_one_cohorts_failed_job_does_not_stop_another(imports: Commands, sandbox: Running) -> None:
    other = {"cohort_id": "zz9", "cohort_name": "VIPs", "snapshot_id": "Vw3"}
    sandbox.control.add_fault("job_failed", strategy="insertOnly")
    ended = imports.target(*snapshot(*people(3)), *snapshot(*people(4), **other))
    assert ended.code == 1
    assert ended.cohort(COHORT)["pending"] == 3
    assert sandbox.control.lists()["VIPs"] == addresses(1, 2, 3, 4)
