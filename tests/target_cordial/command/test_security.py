"""Where the key goes, and who can read what is written. See ``SECURITY.md``."""

from __future__ import annotations

import base64
import os
import signal
from typing import TYPE_CHECKING, Final

import pytest

from tests.ledgers import SQLITE
from tests.machine.world import QuickClock
from tests.target_cordial.command.conftest import begun
from tests.target_cordial.command.messages import addresses, member, people, snapshot
from tests.tls import proxy, secure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

pytestmark = pytest.mark.ledger(SQLITE)

KEY: Final = base64.b64encode(b"sandbox-key:")
BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES: Final = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY")


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have proxies and certificates of their own."""
    for name in [*BUNDLES, *PROXIES, "NO_PROXY", "no_proxy", "NETRC"]:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr("target_cordial.run.wiring.StoppableClock", QuickClock)


# -- TLS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bundle", [None, *BUNDLES])
def test_a_certificate_that_nobody_has_signed_gets_no_key(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, bundle: str | None
) -> None:
    if bundle is not None:
        monkeypatch.setenv(bundle, "")
    with secure(commands.folder) as server:
        ended = commands.target(api_url=f"https://127.0.0.1:{server.port}/v2")
        assert server.received == []
    assert ended.code == 1
    assert "not to be trusted (SSLError)" in ended.last_line


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_company_may_have_a_ca_of_its_own(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    monkeypatch.setenv(bundle, str(commands.folder / "certificate.pem"))
    with secure(commands.folder) as server:
        ended = commands.target(api_url=f"https://localhost:{server.port}/v2")
        assert KEY in server.received[0]
    assert ended.code == 0


@pytest.mark.parametrize("bundle", BUNDLES)
def test_certificates_that_are_not_there_are_named(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    monkeypatch.setenv(bundle, str(commands.folder / "nowhere.pem"))
    ended = commands.target(api_url="https://127.0.0.1:9/v2")
    assert ended.code == 1
    assert f"{BUNDLES[0]} or {BUNDLES[1]} names a file that can't be read" in ended.last_line


@pytest.mark.parametrize("name", ["verify", "verify_ssl", "ssl_verify", "insecure", "tls"])
def test_no_setting_switches_the_check_of_certificates_off(commands: Commands, name: str) -> None:
    ended = commands.target(**{name: False})
    assert ended.code == 1
    assert f"There is no setting {name}" in ended.last_line


@pytest.mark.usefixtures("no_clouds")
def test_nor_is_the_staging_store_trusted_unseen(
    imports: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ALLOW_INVALID_CERTIFICATES", "true")
    with secure(imports.folder) as server:
        options = imports.settings["import_staging_options"]
        endpoint = {"endpoint": f"https://127.0.0.1:{server.port}"}
        ended = imports.target(*snapshot(member(1)), import_staging_options={**options, **endpoint})
        assert server.received == []
    assert ended.code == 1
    assert "can't be reached" in ended.last_line


# -- proxies and .netrc ---------------------------------------------------------------------------


@pytest.fixture
def in_between() -> Iterator[list[bytes]]:
    """A proxy that the environment names for everything; what it is sent."""
    with proxy() as server, pytest.MonkeyPatch.context() as environment:
        for name in PROXIES:
            environment.setenv(name, f"http://127.0.0.1:{server.port}")
        yield server.received


def test_a_proxy_stands_not_between_this_machine_and_itself(
    either: Commands, sandbox: Running, in_between: list[bytes]
) -> None:
    assert either.target(*snapshot(*people(2))).code == 0
    assert either.ledger_command("verify").code == 0
    assert sandbox.control.lists()["activeusers"] == addresses(1, 2)
    assert in_between == []


def test_an_address_in_capitals_is_no_way_around(
    commands: Commands, sandbox: Running, in_between: list[bytes]
) -> None:
    ended = commands.target(*snapshot(*people(1)), api_url=f"{sandbox.url}/v2".replace("h", "H", 1))
    assert (ended.code, in_between) == (0, [])


def test_a_proxy_is_asked_for_a_tunnel_and_sees_no_key(
    commands: Commands, in_between: list[bytes]
) -> None:
    ended = commands.target(api_url="https://api.cordial.example/v2")
    assert ended.code == 1
    assert in_between
    assert all(sent.startswith(b"CONNECT api.cordial.example:443 ") for sent in in_between)
    assert not any(b"uthorization" in sent or KEY in sent for sent in in_between)


def test_a_netrc_file_never_stands_for_the_key(
    either: Commands, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = either.folder / "netrc"
    netrc.write_text("default login other password other\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert either.target(*snapshot(*people(2))).code == 0
    assert {call["authorized_as"] for call in sandbox.control.calls()} <= {"sandbox-key", None}
    assert all(call["authorized_as"] for call in sandbox.control.calls() if call["write"])


# -- files ----------------------------------------------------------------------------------------


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


def test_all_files_are_private_whatever_the_umask_says(
    commands: Commands, sandbox: Running
) -> None:
    sandbox.control.add_fault("reject_contact", identifier="user1@shop.example", times=None)
    before = os.umask(0)
    try:
        commands.target(*snapshot(*people(2)))
        assert modes(commands.folder)["rejects.jsonl"] == "0o600"
        process = commands.start()
        begun(process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finally:
        os.umask(before)
    folder = commands.ledger.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(modes(folder).values()) == {"0o600"}
    assert {".gitignore", "ledger.db", "ledger.db.lock", "ledger.db-wal"} <= set(modes(folder))
    assert modes(commands.folder)["rejects.jsonl"] == "0o600"
