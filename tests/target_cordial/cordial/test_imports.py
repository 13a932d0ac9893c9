"""Imports and their jobs, against the sandbox and a store on loopback."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from target_cordial.cordial.imports import (
    EARLIER_SECONDS,
    MOST_PAGES,
    NOT_ENDED,
    PER_PAGE,
    Import,
    ImportsClient,
    Job,
)
from target_cordial.cordial.pace import StoppableClock
from target_cordial.cordial.session import Session
from target_cordial.core.import_counts import Counts, Kind
from target_cordial.errors import CordialError, RefusedError, UnavailableError, UnexpectedError
from tests.cordial_sandbox.conftest import Files
from tests.target_cordial.cordial.transport import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.server import Running

NAME = "target-cordial-add-1"
SIGNATURE = Files.SIGNATURE
ANA = "channels.email.address\nana@shop.example\n"
NOBODY = "channels.email.address\n"
"""For imports beside others: two that hold one person would be a violation."""

NEW = "channels.email.address,channels.email.subscribeStatus\nana@shop.example,none\n"
NO_RECORD = {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}
DONE = Counts(total=1, updated=1, inserted=0, rejected=0, error=0, ignored=0)


@pytest.fixture
def files() -> Iterator[Files]:
    store = Files()
    yield store
    store.close()


@pytest.fixture
def client(sandbox: Running) -> Iterator[ImportsClient]:
    sandbox.control.put_list("vips")
    told_to_stop = threading.Event()
    told_to_stop.set()  # so that no test waits: a call that would wait ends as interrupted
    session = Session(
        f"{sandbox.url}/v2",
        sandbox.api_key,
        connections=1,
        timeout_seconds=10,
        clock=StoppableClock(told_to_stop),
    )
    yield ImportsClient(session)
    session.close()


def asked(address: str, **given: Any) -> Import:
    values: dict[str, Any] = {
        "name": NAME,
        "kind": Kind.ADD,
        "list_name": "vips",
        "suppress_triggers": True,
        **given,
    }
    return Import(address=address, **values)


def now() -> int:
    return int(time.time())


def error_of(client: ImportsClient, what: Import) -> UnexpectedError:
    """Start what can't be started, and see that no word of the trouble gives the address away."""
    with pytest.raises(UnexpectedError) as caught:
        client.start(what)
    told = "".join(traceback.format_exception(caught.value)) + repr(what)
    address = urlsplit(what.address)
    for secret in (what.address, address.path, address.query, "a-secret"):
        assert secret not in told
    return caught.value


# -- what is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize(
    ("kind", "strategy", "lists"),
    [
        (Kind.CREATE, "insertOnly", None),
        (Kind.ADD, "updateOnly", {"addTo": ["vips"]}),
        (Kind.REMOVE, "updateOnly", {"removeFrom": ["vips"]}),
    ],
)
def test_every_import_says_all_that_has_a_default(  # noqa: PLR0917  a table's columns
    sandbox: Running,
    client: ImportsClient,
    files: Files,
    kind: Kind,
    strategy: str,
    lists: dict[str, list[str]] | None,
    silent: bool,  # noqa: FBT001  drawn from a table
) -> None:
    address = files.put(NEW if kind is Kind.CREATE else ANA)
    client.start(asked(address, kind=kind, suppress_triggers=silent))
    [call] = sandbox.control.write_calls()
    assert (call["method"], call["path"]) == ("POST", "/v2/contactimports")
    body = {
        "importName": NAME,
        "source": {"transport": "HTTP", "url": address.partition("?")[0]},
        "hasHeader": True,
        "strategy": strategy,
        "suppressTriggers": silent,
        "subscribe": False,
    }
    assert call["body"] == (body if lists is None else {**body, "lists": lists})
    assert any(SIGNATURE in path for path in files.asked)  # recorded without, fetched with it


def test_the_transport_is_that_of_the_address() -> None:
    address = "https://store.example/x.csv?X-Signature=a-secret"
    assert asked(address).body["source"] == {"transport": "HTTPS", "url": address}


def test_contacts_are_made_unsubscribed_then_added_then_removed(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    made = client.job(client.start(asked(files.put(NEW), kind=Kind.CREATE)))
    assert made == Job("Done", replace(DONE, updated=0, inserted=1))
    [contact] = sandbox.control.contacts()
    assert contact["channels"]["email"]["subscribeStatus"] == "none"
    assert sandbox.control.lists() == {"vips": []}
    added = client.job(client.start(asked(files.put(ANA))))
    assert added == Job("Done", DONE)
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}
    removed = client.job(client.start(asked(files.put(ANA), kind=Kind.REMOVE)))
    assert removed == Job("Done", DONE)
    assert sandbox.control.lists() == {"vips": []}


