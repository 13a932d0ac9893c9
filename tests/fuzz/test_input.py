"""The Singer input, changed at every level: no traceback, no person in a log, no wrong write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from tests.fuzz import truth
from tests.fuzz.mutations import inputs, written
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
        @given(inputs)
        def hold(drawn: tuple[Any, Any, Any]) -> None:
            target.put_back()
            before = target.members()
            text = written(*drawn)
            ran = target.run(text)
            ran.hold()
            truth.hold(text, ran, before)

        hold()
