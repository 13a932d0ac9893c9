"""A source of cohorts that change all the time, and a tap that goes on where its STATE says.

Everything is drawn from one generator, so a seed is the whole of it.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from tests.faults.people import MARK, address
from tests.target_cordial.command.messages import FLAGGED, MEMBERS, SNAPSHOTS, record, state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

COHORTS: Final = {"c1aaaaa": "first", "c2bbbbb": "second", "c3ccccc": "third"}
"""Names by id; the lists have the same names."""

STRANGERS: Final = {name: {address(f"stranger{name}")} for name in COHORTS.values()}
"""Others put them there."""

PEOPLE: Final = range(1, 31)

MOST_CHANGES: Final = 8
"""Between two runs."""

AGAIN: Final = 0.5
"""How often a change is about somebody who has just come or gone: a run may have died over that."""

MOVES: Final = 0.2
"""How often it is another address."""

EPOCH: Final = 1_795_000_000

Lists = dict[str, set[str]]
"""Addresses, by the name of the list."""


class Source:
    """Cohorts, and all that has happened to them.

    Args:
        random: Decides.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._addresses = {person: address(person) for person in PEOPLE}
        self.members: dict[str, set[int]] = {
            cohort: set(random.sample(PEOPLE, 8)) for cohort in COHORTS
        }
        self.happened: list[tuple[str, int, bool, str]] = []
        for cohort, members in self.members.items():
            for person in sorted(members):
                self._happens(cohort, person, present=True)

    @property
    def time(self) -> int:
        """The source's own time: it goes on with every change."""
        return EPOCH + len(self.happened)

    def lists(self) -> Lists:
        """Say who is to be on each list."""
        return {
            name: {self._addresses[person] for person in self.members[cohort]}
            for cohort, name in COHORTS.items()
        }

    def change(self) -> None:
        """Let a few people come, go, come back and have other addresses."""
        recent = self.happened[-MOST_CHANGES:]
        for _ in range(self._random.randint(1, MOST_CHANGES)):
            cohort, person = self._random.choice(list(COHORTS)), self._random.choice(PEOPLE)
            if self._random.random() < AGAIN:
                cohort, person, *_ = self._random.choice(recent)
            if self._random.random() < MOVES:
                self._move(person)
                continue
            present = person not in self.members[cohort]
            (set.add if present else set.discard)(self.members[cohort], person)
            self._happens(cohort, person, present=present)

    def _move(self, person: int) -> None:
        """Give somebody another address: a new one, their own again, or somebody else's."""
        other = self._random.choice([address(person), address(f"{person}-moved"), None])
        self._addresses[person] = other or self._addresses[self._random.choice(PEOPLE)]
        for cohort, members in self.members.items():
            if person in members:
                self._happens(cohort, person, present=True)

    def _happens(self, cohort: str, person: int, *, present: bool) -> None:
        self.happened.append((cohort, person, present, self._addresses[person]))

    # -- rows -------------------------------------------------------------------------------------

    def snapshot(self, cohort: str) -> list[Any]:
        """All members of a cohort, and the marker; in any order."""
        name = f"{cohort}-{self.time}"
        people = sorted(self.members[cohort])
        self._random.shuffle(people)
        rows = [
            record("cohort_members", self._row(cohort, person, self._addresses[person], name))
            for person in people
        ]
        marker = {
            "cohort_id": cohort,
            "cohort_name": COHORTS[cohort],
            "snapshot_id": name,
            "member_count": len(people),
            "complete": True,
            "computed_at": datetime.fromtimestamp(self.time, timezone.utc).isoformat(),
        }
        rows.insert(self._random.randint(0, len(rows)), record("cohort_snapshots", marker))
        return rows

    def rows(self, cohort: str, since: int) -> list[Any]:
        """What has happened to a cohort since a position."""
        return [
            record(
                "changes",
                {
                    **self._row(cohort, person, email, None),
                    "in_cohort": present,
                    "computed_time": str(EPOCH + position),
                },
            )
            for position, (where, person, present, email) in enumerate(self.happened)
            if position >= since and where == cohort
        ]

    def _row(self, cohort: str, person: int, email: str, snapshot_id: str | None) -> dict[str, Any]:
        return {
            "cohort_id": cohort,
            "cohort_name": COHORTS[cohort],
            "amplitude_id": f"{person}{MARK}",
            "user_id": f"u-{person}-{MARK}",
            "user_properties": {"email": email},
            "snapshot_id": snapshot_id,
        }


class Tap:
    """Sends what has happened since the last STATE that came back, in one way or another.

    Args:
        source: The source.
        random: Decides.
    """

    def __init__(self, source: Source, random: Random) -> None:
        self._source = source
        self._random = random
        self.position = 0

    def messages(self) -> list[Any]:
        """One run's input: snapshots of some cohorts, explicit rows of others, both of some."""
        parts: list[list[Any]] = []
        for cohort in COHORTS:
            way = self._random.choice(["snapshot", "rows", "both"])
            if way != "snapshot":
                parts.append(self._source.rows(cohort, self.position))
            if way != "rows":
                parts.append(self._source.snapshot(cohort))
        self._random.shuffle(parts)
        rows = [row for part in parts for row in part]
        return [MEMBERS, SNAPSHOTS, FLAGGED, *rows, state(self._state())]

    def heard(self, states: Iterable[Any]) -> None:
        """Go on from the last STATE that came back."""
        for value in states:
            assert value == self._state(), "a STATE that was never sent"
            self.position = value["bookmarks"]["position"]

    def _state(self) -> dict[str, Any]:
        return {"bookmarks": {"position": len(self._source.happened)}}
