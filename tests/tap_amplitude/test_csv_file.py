"""The quick way to read a file against the standard library's parser."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_amplitude import csv_file
from tap_amplitude.errors import FileShapeError

# What makes a difference: separators, quotes, line ends, white space of all kinds, escapes.
TEXTS = st.lists(
    st.sampled_from(
        [
            '"',
            '"',
            '"',
            '","',
            '"\n"',
            '"\r\n',
            ",",
            "\n",
            "\r",
            " ",
            "\t",
            "\u00a0",
            "\\",
            "a",
            "\u00e9",
        ]
    ),
    max_size=30,
).map("".join)
CELLS = st.text(st.sampled_from(["a", ",", "\n", " ", "\u3000", "\\", "\u00e9", '"']), max_size=6)
QUOTED = st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=5)


def parsed(text: str) -> list[list[str]]:
    return [record for record in csv.reader(io.StringIO(text, newline=""), strict=True) if record]


def written(records: list[list[str]], ending: str = "\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=ending).writerows(records)
    return text.getvalue()


@given(TEXTS)
@example('"a","b"\n')
@example('"a"",""b"\n"c","d"\n')
@example('"a","\n"\n"b","c"\n')
@example('"",","\n')
@example('"\n')
@example('"a"\n"')
def test_text_that_is_cut_is_cut_as_it_is_parsed(text: str) -> None:
    records = csv_file.plain_records(text)
    if records is None:
        return
    assert records == parsed(text)
    for cell in (cell for record in records for cell in record):
        assert cell == cell.strip()
        assert json.dumps(cell, ensure_ascii=False) == f'"{cell}"'


@given(QUOTED, st.sampled_from(["\n", "\r\n"]))
def test_what_is_cut_is_what_was_written(records: list[list[str]], ending: str) -> None:
    found = csv_file.plain_records(written(records, ending))
    assert found in (None, records)
    special = any(
        set('"\\\n\u3000') & set(cell) or cell != cell.strip() for row in records for cell in row
    )
    if not special:
        assert found == records


@pytest.mark.parametrize(
    "cell", [chr(code) for code in range(sys.maxunicode) if chr(code).isspace()], ids=ascii
)
def test_no_white_space_around_a_cell_is_overlooked(cell: str) -> None:
    assert csv_file.plain_records(f'"{cell}a","b"\n') is None
    assert csv_file.plain_records(f'"b","a{cell}"\n') is None


@pytest.mark.parametrize("code", [*range(0x0A), *range(0x0B, 0x20), ord("\\")])
def test_no_character_that_json_escapes_is_overlooked(code: int) -> None:
    assert csv_file.plain_records(f'"a{chr(code)}a","b"\n') is None


@given(
    records=QUOTED,
    size=st.integers(1, 12),
    ending=st.sampled_from(["\n", "\r\n"]),
    marked=st.booleans(),
)
def test_records_may_begin_and_end_anywhere_in_a_block(
    *, records: list[list[str]], size: int, ending: str, marked: bool
) -> None:
    text = ("\ufeff" if marked else "") + written(records, ending)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_file, "_BLOCK", size)
        patch.setattr(csv_file, "_MOST_RECORDS", 2)
        batches = list(csv_file.batches(io.BytesIO(text.encode())))
    assert [record for batch in batches for record in batch.records] == records
    assert all(batch.records for batch in batches)


def test_a_block_that_is_parsed_does_not_make_the_next_one_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", 64)
    text = written([["quoted", 'a "b"']] + [["plain", f"{n:030d}"] for n in range(5)])
    text += written([["over", "a\n" * 40]] + [["plain", f"{n:030d}"] for n in range(5)])
    kinds = [batch.plain for batch in csv_file.batches(io.BytesIO(text.encode()))]
    assert [kind for kind, _ in itertools.groupby(kinds)] == [False, True, False, True]


def test_what_stands_before_an_error_comes() -> None:
    batches = csv_file.batches(io.BytesIO(b'a,b\nc,d\n"e"x\n'))
    assert next(batches).records == [["a", "b"], ["c", "d"]]
    with pytest.raises(FileShapeError):
        next(batches)


@pytest.mark.parametrize(
    ("fault", "line"),
    [(b'"a"b"\n', 41), (b'"a\xff"\n', 41), (b'"a\n\n', 42), (b'\n\n"\xff"\n', 43)],
)
@pytest.mark.parametrize("good", [b'"a","b"\n', b"a,b\n"])
def test_an_error_names_the_line(
    monkeypatch: pytest.MonkeyPatch, fault: bytes, line: int, good: bytes
) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", 64)
    with pytest.raises(FileShapeError) as caught:
        list(csv_file.batches(io.BytesIO(good * 40 + fault)))
    assert re.search(rf"at line {line}$", str(caught.value))


@pytest.mark.parametrize("before", ["", '"a","b"\n'])
def test_a_line_without_an_end_is_not_held_whole(
    monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", 16)
    monkeypatch.setattr(csv_file, "_LONGEST_LINE", 64)
    file = io.BytesIO(before.encode() + b"x" * 1_000)
    with pytest.raises(FileShapeError, match=f"at line {1 + bool(before)}"):
        list(csv_file.batches(file))
    assert file.tell() < 200
