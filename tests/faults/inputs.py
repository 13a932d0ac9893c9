"""The input of a day, not whole or not right in each way that there is a row for."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.faults.people import (
    ACTIVE,
    ACTIVE_NAME,
    DAY_1,
    DAY_2,
    MARK,
    VIPS,
    VIPS_NAME,
    Cohorts,
    User,
    day_of,
    framed,
    marker,
    marker_of,
    row,
    rows_of,
    users,
)
from tests.target_cordial.command.messages import MEMBER_PROPERTIES, record, schema, state

Messages = list[Any]

STATE_WITH_FLOATS: Final = {"bookmarks": {"share": 0.1, "huge": 1e300, "long": 2**60 + 1}}


def active() -> Messages:
    return rows_of(DAY_2, ACTIVE, 2)


def vips() -> Messages:
    return [*rows_of(DAY_2, VIPS, 2), marker_of(DAY_2, VIPS, 2)]


def with_active(*messages: Any) -> Messages:
    """The day, with other messages about the active."""
    return framed(2, *messages, *vips())


def cut_between() -> Messages:
    return framed(2, *active()[:5])[:-1]


def cut_within() -> Messages:
    whole = json.dumps(active()[5])
    return [*cut_between(), whole[: len(whole) // 2]]


def with_marker(count: int, **values: Any) -> Messages:
    return with_active(*active(), marker(ACTIVE, count, f"{ACTIVE}-2", 2, **values))


def older_first() -> Messages:
    older = [*rows_of(DAY_1, ACTIVE, 1), marker_of(DAY_1, ACTIVE, 1)]
    return with_active(*older, *active(), marker_of(DAY_2, ACTIVE, 2))


def newer_first() -> Messages:
    older = [*rows_of(DAY_1, ACTIVE, 1), marker_of(DAY_1, ACTIVE, 1)]
    return with_active(*active(), marker_of(DAY_2, ACTIVE, 2), *older)


def twice() -> Messages:
    once = [*active(), marker_of(DAY_2, ACTIVE, 2)]
    return with_active(*once, *once)


def marker_first() -> Messages:
    return with_active(*active()[:3], marker_of(DAY_2, ACTIVE, 2), *active()[3:])


def other_schema() -> Messages:
    wider = {**MEMBER_PROPERTIES, "score": {"type": ["number", "null"]}}
    again = schema("cohort_members", wider, ["cohort_id", "user_id"])
    rows = [{**message, "record": {**message["record"], "score": 0.5}} for message in active()[4:]]
    return with_active(*active()[:4], again, *rows, marker_of(DAY_2, ACTIVE, 2))


def floats() -> Messages:
    return [*day_of(DAY_2, 2)[:-1], state(STATE_WITH_FLOATS)]


# -- batches --------------------------------------------------------------------------------------

WEBHOOK: Final = schema(
    "webhook",
    {
        "cohort_id": {"type": "string"},
        "cohort_name": {"type": "string"},
        "in_cohort": {"type": "boolean"},
        "computed_time": {"type": "string"},
        "message_id": {"type": "string"},
        "users": {"type": "array"},
    },
)


def batch(cohort: str, members: list[User], hour: int, *, there: bool) -> dict[str, Any]:
    """A batch of the webhook: who has come into a cohort, or has left it."""
    return record(
        "webhook",
        {
            "cohort_id": cohort,
            "cohort_name": {ACTIVE: ACTIVE_NAME, VIPS: VIPS_NAME}[cohort],
            "in_cohort": there,
            "computed_time": f"2026-11-24T{hour:02}:00:00Z",
            "message_id": f"{cohort}-{hour}-{there}",
            "users": [
                {
                    "amplitude_id": f"{number}{MARK}",
                    "user_id": f"u-{number}-{MARK}",
                    "user_properties": {"email": email},
                }
                for number, email in members
            ],
        },
    )


def batches() -> Messages:
    """The changes of the day in batches, some twice, the older ones last."""
    left = [user for user in DAY_1[ACTIVE] if user[0] in (1, 2, 7)]
    come = batch(ACTIVE, users(11, 12, 15, 16, moved=4), 12, there=True)
    gone = batch(ACTIVE, left, 13, there=False)
    back_and_forth = [  # 3 left at ten and came again at eleven; 14 the other way round
        batch(ACTIVE, users(3), 11, there=True),
        batch(ACTIVE, users(3), 10, there=False),
        batch(VIPS, users(14), 11, there=False),
        batch(VIPS, users(14), 10, there=True),
    ]
    others = [
        batch(VIPS, users(1, 13), 12, there=True),
        batch(VIPS, users(9), 12, there=False),
    ]
    return [
        WEBHOOK, gone, come, *back_and_forth, *others, come, gone, *back_and_forth[:2],
        state({"bookmarks": {"day": 2}}),
    ]  # fmt: skip


# -- cohorts that change at large -----------------------------------------------------------------

NO_VIPS: Final[Cohorts] = {**DAY_2, VIPS: []}
NO_ACTIVE: Final[Cohorts] = {**DAY_2, ACTIVE: []}
TENFOLD: Final[Cohorts] = {**DAY_2, ACTIVE: [*DAY_2[ACTIVE], *users(*range(100, 165))]}


def without_property() -> Messages:
    rows = [
        row(ACTIVE, user, f"{ACTIVE}-2", user_properties={"email": "", "city": f"{MARK} town"})
        for user in DAY_2[ACTIVE]
    ]
    return with_active(*rows, marker_of(DAY_2, ACTIVE, 2))


# -- messages that are none -----------------------------------------------------------------------


def amidst(*messages: Any) -> Messages:
    """The day, with something between the rows of the active."""
    return with_active(*active()[:3], *messages, *active()[3:], marker_of(DAY_2, ACTIVE, 2))
