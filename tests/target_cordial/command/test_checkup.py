"""``target-cordial --test``: what a run needs, checked by reading alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.__main__ import main
from tests.ledgers import SQLITE
from tests.staging import POWERLESS_KEY
from tests.target_cordial.command.conftest import called
from tests.target_cordial.command.messages import people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands


def checked(commands: Commands, **settings: Any) -> tuple[int, dict[str, str], str]:
    """Test, and read the answer: the exit code, the verdict of each subject, the whole text."""
    code, stdout, stderr = called(main, "--test", "--config", str(commands.config(**settings)))
    assert "Traceback" not in stderr
    lines = [line.split(maxsplit=1) for line in stdout.splitlines()]
    return code, {rest.partition(":")[0]: verdict for verdict, rest in lines}, stdout


def test_before_the_first_run_what_can_be_read_is_and_the_rest_is_open(
    commands: Commands, sandbox: Running
) -> None:
    code, verdicts, text = checked(commands)
    assert code == 0, text
    assert verdicts["settings"] == verdicts["key, region, lists"] == "ok"
    assert verdicts["ledger"] == verdicts["counts"] == "open"
    assert verdicts["contacts"] == "ok"
    assert "POST and PUT /contacts" in text
    assert sandbox.control.write_calls() == []
    assert commands.place.tables() == {}


def test_after_a_run_everything_is_there(either: Commands, sandbox: Running) -> None:
    either.target(*snapshot(*people(3)))
    before = either.place.dump()
    sandbox.control.clear_calls()
    code, verdicts, text = checked(either)
    assert code == 0, text
    assert verdicts["ledger"] == verdicts["counts"] == "ok"
    if either.delivery == "contacts":
        assert verdicts["assumed"] == "ok"  # the last of them: a contact shows its lists
    else:
        assert verdicts["endpoint"] == "open"
    assert sandbox.control.write_calls() == []
    assert either.place.dump() == before
    assert "@shop.example" not in text


@pytest.mark.ledger(SQLITE)
@pytest.mark.parametrize(
    ("path", "status", "subject", "remedy"),
    [
        ("/v2/accountlists", 401, "key, region, lists", "IP allow-list"),
        ("/v2/accountlists", 403, "key, region, lists", "permission"),
        ("/v2/accountlists", 415, "key, region, lists", "Check region and api_url"),
        ("/v2/accountlists", 503, "key, region, lists", "failed once"),
        ("/v2/accountlists/", 403, "counts", "permission"),
        ("/v2/accountlists/", 422, "counts", "how many a list has"),
        ("/v2/contacts/", 403, "contacts", "permission"),
        ("/v2/contacts/", 422, "contacts", "contact_identifier_name"),
    ],
)
def test_a_permission_that_is_missing_is_named(
    commands: Commands, sandbox: Running, *, path: str, status: int, subject: str, remedy: str
) -> None:
    sandbox.control.put_list("other")
    sandbox.control.add_fault("status", path_contains=path, times=None, status=status)
    code, verdicts, text = checked(commands)
    assert code == 1
    assert verdicts[subject] == "failed"
    assert remedy in text


@pytest.mark.ledger(SQLITE)
def test_a_service_that_is_not_there_is_asked_once(commands: Commands) -> None:
    code, verdicts, text = checked(commands, api_url="http://127.0.0.1:9")
    assert code == 1
    assert verdicts["key, region, lists"] == "failed"
    assert "failed once because the connection failed" in text


@pytest.mark.ledger(SQLITE)
def test_a_contact_that_should_not_be_there_leaves_it_open(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault(
        "status", path_contains="/v2/contacts/", status=200, body={"_id": "1"}
    )
    code, verdicts, _ = checked(commands)
    assert (code, verdicts["contacts"]) == (0, "open")


@pytest.mark.ledger(SQLITE)
def test_another_key_is_asked_for_by_a_value_of_its_own(
    commands: Commands, sandbox: Running
) -> None:
    checked(commands, contact_identifier_name="customerid")
    paths = [call["path"] for call in sandbox.control.calls()]
    assert "/v2/contacts/customerid:target-cordial-test" in paths


@pytest.mark.ledger(SQLITE)
def test_what_is_assumed_of_list_names_is_held_against_those_that_there_are(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.put_list("One")
    sandbox.control.put_list("one")
    text = checked(commands)[2]
    assert "2 lists differ by case alone" in text
    body = [{"id": 1, "name": "a name with blanks", "enhanced": True}]
    sandbox.control.add_fault(
        "status", path_contains="/v2/accountlists", status=200, body=body, times=1
    )
    assert "1 of 1 are otherwise" in checked(commands)[2]


@pytest.mark.ledger(SQLITE)
def test_contacts_that_do_not_show_their_lists_are_told_of(
    commands: Commands, sandbox: Running
) -> None:
    commands.target(*snapshot(*people(1)))
    sandbox.control.add_fault(
        "status", path_contains="/v2/contacts/", skip=1, status=200, body={"_id": "1"}
    )
    text = checked(commands)[2]
    assert "can't be read back" in text
    sandbox.control.add_fault("status", path_contains="/v2/contacts/", skip=1, status=403)
    code, verdicts, _ = checked(commands)
    assert (code, verdicts["assumed"]) == (1, "failed")
    sandbox.control.remove_list("activeusers")
    assert "the list of whom the ledger knows is not there" in checked(commands)[2]


@pytest.mark.ledger(SQLITE)
def test_a_ledger_of_something_else_is_told_of(commands: Commands) -> None:
    commands.target(*snapshot(*people(1)))
    code, verdicts, text = checked(commands, contact_identifier_mapping="phone")
    assert (code, verdicts["ledger"]) == (1, "failed")
    assert "cordial-ledger rebind" in text
    commands.ledger.write_bytes(b"this is no ledger" * 100)
    code, verdicts, text = checked(commands)
    assert (code, verdicts["ledger"]) == (1, "failed")


@pytest.mark.ledger(SQLITE)
def test_a_folder_that_is_missing_is_told_of(commands: Commands) -> None:
    nowhere = str(commands.folder / "none" / "report.json")
    code, verdicts, _ = checked(commands, report_path=nowhere)
    assert (code, verdicts["report_path"], verdicts["rejects_path"]) == (1, "failed", "ok")
    assert "rejects_path" not in checked(commands, rejects_path=None)[1]


@pytest.mark.ledger(SQLITE)
def test_a_wrong_setting_is_refused_before_anything_is_asked(
    commands: Commands, sandbox: Running
) -> None:
    code, stdout, stderr = called(
        main, "--test", "--config", str(commands.config(max_concurrency=0))
    )
    assert (code, stdout) == (1, "")
    assert "max_concurrency" in stderr
    assert sandbox.control.calls() == []


@pytest.mark.ledger(SQLITE)
def test_an_endpoint_that_is_not_there_is_told_of(commands: Commands) -> None:
    code, verdicts, _ = checked(commands, endpoint="http://127.0.0.1:9")
    assert (code, verdicts["endpoint"]) == (1, "failed")


# -- imports --------------------------------------------------------------------------------------


@pytest.mark.ledger(SQLITE)
def test_jobs_and_store_are_looked_at(imports: Commands, sandbox: Running) -> None:
    code, verdicts, text = checked(imports)
    assert code == 0, text
    assert verdicts["imports"] == verdicts["import_staging_url"] == "ok"
    sandbox.control.add_fault("status", path_contains="/v2/jobs", status=403)
    code, verdicts, _ = checked(imports)
    assert (code, verdicts["imports"]) == (1, "failed")
    sandbox.control.add_fault("status", path_contains="/v2/jobs", status=422)
    assert checked(imports)[1]["imports"] == "failed"


@pytest.mark.ledger(SQLITE)
def test_a_store_that_does_not_take_the_credentials_is_told_of(imports: Commands) -> None:
    options = imports.settings["import_staging_options"]
    wrong = {**options, "aws_secret_access_key": "another"}
    code, verdicts, text = checked(imports, import_staging_options=wrong)
    assert (code, verdicts["import_staging_url"]) == (1, "failed")
    assert "does not take the credentials" in text
    powerless = {**options, "aws_access_key_id": POWERLESS_KEY}
    code, verdicts, text = checked(imports, import_staging_options=powerless)
    assert (code, verdicts["import_staging_url"]) == (0, "open")
    unknown = {**options, "nonsense": "1"}
    code, verdicts, text = checked(imports, import_staging_options=unknown)
    assert (code, verdicts["import_staging_url"]) == (1, "failed")
