"""The command ``cordial-ledger``: looking after the ledger between runs."""

from target_cordial.ledger_cli.app import main

__all__ = ["main"]
