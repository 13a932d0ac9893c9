"""Starting imports, and what their rows do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cordial_sandbox import import_file

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Files, Http, Imports

HTTP = {"transport": "HTTP", "url": "http://127.0.0.1:9/file.csv?X-Signature=a-secret"}
S3 = {"transport": "S3", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
SFTP = {"transport": "SFTP", "server": "x.example", "port": 22, "username": "u", "path": "p"}
HEADER = "channels.email.address\n"


def people(*names: str) -> str:
    return HEADER + "".join(f"{name}@shop.example\n" for name in names)


def statuses(sandbox: Running) -> dict[str, str]:
    return {
        entry["address"]: entry["subscribeStatus"]
        for contact in sandbox.control.contacts()
        for entry in contact["channels"].values()
    }


def subscribe(cordial: Http, name: str, status: str) -> None:
    body = {"channels": {"email": {"address": f"{name}@shop.example", "subscribeStatus": status}}}
    assert cordial("POST", "/contacts", json=body).status_code == 201


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "The source.transport field is required."),
        ({"source": {}}, "The source.transport field is required."),
        ({"source": {"transport": "GOPHER"}}, "The selected source.transport is invalid."),
        ({"source": {"transport": "HTTP"}}, "The source.url field is required."),
        ({"source": {"transport": "HTTP", "url": 1}}, "The selected source.url is invalid."),
        ({"source": {"transport": "S3"}}, "The source.aws access key id field is required."),
        ({"source": S3}, "The source.aws bucket field is required."),
        ({"source": SFTP}, "Parameter password is not set"),
        ({"source": HTTP}, "The columns field is required."),
        ({"source": HTTP, "hasHeader": False}, "The columns field is required."),
        ({"source": HTTP, "hasHeader": "yes"}, "The has header field must be true or false."),
        ({"source": HTTP, "columns": "email"}, "The columns must be an array."),
        ({"source": HTTP, "hasHeader": True, "strategy": "x"}, "The selected strategy is invalid."),
        (
            {"source": HTTP, "hasHeader": True, "delimiter": ",,"},
            "The delimiter must be 1 character.",
        ),
        (
            {"source": HTTP, "hasHeader": True, "confirmEmail": "nobody"},
            "The confirm email must be a valid email address.",
        ),
        (
            {"source": HTTP, "hasHeader": True, "lists": {"addTo": ["gone"]}},
            "The selected lists.addTo is invalid.",
        ),
        (
            {"source": HTTP, "hasHeader": True, "lists": {"removeFrom": "vips"}},
            "The lists.removeFrom must be an array.",
        ),
        ({"source": HTTP, "hasHeader": True, "lists": []}, "The lists must be an array."),
        ({"source": HTTP, "hasHeader": True, "importName": 1}, "The import name must be a string."),
    ],
)
def test_a_configuration_that_is_refused(
    sandbox: Running, cordial: Http, body: Any, message: str
) -> None:
    answer = cordial("POST", "/contactimports", json=body)
    assert answer.status_code == 406
    assert answer.json() == {"error": True, "errorKey": "GENERIC_ERROR_KEY", "message": message}
    assert sandbox.control.jobs() == []


@pytest.mark.parametrize(
    ("source", "server"),
    [
        (HTTP, "127.0.0.1"),  # nothing listens there
        ({**HTTP, "transport": "HTTPS"}, "127.0.0.1"),  # the address is not https
        ({**HTTP, "url": "http://192.0.2.1/file.csv?X-Signature=a-secret"}, "192.0.2.1"),
        ({**HTTP, "url": "http://127.0.0.1.nip.io/"}, "127.0.0.1.nip.io"),
        ({**HTTP, "url": "http://[/"}, "no address"),
        ({**SFTP, "password": "p"}, "x.example"),
        ({**S3, "aws_bucket": "b", "aws_region": "r", "path": "p"}, "s3"),
    ],
)
def test_a_server_out_of_reach_is_an_error_under_201(
    sandbox: Running, imports: Imports, source: dict[str, Any], server: str
) -> None:
    answer = imports.post(source=source)
    assert answer.status_code == 201
    error = answer.json()["jobId"]
    message = f"Can't connect to the server ({server})"
    assert error == {"error": True, "errorKey": "GENERIC_ERROR_KEY", "message": message}
    assert sandbox.control.jobs() == []


@pytest.mark.parametrize("address", ["http://127.1:{}/1", "https://127.0.0.1:{}/1"])
def test_nothing_but_the_named_transport_to_this_machine_by_its_names_is_tried(
    imports: Imports, files: Files, address: str
) -> None:
    url = address.format(files.url.rpartition(":")[2])
    answer = imports.post(source={"transport": "HTTP", "url": url})
    assert answer.json()["jobId"]["message"].startswith("Can't connect to the server")
    assert files.asked == []


def test_a_file_that_is_not_there_is_an_error_without_its_signature(
    imports: Imports, files: Files
) -> None:
    for query in (files.SIGNATURE, "X-Signature=expired"):
        url = f"{files.url}/staged/gone.csv?{query}"
        answer = imports.post(source={"transport": "HTTP", "url": url})
        assert answer.status_code == 201
        message = "Couldn't get the size of the file (/staged/gone.csv)"
        assert answer.json()["jobId"]["message"] == message


def test_no_redirect_is_followed(imports: Imports, files: Files) -> None:
    files.redirect_to = f"{files.url}/elsewhere?{files.SIGNATURE}"
    assert imports.post(people("ana")).json()["jobId"]["error"] is True
    assert [path.partition("?")[0] for path in files.asked] == ["/staged/1.csv"]


def test_a_file_that_breaks_off_is_not_imported(
    sandbox: Running, imports: Imports, files: Files
) -> None:
    files.promised_more = 1000
    assert imports.post(people("ana")).json()["jobId"]["error"] is True
    assert sandbox.control.contacts() == []


def test_no_secret_of_a_source_is_shown(sandbox: Running, imports: Imports, cordial: Http) -> None:
    imports.start(people("ana"))
    imports.post(source={**HTTP, "url": "http://u:a-secret@127.0.0.1:9/a?X=a-secret#a-secret"})
    imports.post(source={**HTTP, "url": "http://[a-secret"})
    imports.post(source={**SFTP, "username": "a-secret", "password": "a-secret"})
    imports.post(
        source={**S3, "aws_access_key_id": "a-secret", "aws_secret_access_key": "a-secret"}
    )
    imports.post(source="a-secret")
    broken = b'{"source": {"url": "http://127.0.0.1/?X=a-secret"}'
    kind = {"Content-Type": "application/json"}
    cordial("POST", "/contactimports", data=broken, headers=kind)
    cordial("POST", "/contactimports", json=["a-secret"])
    cordial("POST", "/contactimports/", json={"source": HTTP})
    calls = sandbox.control.calls()
    assert calls[1]["body"]["source"]["url"] == "http://127.0.0.1:9/a"
    assert calls[0]["body"]["hasHeader"] is True
    seen = [calls, sandbox.control.jobs(), sandbox.control.violations()]
    assert "a-secret" not in json.dumps(seen)


def test_a_new_contact_is_subscribed_unless_its_column_says_none(
    sandbox: Running, imports: Imports
) -> None:
    assert imports.run(people("ana")) == {"totalRecords": 1, "inserted": 1}
    table = "channels.email.address,channels.email.subscribeStatus\nbo@shop.example,none\n"
    assert imports.run(table, strategy="insertOnly") == {"totalRecords": 1, "inserted": 1}
    assert statuses(sandbox) == {"ana@shop.example": "subscribed", "bo@shop.example": "none"}


@pytest.mark.parametrize(
    ("world", "strategy", "subscribe_parameter", "known", "new"),
    [
        ("ignored", None, False, "subscribed", "subscribed"),
        ("ignored", "updateOnly", None, "none", None),
        ("ignored", "insertOnly", False, "none", "subscribed"),
        ("honoured", None, False, "none", "none"),
        ("honoured", None, None, "subscribed", "subscribed"),
        ("honoured", "updateOnly", None, "none", None),
        ("needed", "updateOnly", None, "subscribed", None),
        ("needed", "updateOnly", False, "none", None),
    ],
)
def test_whom_an_import_subscribes_without_being_asked(  # noqa: PLR0917 - a table's columns
    sandbox: Running,
    cordial: Http,
    imports: Imports,
    world: str,
    strategy: str | None,
    subscribe_parameter: bool | None,  # noqa: FBT001 - likewise
    known: str,
    new: str | None,
) -> None:
    sandbox.control.configure(import_subscribe=world)
    subscribe(cordial, "known", "none")
    subscribe(cordial, "gone", "unsubscribed")
    imports.run(people("known", "gone", "new"), strategy=strategy, subscribe=subscribe_parameter)
    found = statuses(sandbox)
    assert found["known@shop.example"] == known
    assert found["gone@shop.example"] == "unsubscribed"
    assert found.get("new@shop.example") == new


def test_an_unsubscribed_contact_stays_so_whatever_its_column_says(
    sandbox: Running, cordial: Http, imports: Imports
) -> None:
    subscribe(cordial, "ana", "unsubscribed")
    imports.run("email,channels.email.subscribeStatus\nana@shop.example,subscribed\n")
    assert statuses(sandbox) == {"ana@shop.example": "unsubscribed"}


def test_each_strategy_ignores_whom_it_is_not_for(sandbox: Running, imports: Imports) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example"])
    new = {"lists": {"addTo": ["vips"]}, "strategy": "updateOnly"}
    assert imports.run(people("ana", "bo"), **new) == {
        "totalRecords": 2,
        "updated": 1,
        "ignored": 1,
    }
    assert imports.run(people("ana", "bo"), strategy="insertOnly") == {
        "totalRecords": 2,
        "inserted": 1,
        "ignored": 1,
    }
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}


@pytest.mark.parametrize("counts_as", ["updated", "ignored"])
def test_what_an_unchanged_row_counts_as_can_be_set(
    sandbox: Running, imports: Imports, counts_as: str
) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example"])
    sandbox.control.configure(import_unchanged=counts_as)
    row = {"lists": {"addTo": ["vips"]}, "strategy": "updateOnly"}
    assert imports.run(people("ana"), **row) == {"totalRecords": 1, counts_as: 1}


@pytest.mark.parametrize("by_id", [False, True])
def test_lists_are_named_by_name_or_id(sandbox: Running, imports: Imports, *, by_id: bool) -> None:
    name, number = "vips", str(sandbox.control.put_list("vips"))
    key = number if by_id else name
    imports.run(people("ana", "bo"), lists={"addTo": [key]})
    assert sandbox.control.lists() == {"vips": ["ana@shop.example", "bo@shop.example"]}
    imports.run(people("ana"), lists={"removeFrom": [key]})
    assert sandbox.control.lists() == {"vips": ["bo@shop.example"]}
    imports.run(f"email,{key}\nana@shop.example,1\nbo@shop.example,0\ncem@shop.example,\n")
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}


def test_lists_of_the_job_override_a_column(sandbox: Running, imports: Imports) -> None:
    sandbox.control.put_list("vips")
    imports.run("email,vips\nana@shop.example,0\n", lists={"addTo": ["vips"]})
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}


def test_columns_stand_in_for_a_header(sandbox: Running, imports: Imports) -> None:
    sandbox.control.put_attribute("plan")
    rows = 'skipped;Ana@shop.example;"a ""gold""; plan"\n\nskipped;bo@shop.example;keep\n'
    body = {"hasHeader": False, "delimiter": ";", "nullMarker": "keep"}
    columns = ["", "channels.email.address", "plan"]
    assert imports.run(rows, columns=columns, **body) == {"totalRecords": 2, "inserted": 2}
    plans = {
        contact["channels"]["email"]["address"]: contact["attributes"].get("plan")
        for contact in sandbox.control.contacts()
    }
    assert plans == {"Ana@shop.example": 'a "gold"; plan', "bo@shop.example": None}


def test_without_has_header_the_header_is_a_row(imports: Imports) -> None:
    body = {"hasHeader": None, "columns": ["channels.email.address"]}
    assert imports.run(people("ana"), **body) == {
        "totalRecords": 2,
        "inserted": 1,
        "rejected": 1,
    }


def test_addresses_are_found_whatever_their_letter_case(sandbox: Running, imports: Imports) -> None:
    sandbox.control.put_list("vips", ["Ana@Shop.example"])
    body = {"lists": {"removeFrom": ["vips"]}, "strategy": "updateOnly"}
    assert imports.run("\ufeff" + people("ana"), **body) == {"totalRecords": 1, "updated": 1}
    assert sandbox.control.lists() == {"vips": []}


def test_rows_that_make_no_sense_are_rejected_alone(sandbox: Running, imports: Imports) -> None:
    sandbox.control.put_list("vips")
    rows = [
        "ana@shop.example,1,none",
        "no address,1,none",
        ",1,none",
        "two@many.example,1",
        "list@shop.example,yes,none",
        "status@shop.example,1,maybe",
    ]
    header = "channels.email.address,vips,channels.email.subscribeStatus"
    found = imports.run("\n".join([header, *rows]))
    assert found == {"totalRecords": 6, "inserted": 1, "rejected": 5}
    assert sandbox.control.lists() == {"vips": ["ana@shop.example"]}


def test_a_refused_contact_is_rejected_in_imports_too(sandbox: Running, imports: Imports) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example", "bo@shop.example", "cem@shop.example"])
    sandbox.control.add_fault("reject_contact", identifier="Ana@shop.example")
    sandbox.control.add_fault("reject_contact", identifier="bo@shop.example", counts_as="error")
    sandbox.control.add_fault("reject_contact", "PUT", identifier="cem@shop.example")
    sandbox.control.add_fault("reject_contact", None, "/contacts/", identifier="cem@shop.example")
    body = {"lists": {"removeFrom": ["vips"]}, "strategy": "updateOnly"}
    assert imports.run(people("ana", "bo", "cem"), **body) == {
        "totalRecords": 3,
        "updated": 1,
        "rejected": 1,
        "error": 1,
    }
    assert sandbox.control.lists() == {"vips": ["ana@shop.example", "bo@shop.example"]}


def test_a_row_with_the_addresses_of_two_contacts_is_an_error(
    cordial: Http, imports: Imports
) -> None:
    subscribe(cordial, "ana", "none")
    cordial("POST", "/contacts", json={"channels": {"sms": {"address": "+15550100"}}})
    rows = "channels.email.address,channels.sms.address\nana@shop.example,+15550100\n"
    assert imports.run(rows) == {"totalRecords": 1, "error": 1}


def test_rows_of_one_contact_are_not_written_in_their_order(
    sandbox: Running, imports: Imports
) -> None:
    sandbox.control.put_list("vips")
    imports.run("email,vips\nana@shop.example,0\nana@shop.example,1\n")
    assert sandbox.control.lists() == {"vips": []}


def test_a_file_of_many_blocks_is_written_whole(
    sandbox: Running, imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "_BLOCK_ROWS", 3)
    sandbox.control.put_list("vips")
    for rows in range(8):
        names = [f"p{rows}-{n}" for n in range(rows)]
        expected = {"totalRecords": rows, "inserted": rows} if rows else {}
        assert imports.run(people(*names), lists={"addTo": ["vips"]}) == expected
    assert len(sandbox.control.lists()["vips"]) == sum(range(8))


def test_cells_may_hold_line_breaks_at_the_edge_of_a_block(
    sandbox: Running, imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "_BLOCK_ROWS", 2)
    sandbox.control.put_attribute("note")
    rows = "".join(f'p{n}@shop.example,"first\nsecond ä"\r\n' for n in range(5))
    assert imports.run("email,note\r\n" + rows) == {"totalRecords": 5, "inserted": 5}
    notes = {contact["attributes"]["note"] for contact in sandbox.control.contacts()}
    assert notes == {"first\nsecond ä"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"channels.email.address\n\xff@shop.example\n", "not CSV in UTF-8"),
        ('channels.email.address\n"ana@shop.example', "not CSV in UTF-8"),
        ("channels.email.address,unknown\nana@shop.example,1\n", "a column is neither"),
    ],
)
def test_a_file_that_cannot_be_understood_fails_its_job(
    sandbox: Running, imports: Imports, content: str | bytes, reason: str
) -> None:
    job = imports.look(imports.start(content))
    assert job["status"] == "Failed"
    assert job["result"]["totalRecords"] == 0
    (summary,) = sandbox.control.jobs()
    assert reason in summary["reason"]
    assert "shop.example" not in summary["reason"]
    assert sandbox.control.contacts() == []


def test_triggers_fire_only_when_they_are_not_suppressed(
    sandbox: Running, imports: Imports
) -> None:
    sandbox.control.put_list("vips")
    for name, suppress in (("ana", True), ("bo", None), ("cem", False)):
        imports.run(people(name), lists={"addTo": ["vips"]}, suppressTriggers=suppress)
    (fired,) = sandbox.control.triggers()
    assert (fired["identifier"], fired["added"]) == ("cem@shop.example", ["vips"])
