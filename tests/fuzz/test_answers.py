"""Odd answers to any call, in all three deliveries: no wrong write, nothing lost unsaid.

Four of six are members: two are to leave, two to join, and a stranger is to stay. However a run
with odd answers ends, the run after it comes to the truth, where the ledger lets it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.answers import answers
from tests.fuzz.people import HERE, STRANGER, address, person
from tests.fuzz.settings import examples, in_memory
from tests.fuzz.target import FuzzedTarget
from tests.ledgers import POSTGRES, SQLITE
from tests.target_cordial.command.messages import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ledgers import LedgerPlace

NOW: Final = (1, 2, 5, 6)
GIVEN: Final = b"".join(json.dumps(m).encode() + b"\n" for m in snapshot(*map(person, NOW)))
GOAL: Final = {STRANGER, *map(address, NOW)}
LEAVE: Final = {address(number) for number in HERE if number not in NOW}


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # some bodies are meant to be
@pytest.mark.parametrize(
    ("delivery", "kind"), [("contacts", SQLITE), ("imports", SQLITE), ("endpoint", POSTGRES)]
)
def test_whatever_is_answered_nobody_is_written_wrongly_and_nothing_is_lost_unsaid(
    delivery: str,
    kind: str,
    request: pytest.FixtureRequest,
    make_place: Callable[[str], LedgerPlace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = request.getfixturevalue("staging_store") if delivery == "imports" else None
    with in_memory(kind, make_place) as (place, folder):
        target = FuzzedTarget(place, folder, monkeypatch, delivery, store)

        @examples(short=8, long=3_000)
        @example({number: [("instead", 302)] for number in range(2, 9)}, 50)
        @example({number: [("instead", 404)] for number in range(2, 9)}, 50)
        @example({4: [("lost", "after")], 6: [("lost", "before")]}, 1)
        @given(answers, st.sampled_from([1, 1, 2, 50]))
        def hold(odd: dict[int, list[Any]], times: int) -> None:
            target.put_back()
            before = target.members()
            ran = target.run(GIVEN, odd, times)
            _hold(ran.members, before)
            ran.hold()
            assert ran.code != 0 or ran.members == GOAL
            after = target.run(GIVEN)
            _hold(after.members, before)
            after.hold()
            assert after.members == GOAL or (after.code != 0 or after.part["rejected"])

        hold()


def _hold(members: set[str], before: set[str]) -> None:
    assert members <= before | GOAL
    assert members >= before - LEAVE
