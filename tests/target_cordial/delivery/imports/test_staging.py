from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from target_cordial.delivery.imports.staging import Staging
from target_cordial.errors import SettingsError, StagingError
from tests.staging import POWERLESS_KEY, TIMEOUT, StagingStore, python_with_moto
from tests.target_cordial.command.conftest import Commands, line
from tests.target_cordial.command.messages import addresses, people, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cordial_sandbox.server import Running

MEGABYTE = 1 << 20
CLOSED = "http://127.0.0.1:1"
"""An endpoint where nobody listens."""
SECRETS = ("AKIA", "secret/of", "hunter2", "X-Amz", "://", "someone", "127.0.0.1")
"""What no message and no log line may hold."""

AZURE = {"account_name": "shop", "account_key": base64.b64encode(b"hunter2").decode()}
S3 = {"access_key_id": "AKIAHUNTER", "secret_access_key": "hunter2"}


def staging(store: StagingStore, **options: str) -> Staging:
    return Staging(store.url, {**store.options, **options}, lifetime_seconds=3600)


def blocks(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number]) * MEGABYTE


def told(error: pytest.ExceptionInfo[Exception]) -> str:
    """What an error says, and that it says no more."""
    seen = [str(error.value), repr(error.value.__cause__)]
    if not error.value.__suppress_context__:
        seen.append(repr(error.value.__context__))
    assert not [secret for secret in SECRETS if secret in " ".join(seen)]
    return str(error.value)


# -- put, sign, fetch, delete ----------------------------------------------------------------------


def test_a_file_of_many_parts_comes_whole_from_its_signed_address(
    staging_store: StagingStore,
) -> None:
    ours = staging(staging_store)
    assert ours.put("a-1.csv", blocks(13)) == 13 * MEGABYTE  # more than two parts
    fetched = requests.get(ours.address("a-1.csv"), timeout=TIMEOUT)
    assert fetched.status_code == 200
    assert fetched.content == b"".join(blocks(13))
    assert fetched.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert staging_store.names() == ["a-1.csv"]
    assert staging_store.unfinished() == 0


def test_a_small_file_and_one_put_again(staging_store: StagingStore) -> None:
    ours = staging(staging_store)
    assert ours.put("a.csv", [b"old"]) == 3
    assert ours.put("a.csv", [b"a\n", b"", b"b\n"]) == 4
    assert requests.get(ours.address("a.csv"), timeout=TIMEOUT).text == "a\nb\n"


def test_an_address_is_signed_for_one_object_for_get_and_for_its_lifetime(
    staging_store: StagingStore,
) -> None:
    ours = staging(staging_store)
    ours.put("a.csv", [b"a"])
    ours.put("b.csv", [b"b"])
    address = ours.address("a.csv")
    assert parse_qs(urlsplit(address).query)["X-Amz-Expires"] == ["3600"]
    refused = {
        "HEAD": requests.head(address, timeout=TIMEOUT),
        "another object": requests.get(address.replace("a.csv", "b.csv"), timeout=TIMEOUT),
        "longer": requests.get(address.replace("=3600", "=7200"), timeout=TIMEOUT),
        "unsigned": requests.get(address.partition("?")[0], timeout=TIMEOUT),
        "DELETE": requests.delete(address, timeout=TIMEOUT),
    }
    assert {case: answer.status_code for case, answer in refused.items()} == dict.fromkeys(
        refused, 403
    )
    assert requests.get(address, timeout=TIMEOUT).text == "a"


def test_an_address_expires(staging_store: StagingStore) -> None:
    ours = staging(staging_store)
    ours.put("a.csv", [b"a"])
    address = ours.address("a.csv")
    staging_store.put_clock(3500)
    assert requests.get(address, timeout=TIMEOUT).status_code == 200
    staging_store.put_clock(3601)
    assert requests.get(address, timeout=TIMEOUT).status_code == 403


