from __future__ import annotations

import csv
import io
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.cordial.imports import Import, Job
from target_cordial.core.import_counts import Counts, Kind
from target_cordial.core.outcome import REJECTED_BY_CORDIAL, Outcome, Result
from target_cordial.core.plan import Operation, Sent
from target_cordial.delivery.imports.course import FURTHER_JOBS, SINGLE_CONTACTS, Means
from target_cordial.delivery.imports.importer import Importer
from target_cordial.errors import InterruptedRunError, UnavailableError
from tests.target_cordial.delivery.changes import TARGETS
from tests.target_cordial.delivery.imports.scene import Book, FakeClient, FakeFiles, Scene
from tests.target_cordial.ledger.rows import NOW, deliver, entries, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cordial.core.plan import Change
    from target_cordial.delivery.base import Target, Targets

ADD, REMOVE = Operation.ADD, Operation.REMOVE


class Cordial(FakeClient):
    """Carries imports out: writes whom it knows and does not refuse."""

    def __init__(self, files: FakeFiles) -> None:
        super().__init__()
        self._files = files
        self.known: set[str] = set()
        self.refused: set[str] = set()
        self.on: set[str] = set()
        self.carried: list[set[str]] = []
        self.shown: dict[int, Job] = {}

    def start(self, asked: Import) -> str:
        self.started.append(asked)
        file = re.sub(r".*/|\?.*", "", asked.address)
        text = self._files.files[file].decode()
        people = {row["channels.email.address"] for row in csv.DictReader(io.StringIO(text))}
        self.carried.append(people)
        self.looks = [self.shown.get(len(self.started)) or self._job(asked.kind, people)]
        return "f00"

    def _job(self, kind: Kind, people: set[str]) -> Job:
        refused = people & self.refused
        if kind is Kind.CREATE:
            new = people - self.known - refused
            self.known |= new
            counts = Counts(len(people), 0, len(new), len(refused), 0, len(people) - len(new))
        else:
            done = (people & self.known) - refused
            self.on = self.on | done if kind is Kind.ADD else self.on - done
            absent = len(people - self.known - refused)
            counts = Counts(len(people), len(done), 0, len(refused), 0, absent)
        return Job("Done", counts)


class Singly:
    """Makes single calls, as the engine does."""

    def __init__(self, cordial: Cordial) -> None:
        self.cordial = cordial
        self.wrote: list[str] = []
        self.accepted: list[bool] = []
        self.error: Exception | None = None

    def __call__(self, recorder: Any) -> Any:
        self._recorder = recorder
        return self

    def deliver(
        self, changes: Iterable[Change], targets: Targets, *, accepted: bool = False
    ) -> None:
        del targets
        self.accepted.append(accepted)
        for change in changes:
            self._recorder.intend([change])
            self._recorder.record([self._outcome(change)])
            self.wrote.append(change.identifier)
            if self.error is not None:
                raise self.error

    def _outcome(self, change: Change) -> Outcome:
        person = change.identifier
        if person in self.cordial.refused:
            return Outcome(change, Result.REJECTED, REJECTED_BY_CORDIAL, "no")
        if person not in self.cordial.known and change.operation is REMOVE:
            return Outcome(change, Result.ALREADY_ABSENT)
        self.cordial.known.add(person)
        if change.operation is ADD:
            self.cordial.on.add(person)
        else:
            self.cordial.on.discard(person)
        return Outcome(change, Result.CONFIRMED)


