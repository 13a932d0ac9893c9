"""Settling against the contract in plain Python, over several runs of one cohort."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from target_cordial.core.outcome import Result
from target_cordial.core.plan import Sent
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import MEMORY
from target_cordial.ledger.settlement import Sealed
from target_cordial.ledger.store import Ledger
from tests.ledgers import KINDS, SQLITE
from tests.target_cordial.ledger.model import Model, Proven, Told
from tests.target_cordial.ledger.rows import adopt, deliver, entries, members, row, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ledgers import LedgerPlace

USER_IDS = {"a:1": "x", "a:2": "x", "a:3": "y", "a:4": None, "u:x": "x", "u:y": "y", "u:z": "z"}
"""Two Amplitude users share a user id; one has none; three are known by theirs alone."""

IDENTIFIERS = ("p", "q", "r")

TIMES = (None, None, 1, 2, 3, 4)

KEYS = count(1)


@dataclass(frozen=True)
class Round:
    """One run: its records, its marker, and how its calls end."""

    records: tuple[Told, ...]
    proven: Proven | None
    result: Result | None
    times: dict[int, int] = field(default_factory=dict)
    adopted: tuple[str, ...] = ()


@st.composite
def told(draw: st.DrawFn) -> Told:
    snapshot = draw(st.sampled_from([None, 0, 0, 1]))
    present = snapshot is not None or draw(st.booleans())
    time = draw(st.sampled_from([None, None, 1, 2, 3, 4]))
    message = draw(st.sampled_from([None, None, "m", "n"]))
    if draw(st.integers(0, 4)) == 0:
        identifier = draw(st.sampled_from(IDENTIFIERS))
        return Told(f"i:{identifier}", None, identifier, present, snapshot, time, message)
    user = draw(st.sampled_from(sorted(USER_IDS)))
    found = draw(st.sampled_from([*IDENTIFIERS, None]))
    nameless = user.startswith("a:") and draw(st.integers(0, 3)) == 0
    user_id = None if nameless else USER_IDS[user]
    return Told(user, user_id, found, present, snapshot, time, message)


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    records = tuple(draw(st.lists(told(), max_size=7)))
    which = draw(st.sampled_from([None, 0, 0, 1, "empty"]))
    proven: Proven | None = None
    drawn = {number: draw(st.sampled_from(TIMES)) for number in (0, 1)}
    times = {number: time for number, time in drawn.items() if time is not None}
    if which in (0, 1):
        own = [at for at, each in enumerate(records, 1) if each.snapshot == which]
        proven = Proven(int(which), own[0], times.get(int(which))) if own else None
    elif which == "empty":
        proven = Proven(None, draw(st.integers(0, len(records))), draw(st.sampled_from(TIMES)))
    result = draw(st.sampled_from([None, Result.CONFIRMED, Result.NOT_SENT, Result.UNKNOWN]))
    adopted = draw(st.sampled_from([(), (), (), ("p",), ("q", "s")]))
    return Round(records, proven, result, times, adopted)


@st.composite
def simple_rounds(draw: st.DrawFn) -> Round:
    """A proven snapshot of users with ids of one kind, each once: what differs is enough."""
    kind = draw(st.sampled_from(["a:", "a:", "a:", "u:", "i:"]))
    known = [f"i:{name}" for name in IDENTIFIERS] if kind == "i:" else sorted(USER_IDS)
    those = st.sampled_from([user for user in known if user.startswith(kind)])
    nameless = kind == "a:" and draw(st.booleans())
    records = tuple(
        Told(
            user,
            None if nameless else USER_IDS.get(user),
            user[2:] if kind == "i:" else draw(st.sampled_from([*IDENTIFIERS, "p", "p", None])),
            present=True,
            snapshot=0,
        )
        for user in draw(st.lists(those, unique=True, min_size=1))
    )
    time = draw(st.sampled_from(TIMES))
    result = draw(st.sampled_from([None, Result.CONFIRMED, Result.NOT_SENT, Result.UNKNOWN]))
    times = {} if time is None else {0: time}
    return Round(records, Proven(0, 1, time), result, times)


@pytest.fixture(params=KINDS)
def shared(
    request: pytest.FixtureRequest, make_place: Callable[[str], LedgerPlace]
) -> Iterator[Ledger]:
    """One ledger for all examples: each has a cohort of its own in it."""
    kind = request.param
    made = Ledger(MEMORY if kind == SQLITE else make_place(kind).url, exclusive=False)
    yield made
    made.close()


FIRST_KNOWN_BY_USER_ID = [
    Round((Told("u:x", "x", "p", present=True, snapshot=None),), None, None),
    Round((Told("a:1", "x", None, present=True, snapshot=0),), None, None),
]
"""The same user by a better id, without identifier now, and nobody else resolves."""


few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # one ledger is meant
)


@few
@example(FIRST_KNOWN_BY_USER_ID)
@given(st.lists(rounds(), min_size=1, max_size=4))
def test_the_ledger_holds_what_the_contract_says(shared: Ledger, runs: list[Round]) -> None:
    compare(shared, runs)


@few
@given(st.lists(simple_rounds() | simple_rounds() | rounds(), min_size=2, max_size=6))
def test_what_differs_is_enough_to_know(shared: Ledger, runs: list[Round]) -> None:
    compare(shared, runs)


def compare(shared: Ledger, runs: list[Round]) -> None:
    """Do the runs with a ledger and with the model, and compare the two after each."""
    cohort = shared.ensure_cohort(f"c{next(KEYS)}", None)
    book = Entries(shared)
    model = Model()
    for each in runs:
        rows = [
            row(
                at,
                r.user,
                r.identifier,
                user_id=r.user_id,
                snapshot=r.snapshot,
                present=r.present,
                time=r.time,
                message=r.message.encode() if r.message else None,
            )
            for at, r in enumerate(each.records, 1)
        ]
        sealed = None
        if each.proven is not None:
            sealed = Sealed(each.proven.snapshot, each.proven.first, each.proven.time)
        before = (members(shared, cohort), entries(shared, cohort))
        settled = settle(shared, cohort, rows, sealed, each.times)
        model.settle(each.records, each.proven, each.times)
        after = (members(shared, cohort), entries(shared, cohort))
        assert settled.resolves is model.resolves
        assert settled.outdated is model.outdated
        assert settled.skipped == model.skipped
        if not settled.resolves:
            assert after == before
        assert after[0] == {user: identifier for user, (_, identifier) in model.users.items()}
        assert after[1] == model.entries()
        if each.adopted:
            adopt(shared, cohort, each.adopted)
            model.adopt(each.adopted)
        if each.result is not None:
            end_calls(model, each.result)
            deliver(book, cohort, each.result)
            assert entries(shared, cohort) == model.entries()


def end_calls(model: Model, result: Result) -> None:
    """Let every pending change of the model end in one way."""
    for name, (wanted, sent) in model.entries().items():
        if sent is (Sent.ON if wanted else Sent.OFF):
            continue
        if result is Result.CONFIRMED:
            model.sent[name] = Sent.ON if wanted else Sent.OFF
        elif result is Result.UNKNOWN:
            model.sent[name] = Sent.UNKNOWN
