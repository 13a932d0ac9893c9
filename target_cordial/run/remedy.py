"""The commands that messages name, ready to be pasted into a shell."""

from __future__ import annotations

import shlex


def ledger_command(*words: str) -> str:
    """Write a call of ``cordial-ledger``.

    Args:
        words: The command and its arguments. A cohort's id can be a name, with blanks in it.
    """
    return shlex.join(["cordial-ledger", *words])
