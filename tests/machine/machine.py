"""The machine: what can happen, and what a run is expected to come to."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from target_cordial.core.plan import Operation, Sent
from target_cordial.ledger_cli.app import cli
from tests.machine.book import DAY, Book, Limits
from tests.machine.comparing import Comparing, Going
from tests.machine.drawn import COHORTS, GUARDS, blocks, events, troubles, weighted, whos
from tests.machine.records import Script, Snapshot, Who
from tests.machine.world import NOON, EndpointWorld, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.ledgers import LedgerPlace
    from tests.machine.drawn import Event, Trouble
    from tests.machine.records import Block
    from tests.machine.world import Ended


class Machine(Comparing):
    """Runs, and what happens between them, held against the books of two cohorts."""

    folder: ClassVar[Path]

    @staticmethod
    def new_ledger() -> LedgerPlace | None:
        """Make a place for an example's ledger, if that is not a file."""
        return None

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
        self.world = self.make_world(Path(self.place.name), settings)
        self.config = Path(self.place.name) / "config.json"
        self.config.write_text(json.dumps(self.world.config), encoding="utf-8")
        self.books = {
            cohort_id: Book(cohort_id, spellings[int(names)], limits)
            for cohort_id, spellings in COHORTS.items()
        }
        self.known, self.lists, self.others, self.poisoned = {}, {}, {}, set()
        if users:
            self.all_calls_work([Snapshot("c1", "s0", users, "complete", None, first=False)])

    def make_world(self, place: Path, settings: dict[str, Any]) -> World:
        return World(place, settings, self.new_ledger())

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.place.remove()
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
        if cohort not in self.world.lost:
            name = self._list_of(self.books[cohort])
            self.world.put_on_list(name, address)
            self.lists.setdefault(name, set()).add(address)
            self.others.setdefault(name, set()).add(address)

    def a_list_is_deleted_or_restored(self, cohort: str) -> None:
        if cohort in self.world.lost:
            self.world.restore_list(cohort)
        elif cohort in self.known:
            self.world.delete_list(cohort)
        self.lists = self._lists()

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
        if share and book.cohort_id not in self.world.lost:
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
        trouble=weighted((2, st.none()), (1, troubles)),
    )
    def a_run(self, meanwhile: list[Event], said: list[Block], trouble: Trouble | None) -> None:
        for name, *arguments in meanwhile:
            getattr(self, name)(*arguments)
        self.world.now += 60
        if trouble is None:
            self.all_calls_work(said)
        else:
            self.some_calls_fail(said, trouble)

    def all_calls_work(self, said: list[Block]) -> None:
        script = self._write(said)
        before, overtaken = self._lists(), self._overtaken()
        went = self._expect(script)
        expected = {name: set(members) for name, members in self.lists.items()}
        if not self._is_foreseen(went):
            self._end_in_trouble(self.world.run(script.messages), before, overtaken)
            return
        ended = self.world.run(script.messages)
        assert self._lists() == expected, ended.report
        self._compare_with_ledger()
        self._compare_calls(went)
        self._compare_report(ended, script)
        self._compare_in_any_case(ended)

    def some_calls_fail(self, said: list[Block], trouble: Trouble) -> None:
        script = self._write(said)
        before, overtaken = self._lists(), self._overtaken()
        for cohort_id, heard in script.heard.items():
            self._known(cohort_id).hear(heard)
        self._make(trouble)
        ended = self.world.run(script.messages)
        self.world.heal()
        self._end_in_trouble(ended, before, overtaken)

    def _end_in_trouble(
        self, ended: Ended, before: dict[str, set[str]], overtaken: dict[str, set[str]]
    ) -> None:
        self.world.written()
        self._learn_from_ledger()
        self._compare_safety(before, overtaken)
        self._compare_in_any_case(ended)
        self.lists = self._lists()

    def _make(self, trouble: Trouble) -> None:
        happens: dict[str, Callable[[], None]] = {
            "dies": self.world.die,
            "is_told_to_stop": self.world.told_to_stop,
            "list_is_deleted": self._delete_some_list,
        }
        if trouble.kind in happens:
            self.world.at_step(trouble.skip, happens[trouble.kind])
        else:
            self.world.fail(trouble.kind, trouble.skip, trouble.times, **trouble.details)

    def _delete_some_list(self) -> None:
        there = [cohort_id for cohort_id in self.known if cohort_id not in self.world.lost]
        for cohort_id in there[:1]:
            self.world.delete_list(cohort_id)

    def _overtaken(self) -> dict[str, set[str]]:
        """Tell who may be written by what an earlier run has sent, whatever is wanted now."""
        return {}

    def _is_foreseen(self, went: Going) -> bool:  # noqa: ARG002  some deliveries look at it
        """Tell whether it is known what a run comes to, and by which calls."""
        return True

    # -- what a run is expected to do -------------------------------------------------------------

    def _write(self, said: list[Block]) -> Script:
        script = Script({cohort_id: book.name for cohort_id, book in self.books.items()})
        for block in said:
            script.write(block)
        return script

    def _known(self, cohort_id: str) -> Book:
        return self.known.setdefault(cohort_id, self.books[cohort_id])

    def _expect(self, script: Script) -> Going:
        """Take a run into the books, and say what goes out, by list."""
        now = self.world.now
        for cohort_id, heard in script.heard.items():
            self._known(cohort_id).hear(heard)
        self.done = defaultdict(Counter)
        self._end_earlier(now)
        went: Going = {}
        self.missed = False
        self.withheld = {}
        for cohort_id, book in self.known.items():
            came = cohort_id in script.heard
            due = {operation: book.due(operation, now) for operation in Operation}
            confirmed = any(sent is Sent.ON for sent in book.model.sent.values())
            lost = cohort_id in self.world.lost
            looked_at = any(due.values()) or (came and (confirmed or book.complete))
            looked_at = looked_at or (lost and confirmed)
            if not looked_at or (came and not book.model.resolves):
                continue
            if lost:
                self.missed = True
                continue
            self._bind(book)
            held = {operation: book.withheld(operation, now) for operation in Operation}
            self.withheld[cohort_id] = sum(map(len, held.values()))
            uses = book.uses_approval(now)
            going = {operation: due[operation] - held[operation] for operation in Operation}
            book.deliver(going, self.poisoned, now)
            for operation, identifiers in going.items():
                self.done[cohort_id][operation] += len(identifiers - self.poisoned)
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

    def _end_earlier(self, now: float) -> None:
        """Take what earlier runs began into the books, as far as it has ended."""

    def _bind(self, book: Book) -> None:
        if book.list_name is None:
            book.list_name = self._list_of(book)
            book.found = bool(self.lists.setdefault(book.list_name, set()))

    @staticmethod
    def _list_of(book: Book) -> str:
        """ "The cohort name with all white space removed", until it is bound."""
        return book.list_name or "".join(book.name.split())

    def _command(self, *arguments: str) -> None:
        with self.world.patched(), contextlib.redirect_stdout(io.StringIO()):
            cli.main(["--config", str(self.config), "--json", *arguments], standalone_mode=False)


class EndpointMachine(Machine):
    """The same, where delivery goes to the endpoint."""

    def make_world(self, place: Path, settings: dict[str, Any]) -> World:
        return EndpointWorld(place, settings, self.new_ledger())

    def _compare_calls(self, went: Mapping[str, Mapping[Operation, set[str]]]) -> None:
        calls = self._calls()
        if not self.poisoned:
            every = [ids for going in went.values() for ids in going.values()]
            sent = [identifier for _, body in calls for identifier in body["userIds"]]
            assert sorted(sent) == sorted(each for ids in every for each in ids)
            assert len(calls) == sum(-(-len(ids) // 2) for ids in every)