class Play:
    """A delivery by imports among fakes."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.cordial = Cordial(scene.files)
        scene.client = self.cordial
        scene.carrier = scene.with_files(scene.files)
        self.singly = Singly(self.cordial)
        self.book = Book(scene.entries)
        self.names: dict[str, str | None] = {}
        self.stop = threading.Event()
        self.create = True

    def want(self, cohort: int, people: Iterable[str]) -> None:
        snapshot(self.scene.ledger, cohort, {f"a:{person}": person for person in people})

    def joined(self, cohort: int, people: Iterable[str]) -> None:
        """Let people be on the list, confirmed."""
        named = set(people)
        self.want(cohort, named)
        deliver(self.scene.entries, cohort)
        self.cordial.known |= named
        self.cordial.on |= named

    def deliver(self) -> None:
        plan = self.scene.entries.plan
        plan.fix([1, 2], [1, 2], now=NOW, by_contact=False)
        means = Means(
            carrier=self.scene.carrier,
            singly=self.singly,
            recorder=self.book,
            list_name=self._name,
            channel="email",
            create_contacts=self.create,
            suppress_triggers=lambda target: target.first_sync,
            max_rejected_percent=5,
        )
        Importer(means, self.stop).deliver(plan, TARGETS)

    def _name(self, target: Target) -> str | None:
        return self.names.get(target.list_name, target.list_name)

    def results(self) -> Counter[Result]:
        return Counter(self.book.results().values())

    def kinds(self) -> list[tuple[Kind, str]]:
        return [(asked.kind, asked.list_name) for asked in self.cordial.started]


@pytest.fixture
def play(scene: Scene) -> Play:
    return Play(scene)


def crowd(count: int) -> list[str]:
    return [f"p{number:05}@shop.example" for number in range(count)]


# -- where all goes well --------------------------------------------------------------------------


def test_additions_come_before_removals_and_contacts_before_both(play: Play) -> None:
    play.joined(1, ["a@b.example"])
    play.want(1, [])
    play.want(2, ["a@b.example", "b@b.example"])
    play.deliver()
    assert play.kinds() == [
        (Kind.CREATE, "dormant"),
        (Kind.ADD, "dormant"),
        (Kind.REMOVE, "vip"),
    ]
    assert play.results() == {Result.CONFIRMED: 2}
    assert (play.scene.jobs.known(), play.scene.files.files) == ([], {})
    assert play.singly.wrote == []


def test_no_contact_is_made_where_that_is_not_allowed_or_somebody_leaves(play: Play) -> None:
    play.create = False
    play.joined(1, ["a@b.example"])
    play.want(1, [])
    play.cordial.known.add("b@b.example")
    play.want(2, ["b@b.example"])
    play.deliver()
    assert [kind for kind, _ in play.kinds()] == [Kind.ADD, Kind.REMOVE]


def test_who_fits_in_no_file_goes_by_a_single_call_once(play: Play) -> None:
    play.want(1, ["=a@b.example", "+b@b.example", "c@b.example"])
    play.cordial.refused = {"+b@b.example"}
    play.deliver()
    assert sorted(play.singly.wrote) == ["+b@b.example", "=a@b.example"]
    assert play.cordial.carried == [{"c@b.example"}] * 2
    assert play.results() == {Result.CONFIRMED: 2, Result.REJECTED: 1}
    assert entries(play.scene.ledger, 1)["+b@b.example"] == (1, Sent.OFF)


def test_who_fits_in_no_file_takes_nothing_of_the_allowance(play: Play) -> None:
    unfit = [f"={name}" for name in crowd(SINGLE_CONTACTS + 5)]
    people = crowd(20)
    play.want(1, [*unfit, *people])
    play.cordial.refused = {people[3]}
    play.deliver()
    assert play.results() == {Result.CONFIRMED: len(unfit) + 19, Result.REJECTED: 1}
    assert play.singly.wrote == [*unfit, *people]


def test_where_nobody_fits_there_is_no_import(play: Play) -> None:
    play.want(1, ["=a@b.example"])
    play.deliver()
    assert play.cordial.started == []


def test_a_lost_list_is_left_alone_and_others_go_on(play: Play) -> None:
    play.names["vip"] = None
    play.want(1, ["a@b.example"])
    play.want(2, ["a@b.example"])
    play.deliver()
    assert {name for _, name in play.kinds()} == {"dormant"}
    assert entries(play.scene.ledger, 1) == {"a@b.example": (1, Sent.OFF)}


def test_a_renamed_list_is_written_under_its_new_name(play: Play) -> None:
    play.names["vip"] = "very-important"
    play.want(1, ["a@b.example"])
    play.deliver()
    assert {name for _, name in play.kinds()} == {"very-important"}


def test_a_run_that_is_told_to_stop_begins_no_further_list(play: Play) -> None:
    play.want(1, ["a@b.example"])
    play.stop.set()
    with pytest.raises(InterruptedRunError):
        play.deliver()
    assert play.cordial.started == []


# -- counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "job", [Job("Failed", Counts(2, 2)), Job("Done"), Job("Done", Counts(2, 1))]
)
def test_what_is_not_proven_is_unknown_and_said(play: Play, job: Job) -> None:
    people = ["a@b.example", "b@b.example"]
    play.want(1, people)
    play.cordial.shown[2] = job
    play.deliver()
    assert play.results() == {Result.UNKNOWN: 2}
    assert len(play.book.problems) == 1
    assert "list 'vip'" in play.book.problems[0]
    assert {state for _, state in entries(play.scene.ledger, 1).values()} == {Sent.UNKNOWN}
    assert play.scene.jobs.known() == []


def test_contacts_that_could_not_be_made_are_added_nowhere(play: Play) -> None:
    play.want(1, ["a@b.example"])
    play.want(2, ["b@b.example"])
    play.cordial.shown[1] = Job("Failed")
    play.deliver()
    assert play.kinds() == [(Kind.CREATE, "vip"), (Kind.CREATE, "dormant"), (Kind.ADD, "dormant")]
    assert "ended as 'Failed'" in play.book.problems[0]
    assert entries(play.scene.ledger, 1)["a@b.example"] == (1, Sent.OFF)


@pytest.mark.parametrize(("absent", "many"), [(10, False), (11, True)])
def test_absent_contacts_are_counted_and_doubted_where_they_are_many(
    play: Play, absent: int, *, many: bool
) -> None:
    people = crowd(100)
    play.joined(1, people)
    play.cordial.known -= set(people[:absent])
    play.want(1, [])
    play.deliver()
    assert play.results() == (
        {Result.ALREADY_ABSENT: 100}
        if many
        else {Result.ALREADY_ABSENT: absent, Result.CONFIRMED: 100 - absent}
    )


# -- refused rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [[0], [1_999], [0, 1_000, 1_999], [999, 1_000, 1_001]])
def test_refused_rows_are_found_and_all_others_proven(play: Play, where: list[int]) -> None:
    people = crowd(2_000)
    play.want(1, people)
    play.cordial.refused = {people[number] for number in where}
    play.deliver()
    assert play.results() == {Result.CONFIRMED: 2_000 - len(where), Result.REJECTED: len(where)}
    rejected = {out.change.identifier for out in play.book.outcomes if out.reason is not None}
    assert rejected == play.cordial.refused
    assert len(play.cordial.started) <= 2 + FURTHER_JOBS
    assert len(play.singly.wrote) <= SINGLE_CONTACTS
    assert play.book.problems == []


def test_nobody_gets_two_ends(play: Play) -> None:
    people = crowd(1_500)
    play.want(1, [*people, "=x@b.example"])
    play.cordial.refused = {people[700], "=x@b.example"}
    play.deliver()
    ends = Counter(out.change.identifier for out in play.book.outcomes)
    assert set(ends.values()) == {1}
    assert len(ends) == 1_501


def test_whom_no_import_and_no_call_wrote_is_not_in_doubt(play: Play) -> None:
    people = crowd(20)
    play.want(1, people)
    play.cordial.refused = {people[3]}
    play.deliver()
    assert entries(play.scene.ledger, 1)[people[3]] == (1, Sent.OFF)


def test_who_was_refused_of_more_than_were_named_stays_in_doubt(play: Play) -> None:
    """An import refused two rows, and single calls only one: the other import may have written."""
    people = crowd(20)
    play.want(1, people)
    play.cordial.refused = {people[3]}
    play.cordial.shown[2] = Job("Done", Counts(20, 18, 0, 2, 0, 0))
    play.deliver()
    assert play.results() == {Result.CONFIRMED: 19, Result.REJECTED: 1}
    assert entries(play.scene.ledger, 1)[people[3]] == (1, Sent.UNKNOWN)


def test_more_than_can_be_found_leaves_the_rest_unknown(play: Play) -> None:
    people = crowd(3_000)
    play.want(1, people)
    play.cordial.refused = set(people[::2])
    play.deliver()
    assert len(play.singly.wrote) == SINGLE_CONTACTS
    assert len(play.cordial.started) <= 2 + FURTHER_JOBS
    results = play.results()
    assert results.total() == 3_000
    assert results[Result.UNKNOWN] == 2_000
    confirmed = {o.change.identifier for o in play.book.outcomes if o.result is Result.CONFIRMED}
    assert confirmed <= play.cordial.on
    assert "of 2000 rows it is not proven" in play.book.problems[0]


def test_the_allowance_is_of_a_list_and_not_of_a_direction(play: Play) -> None:
    people = crowd(2_600)
    play.joined(1, people[:1_300])
    play.want(1, people[1_300:])
    play.cordial.refused = set(people[::2])
    play.deliver()
    assert len(play.singly.wrote) == SINGLE_CONTACTS
    assert len(play.cordial.started) <= 3 + FURTHER_JOBS


def test_every_list_has_its_own_allowance(play: Play) -> None:
    people = crowd(1_200)
    for cohort in (1, 2):
        play.want(cohort, people)
    play.cordial.refused = set(people[::2])
    play.deliver()
    assert len(play.singly.wrote) == 2 * SINGLE_CONTACTS


def test_single_calls_know_whether_others_were_accepted(play: Play) -> None:
    people = crowd(20)
    play.want(1, people)
    play.cordial.refused = set(people)
    play.want(2, crowd(21))
    play.deliver()
    assert play.singly.accepted == [False, True]


def test_what_ends_the_single_calls_loses_no_refusal(play: Play) -> None:
    people = crowd(20)
    play.want(1, people)
    play.cordial.refused = {people[0]}
    play.singly.error = UnavailableError("rain")
    with pytest.raises(UnavailableError):
        play.deliver()
    assert play.book.results()[people[0]] is Result.REJECTED
    assert entries(play.scene.ledger, 1)[people[0]] == (1, Sent.UNKNOWN)


@pytest.mark.parametrize(("refused", "absent"), [(0, 1_099), (1_099, 0), (0, 1), (1_098, 1_099)])
def test_absent_contacts_are_counted_once_whoever_tells_of_them(
    play: Play, refused: int, absent: int
) -> None:
    """Some by single calls of whom no import knows, some by counts, some by both."""
    people = crowd(1_100)
    play.joined(1, [*people, "=x@b.example"])
    play.cordial.known -= {people[absent], "=x@b.example"}
    play.cordial.refused = {people[refused]}
    play.want(1, [])
    play.deliver()
    assert play.results()[Result.ALREADY_ABSENT] == 2
    assert play.results()[Result.REJECTED] == 1
