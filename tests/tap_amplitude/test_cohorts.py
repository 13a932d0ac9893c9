from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_amplitude.cohorts import Cohort, parse_cohort, parse_list, select

if TYPE_CHECKING:
    from tap_amplitude.settings import Settings

ENTRY: dict[str, Any] = {
    "appId": 187520,
    "id": "9zx41kq",
    "name": "Lapsed buyers (30d) 🛒",
    "description": None,
    "type": "redshift",
    "size": 4213,
    "archived": False,
    "published": True,
    "owners": ["ana@shop.example"],
    "lastMod": 1748783000,
    "lastComputed": 1748869000123,
    "definition": {"countGroup": {"name": "User"}},
}


def test_a_row_has_the_useful_fields_and_no_address_of_an_owner() -> None:
    cohort = parse_cohort(ENTRY)
    assert cohort is not None
    assert cohort.row == {
        "id": "9zx41kq",
        "name": "Lapsed buyers (30d) 🛒",
        "description": None,
        "type": "redshift",
        "size": 4213,
        "archived": False,
        "published": True,
        "hidden": None,
        "finished": None,
        "is_predictive": None,
        "is_official_content": None,
        "app_id": "187520",
        "count_group": "User",
        "created_at": None,
        "last_mod": "2025-06-01T13:03:20Z",
        "last_computed": "2025-06-02T12:56:40.123Z",
    }
    assert (cohort.size, cohort.last_mod) == (4213, 1748783000000)


@pytest.mark.parametrize("entry", [{}, {"id": None}, {"id": ""}, {"id": True}, {"id": []}])
def test_an_entry_without_an_id_is_no_cohort(entry: dict[str, Any]) -> None:
    assert parse_cohort(entry) is None


def test_every_other_field_may_be_null() -> None:
    cohort = parse_cohort(dict.fromkeys(ENTRY) | {"id": "a"})
    assert cohort == Cohort(id="a")
    assert cohort.of_users
    assert cohort.label == "a"


def test_the_first_entry_of_an_id_counts() -> None:
    cohorts = parse_list([{"id": "a", "name": "one"}, {}, {"id": "a", "name": "two"}])
    assert [cohort.name for cohort in cohorts] == ["one"]


def test_a_name_cannot_break_a_log_line() -> None:
    assert Cohort(id="a", name='x\n"é').label == '"x\\n\\"é" (a)'


A = Cohort(id="a", name="one")
B = Cohort(id="b", name="two")
C = Cohort(id="c", name="two")
OLD = Cohort(id="old", name="old", archived=True)
GROUP = Cohort(id="g", name="accounts", count_group="Org Id")
LISTED = [A, B, C, OLD, GROUP]


def chosen(settings: Settings, **changes: Any) -> tuple[list[str], list[str], list[str]]:
    picked = select(LISTED, replace(settings, **changes))
    failures = [f"{label}: {reason}" for label, reason in picked.failures]
    return [cohort.id for cohort in picked.cohorts], list(picked.notes), failures


def test_all_leaves_out_archived_and_group_cohorts_with_a_note(settings: Settings) -> None:
    ids, notes, failures = chosen(settings, select_all=True)
    assert ids == ["a", "b", "c"]
    assert notes == [
        '"old" (old): left out, it is archived (include_archived is false).',
        '"accounts" (g): left out, it is a cohort of groups, not of users.',
    ]
    assert failures == []


def test_archived_cohorts_on_request(settings: Settings) -> None:
    ids, _, _ = chosen(settings, cohort_ids=("old",), include_archived=True)
    assert ids == ["old"]


def test_ids_and_names_add_up_in_the_order_of_the_list(settings: Settings) -> None:
    ids, _, _ = chosen(settings, cohort_ids=("c", "a"), cohort_names=("one",))
    assert ids == ["a", "c"]


def test_an_unlisted_id_is_tried(settings: Settings) -> None:
    picked = select(LISTED, replace(settings, cohort_ids=("zz", "a")))
    assert [(c.id, c.name, c.listed) for c in picked.cohorts] == [
        ("a", "one", True),
        ("zz", None, False),
    ]
    assert picked.notes[0].startswith("zz: not in Amplitude's list")


def test_a_name_that_matches_nothing_is_named(settings: Settings) -> None:
    ids, _, failures = chosen(settings, cohort_names=("One", "one"))
    assert ids == ["a"]
    assert len(failures) == 1
    assert failures[0].startswith('"One": no listed cohort has this name')


def test_a_name_of_several_is_refused_with_their_ids(settings: Settings) -> None:
    ids, _, failures = chosen(settings, cohort_names=("two",))
    assert ids == []
    assert failures[0].startswith('"two": several cohorts have this name: b, c.')


def test_a_name_means_the_cohort_that_is_not_archived(settings: Settings) -> None:
    twin = replace(OLD, id="new", archived=False)
    picked = select([OLD, twin], replace(settings, cohort_names=("old",)))
    assert [cohort.id for cohort in picked.cohorts] == ["new"]