def test_an_addition_makes_nobody(sandbox: Running, client: ImportsClient, files: Files) -> None:
    added = client.job(client.start(asked(files.put(ANA))))
    assert added == Job("Done", replace(DONE, updated=0, ignored=1))
    assert sandbox.control.contacts() == []


# -- imports that do not start --------------------------------------------------------------------


def test_a_refused_configuration_is_told_in_cordials_words_with_the_remedy(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    error = error_of(client, asked(files.put(ANA), list_name="gone"))
    assert str(error) == (
        "Cordial refused to start an import (406: The selected lists.addTo is invalid.). Check "
        "import_staging_url, or set delivery to contacts"
    )
    assert not error.may_be_applied
    assert sandbox.control.jobs() == []


@pytest.mark.parametrize(
    "words",
    [
        "Bad url https://store.example/staged/1.csv",
        "Bad query ?X-Signature=a-secret",
        "Bad person ana@shop.example",
        "Bad sign a-secret%3D",
    ],
)
def test_words_that_can_hold_an_address_are_not_repeated(words: str) -> None:
    line = wire({"status_code": 406, "json": {"error": True, "message": words}})
    address = "https://store.example/staged/1.csv?X-Signature=a-secret"
    error = error_of(ImportsClient(line.session), asked(address))
    assert "(406)" in str(error)
    assert "Bad" not in str(error)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:9/staged/1.csv?X-Signature=a-secret", "can't reach the store"),
        ("http://192.0.2.1/staged/1.csv?X-Signature=a-secret", "can't reach the store"),
        ("{}/staged/gone.csv?X-Signature=a-secret", "can't read the file in the store"),
        ("{}/staged/1.csv?X-Signature=expired", "can't read the file in the store"),
    ],
)
def test_a_store_out_of_reach_is_said_without_its_address(
    sandbox: Running, client: ImportsClient, files: Files, address: str, said: str
) -> None:
    files.put(ANA)
    error = error_of(client, asked(address.format(files.url)))
    assert said in str(error)
    assert "import_staging_options" in str(error)
    assert "127.0.0.1" not in str(error)
    assert not error.may_be_applied
    assert sandbox.control.jobs() == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Can't login to the server (store.example)", "Cordial can't reach the store"),
        (
            "Couldn't get the size of the file (/staged/1.csv?X-Signature=a-secret)",
            "Cordial can't read the file in the store",
        ),
        ("Anything ana@shop.example", "Cordial did not start an import"),
        (None, "Cordial did not start an import"),
    ],
)
def test_an_error_in_place_of_an_id_is_no_success(
    sandbox: Running, client: ImportsClient, files: Files, message: str | None, said: str
) -> None:
    sandbox.control.add_fault("job_error", message=message)
    error = error_of(client, asked(files.put(ANA)))
    assert str(error).startswith(f"{said}. ")
    assert "Nothing was imported" in str(error)
    assert "shop.example" not in str(error)
    assert not error.may_be_applied
    assert sandbox.control.jobs() == []


@pytest.mark.parametrize(
    ("response", "in_doubt"),
    [
        ({"status_code": 201, "json": {"jobId": ""}}, True),
        ({"status_code": 201, "json": {"jobId": True}}, True),
        ({"status_code": 201, "json": {}}, True),
        ({"status_code": 201, "json": []}, True),
        ({"status_code": 201, "text": ""}, True),
        ({"status_code": 201, "text": "<html>"}, True),  # perhaps begun, though it can't be read
        ({"status_code": 404, "json": NO_RECORD}, False),
        ({"status_code": 406, "text": "<html>"}, False),
        ({"status_code": 413, "json": {"error": True}}, False),
        ({"status_code": 302, "headers": {"Location": "https://elsewhere.example"}}, False),
    ],
)
def test_an_answer_without_an_id_leaves_doubt_where_it_says_success(
    response: dict[str, Any],
    in_doubt: bool,  # noqa: FBT001  a column of the table
) -> None:
    line = wire(response)
    error = error_of(ImportsClient(line.session), asked("https://store.example/1.csv?X=a-secret"))
    assert str(response["status_code"]) in str(error)
    assert "Check region and api_url" in str(error)
    assert error.may_be_applied is in_doubt
    assert len(line.calls) == 1


@pytest.mark.parametrize("job_id", ["7", 7], ids=["text", "number"])
def test_an_id_may_be_a_number(job_id: str | int) -> None:
    line = wire({"status_code": 201, "json": {"jobId": job_id}})
    assert ImportsClient(line.session).start(asked("https://store.example/1.csv")) == "7"


def test_an_error_under_success_is_a_refusal() -> None:
    line = wire({"status_code": 201, "json": {"error": True, "message": "No more imports"}})
    error = error_of(ImportsClient(line.session), asked("https://store.example/1.csv?X=a-secret"))
    assert "refused to start an import (201: No more imports)" in str(error)
    assert not error.may_be_applied


