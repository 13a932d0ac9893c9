"""Imports that outlive their run: remembered, followed, and never started twice."""

from __future__ import annotations

import json
import shlex
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.target_cordial.command.conftest import line
from tests.target_cordial.command.messages import COHORT, addresses, people, snapshot

if TYPE_CHECKING:
    import subprocess

    from cordial_sandbox.server import Running
    from tests.staging import StagingStore
    from tests.target_cordial.command.conftest import Commands, Ended

LIST = "activeusers"
VIPS = {"cohort_id": "7khm89c", "cohort_name": "VIPs", "snapshot_id": "Vw3"}
SOON = {"import_timeout_seconds": 1}
STAY = {"max_removal_percent": 100}

pytestmark = pytest.mark.usefixtures("quick")


Written = tuple[str, list[str], list[str]]

MAKE: Written = ("insertOnly", [], [])
ADD: Written = ("updateOnly", [LIST], [])
REMOVE: Written = ("updateOnly", [], [LIST])


def open_jobs(commands: Commands) -> list[str]:
    """Tell which kinds of imports the ledger remembers."""
    return [row["kind"] for row in commands.place.read("SELECT kind FROM job ORDER BY number")]


def jobs(sandbox: Running) -> list[Written]:
    return [(job["strategy"], job["add_to"], job["remove_from"]) for job in sandbox.control.jobs()]


def hangs(commands: Commands, sandbox: Running, kind: str = "job_stuck") -> Ended:
    """Sync three people; the job that puts them on the list does not end in its time."""
    sandbox.control.add_fault(kind, strategy="updateOnly")
    ended = commands.target(*snapshot(*people(3)), **SOON)
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["pending"]) == (1, 0, 3)
    assert open_jobs(commands) == ["add"]
    return ended


# -- jobs that take too long ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["job_stuck", "job_late"])
def test_a_job_that_is_released_is_followed_and_not_started_again(
    imports: Commands, sandbox: Running, staging_store: StagingStore, kind: str
) -> None:
    ended = hangs(imports, sandbox, kind)
    assert "has not ended in 1 seconds" in ended.last_line
    assert len(staging_store.names()) == 1  # Cordial may not have fetched it yet
    sandbox.control.release_jobs()
    ended = imports.target()
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["members"], part["pending"]) == (0, 3, 3, 0)
    assert jobs(sandbox) == [MAKE, ADD]
    assert (open_jobs(imports), staging_store.names()) == ([], [])
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)


def test_a_removal_that_is_released_is_followed(imports: Commands, sandbox: Running) -> None:
    imports.target(*snapshot(*people(5)))
    sandbox.control.add_fault("job_stuck", strategy="updateOnly")
    ended = imports.target(*snapshot(*people(3)), **SOON)
    assert (ended.code, ended.cohort(COHORT)["pending"]) == (1, 2)
    sandbox.control.release_jobs()
    ended = imports.target()
    part = ended.cohort(COHORT)
    assert (ended.code, part["removed"], part["already_absent"]) == (0, 2, 0)
    assert jobs(sandbox) == [MAKE, ADD, REMOVE]


def test_a_late_removal_of_unknown_contacts_is_judged_as_any_other(
    imports: Commands, sandbox: Running
) -> None:
    imports.target(*snapshot(*people(15)))
    sandbox.control.reset()
    sandbox.control.put_list(LIST, addresses(1, 2))
    sandbox.control.add_fault("job_stuck", strategy="updateOnly")
    imports.target(*snapshot(), **SOON, **STAY)
    sandbox.control.release_jobs()
    ended = imports.target(**STAY)
    part = ended.cohort(COHORT)
    assert (ended.code, part["removed"], part["already_absent"]) == (1, 0, 0)
    assert part["pending"] == 15
    assert "Cordial does not know most of the people" in ended.last_line


