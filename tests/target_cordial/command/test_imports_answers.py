"""What Cordial and the store answer to imports, and what a run makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.cordial import retry
from target_cordial.core.plan import Sent
from target_cordial.delivery.imports.staging import Staging
from target_cordial.errors import StagingError
from tests.staging import POWERLESS_KEY
from tests.target_cordial.command.messages import COHORT, addresses, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.staging import StagingStore
    from tests.target_cordial.command.conftest import Commands

LIST = "activeusers"
IMPORTS = "/contactimports"

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once."""
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(retry, "LONGEST_SECONDS", 0.001)


def ledger(commands: Commands, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in commands.place.read(query)]


def states(commands: Commands) -> set[Sent]:
    """Tell what the ledger knows of its entries."""
    return {Sent(sent) for (sent,) in ledger(commands, "SELECT DISTINCT sent FROM entry")}


def open_jobs(commands: Commands) -> int:
    return len(ledger(commands, "SELECT * FROM job"))


def starts(sandbox: Running) -> list[dict[str, Any]]:
    return [call for call in sandbox.control.write_calls() if IMPORTS in call["path"]]


def jobs(sandbox: Running) -> list[str]:
    return [job["strategy"] for job in sandbox.control.jobs()]


# -- imports that do not begin --------------------------------------------------------------------

REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "job_error"}, "Cordial can't reach the store"),
    (
        {"kind": "job_error", "message": "Couldn't get the size of the file (/x/secret.csv)"},
        "Cordial can't read the file in the store",
    ),
    ({"kind": "job_error", "message": "Out of cheese"}, "Cordial did not start an import"),
    (
        {"kind": "status", "status": 406, "body": {"error": True, "messages": "No such transport"}},
        "Cordial refused to start an import (406",
    ),
    ({"kind": "status", "status": 401}, "IP allow-list"),
    ({"kind": "status", "status": 403}, "permission"),
    ({"kind": "status", "status": 404, "body": "<html>"}, "Check region and api_url"),
]


@pytest.mark.parametrize("skip", [0, 1], ids=["create", "add"])
@pytest.mark.parametrize(("fault", "says"), REFUSALS, ids=lambda value: str(value)[:40])
def test_an_import_that_did_not_begin_leaves_nothing_in_doubt(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    *,
    fault: dict[str, Any],
    says: str,
    skip: int,
) -> None:
    if fault["kind"] == "job_error":
        strategy = ["insertOnly", "updateOnly"][skip]
        sandbox.control.add_fault(**fault, strategy=strategy)
    else:
        sandbox.control.add_fault(**fault, method="POST", path_contains=IMPORTS, skip=skip)
    ended = imports.target(*snapshot(*people(3)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["pending"]) == (1, 0, 3)
    assert says in ended.last_line
    assert "secret.csv" not in ended.stderr
    assert jobs(sandbox) == ["insertOnly"] * skip
    assert states(imports) == {Sent.OFF}
    assert (open_jobs(imports), staging_store.names()) == (0, [])
    assert imports.target().code == 0
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_look_at_jobs_is_named_and_the_import_is_remembered(
    imports: Commands, sandbox: Running, staging_store: StagingStore, status: int
) -> None:
    sandbox.control.add_fault("status", path_contains="/v2/jobs", status=status, times=None, skip=1)
    ended = imports.target(*snapshot(*people(3)))
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["pending"]) == (1, 0, 3)
    assert ("permission" if status == 403 else "region") in ended.last_line
    assert states(imports) == {Sent.UNKNOWN}
    assert open_jobs(imports) == 1
    sandbox.control.clear_faults()
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert jobs(sandbox) == ["insertOnly", "updateOnly"]  # it was followed, not started again
    assert (open_jobs(imports), staging_store.names()) == (0, [])


# -- lost answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("id_field", ["_id", "jobId", ""])
@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
@pytest.mark.parametrize("skip", [0, 1], ids=["create", "add"])
def test_a_lost_answer_makes_one_job_whether_it_was_carried_out_or_not(
    imports: Commands, sandbox: Running, kind: str, skip: int, id_field: str
) -> None:
    sandbox.control.configure(job_id_field=id_field)
    sandbox.control.add_fault(kind, path_contains=IMPORTS, skip=skip)
    ended = imports.target(*snapshot(*people(3)))
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert jobs(sandbox) == ["insertOnly", "updateOnly"]
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)


