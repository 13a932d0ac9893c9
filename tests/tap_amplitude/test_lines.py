"""Lines against what the SDK's writer makes of the same rows."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage

from tap_amplitude import lines
from tap_amplitude.csv_file import read_layout
from tap_amplitude.lines import Lines
from tap_amplitude.members import Frame, Members

TIME = datetime(2026, 11, 27, 16, 20, 30, 123456, tzinfo=timezone.utc)
HEADERS = st.lists(
    st.sampled_from(
        ["email", "gp:email", "plan", "100 %s", 'a "b"', "{0}", "\\", "", "\0", "\u00e9"]
    ),
    max_size=6,
).flatmap(lambda names: st.permutations(["amplitude_id", "user_id", *names]))
PLAIN = st.text(st.sampled_from("ab%s{}0 \u00e9\u2028\U0001f6cd\x7f"), max_size=4).map(str.strip)
ANY = st.text(st.characters(codec="utf-8"), max_size=4).map(str.strip)


def by_the_sdk(members: Members) -> bytes:
    writer = MsgSpecWriter()
    return b"".join(
        bytes(writer.format_message(RecordMessage("cohort_members", row, time_extracted=TIME)))
        for row in members.rows()
    )


def frame_of(header: list[str], **same: Any) -> Frame:
    return Frame({"cohort_id": "9zx41kq", **same}, read_layout(header))


@pytest.mark.parametrize("plain", [True, False])
@given(data=st.data())
def test_they_are_the_same(*, plain: bool, data: st.DataObject) -> None:
    header = data.draw(HEADERS)
    frame = frame_of(header, cohort_name=data.draw(st.none() | ANY), snapshot_id="%s")
    cells = PLAIN if plain else ANY
    size = len(header)
    record = st.lists(cells, min_size=size, max_size=size).map(
        lambda cells: [
            each or "1" if at == frame.layout.amplitude_id else each
            for at, each in enumerate(cells)
        ]
    )
    records = data.draw(st.lists(record, min_size=1, max_size=5))
    members = Members(frame, records, plain=plain)
    assert Lines("cohort_members", frame).encode(members, TIME) == by_the_sdk(members)


def test_with_too_many_forms_members_are_written_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "_MOST_FORMS", 2)
    frame = frame_of(["amplitude_id", "user_id", "a", "b", "c"])
    records = [
        ["1", *(value if number >> place & 1 else "" for place, value in enumerate("uabc"))]
        for number in [*range(16), *range(16)]
    ]
    members = Members(frame, records, plain=True)
    encoder = Lines("cohort_members", frame)
    assert encoder.encode(members, TIME) == by_the_sdk(members)
    monkeypatch.delattr(lines, "_escaped")
    odd = Members(frame, [["1", 'a "b"', "\n", "", "é"], *records], plain=False)
    assert encoder.encode(odd, TIME) == by_the_sdk(odd)


def test_a_separator_in_a_cell_takes_no_place() -> None:
    frame = frame_of(["amplitude_id", "user_id", "a"])
    for cell in ("\0", "\\u0000", "a\0\0b", '",'):
        members = Members(frame, [["1", cell, "x"], ["2", "", cell]], plain=False)
        assert Lines("cohort_members", frame).encode(members, TIME) == by_the_sdk(members)
