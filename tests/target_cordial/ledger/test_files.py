from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from target_cordial.core.plan import Sent
from target_cordial.errors import LedgerError, LedgerLockedError
from target_cordial.ledger.files import DEFAULT_FOLDER, LedgerFile
from target_cordial.ledger.store import Ledger
from tests.target_cordial.ledger.rows import entries, snapshot

HOLDER = """
import sys
from target_cordial.ledger.store import Ledger
ledger = Ledger(sys.argv[1], exclusive=True)
ledger.put("held", "yes")
print("held", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def open_umask() -> object:
    """What is private has to be so by itself, whatever the process was started with."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("name", [DEFAULT_FOLDER, "a/new/one"])
def test_a_folder_that_is_made_is_closed_and_kept_out_of_version_control(
    tmp_path: Path, name: str
) -> None:
    file = LedgerFile(tmp_path / name / "ledger.db")
    assert not file.exists()
    file.prepare()
    assert file.exists()
    assert mode(file.folder) == 0o700
    assert (file.folder / ".gitignore").read_text() == "*\n"
    assert mode(file.folder / ".gitignore") == 0o600
    assert mode(file.path) == 0o600


def test_the_default_folder_is_closed_even_when_it_was_there(tmp_path: Path) -> None:
    folder = tmp_path / DEFAULT_FOLDER
    folder.mkdir(mode=0o755)
    (folder / ".gitignore").write_text("mine\n")
    LedgerFile(folder / "ledger.db").prepare()
    assert mode(folder) == 0o700
    assert (folder / ".gitignore").read_text() == "mine\n"


def test_a_folder_of_somebody_elses_keeps_its_mode_and_gets_no_gitignore(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(0o755)
    LedgerFile(folder / "ledger.db").prepare()
    assert mode(folder) == 0o755
    assert [path.name for path in folder.iterdir()] == ["ledger.db"]
    assert mode(folder / "ledger.db") == 0o600


def test_a_file_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    path.chmod(0o666)
    LedgerFile(path).prepare()
    assert mode(path) == 0o600


@pytest.mark.usefixtures("open_umask")
def test_every_file_of_an_open_ledger_is_private(tmp_path: Path) -> None:
    path = tmp_path / "project" / "ledger.db"
    ledger = Ledger(url(path), exclusive=True)
    snapshot(ledger, ledger.ensure_cohort("c1", "vip"), {"a:1": "ana"})
    files = {each.name: mode(each) for each in path.parent.iterdir()}
    ledger.close()
    assert files == dict.fromkeys(
        (".gitignore", "ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.db.lock"), 0o600
    )


def test_a_folder_that_can_not_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="ledger_url"):
        LedgerFile(tmp_path / "file" / "ledger.db").prepare()
    with pytest.raises(LedgerError, match="ledger_url"):
        LedgerFile(tmp_path).prepare()


def test_a_lock_that_can_not_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.db.lock").mkdir()
    with pytest.raises(LedgerError, match="lock") as caught:
        Ledger(url(tmp_path / "ledger.db"), exclusive=True)
    assert not isinstance(caught.value, LedgerLockedError)
    assert str(tmp_path / "ledger.db.lock") in str(caught.value)


# -- one run per ledger ---------------------------------------------------------------------------


def test_a_second_holder_is_refused_at_once_and_the_first_goes_on(tmp_path: Path) -> None:
    first = Ledger(url(tmp_path / "ledger.db"), exclusive=True)
    with pytest.raises(LedgerLockedError, match="Another run"):
        Ledger(url(tmp_path / "ledger.db"), exclusive=True)
    first.put("still", "here")
    first.close()
    second = Ledger(url(tmp_path / "ledger.db"), exclusive=True)
    assert second.get("still") == "here"
    second.close()


def test_ledgers_of_two_pipelines_do_not_hold_each_other(tmp_path: Path) -> None:
    first = Ledger(url(tmp_path / "one.db"), exclusive=True)
    Ledger(url(tmp_path / "two.db"), exclusive=True).close()
    first.close()


def test_looking_after_a_ledger_needs_no_lock(tmp_path: Path) -> None:
    run = Ledger(url(tmp_path / "ledger.db"), exclusive=True)
    key = run.ensure_cohort("c1", "vip")
    beside = Ledger(url(tmp_path / "ledger.db"), exclusive=False)
    beside.approve(key, 5)
    beside.close()
    assert run.approved(key) is not None
    run.close()


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LedgerLockedError):
            Ledger(url(path), exclusive=True)
        holder.kill()
        holder.wait()
    ledger = Ledger(url(path), exclusive=True)
    assert ledger.get("held") == "yes"
    key = ledger.ensure_cohort("c1", "vip")
    snapshot(ledger, key, {"a:1": "ana"})
    assert entries(ledger, key) == {"ana": (1, Sent.OFF)}
    ledger.close()


def test_a_ledger_has_one_lock_whatever_it_is_called(tmp_path: Path) -> None:
    first = Ledger(url(tmp_path / "one" / "ledger.db"), exclusive=True)
    link = tmp_path / "two.db"
    link.symlink_to(tmp_path / "one" / "ledger.db")
    (tmp_path / "three").symlink_to(tmp_path / "one")
    for name in (link, tmp_path / "three" / "ledger.db"):
        with pytest.raises(LedgerLockedError):
            Ledger(url(name), exclusive=True)
    first.close()
    Ledger(url(link), exclusive=True).close()


def test_a_ledger_with_two_names_is_refused(tmp_path: Path) -> None:
    Ledger(url(tmp_path / "ledger.db"), exclusive=True).close()
    (tmp_path / "other.db").hardlink_to(tmp_path / "ledger.db")
    for name in ("ledger.db", "other.db"):
        with pytest.raises(LedgerError, match="has another name as well"):
            Ledger(url(tmp_path / name), exclusive=True)
    (tmp_path / "other.db").unlink()
    Ledger(url(tmp_path / "ledger.db"), exclusive=True).close()