def test_what_still_runs_holds_back_its_list_and_its_contacts_and_nobody_else(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    hangs(imports, sandbox)
    rows = [*snapshot(*people(4)), *snapshot(*people(4, first=3), **VIPS)]
    ended = imports.target(*rows, **SOON)
    assert ended.code == 1
    assert "active users" in ended.last_line
    assert "still runs in Cordial" in ended.last_line
    assert ended.cohort(COHORT)["pending"] == 4
    assert (ended.cohort("7khm89c")["added"], ended.cohort("7khm89c")["pending"]) == (3, 1)
    assert sandbox.control.lists()["VIPs"] == addresses(4, 5, 6)  # 3 is on its way to the other
    assert len(staging_store.names()) == 1
    sandbox.control.release_jobs()
    ended = imports.target()
    assert ended.code == 0
    assert sandbox.control.lists() == {
        LIST: addresses(1, 2, 3, 4),
        "VIPs": addresses(3, 4, 5, 6),
    }
    assert (open_jobs(imports), staging_store.names()) == ([], [])


def test_contacts_that_are_still_being_made_wait_on_every_list(
    imports: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("job_stuck", strategy="insertOnly")
    ended = imports.target(*snapshot(*people(3)), **SOON)
    assert (ended.code, open_jobs(imports)) == (1, ["create"])
    ended = imports.target(*snapshot(*people(4, first=3), **VIPS), **SOON)
    assert ended.code == 1
    assert (ended.cohort("7khm89c")["added"], ended.cohort("7khm89c")["pending"]) == (3, 1)
    sandbox.control.release_jobs()
    assert imports.target().code == 0
    assert sandbox.control.lists() == {
        LIST: addresses(1, 2, 3),
        "VIPs": addresses(3, 4, 5, 6),
    }


def test_delivery_by_contacts_waits_for_what_still_runs_too(
    imports: Commands, sandbox: Running
) -> None:
    hangs(imports, sandbox)
    rows = [*snapshot(*people(4)), *snapshot(*people(4, first=3), **VIPS)]
    ended = imports.target(*rows, delivery="contacts", **SOON)
    assert (ended.code, ended.report["delivery"]) == (1, "contacts")
    assert (ended.cohort(COHORT)["added"], ended.cohort("7khm89c")["added"]) == (0, 3)
    assert sandbox.control.lists()["VIPs"] == addresses(4, 5, 6)
    sandbox.control.release_jobs()
    assert imports.target(delivery="contacts").code == 0
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3, 4)
    assert sandbox.control.lists()["VIPs"] == addresses(3, 4, 5, 6)


@pytest.mark.parametrize("kind", ["job_stuck", "job_late"])
def test_a_cohort_that_changed_while_its_job_ran_ends_as_it_is_wanted(
    imports: Commands, sandbox: Running, kind: str
) -> None:
    hangs(imports, sandbox, kind)
    changed = snapshot(*people(4, first=2))
    assert imports.target(*changed, **SOON, **STAY).code == 1
    sandbox.control.release_jobs()
    assert imports.target(*changed, **STAY).code == 0
    assert sandbox.control.lists()[LIST] == addresses(2, 3, 4, 5)


def test_a_late_job_that_failed_or_proves_nothing_is_sent_again(
    imports: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("job_result", strategy="updateOnly")
    hangs(imports, sandbox)
    sandbox.control.release_jobs()
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert jobs(sandbox) == [MAKE, ADD, MAKE, ADD]


def test_a_job_that_cordial_has_forgotten_is_over(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    hangs(imports, sandbox)
    age(imports, 3600)
    sandbox.control.reset()
    sandbox.control.put_list(LIST)
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)
    assert (open_jobs(imports), staging_store.names()) == ([], [])


# -- jobs that never end --------------------------------------------------------------------------


def age(commands: Commands, seconds: int) -> None:
    commands.place.write(f"UPDATE job SET begun_at = begun_at - {seconds}")  # noqa: S608  a number


def test_a_job_is_waited_for_however_long_it_runs(imports: Commands, sandbox: Running) -> None:
    """Cordial may have read the file long ago: what it says still runs can still be carried out."""
    hangs(imports, sandbox)
    age(imports, 40 * 24 * 3600)
    ended = imports.target(*snapshot(*people(2)), **SOON, **STAY)
    assert (ended.code, open_jobs(imports)) == (1, ["add"])
    assert "still runs in Cordial" in ended.last_line
    sandbox.control.release_jobs()
    assert imports.target(*snapshot(*people(2)), **STAY).code == 0
    assert sandbox.control.lists()[LIST] == addresses(1, 2)


def test_somebody_may_say_that_it_never_ends(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    hangs(imports, sandbox)
    ended = imports.target(**SOON)
    command = shlex.split(ended.last_line.partition("If it never comes to one: ")[2])
    assert command[:2] == ["cordial-ledger", "abandon"]
    answer = imports.ledger_command(*command[1:])
    assert answer.code == 0
    assert "is cancelled there" in answer.stdout
    ended = imports.target(**SOON)
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert (open_jobs(imports), staging_store.names()) == ([], [])
    assert jobs(sandbox) == [MAKE, ADD, MAKE, ADD]
    again = imports.ledger_command(*command[1:])
    assert (again.code, "No import of this name" in again.stderr) == (1, True)
    sandbox.control.reset()  # for two jobs that write one list are a violation, and were asked for


def test_a_ledger_is_not_taken_elsewhere_while_an_import_runs(
    imports: Commands, sandbox: Running
) -> None:
    hangs(imports, sandbox)
    elsewhere = imports.settings["api_url"].replace("127.0.0.1", "localhost")
    here, imports.settings["api_url"] = imports.settings["api_url"], elsewhere
    refused = imports.ledger_command("rebind")
    assert (refused.code, "cordial-ledger abandon target-cordial-add-" in refused.stderr) == (
        1,
        True,
    )
    imports.settings["api_url"] = here
    sandbox.control.release_jobs()
    assert imports.target().code == 0
    imports.settings["api_url"] = elsewhere
    assert imports.ledger_command("rebind").code == 0


def test_who_forgets_a_cohort_hears_of_its_import(imports: Commands, sandbox: Running) -> None:
    hangs(imports, sandbox)
    answer = imports.ledger_command("--json", "forget", COHORT)
    assert [
        name.startswith("target-cordial-add-") for name in json.loads(answer.stdout)["imports"]
    ] == [True]


# -- runs that end in the middle ------------------------------------------------------------------


def started(commands: Commands, *messages: Any, **settings: Any) -> subprocess.Popen[str]:
    process = commands.start(**settings)
    assert process.stdin is not None
    process.stdin.write("".join(line(message) for message in messages))
    process.stdin.close()
    process.stdin = None
    return process


def until(process: subprocess.Popen[str], seen: Any) -> None:
    """Wait for something that the run does."""
    while not seen():
        assert process.poll() is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("kind", ["job_stuck", "job_late"])
def test_a_run_that_ends_while_it_polls_is_gone_on_with(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    *,
    kind: str,
    how: signal.Signals,
) -> None:
    sandbox.control.add_fault(kind, strategy="updateOnly")
    process = started(imports, *snapshot(*people(3)))
    looks = "/v2/jobs/"
    until(
        process,
        lambda: (
            len(sandbox.control.jobs()) == 2
            and sum(looks in call["path"] for call in sandbox.control.calls()) > 1
        ),
    )
    told = time.monotonic()
    process.send_signal(how)
    ended = imports.end(process)
    assert time.monotonic() - told < 10
    assert ended.code not in (0, None)
    assert (open_jobs(imports), len(staging_store.names())) == (["add"], 1)
    if how is not signal.SIGKILL:
        assert ended.code == 143
        assert ended.cohort(COHORT)["pending"] == 3
    sandbox.control.release_jobs()
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert jobs(sandbox) == [MAKE, ADD]
    assert (open_jobs(imports), staging_store.names()) == ([], [])


@pytest.mark.parametrize("skip", [0, 1], ids=["create", "add"])
def test_a_file_whose_import_was_killed_before_it_began_is_deleted_by_the_next_run(
    imports: Commands, sandbox: Running, staging_store: StagingStore, skip: int
) -> None:
    """The file is there, the call is on its way: kill -9. It never comes to a job."""
    start = "/contactimports"
    sandbox.control.add_fault("latency", "POST", start, seconds=1.5, skip=skip)
    sandbox.control.add_fault("status", "POST", start, status=503, skip=skip)
    process = started(imports, *snapshot(*people(3)))
    until(
        process,
        lambda: sum(start in call["path"] for call in sandbox.control.calls()) == skip + 1,
    )
    process.kill()
    imports.end(process)
    assert (len(jobs(sandbox)), len(staging_store.names())) == (skip, 1)
    while all(call["status"] != 503 for call in sandbox.control.calls()):
        pass
    sandbox.control.clear_faults()
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert (open_jobs(imports), staging_store.names()) == ([], [])
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)


def test_a_run_that_is_told_to_stop_while_it_follows_leaves_it_to_the_next(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    hangs(imports, sandbox)
    sandbox.control.clear_calls()
    process = started(imports)
    until(process, lambda: any("/v2/jobs/" in call["path"] for call in sandbox.control.calls()))
    process.send_signal(signal.SIGTERM)
    ended = imports.end(process)
    assert ended.code == 143
    assert (open_jobs(imports), len(staging_store.names())) == (["add"], 1)
    sandbox.control.release_jobs()
    assert imports.target().code == 0
    assert jobs(sandbox) == [MAKE, ADD]
