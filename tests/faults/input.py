"""Rows: input that is not whole, or not right, each with the input itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.faults import inputs
from tests.faults.inputs import Messages, amidst, with_marker
from tests.faults.matrix import Fault
from tests.faults.people import ACTIVE, ACTIVE_NAME, DAY_2, MARK, Cohorts, address, day_of, row
from tests.target_cordial.command.messages import FLAGGED, record

if TYPE_CHECKING:
    from collections.abc import Callable


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


def _case(name: str, title: str, given: Callable[[], Messages], *says: str, **more: Any) -> Case:
    return Case(Fault(name, title, "input"), given, says, **more)


CHANGES: Final = {"stream": "changes"}
SEE_LOG: Final = "see the log for line and field"
OF_ACTIVE: Final = f"'{ACTIVE_NAME}' ({ACTIVE})"

CASES: Final = (
    _case(
        "cut_between", "the input ends between two rows", inputs.cut_between, OF_ACTIVE, "marker"
    ),
    _case("cut_within", "the input ends within a line", inputs.cut_within, "line"),
    _case(
        "no_marker",
        "a marker is missing",
        lambda: inputs.with_active(*inputs.active()),
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
    _case("twice", "the same snapshot twice", inputs.twice),
    _case("older_first", "two snapshots of one cohort, the older one first", inputs.older_first),
    _case("newer_first", "two snapshots of one cohort, the newer one first", inputs.newer_first),
    _case("marker_first", "rows of a cohort after its marker", inputs.marker_first),
    _case("other_schema", "SCHEMA changed in mid-stream", inputs.other_schema),
    _case("floats", "STATE with floats and long numbers", inputs.floats),
    _case("batches", "webhook batches repeated and out of order", inputs.batches),
    _case(
        "empty_cohort",
        "an empty but complete cohort",
        lambda: day_of(inputs.NO_VIPS, 2),
        after=inputs.NO_VIPS,
    ),
    _case(
        "no_property",
        "a property suddenly empty for everyone",
        inputs.without_property,
        OF_ACTIVE,
        "'email'",
        "contact_identifier_mapping",
    ),
    _case(
        "all_removed",
        "everyone removed, beyond the guard",
        lambda: day_of(inputs.NO_ACTIVE, 2),
        OF_ACTIVE,
        "withheld",
        "--only removals",
        after=inputs.NO_ACTIVE,
        settings={"max_removal_count": 1},
    ),
    _case(
        "tenfold",
        "a cohort grown tenfold, beyond the guard",
        lambda: day_of(inputs.TENFOLD, 2),
        OF_ACTIVE,
        "withheld",
        "--only additions",
        after=inputs.TENFOLD,
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
        lambda: [inputs.active()[0], *day_of(DAY_2, 2)],
        "SCHEMA",
        "run the tap again",
    ),
)

ROWS: Final = tuple(case.fault for case in CASES)
BY_NAME: Final = {case.fault.name: case for case in CASES}
