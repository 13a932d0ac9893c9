"""Which list a cohort has."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Guard, Mutant

MUTANTS: Final = (
    # -- run/lists.py -----------------------------------------------------------------------------
    Mutant(
        "members-not-found",
        "run/lists.py",
        "bound.found[cohort.key] = count",
        "bound.found.clear()",
        "with a lost ledger, people are taken off a list that others fill too",
        guards=(Guard.ADOPTION,),
    ),
    Mutant(
        "rename-unsaid",
        "run/lists.py",
        "called = key == names_before.get(cohort.cohort_id)",
        "called = False",
        "a renamed cohort loses its own limits for removals, and nobody is told",
        guards=(Guard.REMOVALS,),
    ),
    Mutant(
        "rename-forgotten",
        "run/lists.py",
        "if called or (cohort.list_id is not None and cohort.list_name in names):",
        "if called:",
        "what a cohort was called is said in one run, and then its limits are gone without a word",
        guards=(Guard.REMOVALS,),
    ),
    Mutant(
        "bound-list-lost",
        "run/lists.py",
        "if by_id[cohort_id].list_id is None",
        "if by_id[cohort_id].list_id is not None",
        "a new cohort takes over the list of another, and its members go",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "list-follows-the-name",
        "run/lists.py",
        "return asked or cohort.list_name or list_name(cohort.name",
        "return asked or list_name(cohort.name",
        "a new cohort that takes the former name of another takes its list as well",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "two-cohorts-one-list",
        "run/lists.py",
        "if holder != cohort.label:",
        "if False:",
        "who leaves one of two cohorts is missing from the other's list",
        guards=(Guard.OWNERSHIP,),
    ),
)
