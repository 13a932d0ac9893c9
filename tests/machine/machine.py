"""The machine: what can happen, and what must hold after every run."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from target_cordial.core.plan import Operation, Sent
from target_cordial.ledger_cli.app import cli
from tests.machine.book import DAY, Book, Limits
from tests.machine.records import USER_IDS, Batch, Change, Script, Snapshot, Unreadable, Who
from tests.machine.world import NOON, World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.machine.records import Block
    from tests.machine.world import Ended

COHORTS = {"c1": ("alpha", "al pha"), "c2": ("beta", "Beta 2")}
IDENTIFIERS = ("p@x.io", "q@x.io", "r@x.io", "s@x.io")
FOREIGN = (*IDENTIFIERS, "f@x.io", "g@x.io")

GUARDS = (
    Limits(10, 30, 1000, 200),
    Limits(1, 30, 1, 50),
    Limits(0, 0, 0, 10),
    Limits(0, 100, 0, 0),
)

# -- what a tap may send --------------------------------------------------------------------------

cohorts = st.sampled_from(sorted(COHORTS))
identifiers = st.sampled_from(IDENTIFIERS)
times = st.sampled_from([None, None, 1, 2, 3, 4, 5])
messages = st.sampled_from([None, None, "m", "n"])


@st.composite
def whos(draw: st.DrawFn) -> Who:
    known = draw(st.sampled_from(["full", "full", "full", "amplitude_id", "user_id", "identifier"]))
    identifier = draw(st.sampled_from([*IDENTIFIERS, *IDENTIFIERS, None]))
    if known == "user_id":
        return Who(None, draw(st.sampled_from(["x", "y", "z"])), identifier)
    if known == "identifier":
        return Who(None, None, draw(identifiers))
    amplitude_id = draw(st.sampled_from(sorted(USER_IDS)))
    user_id = USER_IDS[amplitude_id] if known == "full" else None
    return Who(amplitude_id, user_id, identifier)


snapshots = st.builds(
    Snapshot,
    cohorts,
    st.sampled_from(["s1", "s2"]),
    st.lists(whos(), max_size=5).map(tuple),
    st.sampled_from(["complete"] * 8 + ["truncated", "one_more", "incomplete", "unmarked"]),
    times,
    st.booleans(),
)

WORDS: tuple[tuple[dict[str, Any], bool], ...] = (
    ({"in_cohort": True}, True),
    ({"in_cohort": False}, False),
    ({"operation": "Add"}, True),
    ({"operation": "exiting"}, False),
    ({"_sdc_deleted_at": "2026-01-02T00:00:00Z"}, False),
)
changes = st.builds(
    lambda cohort, who, word, time, message: Change(cohort, who, word[0], word[1], time, message),
    cohorts,
    whos(),
    st.sampled_from(WORDS),
    times,
    messages,
)
batches = st.builds(
    Batch,
    cohorts,
    st.lists(whos(), max_size=3).map(tuple),
    st.booleans(),
    times,
    st.sampled_from(["b", "c"]),
)
blocks = st.one_of(
    snapshots, snapshots, snapshots, changes, changes, batches, st.builds(Unreadable, cohorts)
)

events = st.one_of(
    st.tuples(st.just("time_passes"), st.sampled_from([0.5, 1.1, 1.1, 8])),
    st.tuples(st.just("a_cohort_is_renamed"), cohorts),
    st.tuples(st.just("somebody_else_adds_a_member"), cohorts, st.sampled_from(FOREIGN)),
    st.tuples(st.just("cordial_refuses_some_people"), st.sets(identifiers, max_size=2)),
    st.tuples(st.just("somebody_approves"), cohorts, st.integers(1, 5)),
    st.tuples(st.just("somebody_lets_rejected_changes_be_tried_again")),
    st.tuples(st.just("somebody_says_whose_members_they_are"), st.integers(0, 3)),
)
Event = tuple[Any, ...]

Failure = tuple[str, int, int]
failures = st.tuples(
    st.sampled_from(["drop_before", "drop_after", "status"]),
    st.integers(0, 3),
    st.sampled_from([1, 8, 20, 40]),
)


class Machine(RuleBasedStateMachine):
    """Runs, and what happens between them, held against the books of two cohorts."""

    delivery: ClassVar[str]
    folder: ClassVar[Path]

    # -- the beginning and the end ----------------------------------------------------------------

    @initialize(
        limits=st.sampled_from(GUARDS),
        names=st.booleans(),
        users=st.lists(whos(), max_size=6).map(tuple),
    )
    def begin(
        self,
        limits: Limits,
        names: bool,  # noqa: FBT001  hypothesis draws it
        users: tuple[Who, ...],
    ) -> None:
        self.place = tempfile.TemporaryDirectory(dir=self.folder)
        settings = {
            "max_removal_count": limits.removal_count,
            "max_removal_percent": limits.removal_percent,
            "max_addition_count": limits.addition_count,
            "max_addition_percent": limits.addition_percent,
        }
        self.world = World(Path(self.place.name), self.delivery, settings)
        self.config = Path(self.place.name) / "config.json"
        self.config.write_text(json.dumps(self.world.config), encoding="utf-8")
        self.books = {
            cohort_id: Book(cohort_id, spellings[int(names)], limits)
            for cohort_id, spellings in COHORTS.items()
        }
        self.known: dict[str, Book] = {}
        self.lists: dict[str, set[str]] = {}
        self.poisoned: set[str] = set()
        if users:
            self.all_calls_work([Snapshot("c1", "s0", users, "complete", None, first=False)])

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.place.cleanup()

    # -- what happens between runs ----------------------------------------------------------------

    def time_passes(self, days: float) -> None:
        if self.world.now + days * DAY < NOON + 25 * DAY:  # times and messages are kept for 30
            self.world.now += days * DAY

    def a_cohort_is_renamed(self, cohort: str) -> None:
        book = self.books[cohort]
        book.name = next(name for name in COHORTS[cohort] if name != book.name)

    def somebody_else_adds_a_member(self, cohort: str, address: str) -> None:
        name = self._list_of(self.books[cohort])
        self.world.put_on_list(name, address)
        self.lists.setdefault(name, set()).add(address)

    def cordial_refuses_some_people(self, poisoned: set[str]) -> None:
        self.world.poison(sorted(poisoned))
        self.poisoned = poisoned

    def somebody_approves(self, cohort: str, up_to: int) -> None:
        if cohort in self.known:
            self._command("approve", cohort, "--up-to", str(up_to))
            self.known[cohort].approved = (up_to, self.world.now)

    def somebody_lets_rejected_changes_be_tried_again(self) -> None:
        if self.known:
            self._command("retry")
        for book in self.known.values():
            book.rejected_at.clear()

    def somebody_says_whose_members_they_are(self, share: int) -> None:
        book = next((book for book in self.known.values() if book.found), None)
        if book is None:
            return
        if share:
            mine = sorted(self.lists[book.list_name or ""])[: share + 1]
            file = Path(self.place.name) / "mine.csv"
            file.write_text("\n".join(["email", *mine]) + "\n", encoding="utf-8")
            self._command("adopt", book.cohort_id, "--file", str(file))
            for identifier in mine:
                if book.model.sent.get(identifier) is not Sent.ON:
                    book.rejected_at.pop(identifier, None)
            book.model.adopt(mine)
        else:
            self._command("adopt", book.cohort_id, "--none")
        book.found = False

    # -- runs -------------------------------------------------------------------------------------

    @rule(
        meanwhile=st.lists(events, max_size=2),
        said=st.lists(blocks, max_size=4),
        failure=st.one_of(st.none(), st.none(), st.none(), failures),
    )
    def a_run(self, meanwhile: list[Event], said: list[Block], failure: Failure | None) -> None:
        for name, *arguments in meanwhile:
            getattr(self, name)(*arguments)
        self.world.now += 60
        if failure is None:
            self.all_calls_work(said)
        else:
            self.some_calls_fail(said, failure)

    def all_calls_work(self, said: list[Block]) -> None:
        script = self._write(said)
        went = self._expect(script)
        expected = {name: set(members) for name, members in self.lists.items()}
        ended = self.world.run(script.messages)
        assert self._lists() == expected, ended.report
        self._compare_with_ledger()
        self._compare_calls(went)
        self._compare_report(ended, script)

    def some_calls_fail(self, said: list[Block], failure: Failure) -> None:
        script = self._write(said)
        before = self._lists()
        for cohort_id, heard in script.heard.items():
            self._known(cohort_id).hear(heard)
        self.world.fail(*failure)
        self.world.run(script.messages)
        self.world.heal()
        self.world.written()
        self._learn_from_ledger()
        self._compare_safety(before)
        self.lists = self._lists()

    # -- what a run is expected to do -------------------------------------------------------------

    def _write(self, said: list[Block]) -> Script:
        script = Script({cohort_id: book.name for cohort_id, book in self.books.items()})
        for block in said:
            script.write(block)
        return script

    def _known(self, cohort_id: str) -> Book:
        return self.known.setdefault(cohort_id, self.books[cohort_id])

    def _expect(self, script: Script) -> dict[str, dict[Operation, set[str]]]:
        """Take a run into the books, and say what goes out, by list."""
        now = self.world.now
        for cohort_id, heard in script.heard.items():
            self._known(cohort_id).hear(heard)
        went: dict[str, dict[Operation, set[str]]] = {}
        self.withheld: dict[str, int] = {}
        for cohort_id, book in self.known.items():
            came = cohort_id in script.heard
            due = {operation: book.due(operation, now) for operation in Operation}
            confirmed = any(sent is Sent.ON for sent in book.model.sent.values())
            looked_at = any(due.values()) or (came and (confirmed or book.complete))
            if not looked_at or (came and not book.model.resolves):
                continue
            self._bind(book)
            held = {operation: book.withheld(operation, now) for operation in Operation}
            self.withheld[cohort_id] = sum(map(len, held.values()))
            uses = book.uses_approval(now)
            going = {operation: due[operation] - held[operation] for operation in Operation}
            book.deliver(going, self.poisoned, now)
            members = self.lists[book.list_name or ""]
            members |= going[Operation.ADD] - self.poisoned
            members -= going[Operation.REMOVE] - self.poisoned
            went[book.list_name or ""] = going
            half = came and bool(script.heard[cohort_id].rows) and not book.complete
            half = half or (came and bool(script.heard[cohort_id].marks) and not book.complete)
            half = half or (came and script.heard[cohort_id].unreadable)
            if book.first_synced_at is None and not half:
                book.first_synced_at = now
            if uses:
                book.approved = None
        for book in self.known.values():
            book.forget_leavers(now)
        return went

    def _bind(self, book: Book) -> None:
        if book.list_name is None:
            book.list_name = self._list_of(book)
            book.found = bool(self.lists.setdefault(book.list_name, set()))

    @staticmethod
    def _list_of(book: Book) -> str:
        """ "The cohort name with all white space removed", until it is bound."""
        return book.list_name or "".join(book.name.split())

    # -- what must hold ---------------------------------------------------------------------------

    def _compare_with_ledger(self) -> None:
        """What is known of every identifier is what the contract says."""
        cohorts = self.world.cohorts()
        for cohort_id, book in self.known.items():
            cohort = cohorts[cohort_id]
            kept = {
                identifier: (row["wanted"], Sent(row["sent"]))
                for identifier, row in self.world.entries(cohort).items()
            }
            assert kept == book.model.entries()
            assert (cohort["found"] is not None) is book.found
            assert (cohort["first_synced_at"] is None) is (book.first_synced_at is None)

    def _compare_calls(self, went: Mapping[str, Mapping[Operation, set[str]]]) -> None:
        """ "Nothing changed: no write call at all", and no call too many."""
        calls = [
            (path, body)
            for path, body in self.world.written()
            if not path.endswith(("/accountlists", "/lists"))
        ]
        changed = [
            identifier
            for going in went.values()
            for identifiers in going.values()
            for identifier in identifiers
        ]
        if self.delivery == "contacts":
            assert len(calls) == len(set(changed))
        elif not self.poisoned:
            sent = [identifier for _, body in calls for identifier in body["userIds"]]
            assert sorted(sent) == sorted(changed)
            batches = [-(-len(ids) // 2) for going in went.values() for ids in going.values()]
            assert len(calls) == sum(batches)

    def _compare_report(self, ended: Ended, script: Script) -> None:
        doubted = any(self.books[cohort_id].doubted for cohort_id in script.heard)
        found = any(book.found for book in self.known.values())
        clean = not (doubted or found or any(self.withheld.values()))
        assert ended.status == ("ok" if clean else "degraded"), ended.report["errors"]
        assert ended.state is not doubted
        for cohort_id, heard in script.heard.items():
            part = ended.part(cohort_id)
            assert part["received"] == heard.received
            assert part["skipped"] == self.books[cohort_id].model.skipped
            assert part["withheld"] == self.withheld.get(cohort_id, 0)

    def _compare_safety(self, before: dict[str, set[str]]) -> None:
        """Whatever failed: nobody is removed who is in, nobody added who is not, nobody lost."""
        after = self._lists()
        cohorts = self.world.cohorts()
        for cohort_id, book in self.known.items():
            cohort = cohorts[cohort_id]
            entries = self.world.entries(cohort)
            sent = {identifier: Sent(row["sent"]) for identifier, row in entries.items()}
            wanted = {identifier for identifier, row in entries.items() if row["wanted"]}
            assert wanted == book.model.wanted
            name = cohort["list_name"] or ""
            gone = before.get(name, set()) - after.get(name, set())
            new = after.get(name, set()) - before.get(name, set())
            assert not gone & wanted
            assert new <= wanted
            assert all(sent[identifier] is not Sent.OFF for identifier in new)
            assert all(sent.get(identifier) is not Sent.ON for identifier in gone)
            confirmed = {identifier for identifier, said in sent.items() if said is Sent.ON}
            assert confirmed <= after.get(name, set())

    # -- helpers ----------------------------------------------------------------------------------

    def _lists(self) -> dict[str, set[str]]:
        names = itertools.chain(
            self.lists, (book.list_name for book in self.known.values() if book.list_name)
        )
        found = {name: self.world.members(name) for name in names}
        every = {listed.name for listed in self.world.state.account.lists.values()}
        found |= {name: self.world.members(name) for name in every}
        return {name: members for name, members in found.items() if members is not None}

    def _command(self, *arguments: str) -> None:
        with self.world.patched(), contextlib.redirect_stdout(io.StringIO()):
            cli.main(["--config", str(self.config), "--json", *arguments], standalone_mode=False)

    def _learn_from_ledger(self) -> None:
        """After calls have failed, only the ledger knows which: it is held against the lists."""
        cohorts = self.world.cohorts()
        for cohort_id, book in self.known.items():
            cohort = cohorts[cohort_id]
            book.list_name = cohort["list_name"] if cohort["list_id"] is not None else None
            book.found = cohort["found"] is not None
            book.first_synced_at = cohort["first_synced_at"]
            book.approved = self.world.approval(cohort)
            rows = self.world.entries(cohort)
            book.model.sent = {identifier: Sent(row["sent"]) for identifier, row in rows.items()}
            for name, times in (
                ("added_at", book.added_at),
                ("removed_at", book.removed_at),
                ("rejected_at", book.rejected_at),
            ):
                times.clear()
                times |= {identifier: row[name] for identifier, row in rows.items() if row[name]}
