from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from target_cordial.core.identifier import Mapping
from target_cordial.errors import InputError
from target_cordial.run.claims import Claims

if TYPE_CHECKING:
    from pathlib import Path

EMAIL = Mapping("email", ("email",))
CUSTOMER = Mapping("customer_id", ("loyalty_id",))


def read(folder: Path, data: str | bytes, mapping: Mapping = EMAIL) -> tuple[list[str], int, int]:
    path = folder / "ours.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    claims = Claims(mapping, "VIPs")
    return list(claims.read(path)), claims.unusable, claims.elsewhere


@pytest.mark.parametrize(
    "name", ["email", "EMAIL", " Email ", "channels.email.address", "Channels.Email.Address"]
)
def test_the_column_is_found_by_the_identifiers_name(tmp_path: Path, name: str) -> None:
    text = f"cID,{name},city\n1,Ana@shop.example,Rome\n2, bo@shop.example\t,Bonn\n"
    assert read(tmp_path, text) == (["ana@shop.example", "bo@shop.example"], 0, 0)


def test_another_identifier_has_its_own_column(tmp_path: Path) -> None:
    text = "email,Customer_ID\nana@shop.example,C1\nbo@shop.example,\n,C3\n"
    assert read(tmp_path, text, CUSTOMER) == (["C1", "C3"], 1, 0)


@pytest.mark.parametrize("name", ["VIPs", "vips", " VIPS "])
def test_a_column_of_the_lists_name_says_who_is_on_it(tmp_path: Path, name: str) -> None:
    cells = ["1", "0", "true", "TRUE", " 1 ", "false", "", "2", "yes"]
    rows = "".join(f"p{number}@shop.example,{cell}\n" for number, cell in enumerate(cells))
    text = f"email,{name}\n{rows}short@shop.example\n"
    on = [f"p{number}@shop.example" for number in (0, 2, 3, 4)]
    assert read(tmp_path, text) == (on, 0, 6)


def test_a_single_column_needs_no_header(tmp_path: Path) -> None:
    assert read(tmp_path, "Ana@shop.example\nbo@shop.example\nbroken\n") == (
        ["ana@shop.example", "bo@shop.example"],
        1,
        0,
    )
    assert read(tmp_path, "C1\nC2\n", CUSTOMER)[0] == ["C1", "C2"]
    assert read(tmp_path, "customer_id\nC1\n", CUSTOMER)[0] == ["C1"]


def test_marks_of_editors_and_empty_lines_are_no_trouble(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf\r\n"email","VIPs"\r\n\r\n"ana@shop.example","1"\r\n\r\n'
    assert read(tmp_path, data) == (["ana@shop.example"], 0, 0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("name,city\nana@shop.example,Rome\n", "'email'"),
        ("ana@shop.example,1\nbo@shop.example,1\n", "'email'"),
        ("name\nana@shop.example\n", "'email'"),
        (b"email\n\xff\xfe\n", "UTF-8"),
        ("email\n" + "x" * 200_000, "not CSV"),
    ],
)
def test_a_file_that_can_not_be_taken_is_refused_without_its_text(
    tmp_path: Path, data: str | bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(tmp_path, data)
    assert "shop.example" not in str(caught.value)


def test_the_longest_cell_is_the_same_whatever_others_have_set(tmp_path: Path) -> None:
    csv.field_size_limit(2**24)
    with pytest.raises(InputError, match="not CSV"):
        read(tmp_path, "email\n" + "x" * 200_000)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv can't be read"):
        list(Claims(EMAIL, "VIPs").read(tmp_path / "gone.csv"))


def test_a_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_text("email\n" + "ana@shop.example\n" * 50_000 + "x" * 200_000, encoding="utf-8")
    claims = Claims(EMAIL, "VIPs").read(path)
    assert next(claims) == "ana@shop.example"  # long before its last line, which is none