def test_a_deleted_file_is_gone_and_may_be_deleted_again(staging_store: StagingStore) -> None:
    ours = staging(staging_store)
    ours.put("a.csv", [b"a"])
    ours.put("b.csv", [b"b"])
    ours.delete("a.csv")
    assert staging_store.names() == ["b.csv"]
    assert requests.get(ours.address("a.csv"), timeout=TIMEOUT).status_code == 404
    ours.delete("a.csv")
    ours.delete("never.csv")


def test_what_makes_the_file_may_fail_and_leaves_nothing_in_the_bucket(
    staging_store: StagingStore,
) -> None:
    class OfTheCallerError(Exception):
        pass

    def breaking() -> Iterator[bytes]:
        yield from blocks(12)
        raise OfTheCallerError("someone@shop.example")

    with pytest.raises(OfTheCallerError):
        staging(staging_store).put("a.csv", breaking())
    assert staging_store.names() == []
    assert staging_store.unfinished() == 0


def test_a_url_may_be_a_bucket_alone(staging_store: StagingStore) -> None:
    ours = Staging("s3://staging/", staging_store.options, lifetime_seconds=60)
    assert urlsplit(ours.address("a.csv")).path == "/staging/a.csv"


# -- what goes wrong at the store ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"aws_access_key_id": "AKIANOBODY"}, "does not take the credentials. Correct the keys"),
        ({"aws_secret_access_key": "hunter2"}, "does not take the credentials. Correct the keys"),
        ({"aws_access_key_id": POWERLESS_KEY}, "may not do this. Allow them to put, get and"),
        ({"endpoint": CLOSED}, "can't be reached. Look at the network"),
        ({"skip_signature": "true"}, "may not do this. Allow them"),
    ],
)
@pytest.mark.usefixtures("no_waiting")
def test_an_error_of_the_store_says_what_and_what_to_do_and_nothing_of_the_stores(
    staging_store: StagingStore,
    options: dict[str, str],
    said: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    ours = staging(staging_store, **options)
    with pytest.raises(StagingError) as put:
        ours.put("someone.csv", [b"a"])
    assert told(put).startswith("The file for an import could not be put into the store of import_")
    assert said in told(put)
    with pytest.raises(StagingError) as deleted:
        ours.delete("someone.csv")
    assert "could not be deleted from the store of import_staging_url: " in told(deleted)
    assert said in told(deleted)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_a_bucket_that_is_not_there(staging_store: StagingStore) -> None:
    ours = Staging("s3://no-such-bucket/p", staging_store.options, lifetime_seconds=60)
    with pytest.raises(StagingError) as put:
        ours.put("a.csv", blocks(12))
    assert "there is no such bucket or container. Make it, or correct import_" in told(put)
    ours.delete("a.csv")  # nothing is there


@pytest.mark.usefixtures("no_waiting", "no_clouds")
def test_nobody_gave_credentials() -> None:
    options = {"endpoint": CLOSED, "metadata_endpoint": CLOSED}
    ours = Staging("s3://bucket/p", options, lifetime_seconds=60)
    with pytest.raises(StagingError) as put:
        ours.put("a.csv", [b"a"])
    assert "there are no credentials that can be used. Give them in import_" in told(put)
    with pytest.raises(StagingError) as signed:
        ours.address("a.csv")
    assert "could not be signed for the store of import_staging_url: there are no" in told(signed)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_cordial.delivery.imports.store._RETRIES", {"max_retries": 0})


# -- no address in the clear -----------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.usefixtures("no_clouds")
def test_an_endpoint_in_the_clear_is_refused_also_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://store.example")
    with pytest.raises(SettingsError) as refused:
        Staging("s3://bucket/p", S3, lifetime_seconds=60)
    assert f"The environment variable {variable} must be an https URL" in told(refused)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("s3://bucket/p", {**S3, "endpoint": "http://store.example"}),
        ("s3://bucket/p", {**S3, "AWS_Endpoint_URL": "http://store.example"}),
        ("s3://bucket/p", {**S3, "endpoint": "https://someone:hunter2@store.example"}),
        ("s3://bucket/p", {**S3, "endpoint": "store.example"}),
        ("az://container/p", {**AZURE, "azure_storage_endpoint": "http://store.example"}),
        ("gs://bucket/p", {"google_base_url": "http://store.example"}),
    ],
)
@pytest.mark.usefixtures("no_clouds")
def test_an_endpoint_in_the_clear_is_refused(url: str, options: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        Staging(url, options, lifetime_seconds=60)
    assert f"import_staging_options.{list(options)[-1]} must be an https URL" in told(refused)


@pytest.mark.usefixtures("no_clouds")
def test_an_address_in_the_clear_is_refused_wherever_it_comes_from(google_key: str) -> None:
    key = {**json.loads(google_key), "gcs_base_url": "http://store.example"}
    ours = Staging("gs://bucket/p", {"service_account_key": json.dumps(key)}, lifetime_seconds=60)
    with pytest.raises(StagingError) as refused:
        ours.address("a.csv")
    assert "is no https address. Correct the endpoint" in told(refused)
    with pytest.raises(StagingError):
        ours.put("a.csv", [b"a"])


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("s3://bucket", {**S3, "hunter": "hunter2"}, "import_staging_options.hunter is wrong"),
        ("s3://bucket", {**S3, "skip_signature": "hunter2"}, "options.skip_signature is wrong"),
        ("s3://bucket", {**S3, "bucket": "other"}, "options.bucket is wrong"),
        ("s3://bucket", {**S3, "region": "a", "aws_region": "b"}, "region is wrong"),
        ("s3://bucket", {"access_key_id": "AKIA"}, "options.access_key_id is wrong"),
        ("s3://bucket", {**S3, "allow_http": "true"}, "no setting import_staging_options.allow_h"),
        ("s3://bucket", {**S3, "AWS_TIMEOUT": "1s"}, "no setting import_staging_options.AWS_TIME"),
        ("az://box", {**AZURE, "account_key": "?hunter2"}, "options.account_key is wrong"),
        ("az://box", {**AZURE, "container_name": "other"}, "options.container_name is wrong"),
        ("az://box", {"account_key": AZURE["account_key"]}, "az:// needs account_name"),
        ("gs://bucket", {"service_account_key": "hunter2"}, "options.service_account_key is wrong"),
        ("gs://bucket", {"service_account": "/hunter2"}, "options.service_account is wrong"),
        ("s3://bucket", {"hunter": "1", "other": "2"}, "look for what is misspelt"),
        ("file:///hunter2", S3, "import_staging_url must be like s3://"),
        ("s3://someone:hunter2@bucket", S3, "import_staging_url must be like s3://"),
        ("s3://[hunter2", S3, "import_staging_url must be like s3://"),
        ("s3://", S3, "import_staging_url must be like s3://"),
        ("s3://bucket//p", S3, "import_staging_url must be like s3://"),
        ("s3://bucket/p?region=x", S3, "import_staging_url must be like s3://"),
    ],
)
@pytest.mark.usefixtures("no_clouds")
def test_a_wrong_setting_is_found_before_anything_is_sent_and_named_without_its_value(
    url: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        Staging(url, options, lifetime_seconds=60)
    message = told_of_settings(refused)
    assert said in message
    assert len(refused.value.problems) == 1


def told_of_settings(error: pytest.ExceptionInfo[SettingsError]) -> str:
    text = str(error.value)
    assert "hunter2" not in text
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return text


@pytest.mark.usefixtures("no_clouds")
def test_the_environment_says_what_the_options_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_BUCKET", "other")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    address = Staging("s3://bucket/p", {}, lifetime_seconds=60).address("a.csv")
    assert address.startswith("https://s3.eu-west-1.amazonaws.com/bucket/p/a.csv?")
    assert "AKIAENVIRONMENT" in address
    given = Staging("s3://bucket/p", {"region": "eu-west-2"}, lifetime_seconds=60)
    assert given.address("a.csv").startswith("https://s3.eu-west-2.amazonaws.com/bucket/p/a.csv?")


@pytest.mark.usefixtures("no_clouds")
def test_a_variable_of_the_environment_that_can_not_be_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "hunter2")
    with pytest.raises(SettingsError) as refused:
        Staging("s3://bucket/p", S3, lifetime_seconds=60)
    assert "with the environment variables of that store" in told_of_settings(refused)


