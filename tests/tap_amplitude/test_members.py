from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_amplitude import csv_file
from tap_amplitude.errors import FileShapeError
from tap_amplitude.members import Cells, read_members
from tap_amplitude.sieve import MOST_HELD, Sieve

HEADER = '"amplitude_id","user_id","email"\n'


def rows_of(
    text: str | bytes, same: dict[str, Any] | None = None, sieve: Sieve[Cells] | None = None
) -> list[dict[str, Any]]:
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    blocks = read_members(file, same or {}, sieve or Sieve(io.BytesIO()))
    return [row for members in blocks for row in members.rows()]


def properties_of(text: str) -> dict[str, str]:
    (row,) = rows_of(text)
    found: dict[str, str] = row["user_properties"]
    return found


def test_a_row_is_what_the_contract_says() -> None:
    same = {"cohort_id": "9zx41kq", "cohort_name": "active users", "snapshot_id": "Rk7w2Q"}
    assert rows_of(f'{HEADER}"356893043036","u-1","ana@shop.example"\n', same) == [
        {
            "cohort_id": "9zx41kq",
            "cohort_name": "active users",
            "amplitude_id": "356893043036",
            "user_id": "u-1",
            "user_properties": {"email": "ana@shop.example"},
            "snapshot_id": "Rk7w2Q",
        }
    ]


def test_empty_cells_are_absent() -> None:
    assert rows_of(f'{HEADER}"1","",""\n') == [
        {"amplitude_id": "1", "user_id": None, "user_properties": {}}
    ]


def test_records_are_not_lines() -> None:
    text = f'{HEADER}"1","u","a ""quoted"" text,\r\nover\n\nlines"\r\n"2","v","b"\r\n'
    assert [row["user_properties"]["email"] for row in rows_of(text)] == [
        'a "quoted" text,\r\nover\n\nlines',
        "b",
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark(ending: str, mark: str) -> None:
    text = mark + f'{HEADER}"1","u","e"\n'.replace("\n", ending) + ending
    assert [row["amplitude_id"] for row in rows_of(text)] == ["1"]


def test_tabs_and_spaces_around_cells_and_headers_go() -> None:
    text = '"\tamplitude_id"," user_id ","\temail"\n"\t1","\tu\u00a0","\t\n a@b.example "\n'
    assert rows_of(text) == [
        {"amplitude_id": "1", "user_id": "u", "user_properties": {"email": "a@b.example"}}
    ]


def test_the_first_column_of_an_id_counts_and_a_later_one_is_a_property() -> None:
    text = '"amplitude_id","user_id","amplitude_id","user_id"\n"1","u","2","v"\n'
    assert rows_of(text) == [
        {
            "amplitude_id": "1",
            "user_id": "u",
            "user_properties": {"amplitude_id": "2", "user_id": "v"},
        }
    ]


def test_gp_is_stripped_once_and_makes_no_id() -> None:
    text = '"gp:user_id","amplitude_id","user_id","gp:gp:x"\n"p","1","u","y"\n'
    assert rows_of(text)[0]["user_id"] == "u"
    assert properties_of(text) == {"user_id": "p", "gp:x": "y"}


@pytest.mark.parametrize(
    ("cells", "expected"), [("a,b", "a"), (",b", "b"), ("a,", "a"), (" ,b", "b")]
)
def test_of_two_columns_with_one_name_the_first_value_counts(cells: str, expected: str) -> None:
    assert properties_of(f"amplitude_id,user_id,email,gp:email\n1,u,{cells}\n") == {
        "email": expected
    }


def test_a_column_without_a_name_is_left_out() -> None:
    assert properties_of("amplitude_id,user_id,,x\n1,u,a,b\n") == {"x": "b"}


def test_big_ids_stay_as_they_are() -> None:
    ids = ["9223372036854775807", "18446744073709551616", "007", "7", "abc"]
    text = HEADER + "".join(f'"{each}","u","e"\n' for each in ids)
    assert [row["amplitude_id"] for row in rows_of(text)] == ids


def test_a_repeated_member_is_dropped_and_counted() -> None:
    sieve: Sieve[Cells] = Sieve(io.BytesIO())
    rows = rows_of(f'{HEADER}"1","a",""\n"2","b",""\n"1","c",""\n', sieve=sieve)
    assert [row["user_id"] for row in rows] == ["a", "b"]
    assert (sieve.passed, sieve.repeats) == (2, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ('{"error":{"http_code":500}}', "it is JSON"),
        ("<!DOCTYPE html>\n<p>busy</p>\n", "it is a web page"),
        ("user_id,email\nu,e\n", "lacks amplitude_id and user_id"),
        ("amplitude_id,email\n1,e\n", "lacks amplitude_id and user_id"),
        ("Amplitude Id\n1\n", "lacks amplitude_id and user_id"),
        (f'{HEADER}"1","u"\n', "row 1 has 2 cells, its header has 3"),
        (f'{HEADER}"1","u","e"\n"2","u","e","x"\n', "row 2 has 4 cells"),
        (f'{HEADER}"","u","e"\n', "row 1 has no amplitude_id"),
        (f'{HEADER}"1","u","e\n', "not readable as CSV at line"),
        (f'{HEADER}"1","u"x,"e"\n', "not readable as CSV at line"),
        (HEADER.encode() + b'"1","u","\xff\xfe"\n', "not readable as CSV at line"),
        (f'{HEADER}"1","u","{"e" * ((1 << 20) + 1)}"\n', "not readable as CSV"),
    ],
)
def test_a_file_of_another_shape_fails(text: str | bytes, words: str) -> None:
    with pytest.raises(FileShapeError, match=words):
        rows_of(text)


