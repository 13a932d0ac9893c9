"""The stories the seed promises, which demos and end-to-end tests are built on."""

from __future__ import annotations

import pytest

from cordial_sandbox import seed

ACTIVE, VIPS, LAPSED = "9zx41kq", "7khm89c", "26umsb5"


def addresses(cohort_id: str, day: int) -> set[str]:
    users = seed.cohorts_of_day(day)[cohort_id].users
    return {user.properties["email"] for user in users if "email" in user.properties}


def people(cohort_id: str, day: int) -> set[str]:
    return {user.amplitude_id for user in seed.cohorts_of_day(day)[cohort_id].users}


def test_day_two_has_joiners_leavers_and_a_changed_address() -> None:
    assert addresses(ACTIVE, 1) - addresses(ACTIVE, 2) == {
        "bo@shop.example",
        "hugo@shop.example",
        "carla@shop.example",
    }
    assert addresses(ACTIVE, 2) - addresses(ACTIVE, 1) == {
        "jonas@shop.example",
        "kira@shop.example",
        "nils@shop.example",
        "carla.silva@shop.example",
    }
    carla = "356893043003"
    assert carla in people(ACTIVE, 1) & people(ACTIVE, 2) & people(VIPS, 2)


def test_a_shared_address_stays_when_one_of_two_leaves() -> None:
    shared = "familie.berg@shop.example"
    holders = [
        sum(
            user.properties.get("email") == shared
            for user in seed.cohorts_of_day(day)[ACTIVE].users
        )
        for day in (1, 2)
    ]
    assert holders == [2, 1]


def test_two_users_have_no_address_and_one_no_id() -> None:
    users = seed.cohorts_of_day(1)[ACTIVE].users
    assert sum("email" not in user.properties for user in users) == 2
    assert sum(user.user_id is None for user in users) == 1


def test_people_move_between_cohorts_and_are_in_two_at_once() -> None:
    assert addresses(LAPSED, 1) & addresses(ACTIVE, 2) == {"nils@shop.example"}
    assert addresses(ACTIVE, 1) & addresses(LAPSED, 2) == {"hugo@shop.example"}
    assert addresses(ACTIVE, 1) & addresses(VIPS, 1)


def test_two_names_collide_and_others_are_hard_to_spell() -> None:
    names = [cohort.name for cohort in seed.cohorts_of_day(1).values()]
    folded = ["".join(name.split()).lower() for name in names]
    assert len(folded) - len(set(folded)) == 1
    assert "Ana's VIPs 🛍️" in names


def test_day_three_is_a_mass_removal_and_nothing_else() -> None:
    loyal = [people("40loyal", day) for day in (1, 2, 3)]
    assert loyal[0] == loyal[1]
    assert (len(loyal[0]), len(loyal[1] - loyal[2]), len(loyal[2] - loyal[1])) == (40, 30, 2)
    for cohort_id in (ACTIVE, VIPS, LAPSED, "5win1bk", "5win2bk"):
        assert people(cohort_id, 2) == people(cohort_id, 3)


def test_every_amplitude_id_is_one_person() -> None:
    with pytest.raises(ValueError, match="there is no day 0"):
        seed.cohorts_of_day(0)
    for day in (1, 2, 3):
        users = {user for c in seed.cohorts_of_day(day).values() for user in map(repr, c.users)}
        ids = {user.amplitude_id for c in seed.cohorts_of_day(day).values() for user in c.users}
        assert len(users) == len(ids)
