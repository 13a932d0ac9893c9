"""What must hold after every run: in Cordial, in the ledger and in the report."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis.stateful import RuleBasedStateMachine

from target_cordial.core.plan import Operation, Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.machine.book import Book
    from tests.machine.records import Script
    from tests.machine.world import Ended, World

Going = dict[str, dict[Operation, set[str]]]
"""What a run sends, by list."""


class Comparing(RuleBasedStateMachine):
    """Holds what is expected against what there is.

    Attributes:
        world: Cordial, the ledger and the runs.
        books: The cohorts, by id.
        known: Those that the target has heard of.
        lists: Who is expected on each list.
        others: Whom others have put on lists.
        poisoned: Whom Cordial refuses.
        withheld: Changes that this run keeps back, by cohort.
        done: Changes that this run makes, by cohort.
        missed: Whether this run finds a list gone.
    """

    world: World
    books: dict[str, Book]
    known: dict[str, Book]
    lists: dict[str, set[str]]
    others: dict[str, set[str]]
    poisoned: set[str]
    withheld: dict[str, int]
    done: dict[str, Counter[Operation]]
    missed: bool

    def _compare_with_ledger(self) -> None:
        """What is known of every identifier is what the contract says."""
        cohorts = self.world.cohorts()
        for cohort_id, book in self.known.items():
            cohort = cohorts[cohort_id]
            assert self._sent(cohort) == book.model.entries()
            assert (cohort["found"] is not None) is book.found
            assert (cohort["first_synced_at"] is None) is (book.first_synced_at is None)

    def _compare_calls(self, went: Mapping[str, Mapping[Operation, set[str]]]) -> None:
        """ "Nothing changed: no write call at all", and no call too many."""
        calls = self._calls()
        changed = {each for going in went.values() for ids in going.values() for each in ids}
        assert len(calls) == len(changed)

    def _calls(self) -> list[tuple[str, Any]]:
        """Take the writing calls, but for those that make lists."""
        return [
            (path, body)
            for path, body in self.world.written()
            if not path.endswith(("/accountlists", "/lists"))
        ]

    def _compare_report(self, ended: Ended, script: Script) -> None:
        doubted = any(self.books[cohort_id].doubted for cohort_id in script.heard)
        found = any(book.found for book in self.known.values())
        clean = not (doubted or found or self.missed or any(self.withheld.values()))
        assert ended.status == ("ok" if clean else "degraded"), ended.report["errors"]
        assert ended.state is not doubted
        for cohort_id, heard in script.heard.items():
            part = ended.part(cohort_id)
            assert part["received"] == heard.received
            assert part["skipped"] == self.books[cohort_id].model.skipped
            assert part["withheld"] == self.withheld.get(cohort_id, 0)
        for part in ended.report["cohorts"]:
            done = self.done.get(part["cohort_id"], Counter())
            assert part["added"] == done[Operation.ADD]
            assert part["removed"] + part["already_absent"] == done[Operation.REMOVE]

    def _compare_safety(self, before: dict[str, set[str]], overtaken: dict[str, set[str]]) -> None:
        """Whatever failed: nobody is removed who is in, nobody added who is not, nobody lost."""
        after = self._lists()
        cohorts = self.world.cohorts()
        for cohort_id, book in self.known.items():
            cohort = cohorts[cohort_id]
            sent = self._sent(cohort)
            assert {each for each, (wanted, _) in sent.items() if wanted} == book.model.wanted
            name = cohort["list_name"] or ""
            if cohort_id in self.world.lost or name not in after:
                continue
            gone = before.get(name, set()) - after[name]
            new = after[name] - before.get(name, set())
            late = overtaken.get(cohort_id, set())
            assert not gone & book.model.wanted - late
            assert new <= book.model.wanted | late
            assert all(sent[identifier][1] is not Sent.OFF for identifier in new)
            assert all(sent[each][1] is not Sent.ON for each in gone if each in sent)

    def _compare_in_any_case(self, ended: Ended) -> None:
        """What is confirmed is so; and after a clean run the list is what the cohort is."""
        for cohort_id, cohort in self.world.cohorts().items():
            if cohort_id in self.world.lost or cohort["list_id"] is None:
                continue
            members = self.world.members(cohort["list_name"])
            assert members is not None
            others = self.others.get(cohort["list_name"], set())
            rows = self.world.entries(cohort)
            sent = {identifier: Sent(row["sent"]) for identifier, row in rows.items()}
            assert {each for each, said in sent.items() if said is Sent.ON} <= members
            assert {each for each, said in sent.items() if said is Sent.OFF} & members <= others
            if ended.status == "ok":
                rest = {each for each, row in rows.items() if row["rejected_at"] is not None}
                wanted = {each for each, row in rows.items() if row["wanted"]}
                assert wanted - rest <= members
                assert members - rest - others <= wanted

    def _sent(self, cohort: dict[str, Any]) -> dict[str, tuple[int, Sent]]:
        return {
            identifier: (row["wanted"], Sent(row["sent"]))
            for identifier, row in self.world.entries(cohort).items()
        }

    # -- what there is ----------------------------------------------------------------------------

    def _lists(self) -> dict[str, set[str]]:
        names = itertools.chain(
            self.lists, (book.list_name for book in self.known.values() if book.list_name)
        )
        found = {name: self.world.members(name) for name in names}
        every = {listed.name for listed in self.world.state.account.lists.values()}
        found |= {name: self.world.members(name) for name in every}
        return {name: members for name, members in found.items() if members is not None}

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
