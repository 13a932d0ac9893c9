"""The mutants: what is changed, and whom it would harm."""

from __future__ import annotations

from typing import Final

from tests.mutants.table import (
    blocks,
    cordial,
    core_calls,
    core_reading,
    core_rules,
    delivery,
    guard_claims,
    guard_mass,
    guard_owners,
    guard_proof,
    imports,
    ledger,
    run,
    run_lists,
    settlement,
)

MUTANTS: Final = (
    *core_reading.MUTANTS,
    *core_rules.MUTANTS,
    *core_calls.MUTANTS,
    *blocks.MUTANTS,
    *settlement.MUTANTS,
    *ledger.MUTANTS,
    *run.MUTANTS,
    *run_lists.MUTANTS,
    *delivery.MUTANTS,
    *imports.MUTANTS,
    *cordial.MUTANTS,
    *guard_proof.MUTANTS,
    *guard_mass.MUTANTS,
    *guard_claims.MUTANTS,
    *guard_owners.MUTANTS,
)
