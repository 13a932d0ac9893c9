"""Rows: input that is not whole, or not right, each with the input itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.faults.matrix import Fault
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
    address,
    day_of,
    framed,
    marker,
    marker_of,
    row,
    rows_of,
    users,
)
from tests.target_cordial.command.messages import FLAGGED, MEMBER_PROPERTIES, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable

Messages = list[Any]

STATE_WITH_FLOATS: Final = {"bookmarks": {"share": 0.1, "huge": 1e300, "long": 2**60 + 1}}


@dataclass(frozen=True)
class Case:
    """A row, and the input of its day.

    Attributes:
        fault: The row.
        given: Makes the input.
        says: What the last line has in it.
        logs: What a line of the log has in it.
        after: The truth of that day.
        settings: Settings of every run.
    """

    fault: Fault
    given: Callable[[], Messages]
    says: tuple[str, ...] = ()
    logs: str = ""
    after: Cohorts = field(default_factory=lambda: DAY_2)
    settings: dict[str, Any] = field(default_factory=dict)


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


def _case(name: str, title: str, given: Callable[[], Messages], *says: str, **more: Any) -> Case:
    return Case(Fault(name, title, "input"), given, says, **more)


CHANGES: Final = {"stream": "changes"}
SEE_LOG: Final = "see the log for line and field"
OF_ACTIVE: Final = f"'{ACTIVE_NAME}' ({ACTIVE})"

CASES: Final = (
    _case("cut_between", "the input ends between two rows", cut_between, OF_ACTIVE, "marker"),
    _case("cut_within", "the input ends within a line", cut_within, "line"),
    _case(
        "no_marker",
        "a marker is missing",
        lambda: with_active(*active()),
        OF_ACTIVE,
        "marker",
    ),
    _case(
        "count_high",
        "a marker counts one too many",
        lambda: with_marker(len(DAY_2[ACTIVE]) + 1),
        OF_ACTIVE,
        "Run the tap again",
    ),
    _case(
        "count_low",
        "a marker counts one too few",
        lambda: with_marker(len(DAY_2[ACTIVE]) - 1),
        OF_ACTIVE,
        "Run the tap again",
    ),
    _case(
        "not_complete",
        "a marker says that it is not complete",
        lambda: with_marker(len(DAY_2[ACTIVE]), complete=False),
        OF_ACTIVE,
        "Run the tap again",
    ),
    _case("twice", "the same snapshot twice", twice),
    _case("older_first", "two snapshots of one cohort, the older one first", older_first),
    _case("newer_first", "two snapshots of one cohort, the newer one first", newer_first),
    _case("marker_first", "rows of a cohort after its marker", marker_first),
    _case("other_schema", "SCHEMA changed in mid-stream", other_schema),
    _case("floats", "STATE with floats and long numbers", floats),
    _case("batches", "webhook batches repeated and out of order", batches),
    _case(
        "empty_cohort",
        "an empty but complete cohort",
        lambda: day_of(NO_VIPS, 2),
        after=NO_VIPS,
    ),
    _case(
        "no_property",
        "a property suddenly empty for everyone",
        without_property,
        OF_ACTIVE,
        "'email'",
        "contact_identifier_mapping",
    ),
    _case(
        "all_removed",
        "everyone removed, beyond the guard",
        lambda: day_of(NO_ACTIVE, 2),
        OF_ACTIVE,
        "withheld",
        "--only removals",
        after=NO_ACTIVE,
        settings={"max_removal_count": 1},
    ),
    _case(
        "tenfold",
        "a cohort grown tenfold, beyond the guard",
        lambda: day_of(TENFOLD, 2),
        OF_ACTIVE,
        "withheld",
        "--only additions",
        after=TENFOLD,
        settings={"max_addition_count": 10},
    ),
    _case("no_json", "a line that is no JSON", lambda: amidst(f"{{{MARK}\n"), "line"),
    _case(
        "null_record",
        "a RECORD without a record",
        lambda: amidst({"type": "RECORD", "stream": "cohort_members", "record": None}),
        SEE_LOG,
        logs="is a RECORD without a usable record",
    ),
    _case(
        "unknown_type",
        "a message of an unknown type",
        lambda: amidst({"type": "WISH", "stream": "cohort_members", "wish": MARK}),
        SEE_LOG,
        logs="has no type that Singer knows",
    ),
    _case(
        "batch_message",
        "a BATCH message",
        lambda: amidst(
            {"type": "BATCH", "stream": "cohort_members", "manifest": [f"file:///{MARK}"]}
        ),
        "BATCH",
        "batch_config",
    ),
    _case(
        "unknown_word",
        "a row with an operation that nobody knows",
        lambda: amidst(FLAGGED, {**row(ACTIVE, (3, address(3)), "", operation=MARK), **CHANGES}),
        SEE_LOG,
        logs="operation",
    ),
    _case(
        "breaks_schema",
        "a row that breaks its SCHEMA",
        lambda: amidst(row(ACTIVE, (99, ""), f"{ACTIVE}-2", user_properties=f"{MARK}")),
        "line",
    ),
    _case(
        "no_key",
        "a row without a key property of its SCHEMA",
        lambda: amidst(record("cohort_members", {"cohort_id": ACTIVE})),
        "Line 6",
        "run the tap again",
    ),
    _case(
        "no_schema",
        "a row before the SCHEMA of its stream",
        lambda: [active()[0], *day_of(DAY_2, 2)],
        "SCHEMA",
        "run the tap again",
    ),
)

ROWS: Final = tuple(case.fault for case in CASES)
BY_NAME: Final = {case.fault.name: case for case in CASES}