# -- the other clouds, of which there is no server here: what is signed, and for how long ----------


@pytest.fixture(scope="session")
def google_key() -> str:
    """A service account's key, made up."""
    code = (
        "from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new\n"
        "from cryptography.hazmat.primitives.serialization import *\n"
        "key = new(65537, 2048)\n"
        "form = PrivateFormat.TraditionalOpenSSL\n"
        "print(key.private_bytes(Encoding.PEM, form, NoEncryption()).decode())"
    )
    command = [str(python_with_moto()), "-c", code]
    pem = subprocess.check_output(command, text=True, timeout=TIMEOUT)
    mail = "staging@shop.iam.gserviceaccount.com"
    return json.dumps({"private_key": pem, "private_key_id": "1", "client_email": mail})


@pytest.mark.parametrize("by_environment", [False, True])
@pytest.mark.usefixtures("no_clouds")
def test_google_signs_with_a_service_accounts_key(
    google_key: str, monkeypatch: pytest.MonkeyPatch, *, by_environment: bool
) -> None:
    options = {"service_account_key": google_key}
    if by_environment:
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", options.pop("service_account_key"))
    ours = Staging("gs://bucket/cordial", options, lifetime_seconds=3600)
    parts = urlsplit(ours.address("a-1.csv"))
    assert (parts.scheme, parts.netloc) == ("https", "storage.googleapis.com")
    assert parts.path == "/bucket/cordial/a-1.csv"
    assert parse_qs(parts.query)["X-Goog-Expires"] == ["3600"]
    assert "X-Goog-Signature" in parts.query


