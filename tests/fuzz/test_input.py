"""The Singer input, changed at every level: no traceback, no person in a log, no wrong write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given

from tests.fuzz import truth
from tests.fuzz.mutations import BASES, inputs, written
from tests.fuzz.people import MARK
from tests.fuzz.settings import examples, in_memory
from tests.fuzz.target import FuzzedTarget
from tests.ledgers import KINDS, SQLITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ledgers import LedgerPlace


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # some inputs are meant to be
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_sent_is_refused_or_understood(
    kind: str, make_place: Callable[[str], LedgerPlace], monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_memory(kind, make_place) as (place, folder):
        target = FuzzedTarget(place, folder, monkeypatch)

        @examples(short=30 if kind == SQLITE else 12, long=5_000)
        @example((BASES[0], [("leave out", (3, 0), None)], []))  # one row less than the marker says
        @example((BASES[0], [("put", (3, 5), "\x00")], []))
        @example((BASES[0], [("put", (3, 7), f"{MARK} of no type")], []))
        @example((BASES[0], [("message", (3, 0), {"type": "RECORD"})], []))
        @example((BASES[2], [("put", (2, 8), "no word")], []))
        @example((BASES[3], [], [(0, 1_500, b"")]))  # cut off in the midst
        @given(inputs)
        def hold(drawn: tuple[Any, Any, Any]) -> None:
            target.put_back()
            before = target.members()
            text = written(*drawn)
            ran = target.run(text)
            ran.hold()
            truth.hold(text, ran, before)

        hold()
