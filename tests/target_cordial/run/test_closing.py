from __future__ import annotations

import pytest

from target_cordial.run.closing import Rejects, name_rejects


def test_rejects_are_named_with_cohort_direction_and_reason() -> None:
    said = name_rejects(
        [
            Rejects("'a' (c1)", {"contact_not_found": 3, "rejected_by_cordial": 2}, 2),
            Rejects("c2", {"rejected_by_cordial": 4}, 0),
        ]
    )
    assert said == (
        "9 changes are rejected by Cordial (rejected_by_cordial 6, contact_not_found 3): "
        "cohort 'a' (c1): 3 not added, 2 not taken off: STILL on the list; "
        "cohort c2: 4 not added"
    )


@pytest.mark.parametrize(
    ("cohorts", "more"), [(3, ""), (4, "; and 1 more cohort"), (9, "; and 6 more cohorts")]
)
def test_of_many_cohorts_three_are_named_and_the_rest_is_counted(cohorts: int, more: str) -> None:
    said = name_rejects(Rejects(f"c{n}", {"x": n}, 0) for n in range(1, cohorts + 1))
    assert said.count("not added") == 3
    assert f"cohort c{cohorts}: {cohorts} not added" in said
    assert more in said
    assert ("more cohort" in said) is bool(more)
    assert "\n" not in said


def test_who_is_still_on_a_list_is_named_first() -> None:
    many = [Rejects(f"c{n}", {"x": 100}, 0) for n in range(5)]
    said = name_rejects([*many, Rejects("last", {"y": 1}, 1)])
    assert ": cohort last: 1 not taken off: STILL on the list; cohort c" in said
