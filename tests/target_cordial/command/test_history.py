"""``cordial-ledger history`` and ``report``: what runs did, and that nobody is named."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.ledgers import SQLITE
from tests.target_cordial.command.messages import COHORT, member, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

VIPS = {"cohort_id": "7khm89c", "cohort_name": "VIPs & <friends>", "snapshot_id": "Vw3"}


def asked(commands: Commands, *arguments: str) -> dict[str, Any]:
    answer = commands.ledger_command("history", "--json", *arguments)
    assert answer.code == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def some_days(commands: Commands) -> list[str]:
    """Three runs, the last one with somebody skipped: their ids."""
    ended = [
        commands.target(*snapshot(*people(4)), *snapshot(*people(1), **VIPS)),
        commands.target(*snapshot(*people(9))),
        commands.target(*snapshot(*people(6, 2), member(99, "no address"))),
    ]
    return [one.report["run_id"] for one in ended]


def test_it_tells_what_each_run_did(commands: Commands) -> None:
    names = some_days(commands)
    history = asked(commands)
    assert [run["run_id"] for run in history["runs"]] == names
    assert [(run["added"], run["removed"]) for run in history["runs"]] == [(5, 0), (5, 0), (0, 3)]
    assert [run["status"] for run in history["runs"]] == ["ok", "ok", "ok"]
    sizes = {one["cohort_id"]: one["members"] for one in history["cohorts"]}
    assert sizes == {COHORT: [4, 9, 6], VIPS["cohort_id"]: [1, 1, 1]}
    last = {one["cohort_id"]: one for one in history["runs"][-1]["cohorts"]}
    assert last[COHORT]["snapshot"] == "complete"
    assert last[COHORT]["skipped"] == {"invalid_identifier": 1}
    assert last[VIPS["cohort_id"]]["snapshot"] == "none"


def test_it_is_drawn_as_a_line_of_bars(commands: Commands) -> None:
    names = some_days(commands)
    shown = commands.ledger_command("history").stdout
    assert "active users (9zx41kq) -> activeusers: ▁█▃ 6 members" in shown
    assert f"{names[-1]}  ok  +0 -3, 1 skipped" in shown


def test_one_cohort_and_the_newest_runs_can_be_asked_for(commands: Commands) -> None:
    names = some_days(commands)
    history = asked(commands, COHORT, "--runs", "2")
    assert [run["run_id"] for run in history["runs"]] == names[1:]
    assert history["runs"][0]["added"] == 5
    assert [one["members"] for one in history["cohorts"]] == [[9, 6]]


def test_a_dry_run_is_no_part_of_it(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    commands.target(*snapshot(*people(2)), dry_run=True)
    assert len(asked(commands)["runs"]) == 1


def test_before_the_first_run_there_is_none(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    commands.place.write("DELETE FROM tally")
    commands.place.write("DELETE FROM run")
    assert asked(commands)["runs"] == []
    assert "in none of these runs" in commands.ledger_command("history").stdout
    commands.ledger_command("forget", COHORT)
    assert commands.ledger_command("history").stdout == "No run yet.\n"


# -- the page -------------------------------------------------------------------------------------


def page(commands: Commands, *arguments: str) -> str:
    file = commands.folder / "page.html"
    answer = commands.ledger_command("report", "--html", str(file), *arguments)
    assert answer.code == 0, answer.stderr
    assert str(file) in answer.stdout
    return file.read_text(encoding="utf-8")


def test_the_page_shows_lists_and_runs(commands: Commands) -> None:
    names = some_days(commands)
    made = page(commands)
    for text in (*names, "active users", COHORT, "activeusers", "invalid_identifier"):
        assert text in made
    assert "VIPs &amp; &lt;friends&gt;" in made
    assert "<friends>" not in made
    assert made.count('<polyline class="line"') == 2


def test_the_page_names_nobody_and_asks_nobody(commands: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault("reject_contact", identifier="user3@shop.example")
    some_days(commands)
    made = page(commands)
    assert "rejected_by_cordial" in made
    assert not re.search(r"@shop|3568930|u-\d", made)
    assert "http:" not in made
    assert "https:" not in made
    assert "default-src 'none'" in made


def test_what_waits_and_what_nobody_claimed_stands_on_the_page(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.put_list("VIPs", ["other@shop.example"])
    vips = {**VIPS, "cohort_name": "VIPs"}
    commands.target(*snapshot(*people(40)), *snapshot(*people(1), **vips))
    commands.target(*snapshot(*people(10)))
    made = page(commands)
    assert "Waiting: 0 to be added, 30 to be taken off" in made
    assert "1 members whom nobody has claimed" in made


def test_a_page_without_runs_says_so(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    commands.place.write("DELETE FROM tally")
    commands.place.write("DELETE FROM run")
    assert "No run yet" in page(commands)
    commands.ledger_command("forget", COHORT)
    assert "No cohort yet" in page(commands)


@pytest.mark.ledger(SQLITE)
def test_a_page_that_cant_be_written_is_an_error(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    answer = commands.ledger_command(
        "report", "--html", os.fspath(commands.folder / "none" / "page.html")
    )
    assert answer.code == 1
    assert "page can't be written" in answer.stderr
