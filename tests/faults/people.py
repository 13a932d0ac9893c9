"""Two cohorts on two days, and Singer messages about them.

Everything that is personal or secret has ``MARK`` in it, so that a grep finds it anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.target_cordial.command.messages import MEMBERS, SNAPSHOTS, record, state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MARK = "zq7mark"

ACTIVE, ACTIVE_NAME, ACTIVE_LIST = "9zx41kq", "active users", "activeusers"
VIPS, VIPS_NAME, VIPS_LIST = "7khm89c", "VIPs", "VIPs"
NAMES = {ACTIVE: ACTIVE_NAME, VIPS: VIPS_NAME}
LISTS = {ACTIVE: ACTIVE_LIST, VIPS: VIPS_LIST}

User = tuple[int, str]
"""A user's number and address."""

Cohorts = dict[str, list[User]]
"""Who is in each cohort, by its id."""


def address(name: int | str) -> str:
    return f"{name}.{MARK}@shop.example"


def users(*numbers: int, **others: int) -> list[User]:
    """Users with an address of their own, and users that have another one by name."""
    found = [(number, address(number)) for number in numbers]
    return found + [(number, address(name.rstrip("_"))) for name, number in others.items()]


DAY_1: Cohorts = {
    # 7 and 8 share an address; 5 and 6 are in both cohorts.
    ACTIVE: users(1, 2, 3, 4, 5, 6, shared=7, shared_=8),
    VIPS: users(5, 6, 9, 10, 14),
}
DAY_2: Cohorts = {
    # 1, 2 and 7 leave; 7's address is still 8's; 4 has another address; 11, 12, 15 and 16 join.
    ACTIVE: users(3, 5, 6, 11, 12, 15, 16, moved=4, shared=8),
    # 9 and 14 leave, 1 comes from the other cohort, 13 joins.
    VIPS: users(5, 6, 10, 1, 13),
}
STRANGERS = {
    # Others put them there; 10 is also a member, but of the other cohort.
    ACTIVE_LIST: {address("stranger"), address(10)},
    VIPS_LIST: {address("visitor")},
}


def on_lists(
    cohorts: Cohorts, strangers: Mapping[str, set[str]] = STRANGERS
) -> dict[str, set[str]]:
    """Say who is on each list when the target has done its work."""
    return {
        LISTS[cohort]: {email for _, email in members} | strangers.get(LISTS[cohort], set())
        for cohort, members in cohorts.items()
    }


def row(cohort: str, user: User, snapshot_id: str, **values: Any) -> dict[str, Any]:
    number, email = user
    return record(
        "cohort_members",
        {
            "cohort_id": cohort,
            "cohort_name": NAMES[cohort],
            "amplitude_id": f"{number}{MARK}",
            "user_id": f"u-{number}-{MARK}",
            "user_properties": {"email": email, "city": f"{MARK} town"},
            "snapshot_id": snapshot_id,
            **values,
        },
    )


def marker(cohort: str, count: int, snapshot_id: str, day: int, **values: Any) -> dict[str, Any]:
    return record(
        "cohort_snapshots",
        {
            "cohort_id": cohort,
            "cohort_name": NAMES[cohort],
            "snapshot_id": snapshot_id,
            "member_count": count,
            "complete": True,
            "computed_at": f"2026-11-{22 + day}T10:00:00Z",
            **values,
        },
    )


def rows_of(cohorts: Cohorts, cohort: str, day: int) -> list[dict[str, Any]]:
    """All rows of one cohort on a day."""
    return [row(cohort, user, f"{cohort}-{day}") for user in cohorts[cohort]]


def marker_of(cohorts: Cohorts, cohort: str, day: int, **values: Any) -> dict[str, Any]:
    """The marker of one cohort on a day."""
    return marker(cohort, len(cohorts[cohort]), f"{cohort}-{day}", day, **values)


def day_of(cohorts: Cohorts, day: int) -> list[Any]:
    """All messages of a day, as the tap sends them."""
    return framed(
        day,
        *(
            message
            for cohort in cohorts
            for message in (*rows_of(cohorts, cohort, day), marker_of(cohorts, cohort, day))
        ),
    )


def framed(day: int, *messages: Any) -> list[Any]:
    """Messages between the schemas and the state of a day."""
    return [MEMBERS, SNAPSHOTS, *messages, state({"bookmarks": {"day": day}})]


def all_of(*days: Cohorts) -> dict[str, set[str]]:
    """Say who may be on each list, if it is to be one of these days."""
    lists = [on_lists(day) for day in days]
    return {name: set().union(*(one.get(name, set()) for one in lists)) for name in _names(lists)}


def common_to(*days: Cohorts) -> dict[str, set[str]]:
    """Say who has to be on each list on all of these days."""
    lists = [on_lists(day) for day in days]
    return {
        name: set.intersection(*(one.get(name, set()) for one in lists)) for name in _names(lists)
    }


def _names(lists: Iterable[Mapping[str, set[str]]]) -> set[str]:
    return {name for one in lists for name in one}