def test_an_import_that_was_only_limited_is_started_again() -> None:
    line = wire({"status_code": 429}, {"status_code": 201, "json": {"jobId": "j1"}})
    assert ImportsClient(line.session).start(asked("https://store.example/1.csv")) == "j1"
    assert len(line.calls) == 2


def test_a_refused_key_is_the_keys_trouble() -> None:
    line = wire({"status_code": 403})
    with pytest.raises(RefusedError):
        ImportsClient(line.session).start(asked("https://store.example/1.csv"))


# -- lost answers ---------------------------------------------------------------------------------


def test_an_import_whose_answer_was_lost_is_found_by_its_name_and_not_sent_again(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    client.start(asked(files.put(NOBODY), name=f"{NAME}0"))
    sandbox.control.put_list("vips", ["ana@shop.example"])
    sandbox.control.add_fault("drop_after", method="POST", path_contains="contactimports")
    began = now()
    with pytest.raises(UnavailableError, match="failed once") as caught:
        client.start(asked(files.put(ANA)))
    assert caught.value.may_be_applied
    assert SIGNATURE not in "".join(traceback.format_exception(caught.value))
    assert [job["name"] for job in sandbox.control.jobs()] == [f"{NAME}0", NAME]
    assert client.find(NAME, began) == [Job("Done", DONE)]


def test_an_import_that_never_arrived_is_not_found(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    sandbox.control.add_fault("drop_before", method="POST", path_contains="contactimports")
    with pytest.raises(UnavailableError) as caught:
        client.start(asked(files.put(ANA)))
    assert caught.value.may_be_applied
    assert client.find(NAME, now()) == []
    assert sandbox.control.jobs() == []


def test_an_import_that_was_started_twice_is_found_twice(
    client: ImportsClient, files: Files
) -> None:
    for _ in range(2):
        client.start(asked(files.put(NOBODY)))
    assert len(client.find(NAME, now())) == 2


def test_a_job_that_shows_no_id_is_found_and_looked_at(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    sandbox.control.configure(job_id_field="")
    job_id = client.start(asked(files.put(ANA)))
    [found] = client.find(NAME, now())
    assert found.done
    assert client.job(job_id) == found


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        *(("job_late", status) for status in NOT_ENDED),
        *(("job_stuck", status) for status in NOT_ENDED),
    ],
)
def test_a_job_that_has_not_ended_is_found_whether_it_has_begun_or_not(
    sandbox: Running, client: ImportsClient, files: Files, fault: str, status: str
) -> None:
    sandbox.control.add_fault(fault, job_status=status)
    client.start(asked(files.put(ANA)))
    found = client.find(NAME, now())
    assert {job.status for job in found} == {status}
    assert not any(job.ended for job in found)


def test_a_clock_that_is_behind_hides_no_job(client: ImportsClient, files: Files) -> None:
    client.start(asked(files.put(ANA)))
    assert client.find(NAME, now() + EARLIER_SECONDS - 60) != []
    assert client.find(NAME, now() + EARLIER_SECONDS + 60) == []


def test_a_job_is_found_behind_more_than_a_page_of_others(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    address = files.put(NOBODY)
    client.start(asked(address))
    for number in range(PER_PAGE):
        client.start(asked(address, name=f"another {number}"))
    sandbox.control.clear_calls()
    assert len(client.find(NAME, now())) == 1
    looks = [parse_qs(call["query"]) for call in sandbox.control.calls()]
    assert [look["status"] for look in looks[:4]] == [[status] for status in NOT_ENDED]
    assert [look["page"] for look in looks[4:]] == [["1"], ["2"]]
    assert {look["jobName"][0] for look in looks} == {"ImportContacts"}


def test_pages_that_are_full_to_the_last_job_are_read_to_their_end(
    client: ImportsClient, files: Files
) -> None:
    address = files.put(NOBODY)
    client.start(asked(address))
    for number in range(PER_PAGE - 1):
        client.start(asked(address, name=f"another {number}"))
    assert len(client.find(NAME, now())) == 1  # the second page is a 404


def test_too_many_jobs_are_never_read_as_no_such_job() -> None:
    page = [{"status": "Done", "metadata": {"importName": "another"}}] * PER_PAGE
    line = wire({"json": page})
    with pytest.raises(UnexpectedError, match=f"more than {MOST_PAGES * PER_PAGE} jobs") as caught:
        ImportsClient(line.session).find(NAME, now())
    assert caught.value.may_be_applied
    assert len(line.calls) == MOST_PAGES


@pytest.mark.parametrize(
    "row", ["no job", None, {}, {"metadata": None}, {"metadata": [NAME]}, {"importName": NAME}]
)
def test_a_job_without_a_name_is_not_taken_for_one_with_it(row: Any) -> None:
    line = wire({"json": [row]})
    assert ImportsClient(line.session).find(NAME, now()) == []


# -- looks at a job -------------------------------------------------------------------------------


def test_only_done_and_failed_are_an_end(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    sandbox.control.configure(
        import_polls=5, import_statuses="Scheduled,Pending,Throttled,Processing,Anything"
    )
    job_id = client.start(asked(files.put(ANA)))
    looks = [client.job(job_id) for _ in range(6)]
    assert [(job.status, job.ended, job.done) for job in looks if job is not None] == [
        ("Scheduled", False, False),
        ("Pending", False, False),
        ("Throttled", False, False),
        ("Processing", False, False),
        ("Anything", False, False),
        ("Done", True, True),
    ]
    assert [job.counts for job in looks[:5] if job is not None] == [Counts()] * 5


def test_a_failed_job_has_ended_and_is_not_done(
    sandbox: Running, client: ImportsClient, files: Files
) -> None:
    sandbox.control.add_fault("job_failed")
    job = client.job(client.start(asked(files.put(ANA))))
    assert job is not None
    assert (job.status, job.ended, job.done) == ("Failed", True, False)


def test_an_unknown_job_is_none(client: ImportsClient) -> None:
    assert client.job("5f6b14340000000000000001") is None


def test_an_id_stays_within_its_path() -> None:
    line = wire({"json": {"status": "Done"}})
    ImportsClient(line.session).job("a/../b?c")
    assert line.last.url.endswith("/v2/jobs/a%2F..%2Fb%3Fc")


@pytest.mark.parametrize(
    ("counts", "without", "shown"),
    [
        ({}, None, Counts()),  # no result at all
        ({}, ["updated"], replace(DONE, updated=None)),
        ({}, ["totalRecords", "inserted"], replace(DONE, total=None, inserted=None)),
        (
            {"rejected": 2, "error": 3, "ignored": 4},
            [],
            replace(DONE, rejected=2, error=3, ignored=4),
        ),
        ({"updated": "1", "error": True, "ignored": 1.0}, [], None),
    ],
)
def test_each_count_is_a_number_or_unknown(  # noqa: PLR0917  a table's columns
    sandbox: Running,
    client: ImportsClient,
    files: Files,
    counts: dict[str, Any],
    without: list[str] | None,
    shown: Counts | None,
) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example"])
    details: dict[str, Any] = {"counts": counts, "without": without}
    given = {name: value for name, value in details.items() if value or name == "counts"}
    if without is None:
        given = {}  # the fault alone hides the whole result
    sandbox.control.add_fault("job_result", **given)
    job = client.job(client.start(asked(files.put(ANA))))
    assert job is not None
    assert job.counts == (shown or replace(DONE, updated=None, error=None, ignored=None))


@pytest.mark.parametrize("result", [None, [], "x", 7])
def test_a_result_of_another_shape_proves_nothing(result: Any) -> None:
    line = wire({"json": {"status": "Done", "result": result}})
    assert ImportsClient(line.session).job("j1") == Job("Done", Counts())


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 404, "text": "<html>404 Not Found</html>"},
        {"status_code": 404, "json": {"error": True, "message": "no such route"}},
        {"status_code": 200, "text": "<html>Sign in</html>"},
        {"status_code": 200, "text": ""},
        {"status_code": 200, "json": {"error": True}},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status_code": 400, "json": {"error": True}},
    ],
)
def test_whatever_is_not_cordials_answer_is_never_read_as_no_job(response: dict[str, Any]) -> None:
    client = ImportsClient(wire(response).session)
    for look in (lambda: client.job("j1"), lambda: client.find(NAME, now())):
        with pytest.raises(UnexpectedError, match=str(response["status_code"])) as caught:
            look()
        assert caught.value.may_be_applied
        assert "api_url" in str(caught.value)


def test_one_job_is_no_list_of_jobs_and_a_list_is_no_job() -> None:
    with pytest.raises(UnexpectedError):
        ImportsClient(wire({"json": [{"status": "Done"}]}).session).job("j1")
    with pytest.raises(UnexpectedError):
        ImportsClient(wire({"json": {"status": "Done"}}).session).find(NAME, now())


# -- silence --------------------------------------------------------------------------------------


def test_no_log_line_holds_an_address(
    sandbox: Running, client: ImportsClient, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.job(client.start(asked(files.put(ANA))))
    sandbox.control.add_fault("job_error")
    sandbox.control.add_fault("drop_after", method="POST", skip=1)
    for _ in range(2):
        with pytest.raises(CordialError):
            client.start(asked(files.put(ANA)))
    client.find(NAME, now())
    assert SIGNATURE not in caplog.text
    assert "/staged/" not in caplog.text
    assert "ana@shop.example" not in caplog.text
