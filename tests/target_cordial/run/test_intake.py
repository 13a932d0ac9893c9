from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.core.completeness import Completeness
from target_cordial.core.identifier import Mapping
from target_cordial.core.membership import Role
from target_cordial.ledger.settlement import Sealed
from target_cordial.ledger.store import CohortRow
from target_cordial.run.intake import MOST_LOGGED, NO_STREAM, Intake

if TYPE_CHECKING:
    from target_cordial.ledger.stage import StagedRow
    from target_cordial.run.received import CohortIntake

EMAIL = Mapping("email", ("email",))
MEMBER: dict[str, Any] = {
    "cohort_id": {},
    "amplitude_id": {},
    "user_properties": {},
    "snapshot_id": {},
}
TEN = 1_795_428_000_000
"""2026-11-23T10:00:00Z in milliseconds."""
MARKER: dict[str, Any] = {"cohort_id": {}, "snapshot_id": {}, "member_count": {}, "complete": {}}


class FakeStage:
    """Keeps what is staged, by the cohort's number."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, StagedRow]] = []
        self.merged: list[tuple[int, int, dict[int, int]]] = []

    def merge(self, number: int, other: int, snapshots: dict[int, int]) -> None:
        self.merged.append((number, other, snapshots))

    def append(self, number: int, row: StagedRow) -> None:
        self.rows.append((number, row))


class Run:
    """An intake and its stage, fed as reader and sink do it."""

    def __init__(self, known: dict[str, str] | None = None, *, mapped: bool = False) -> None:
        self.stage = FakeStage()
        logger = logging.getLogger("tests.intake")
        self.intake = Intake(
            self.stage,  # type: ignore[arg-type]  # as much of a stage as an intake needs
            EMAIL,
            [
                CohortRow(key, cohort_id, name, None, None, None, None, by_name=cohort_id == name)
                for key, (name, cohort_id) in enumerate((known or {}).items(), 1)
            ],
            mapped=mapped,
            logger=logger,
        )
        self.intake.schema("members", {"properties": MEMBER})
        self.intake.schema("markers", {"properties": MARKER})
        self.line = 0

    def feed(
        self, stream: str, record: dict[str, Any], mapped: dict[str, Any] | None = None
    ) -> None:
        self.line += 1
        self.intake.receive(stream, record, self.line)
        if mapped is None:
            mapped = {name: value for name, value in record.items() if name != "_sdc_deleted_at"}
        self.intake.take(mapped, Role.MARKER if stream == "markers" else Role.MEMBERSHIP)

    def member(self, user: str, **more: Any) -> None:
        email = f"{user}@shop.example"
        self.feed(
            "members",
            {
                "cohort_id": "c1",
                "amplitude_id": user,
                "user_properties": {"email": email},
                "snapshot_id": "s1",
                **more,
            },
        )

    def marker(self, count: int, **more: Any) -> None:
        row = {"cohort_id": "c1", "snapshot_id": "s1", "member_count": count, "complete": True}
        self.feed("markers", row | more)

    @property
    def cohort(self) -> CohortIntake:
        [cohort] = self.intake.cohorts.values()
        return cohort


def test_a_member_row_is_staged_with_all_that_it_says() -> None:
    run = Run()
    run.member("1", user_id="u1", cohort_name="active users")
    run.member("2", in_cohort=False)
    run.feed("members", {"cohort_id": "c2", "amplitude_id": "3", "snapshot_id": "s1"})
    assert run.stage.rows == [
        (0, (1, 0, "a:1", "u1", "1@shop.example", 1, None, None, None)),
        (0, (2, None, "a:2", None, "2@shop.example", 0, None, None, None)),
        (1, (3, 0, "a:3", None, None, 1, "unresolved_mapping", None, None)),
    ]
    cohort = run.intake.cohorts["c1"]
    assert (cohort.number, cohort.cohort_id, cohort.name) == (0, "c1", "active users")
    assert cohort.received == 2


@pytest.mark.parametrize("order", ["last", "first", "between"])
def test_marker_and_rows_may_come_in_any_order(order: str) -> None:
    run = Run()
    if order == "first":
        run.marker(2)
    run.member("1")
    if order == "between":
        run.marker(2)
    run.member("2")
    run.member("2")
    if order == "last":
        run.marker(2)
    assert run.cohort.proof().proven
    assert run.cohort.sealed(as_sent=False) == Sealed(0, 2 if order == "first" else 1)


@pytest.mark.parametrize(
    ("count", "more"),
    [(1, {}), (3, {}), (2, {"complete": False}), (2, {"snapshot_id": "s2"})],
)
def test_a_marker_that_does_not_add_up_proves_nothing(count: int, more: dict[str, Any]) -> None:
    run = Run()
    run.member("1")
    run.member("2")
    run.marker(count, **more)
    assert run.cohort.proof().completeness is Completeness.INCOMPLETE


def test_rows_with_a_word_of_their_own_do_not_count_in_the_snapshot() -> None:
    run = Run()
    run.member("1")
    run.member("2", in_cohort=True)
    run.member("3", operation="remove")
    run.member("4", _sdc_deleted_at="2026-01-02T00:00:00Z")
    run.marker(1)
    assert run.cohort.proof().proven
    assert [row[1] for _, row in run.stage.rows] == [0, None, None, None]
    assert [row[5] for _, row in run.stage.rows] == [1, 1, 0, 0]


def test_an_empty_complete_cohort_is_proven_by_its_marker_alone() -> None:
    run = Run()
    run.member("9", in_cohort=False)
    run.marker(0)
    assert run.cohort.proof().proven
    assert run.cohort.sealed(as_sent=False) == Sealed(None, 2)


def test_the_last_marker_of_a_cohort_counts() -> None:
    run = Run()
    run.member("1")
    run.marker(1)
    run.marker(5)
    assert not run.cohort.proof().proven


def test_each_snapshot_of_a_run_has_a_number_of_its_own() -> None:
    run = Run()
    run.member("1")
    run.member("1", snapshot_id="s2")
    run.member("2", snapshot_id="s2")
    run.marker(2, snapshot_id="s2")
    assert [row[1] for _, row in run.stage.rows] == [0, 1, 1]
    assert run.cohort.sealed(as_sent=False) == Sealed(1, 2)


def test_every_snapshot_has_a_marker_and_the_last_one_counts() -> None:
    run = Run()
    run.member("1")
    run.marker(1)
    run.member("1", snapshot_id="s2")
    run.member("2", snapshot_id="s2")
    run.marker(2, snapshot_id="s2")
    assert {marker.position for marker in run.cohort.markers.values()} == {2, 5}
    assert run.cohort.proof().proven
    assert run.cohort.sealed(as_sent=False) == Sealed(1, 3)
    run.marker(1)
    assert run.cohort.sealed(as_sent=False) == Sealed(0, 1)


def test_a_second_snapshot_without_a_marker_proves_nothing_though_it_came_first() -> None:
    run = Run()
    run.member("1", snapshot_id="s0")
    run.member("1")
    run.marker(1)
    assert "another snapshot" in run.cohort.proof().problem


# -- stream maps ----------------------------------------------------------------------------------


def test_what_a_stream_map_leaves_is_staged_and_what_the_tap_sent_is_counted() -> None:
    run = Run(mapped=True)
    sent = {"cohort_id": "c1", "amplitude_id": "1", "snapshot_id": "s1"}
    run.feed("members", sent, {"cohort_id": "c1", "amplitude_id": "1", "email": "x@shop.example"})
    run.line += 1
    run.intake.receive("members", sent | {"amplitude_id": "2"}, run.line)  # the map drops it
    run.marker(2)
    assert run.cohort.proof().proven
    assert [row for _, row in run.stage.rows] == [
        (1, 0, "a:1", None, "x@shop.example", 1, None, None, None),
    ]


def test_a_snapshot_of_which_stream_maps_left_nothing_proves_nothing() -> None:
    run = Run(mapped=True)
    run.intake.receive("members", {"cohort_id": "c1", "amplitude_id": "1", "snapshot_id": "s1"}, 1)
    run.marker(1)
    assert "stream maps" in run.cohort.proof().problem


def test_a_member_whom_a_stream_map_took_to_another_cohort_is_missing_from_the_first() -> None:
    run = Run(mapped=True)
    run.member("1")
    sent = {"cohort_id": "c1", "amplitude_id": "2", "snapshot_id": "s1"}
    run.feed("members", sent, {**sent, "cohort_id": "c2"})
    run.marker(2)
    assert not run.intake.cohorts["c1"].proof().proven
    assert run.intake.ended


def test_a_deletion_mark_that_the_sdk_takes_away_still_counts_behind_a_map() -> None:
    run = Run(mapped=True)
    run.member("1", _sdc_deleted_at="2026-01-02T00:00:00Z")
    assert [row[5] for _, row in run.stage.rows] == [0]


def test_without_a_map_the_record_is_read_once_and_as_sent() -> None:
    run = Run()
    run.feed(
        "members",
        {"cohort_id": "c1", "amplitude_id": "1", "email": "a@shop.example"},
        {"cohort_id": "c1", "amplitude_id": "1", "email": "b@shop.example"},
    )
    assert [row[4] for _, row in run.stage.rows] == ["a@shop.example"]


# -- roles ----------------------------------------------------------------------------------------


def test_a_stream_without_properties_has_the_role_of_its_first_row() -> None:
    run = Run()
    run.intake.schema("bare", {})
    run.feed("bare", {"cohort_id": "c1", "amplitude_id": "1", "email": "a@shop.example"})
    assert len(run.stage.rows) == 1
    run.intake.schema("bare marker", {"type": "object"})
    run.intake.receive("bare marker", {"cohort_id": "c1", "member_count": 1, "complete": True}, 9)
    run.intake.take({}, Role.MARKER)
    assert run.cohort.proof().proven


def test_other_streams_are_counted_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run = Run()
    run.intake.schema("orders", {"properties": {"order": {}}})
    for line in range(3):
        run.intake.receive("orders", {"order": line}, line)
        run.intake.ignore("orders")
    assert run.intake.ignored == {"orders": 3}
    assert [record.getMessage().count("'orders'") for record in caplog.records] == [1]
    assert run.intake.cohorts == {}


# -- cohorts by name ------------------------------------------------------------------------------


def test_a_row_with_a_name_only_is_the_known_cohort_of_that_name() -> None:
    run = Run({"active users": "c1"})
    run.feed("members", {"cohort_name": "active users", "amplitude_id": "1"})
    run.intake.close()
    assert list(run.intake.cohorts) == ["c1"]


NAMED = {"cohort_name": "active users", "amplitude_id": "2", "snapshot_id": "s1"}


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_name_is_known_from_a_row_of_the_same_run(order: str) -> None:
    run = Run()
    if order == "first":
        run.feed("members", NAMED)
    run.member("1", cohort_name="active users")
    if order == "last":
        run.feed("members", NAMED)
    run.marker(2)
    run.intake.close()
    assert list(run.intake.cohorts) == ["c1"]
    assert run.cohort.received == 2
    assert run.cohort.proof().proven
    assert len(run.stage.merged) == 1


def test_what_could_not_be_read_under_a_cohorts_name_is_missing_from_the_cohort() -> None:
    run = Run()
    run.member("1", cohort_name="active users")
    run.feed("members", {**NAMED, "operation": "?"})
    run.marker(1)
    run.intake.close()
    assert list(run.intake.cohorts) == ["c1"]
    assert not run.cohort.proof().proven


def test_a_name_that_two_cohorts_have_is_nobodys() -> None:
    run = Run({"active users": "c9"})
    run.member("1", cohort_name="active users")
    run.feed("members", NAMED)
    run.intake.close()
    assert sorted(run.intake.cohorts) == ["active users", "c1"]


def test_a_name_that_no_cohort_has_stands_for_itself() -> None:
    run = Run()
    run.feed("members", NAMED)
    run.intake.close()
    assert list(run.intake.cohorts) == ["active users"]
    assert run.stage.merged == []


def test_a_cohort_that_came_under_its_name_only_is_known_by_its_id_from_the_ledger() -> None:
    run = Run({"active users": "c1"})
    run.feed("members", NAMED)
    run.marker(1)
    run.intake.close()
    assert list(run.intake.cohorts) == ["c1"]
    assert run.cohort.proof().proven
    assert run.cohort.sealed().snapshot == run.cohort.snapshots["s1"]


def test_a_cohort_that_the_ledger_knows_by_its_name_only_takes_its_id_when_that_comes() -> None:
    run = Run({"active users": "active users"})
    run.feed("members", NAMED)
    run.member("1", cohort_name="active users")
    run.marker(2)
    run.intake.close()
    assert list(run.intake.cohorts) == ["c1"]
    assert (run.cohort.formerly, run.cohort.by_name) == ("active users", False)
    assert run.cohort.proof().proven


@pytest.mark.parametrize(
    ("known", "more"),
    [
        ({"active users": "active users", "old name": "c1"}, []),
        ({"active users": "active users"}, [{"cohort_id": "c2", "cohort_name": "active users"}]),
        ({"active users": "active users"}, [{"cohort_name": "new name"}]),
        ({"active users": "other"}, []),
    ],
    ids=["the ledger has the id", "two ids have the name", "not the name any more", "by id"],
)
def test_a_cohort_takes_no_id_that_may_be_anothers(
    known: dict[str, str], more: list[dict[str, Any]]
) -> None:
    run = Run(known)
    run.member("1", cohort_name="active users")
    for values in more:
        run.member("1", **values)
    run.feed("members", NAMED)
    run.intake.close()
    assert all(cohort.formerly is None for cohort in run.intake.cohorts.values())
    assert run.intake.cohorts["active users"].by_name


def test_only_the_cohort_that_has_the_name_takes_the_place() -> None:
    run = Run({"active users": "active users"})
    run.member("1", cohort_name="vip")
    run.member("1", cohort_id="c2")
    run.intake.close()
    assert all(cohort.formerly is None for cohort in run.intake.cohorts.values())


def test_the_newest_name_of_a_cohort_counts() -> None:
    run = Run()
    run.member("1", cohort_name="old")
    run.member("2", cohort_name="new")
    run.member("3")
    assert run.cohort.name == "new"


# -- what can't be read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"in_cohort": "SECRET"}, "in_cohort"),
        ({"in_cohort": None}, "in_cohort"),
        ({"operation": "SECRET"}, "operation"),
        ({"operation": None}, "operation"),
        ({"in_cohort": True, "operation": "remove"}, "operation"),
        ({"amplitude_id": None, "user_properties": {"email": "SECRET"}}, "amplitude_id"),
        ({"amplitude_id": ["SECRET"]}, "amplitude_id"),
    ],
)
def test_an_unreadable_row_is_named_by_its_place_and_never_by_its_value(
    more: dict[str, Any], field: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run = Run()
    run.member("1")
    run.member("2", **more)
    run.marker(1)
    [record] = caplog.records
    message = record.getMessage()
    assert record.levelno == logging.ERROR
    assert all(part in message for part in ("'members'", "line 2", f"'{field}'"))
    assert "SECRET" not in caplog.text
    assert "@shop" not in caplog.text
    assert run.intake.unreadable == {"members": 1}
    assert run.cohort.unreadable == 1
    assert len(run.stage.rows) == 1
    assert not run.cohort.proof().proven


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"member_count": "SECRET"}, "member_count"),
        ({"member_count": -1}, "member_count"),
        ({"complete": "SECRET"}, "complete"),
        ({"complete": None}, "complete"),
    ],
)
def test_an_unreadable_marker_is_no_marker(
    more: dict[str, Any], field: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run()
    run.member("1")
    run.marker(1, **more)
    assert f"'{field}'" in caplog.text
    assert "SECRET" not in caplog.text
    assert not run.cohort.proof().proven


def test_a_row_without_a_cohort_is_counted_for_its_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run()
    run.feed("members", {"cohort_id": None, "amplitude_id": "1"})
    assert run.intake.unreadable == {"members": 1}
    assert run.intake.cohorts == {}
    assert "'cohort_id'" in caplog.text


def test_a_row_that_breaks_its_schema_is_rejected_though_it_could_be_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run()
    record = {"cohort_id": "c1", "amplitude_id": "1", "email": "a@shop.example"}
    run.intake.receive("members", record, 7)
    run.intake.violate("email", "format")
    run.intake.violate("amplitude_id", "type")
    run.intake.take(record, Role.MEMBERSHIP)
    assert run.stage.rows == []
    assert run.cohort.unreadable == 1
    assert "line 7, field 'email' breaks its schema (format)" in caplog.text
    run.member("2")
    assert len(run.stage.rows) == 1


@pytest.mark.parametrize("elsewhere", ["c2", None])
@pytest.mark.parametrize("how", ["unreadable", "breaks its schema"])
def test_a_row_that_a_map_took_elsewhere_and_that_is_rejected_there_was_still_sent_for_its_cohort(
    how: str, elsewhere: str | None
) -> None:
    run = Run(mapped=True)
    run.member("1")
    sent = {"cohort_id": "c1", "amplitude_id": "2", "snapshot_id": "s1"}
    mapped = {"cohort_id": elsewhere, "amplitude_id": "2", "operation": "?"}
    if how == "unreadable":
        run.feed("members", sent, mapped)
    else:
        run.intake.receive("members", sent, 2)
        run.intake.violate("amplitude_id", "type")
        run.intake.take(mapped, Role.MEMBERSHIP)
    run.marker(2)
    assert run.intake.cohorts["c1"].unreadable == 1
    assert not run.intake.cohorts["c1"].proof().proven
    assert ("c2" in run.intake.cohorts) is (elsewhere is not None)
    assert run.intake.ended


def test_many_deletion_marks_against_in_cohort_are_not_all_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run()
    for number in range(MOST_LOGGED + 5):
        run.member(str(number), in_cohort=True, _sdc_deleted_at="2026-01-02T00:00:00Z")
    assert len(caplog.records) == MOST_LOGGED
    assert len(run.stage.rows) == MOST_LOGGED + 5


def test_a_snapshot_without_a_time_of_its_own_has_that_of_its_rows() -> None:
    run = Run()
    run.member("1", computed_at="2026-11-23T10:00:00Z")
    run.member("2", computed_at="2026-11-23T10:00:00Z")
    run.marker(2)
    assert run.cohort.sealed(as_sent=False) == Sealed(0, 1, TEN)
    run.marker(2, computed_at="2026-11-23T10:00:01Z")
    assert run.cohort.sealed(as_sent=False) == Sealed(0, 1, TEN + 1000)
    run.member("3", computed_at="2026-11-23T10:00:01Z")
    run.marker(3)
    assert run.cohort.sealed(as_sent=False) == Sealed(0, 1, None)


def test_many_unreadable_rows_are_all_counted_and_not_all_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run()
    for number in range(MOST_LOGGED + 5):
        run.member(str(number), operation="?")
    assert run.intake.unreadable["members"] == MOST_LOGGED + 5
    assert len(caplog.records) == MOST_LOGGED


def test_a_deletion_mark_wins_over_in_cohort_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run()
    run.member("1", in_cohort=True, _sdc_deleted_at="2026-01-02T00:00:00Z")
    assert [row[5] for _, row in run.stage.rows] == [0]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "line 1" in record.getMessage()


def test_a_broken_line_is_kept_by_its_number(caplog: pytest.LogCaptureFixture) -> None:
    run = Run()
    run.intake.broken(12)
    assert run.intake.broken_at == 12
    assert "Line 12" in caplog.text


def test_a_message_that_can_not_be_used_is_counted_under_no_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run()
    run.intake.unusable(3, "names no stream")
    run.intake.unusable(5, "has no record")
    assert NO_STREAM == "(unknown)"
    assert run.intake.unreadable == {NO_STREAM: 2}
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "line 3 names no stream" in caplog.text
    assert run.intake.broken_at is None
    assert run.intake.cohorts == {}
