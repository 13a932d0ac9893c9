from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.delivery.imports import import_file
from target_cordial.delivery.imports.import_file import chunks, fits

if TYPE_CHECKING:
    from collections.abc import Iterable


def written(identifiers: Iterable[str], *, may_create: bool = False) -> str:
    return b"".join(chunks(identifiers, "email", may_create=may_create)).decode()


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_file_for_contacts_that_exist_says_nothing_of_subscriptions() -> None:
    text = written(["ana@shop.example", "bo@shop.example"])
    assert text == "channels.email.address\nana@shop.example\nbo@shop.example\n"


def test_a_file_that_may_make_contacts_subscribes_none_of_them() -> None:
    text = written(["ana@shop.example", "bo@shop.example"], may_create=True)
    assert text == (
        "channels.email.address,channels.email.subscribeStatus\n"
        "ana@shop.example,none\n"
        "bo@shop.example,none\n"
    )


def test_the_columns_are_the_channels() -> None:
    [text] = chunks(["+49151"], "sms_de", may_create=True)
    assert text == b"channels.sms_de.address,channels.sms_de.subscribeStatus\n+49151,none\n"


def test_a_file_of_nobody_has_its_header() -> None:
    assert written([]) == "channels.email.address\n"


def test_commas_quotes_and_letters_of_all_scripts_come_through() -> None:
    odd = ['"a,b"@shop.example', "zoë@büro.example", "ぁ@shop.example", "a;b|c\\@shop.example"]
    assert rows(written(odd, may_create=True))[1:] == [[name, "none"] for name in odd]


@pytest.mark.parametrize(
    "identifier",
    [
        *("=1+1", "+cmd|x", "-2@shop.example", "@sum", "\t=1", "\r=1", "\n=1"),
        *(" =1", "'=1", '"=1"@shop.example', " '\"+a"),
        *("＝1", "＋a", "－a", "＠a", "﹢a"),  # noqa: RUF001  the wide forms are the test
        *("a\nb", "a\r\nb", "a\x00b", "a\x0bb", "a\x0cb", "a\x1eb", "a\x85b", "a\u2028b", "a\tb"),
        *("+", "+49 151", "+49151\n", "+٤٩", "+49;x", "\ud800", "", " "),
    ],
)
def test_what_does_not_fit_is_refused_and_never_named(identifier: str) -> None:
    assert not fits(identifier)
    with pytest.raises(ValueError, match=r"^An identifier does not fit into a file\.$"):
        written(["ana@shop.example", identifier])


@pytest.mark.parametrize(
    "identifier",
    ["ana@shop.example", "ana+shop@shop.example", "a=b-c@shop.example", "+4915112345678", "0151"],
)
def test_addresses_and_numbers_fit(identifier: str) -> None:
    assert fits(identifier)
    assert rows(written([identifier]))[1:] == [[identifier]]


@given(st.lists(st.text(max_size=8).filter(fits), max_size=8))
def test_every_file_reads_as_what_was_written_line_by_line(identifiers: list[str]) -> None:
    text = written(identifiers, may_create=True)
    assert rows(text)[1:] == [[identifier, "none"] for identifier in identifiers]
    # Cordial splits a file to import its parts at once, and is not known to look at quotes.
    assert len(text.splitlines()) == len(identifiers) + 1


def test_a_file_comes_in_blocks_as_its_people_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_file, "BLOCK_CHARACTERS", 100)
    taken = 0

    def people() -> Iterable[str]:
        nonlocal taken
        for taken in range(1, 101):
            yield f"user{taken}@shop.example"

    blocks = chunks(people(), "email", may_create=False)
    first = next(blocks)
    assert taken < 10
    rest = list(blocks)
    assert max(map(len, [first, *rest])) < 200
    assert b"".join([first, *rest]).splitlines()[-1] == b"user100@shop.example"
    assert b"".join([first, *rest]).count(b"\n") == 101
