"""The ledger's folder, its modes and its lock."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from target_cordial.errors import LedgerError, LedgerLockedError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_FOLDER: Final = ".target-cordial"


class LedgerFile:
    """A SQLite ledger's place on disk.

    The folder is ours where we make it, or where it has the default name: then it is closed to
    others and kept out of version control. A folder that was there before keeps its mode; the
    files are private in any case.
    """

    def __init__(self, path: Path) -> None:
        # Under whatever name it is called, one ledger has one lock.
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def folder(self) -> Path:
        """The folder that holds the ledger."""
        return self.path.parent

    def exists(self) -> bool:
        """Say whether there is a ledger already."""
        return self.path.exists()

    def prepare(self) -> None:
        """Make folder and file, private from their first moment.

        Raises:
            LedgerError: The folder or the file can't be made or written.
        """
        try:
            ours = not self.folder.exists() or self.folder.name == DEFAULT_FOLDER
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if ours:
                self.folder.chmod(0o700)
                ignore = self.folder / ".gitignore"
                if not ignore.exists():
                    ignore.write_text("*\n", encoding="utf-8")
                    ignore.chmod(0o600)
            self._open(self.path)
        except OSError as error:
            raise LedgerError(
                f"The ledger {self.path} can't be made or written ({error.strerror}). "
                "Make its folder writable or choose another ledger_url."
            ) from None

    def lock(self) -> None:
        """Hold the ledger for one run. The lock dies with the process.

        Raises:
            LedgerError: It has two names, and so might have two runs.
            LedgerLockedError: Another run holds it.
        """
        if self.path.exists() and self.path.stat().st_nlink > 1:
            raise LedgerError(
                f"The ledger {self.path} has another name as well (a hard link), under which "
                "another run could use it at the same time. Remove one of the two names."
            )
        path = self.path.with_name(f"{self.path.name}.lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LedgerError(
                f"The lock of the ledger, {path}, can't be made ({error.strerror})."
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise LedgerLockedError(
                f"Another run is using the ledger {self.path}. One run per ledger at a time: "
                "wait for it to end, or give this pipeline a ledger_url of its own."
            ) from None
        self._lock = handle

    def unlock(self) -> None:
        """Let the next run in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @staticmethod
    def _open(path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.fchmod(handle, 0o600)
        os.close(handle)