def test_a_wrong_shape_is_described_without_its_values() -> None:
    with pytest.raises(FileShapeError) as caught:
        rows_of(f'{HEADER}"1","u","ana@shop.example"x\n')
    assert "ana" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_long_values_are_read() -> None:
    assert properties_of(f'{HEADER}"1","u","{"e" * 500_000}"\n') == {"email": "e" * 500_000}


@given(
    st.lists(
        st.tuples(st.integers(1, 10**19), st.text(st.characters(codec="utf-8"), max_size=20)),
        unique_by=lambda row: row[0],
        max_size=20,
    )
)
def test_whatever_is_written_is_read(members: list[tuple[int, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["amplitude_id", "user_id", "p"])
    writer.writerows([str(number), "", value] for number, value in members)
    data = text.getvalue()
    if "\0" in data:  # Python 3.10 refuses the character, later versions do not
        return
    assert [
        (int(row["amplitude_id"]), row["user_properties"].get("p", "")) for row in rows_of(data)
    ] == [(number, value.strip()) for number, value in members]


def test_the_file_stays_open() -> None:
    file = io.BytesIO(HEADER.encode())
    (batch,) = csv_file.batches(file)
    assert batch.records == [["amplitude_id", "user_id", "email"]]
    assert not file.closed


def test_members_before_a_faulty_one_may_come_and_none_after_it() -> None:
    text = HEADER + "".join(f'"{n}","u","e"\n' for n in range(20_000)) + '"x","u"\n"y","u","e"\n'
    blocks = read_members(io.BytesIO(text.encode()), {}, Sieve(io.BytesIO()))
    came: list[str] = []
    with pytest.raises(FileShapeError, match="row 20001 has 2 cells"):
        came.extend(cells[0] for members in blocks for cells in members.records)
    assert came == [str(number) for number in range(len(came))]


def test_members_held_by_the_sieve_come_before_they_are_many() -> None:
    text = HEADER + "".join(f'"{n}","u","{"e" * 100}"\n' for n in range(3 * MOST_HELD))
    sieve: Sieve[Cells] = Sieve(io.BytesIO(), slots=1)
    sizes = [len(each.records) for each in read_members(io.BytesIO(text.encode()), {}, sieve)]
    assert sum(sizes) == 3 * MOST_HELD
    assert max(sizes) < MOST_HELD + 2000