@pytest.mark.parametrize("by_environment", [False, True])
@pytest.mark.usefixtures("no_clouds")
def test_azure_signs_with_an_accounts_key(
    monkeypatch: pytest.MonkeyPatch, *, by_environment: bool
) -> None:
    options = dict(AZURE)
    if by_environment:
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", options.pop("account_name"))
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", options.pop("account_key"))
    ours = Staging("az://container/cordial", options, lifetime_seconds=3600)
    parts = urlsplit(ours.address("a-1.csv"))
    assert (parts.scheme, parts.netloc) == ("https", "shop.blob.core.windows.net")
    assert parts.path == "/container/cordial/a-1.csv"
    query = parse_qs(parts.query)
    starts, ends = (datetime.fromisoformat(query[n][0].rstrip("Z")) for n in ("st", "se"))
    assert ends - starts == timedelta(hours=1)
    assert (query["sp"], query["sr"]) == (["r"], ["b"])  # to read, and one blob


@pytest.mark.usefixtures("no_clouds")
def test_azure_can_not_sign_with_a_shared_access_signature() -> None:
    options = {"account_name": "shop", "sas_key": "sv=1&sig=hunter2"}
    ours = Staging("az://container/cordial", options, lifetime_seconds=3600)
    with pytest.raises(StagingError) as refused:
        ours.address("a.csv")
    assert "its credentials can't sign addresses. Give a key that can" in told(refused)


# -- the extra is optional -------------------------------------------------------------------------


def test_a_run_without_imports_does_not_load_the_extra(sandbox: Running, tmp_path: Path) -> None:
    config = Commands(sandbox, tmp_path).config()
    code = (
        "import atexit, os, sys, target_cordial.delivery.imports.staging\n"
        "from target_cordial.__main__ import main\n"
        "atexit.register(lambda: 'obstore' in sys.modules and os._exit(7))\n"
        "sys.argv = ['target-cordial', *sys.argv[1:]]\n"
        "main()"
    )
    given = "".join(line(message) for message in snapshot(*people(2)))
    command = [sys.executable, "-c", code, "--config", str(config)]
    subprocess.run(command, input=given, text=True, timeout=TIMEOUT, check=True, cwd=tmp_path)
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}