def test_a_lost_answer_to_a_job_that_waits_is_found_too(
    imports: Commands, sandbox: Running
) -> None:
    """A job without a start time is passed over by a filter of start times."""
    sandbox.control.configure(import_polls=3, import_statuses="Scheduled,Throttled,Pending")
    sandbox.control.add_fault("drop_after", path_contains=IMPORTS, skip=1)
    assert imports.target(*snapshot(*people(3))).code == 0
    assert jobs(sandbox) == ["insertOnly", "updateOnly"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_after_all_is_looked_up_before_it_is_sent_again(
    imports: Commands, sandbox: Running, status: int
) -> None:
    sandbox.control.add_fault("status", method="POST", path_contains=IMPORTS, status=status)
    assert imports.target(*snapshot(*people(3))).code == 0
    assert jobs(sandbox) == ["insertOnly", "updateOnly"]
    paths = [(call["method"], call["path"]) for call in sandbox.control.calls()]
    first = paths.index(("POST", f"/v2{IMPORTS}"))
    assert paths[first + 1] == ("GET", "/v2/jobs")


def test_an_import_whose_answers_are_always_lost_is_remembered(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    sandbox.control.add_fault("drop_before", path_contains=IMPORTS, times=None, skip=1)
    ended = imports.target(*snapshot(*people(3)))
    assert (ended.code, ended.cohort(COHORT)["pending"]) == (1, 3)
    assert states(imports) == {Sent.UNKNOWN}
    assert (open_jobs(imports), len(staging_store.names())) == (1, 1)
    sandbox.control.clear_faults()
    assert imports.target().code == 0
    assert (open_jobs(imports), staging_store.names()) == (0, [])
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)


@pytest.mark.usefixtures("hasty")
def test_a_lost_answer_that_can_not_be_looked_up_is_not_sent_again(
    imports: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("drop_after", path_contains=IMPORTS, skip=1)
    sandbox.control.add_fault("status", path_contains="/v2/jobs", status=503, times=8, skip=1)
    ended = imports.target(*snapshot(*people(3)))
    assert (ended.code, ended.cohort(COHORT)["pending"]) == (1, 3)
    assert jobs(sandbox) == ["insertOnly", "updateOnly"]
    assert len(starts(sandbox)) == 2
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert len(starts(sandbox)) == 2


def test_a_limit_is_waited_for(imports: Commands, sandbox: Running) -> None:
    sandbox.control.add_fault(
        "status", path_contains=IMPORTS, status=429, headers={"Retry-After": "0.01"}
    )
    assert imports.target(*snapshot(*people(3))).code == 0
    assert jobs(sandbox) == ["insertOnly", "updateOnly"]


# -- what a job says meanwhile --------------------------------------------------------------------


def test_no_status_but_two_is_an_end(imports: Commands, sandbox: Running) -> None:
    words = "Scheduled,Pending,Throttled,Processing,Anything"
    sandbox.control.configure(import_polls=5, import_statuses=words)
    ended = imports.target(*snapshot(*people(3)))
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert jobs(sandbox) == ["insertOnly", "updateOnly"]


# -- the store ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "url", "says"),
    [
        ({"aws_access_key_id": POWERLESS_KEY}, None, "its credentials may not do this"),
        ({"aws_access_key_id": "NOBODY"}, None, "it does not take the credentials"),
        ({}, "s3://no-such-bucket/cordial", "there is no such bucket"),
        ({"endpoint": "http://127.0.0.1:9"}, None, "it can't be reached"),
    ],
    ids=["no permission", "no such key", "no such bucket", "unreachable"],
)
def test_a_store_that_does_not_take_files_fails_the_run_by_name(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    options: dict[str, str],
    *,
    url: str | None,
    says: str,
) -> None:
    ended = imports.target(
        *snapshot(*people(3)),
        import_staging_options={**staging_store.options, **options},
        import_staging_url=url or staging_store.url,
    )
    part = ended.cohort(COHORT)
    assert (ended.code, part["added"], part["pending"]) == (1, 0, 3)
    assert "import_staging_url" in ended.last_line
    assert says in ended.last_line
    assert starts(sandbox) == []
    assert states(imports) == {Sent.OFF}
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)


def test_a_store_that_fails_between_two_jobs_leaves_nothing_in_doubt(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = Staging.put

    def fail(self: Staging, name: str, chunks: Any) -> int:
        if "-add-" in name:
            raise StagingError("The store of import_staging_url burns.")
        return put(self, name, chunks)

    with monkeypatch.context() as patched:
        patched.setattr(Staging, "put", fail)
        ended = imports.target(*snapshot(*people(3)))
    assert ended.code == 1
    assert "burns" in ended.last_line
    assert states(imports) == {Sent.OFF}
    assert (jobs(sandbox), staging_store.names()) == (["insertOnly"], [])
    assert imports.target().code == 0


def test_a_file_that_can_not_be_deleted_is_told_and_the_next_run_deletes_it(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise StagingError("The file of an import could not be deleted.")

    with monkeypatch.context() as patched:
        patched.setattr(Staging, "delete", refuse)
        ended = imports.target(*snapshot(*people(3)))
    assert (ended.code, ended.report["status"]) == (3, "degraded")
    assert ended.cohort(COHORT)["added"] == 3
    assert "could not be deleted. The next run tries again" in ended.last_line
    assert (open_jobs(imports), len(staging_store.names())) == (2, 2)
    sandbox.control.clear_calls()
    assert imports.target().code == 0
    assert (open_jobs(imports), staging_store.names()) == (0, [])
    assert starts(sandbox) == []


def test_a_file_whose_store_is_no_longer_set_is_named(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    sandbox.control.add_fault("job_stuck", strategy="updateOnly")
    imports.target(*snapshot(*people(3)), import_timeout_seconds=1)
    sandbox.control.release_jobs()
    (file,) = staging_store.names()
    ended = imports.target(
        delivery="contacts", import_staging_url=None, import_staging_options=None
    )
    assert (ended.code, ended.cohort(COHORT)["added"]) == (3, 3)
    assert file in ended.last_line


def test_an_address_that_has_run_out_confirms_nobody(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    """A job that starts late finds its file gone for it."""
    sandbox.control.add_fault("job_late", strategy="updateOnly")
    ended = imports.target(*snapshot(*people(3)), import_timeout_seconds=1)
    assert ended.code == 1
    staging_store.put_clock(3_600)
    sandbox.control.release_jobs()
    staging_store.put_clock(0)
    assert sandbox.control.lists()[LIST] == []
    ended = imports.target()
    assert (ended.code, ended.cohort(COHORT)["added"]) == (0, 3)
    assert jobs(sandbox) == ["insertOnly", "updateOnly", "insertOnly", "updateOnly"]
    assert sandbox.control.lists()[LIST] == addresses(1, 2, 3)
