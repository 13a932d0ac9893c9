"""The history page: what the ledger knows of lists and runs, for people without a terminal."""
