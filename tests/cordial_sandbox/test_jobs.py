"""Looking at import jobs, and the trouble they can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Files, Http, Imports

ANA = "channels.email.address\nana@shop.example\n"
ADD: dict[str, Any] = {"lists": {"addTo": ["vips"]}}
NOT_FOUND = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}


@pytest.fixture(autouse=True)
def _list(sandbox: Running) -> None:
    sandbox.control.put_list("vips")


def names_found(cordial: Http, query: str) -> list[str]:
    answer = cordial("GET", f"/jobs?{query}")
    if answer.status_code == 404:
        assert answer.json() == NOT_FOUND
        return []
    return [job["metadata"]["importName"] for job in answer.json()]


def test_a_job_shows_its_counts_when_it_has_ended(imports: Imports) -> None:
    job = imports.look(imports.start(ANA, **ADD))
    assert sorted(job.pop("times")) == ["end", "start"]
    assert job == {
        "_id": "5f6b14340000000000000001",
        "status": "Done",
        "jobName": "ImportContacts",
        "totalItems": 1,
        "completedItems": 1,
        "metadata": {"importName": "an import"},
        "result": {
            "totalRecords": 1,
            "updated": 0,
            "inserted": 1,
            "rejected": 0,
            "error": 0,
            "ignored": 0,
        },
    }


def test_a_job_waits_for_its_polls_and_is_carried_out_after_them(
    sandbox: Running, imports: Imports
) -> None:
    sandbox.control.configure(import_polls=3, import_statuses="Scheduled,Throttled")
    job_id = imports.start(ANA, **ADD)
    shown = [imports.look(job_id) for _ in range(3)]
    assert [job["status"] for job in shown] == ["Scheduled", "Throttled", "Throttled"]
    assert not any("result" in job or "end" in job["times"] for job in shown)
    assert sandbox.control.lists() == {"vips": []}
    assert imports.look(job_id)["status"] == "Done"
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}


def test_a_file_that_is_gone_when_its_job_is_carried_out_fails_it(
    sandbox: Running, imports: Imports, files: Files
) -> None:
    sandbox.control.configure(import_polls=1)
    job_id = imports.start(ANA, **ADD)
    files.contents.clear()
    assert [imports.look(job_id)["status"] for _ in range(2)] == ["Processing", "Failed"]


@pytest.mark.parametrize("key", ["id", "jobId", ""])
def test_where_a_job_shows_its_id_can_be_set(sandbox: Running, imports: Imports, key: str) -> None:
    sandbox.control.configure(job_id_field=key)
    job_id = imports.start(ANA)
    found = [name for name, value in imports.look(job_id).items() if value == job_id]
    assert found == ([key] if key else [])


def test_an_unknown_job_is_a_404(cordial: Http) -> None:
    answer = cordial("GET", "/jobs/5f6b14340000000000000001")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_jobs_are_searched_and_paged_the_newest_first(
    sandbox: Running, cordial: Http, imports: Imports
) -> None:
    assert names_found(cordial, "") == []
    imports.start(ANA, importName="first")
    sandbox.control.add_fault("job_stuck", job_status="Throttled")
    imports.start(ANA, importName="second")
    imports.start(ANA, importName="third")
    assert names_found(cordial, "") == ["third", "second", "first"]
    assert names_found(cordial, "jobName=ImportContacts") == ["third", "second", "first"]
    assert names_found(cordial, "jobName=ExportContacts") == []
    assert names_found(cordial, "status=Throttled") == ["second"]
    assert names_found(cordial, "status=Done") == ["third", "first"]
    assert names_found(cordial, "per_page=2&page=2") == ["first"]
    assert names_found(cordial, "page=4") == []


def test_jobs_are_searched_by_their_times(
    sandbox: Running, cordial: Http, imports: Imports
) -> None:
    job_id = imports.start(ANA, importName="first")
    times = imports.look(job_id)["times"]
    assert names_found(cordial, f"times[start][gte]={times['start']}") == ["first"]
    assert names_found(cordial, f"times[start][gt]={times['start']}") == []
    assert names_found(cordial, f"times[end][lte]={times['end']}") == ["first"]
    assert names_found(cordial, f"times[end][lt]={times['end']}") == []
    assert names_found(cordial, "times[start][gt]=2020-01-01&times[end][lt]=2020-01-02") == []
    sandbox.control.add_fault("job_late")
    imports.start(ANA, importName="late")
    assert names_found(cordial, "times[start][gt]=2020-01-01") == ["first"]


def test_filters_that_make_no_sense_are_refused(cordial: Http) -> None:
    answer = cordial("GET", "/jobs?times[start][gt]=yesterday")
    assert (answer.status_code, answer.json()["message"]) == (422, "Time value is incorrect")
    answer = cordial("GET", "/jobs?include=statistic&per_page=26")
    assert answer.status_code == 400
    assert answer.json()["errorKey"] == "JOBS_STATISTIC_PER_PAGE_EXCEEDED"


@pytest.mark.parametrize(("details", "rows"), [({}, 0), ({"rows": 2}, 2)])
def test_a_job_that_fails(
    sandbox: Running, imports: Imports, details: dict[str, Any], rows: int
) -> None:
    sandbox.control.add_fault("job_failed", **details)
    three = "email\n" + "".join(f"p{n}@shop.example\n" for n in range(3))
    job = imports.look(imports.start(three, **ADD))
    assert (job["status"], job["totalItems"], job["completedItems"]) == ("Failed", 3, rows)
    assert len(sandbox.control.lists()["vips"]) == rows
    assert imports.look(imports.start(three, **ADD))["status"] == "Done"


def test_a_stuck_job_is_carried_out_and_says_so_when_it_is_released(
    sandbox: Running, imports: Imports
) -> None:
    sandbox.control.add_fault("job_stuck")
    job_id = imports.start(ANA, **ADD)
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}
    for _ in range(3):
        job = imports.look(job_id)
        assert (job["status"], "result" in job, list(job["times"])) == (
            "Processing",
            False,
            ["start"],
        )
    assert sandbox.control.release_jobs("other") == 0
    assert sandbox.control.release_jobs("an imp") == 1
    assert imports.look(job_id)["status"] == "Done"


def test_a_late_job_is_carried_out_when_it_is_released(sandbox: Running, imports: Imports) -> None:
    sandbox.control.add_fault("job_late")
    job_id = imports.start(ANA, **ADD)
    assert {imports.look(job_id)["status"] for _ in range(3)} == {"Scheduled"}
    assert sandbox.control.lists() == {"vips": []}
    assert sandbox.control.release_jobs() == 1
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}
    assert imports.look(job_id)["status"] == "Done"


def test_a_result_that_is_missing_or_says_something_else(
    sandbox: Running, imports: Imports
) -> None:
    sandbox.control.add_fault("job_result")
    assert "result" not in imports.look(imports.start(ANA))
    sandbox.control.add_fault("job_result", without=["ignored", "totalRecords"])
    assert sorted(imports.look(imports.start(ANA))["result"]) == [
        "error",
        "inserted",
        "rejected",
        "updated",
    ]
    sandbox.control.add_fault("job_result", counts={"totalRecords": 7, "updated": "many"})
    result = imports.look(imports.start(ANA))["result"]
    assert (result["totalRecords"], result["updated"], result["error"]) == (7, "many", 0)


def test_an_error_in_place_of_the_id(sandbox: Running, imports: Imports) -> None:
    message = "Can't login to the server (somewhere)"
    sandbox.control.add_fault("job_error", message=message)
    answer = imports.post(ANA, **ADD)
    assert (answer.status_code, answer.json()["jobId"]["message"]) == (201, message)
    assert sandbox.control.jobs() == []
    assert sandbox.control.lists() == {"vips": []}


def test_a_fault_waits_for_the_jobs_it_is_meant_for(sandbox: Running, imports: Imports) -> None:
    fails = {"job_failed": {"name_contains": "b"}, "job_error": {"strategy": "upsert"}}
    for kind, details in fails.items():
        sandbox.control.add_fault(kind, times=None, **details)
    outcomes = {}
    for name, strategy in (("a", "updateOnly"), ("abc", "insertOnly"), ("abc", None), ("", None)):
        job_id = imports.post(ANA, importName=name, strategy=strategy).json()["jobId"]
        shown = isinstance(job_id, str) and imports.look(job_id)["status"]
        outcomes[name, strategy] = shown
    assert outcomes == {
        ("a", "updateOnly"): "Done",
        ("abc", "insertOnly"): "Failed",
        ("abc", None): False,
        ("", None): False,
    }


@pytest.mark.parametrize(("kind", "names"), [("drop_before", []), ("drop_after", ["lost"])])
def test_a_lost_answer_leaves_a_job_that_can_be_looked_up_or_none(
    sandbox: Running, cordial: Http, imports: Imports, kind: str, names: list[str]
) -> None:
    sandbox.control.add_fault(kind, "POST", "/contactimports")
    with pytest.raises(requests.ConnectionError):
        imports.post(ANA, importName="lost", **ADD)
    assert names_found(cordial, "jobName=ImportContacts") == names
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"] * len(names)}
    assert [job["name"] for job in sandbox.control.jobs()] == names


def test_the_control_api_shows_jobs_as_they_are(sandbox: Running, imports: Imports) -> None:
    sandbox.control.add_fault("job_stuck")
    job_id = imports.start(ANA, strategy="updateOnly", **ADD)
    (summary,) = sandbox.control.jobs()
    counts = summary.pop("counts")
    assert {name for name, count in counts.items() if count} == {"ignored"}
    assert summary == {
        "id": job_id,
        "name": "an import",
        "strategy": "updateOnly",
        "add_to": ["vips"],
        "remove_from": [],
        "status": "Processing",
        "carried_out": True,
        "reason": None,
        "rows": 1,
        "told": False,
    }
    sandbox.control.reset()
    assert sandbox.control.jobs() == []


@pytest.mark.parametrize("name", ["import_unchanged", "import_subscribe", "lists_in"])
def test_a_setting_takes_its_own_words_only(sandbox: Running, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is one of"):
        sandbox.control.configure(**{name: "other"})
