"""Amplitude's exported cohort files, as file taps put their rows into a stream."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.core.times import FORMS
from tests.target_cordial.command.messages import (
    COHORT,
    MEMBERS,
    NAME,
    TEXT,
    addresses,
    member,
    people,
    record,
    schema,
    snapshot,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

LIST = f"cohort-{COHORT}"
Rows = list[dict[str, Any]]
KINDS = ("entering", "exiting", "existing")


def columns(source: str = "_sdc_source_file") -> dict[str, Any]:
    number = {"type": ["null", "integer"]}
    return schema(
        "exports", {"amplitude_id": number, "user_id": TEXT, "gp:email": TEXT, source: TEXT}
    )


EXPORTS = columns()


def file(
    kind: str, *numbers: int, hour: int = 10, source: str = "_sdc_source_file", name: str = ""
) -> Rows:
    """The rows of one exported file, as ``tap-s3-csv`` writes them."""
    path = name or f"cohorts/187520_{COHORT}_2026-11-23T{hour}-00_{kind}.csv"
    return [
        record(
            "exports",
            {
                "amplitude_id": 35689300 + number,
                "user_id": f"u-{number}",
                "gp:email": f"User{number}@shop.example",
                source: path,
            },
        )
        for number in numbers
    ]


def together(files: Sequence[Rows]) -> Rows:
    return [row for rows in files for row in rows]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_files_of_an_export_in_every_order(
    either: Commands, sandbox: Running, order: tuple[int, ...]
) -> None:
    files = [file("entering", 1, 4), file("exiting", 2), file("existing", 2, 3)]
    ended = either.target(EXPORTS, *together([files[number] for number in order]), state({"n": 1}))
    assert ended.code == 0
    assert ended.states == [{"n": 1}]
    assert ended.cohort(COHORT)["snapshot"] == "none"
    assert sandbox.control.lists() == {LIST: addresses(1, 3, 4)}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_files_of_an_export_in_a_run_each(
    commands: Commands, sandbox: Running, order: tuple[int, ...]
) -> None:
    files = [file("entering", 1, 4), file("exiting", 2), file("existing", 2, 3)]
    for number in order:
        assert commands.target(EXPORTS, *files[number]).code == 0
    assert sandbox.control.lists() == {LIST: addresses(1, 3, 4)}


@pytest.mark.parametrize("together_in_one", [False, True], ids=["later", "in one run"])
@pytest.mark.parametrize("reverse", [False, True], ids=["in order", "in reverse"])
def test_a_second_export_and_the_first_one_read_again(
    either: Commands, sandbox: Running, *, together_in_one: bool, reverse: bool
) -> None:
    first = together([file("existing", 1, 2, 3), file("entering", 4), file("exiting", 3, 5)])
    second = together(
        [
            file("existing", 1, 2, 4, hour=11),
            file("exiting", 1, 4, hour=11),
            file("entering", 3, hour=11),
        ]
    )
    exports = [second, first] if reverse else [first, second]
    if together_in_one:
        assert either.target(EXPORTS, *together(exports)).code == 0
    else:
        for export in exports:
            assert either.target(EXPORTS, *export).code == 0
    assert sandbox.control.lists() == {LIST: addresses(2, 3)}
    sandbox.control.clear_calls()
    assert either.target(EXPORTS, *first).code == 0
    assert either.target(EXPORTS, *second).code == 0
    assert either.target(EXPORTS, *first, *second, *first).code == 0
    assert sandbox.control.write_calls() == []
    assert sandbox.control.lists() == {LIST: addresses(2, 3)}


@pytest.mark.parametrize(
    "form",
    [
        "202611{day}T110000Z",
        "202611{day}T1100",
        "202611{day}110000",
        "202611{day}",
        "202611{day}_1100",
        "2026-11-{day}T11:00:00.123Z",
        "2026-11-{day}T11-00-00.123",
        "2026-11-{day}T11:00:00+00:00",
        "2026-11-{day}T12:00:00+0100",
        "179{day}76400",
        "179{day}76400123",
    ],
)
def test_an_old_file_brings_nobody_back_whatever_form_its_time_has(
    commands: Commands, sandbox: Running, form: str
) -> None:
    def at(day: int, kind: str, *numbers: int) -> Rows:
        return file("", *numbers, name=f"187520_{COHORT}_{form.format(day=day)}_{kind}.csv")

    old = at(10, "entering", 1, 2)
    commands.target(EXPORTS, *old)
    assert commands.target(EXPORTS, *at(12, "exiting", 1)).code == 0
    assert sandbox.control.lists() == {LIST: addresses(2)}
    assert commands.target(EXPORTS, *old).code == 0
    assert sandbox.control.lists() == {LIST: addresses(2)}


@pytest.mark.parametrize("time", ["latest", "2026-11-31T10-00", "23.11.2026"])
def test_the_rows_of_a_file_whose_time_cannot_be_read_are_rejected(
    either: Commands, sandbox: Running, time: str
) -> None:
    either.target(EXPORTS, *file("existing", 1, 2))
    either.target(EXPORTS, *file("exiting", 2, hour=11))
    untimed = file("", 2, name=f"exports/187520_{COHORT}_{time}_entering.csv")
    ended = either.target(EXPORTS, *untimed, *file("entering", 3, hour=11), state({}))
    assert ended.code == 3
    assert ended.states == []
    rejection = "stream 'exports', line 2, field '_sdc_source_file' has no time in a form"
    assert f"{rejection} that is read ({FORMS})" in ended.stderr
    assert time not in ended.stderr.replace(FORMS, "")
    assert "could not be read" in ended.last_line
    assert sandbox.control.lists() == {LIST: addresses(1, 3)}


def test_several_cohorts_and_a_list_that_the_settings_name(
    either: Commands, sandbox: Running
) -> None:
    other = "cohorts/187520_7khm89c_2026-11-23T10:00_existing_Lapsed_Buyers.csv"
    third = "187520_26umsb5_2026-11-23T10-00_ENTERING.CSV"
    ended = either.target(
        EXPORTS,
        *file("existing", 1, 2),
        *file("", 2, 3, name=other),
        *file("", 4, name=third),
        cohorts={"7khm89c": {"list_name": "lapsed"}},
    )
    assert ended.code == 0
    assert sandbox.control.lists() == {
        LIST: addresses(1, 2),
        "lapsed": addresses(2, 3),
        "cohort-26umsb5": addresses(4),
    }


def test_the_column_of_another_file_tap(either: Commands, sandbox: Running) -> None:
    source = "_smart_source_file"
    rows = file("existing", 1, 2, source=source) + file("exiting", 2, source=source)
    assert either.target(columns(source), *rows).code == 0
    assert sandbox.control.lists() == {LIST: addresses(1)}


def test_columns_as_the_documentation_spells_them(either: Commands, sandbox: Running) -> None:
    documented = schema(
        "exports", {"amplitudeID": TEXT, "userID": TEXT, "Email": TEXT, "_sdc_source_file": TEXT}
    )
    name = f"187520_{COHORT}_2026-11-23T10:00_%s.csv"
    row = {
        "amplitudeID": "1",
        "userID": "",
        "Email": "ana@x.io",
        "_sdc_source_file": name % "existing",
    }
    left = {**row, "amplitudeID": "2", "Email": "bo@x.io", "_sdc_source_file": name % "exiting"}
    stayed = {**row, "amplitudeID": "2", "Email": "bo@x.io"}
    rows = [record("exports", values) for values in (left, row, stayed)]
    assert either.target(documented, *rows).code == 0
    assert sandbox.control.lists() == {LIST: ["ana@x.io"]}


def test_a_cohort_of_exports_keeps_its_list_when_its_name_comes(
    either: Commands, sandbox: Running
) -> None:
    either.target(EXPORTS, *file("existing", 1, 2))
    ended = either.target(*snapshot(*people(1)))
    assert ended.code == 0
    assert ended.cohort(COHORT)["cohort_name"] == NAME
    assert sandbox.control.lists() == {LIST: addresses(1)}


@pytest.mark.parametrize("name", ["customers.csv", "187520_9zx41kq_exiting.csv"])
def test_a_row_of_another_file_is_rejected_and_the_others_go_on(
    either: Commands, sandbox: Running, name: str
) -> None:
    ended = either.target(
        EXPORTS, *file("existing", 1), *file("", 2, name=name), *file("entering", 3), state({})
    )
    assert ended.code == 3
    assert "stream 'exports', line 3, field 'cohort_id' names no cohort" in ended.stderr
    assert sandbox.control.lists() == {LIST: addresses(1, 3)}


def test_what_a_file_says_against_its_row_is_not_guessed_at(
    either: Commands, sandbox: Running
) -> None:
    flagged = schema("exports", {**EXPORTS["schema"]["properties"], "in_cohort": {}})
    [against] = file("exiting", 2)
    [agrees] = file("existing", 1)
    against["record"]["in_cohort"] = True
    agrees["record"]["in_cohort"] = "true"
    ended = either.target(flagged, agrees, against)
    assert ended.code == 3
    assert "line 3, field '_sdc_source_file'" in ended.stderr
    assert sandbox.control.lists() == {LIST: addresses(1)}


def test_files_of_a_cohort_do_not_fill_its_snapshot(commands: Commands, sandbox: Running) -> None:
    commands.target(*snapshot(*people(3)))
    ended = commands.target(
        MEMBERS,
        EXPORTS,
        member(1),
        *file("existing", 2, hour=11),
        snapshot_completion="end_of_input",
    )
    assert ended.code == 0
    assert sandbox.control.lists() == {"activeusers": addresses(1, 2)}
