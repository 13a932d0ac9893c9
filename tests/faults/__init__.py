"""The fault matrix: what becomes of a run under each fault, in every delivery and ledger."""
