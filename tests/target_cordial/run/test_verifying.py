from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from target_cordial.cordial.rest import RestClient
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import MEMORY
from target_cordial.ledger.store import Ledger
from target_cordial.run.verifying import Verified, Verifier
from target_cordial.settings import SCHEMA, Settings
from tests.target_cordial.cordial.transport import BASE, Wire, wire
from tests.target_cordial.ledger.rows import deliver, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

ABSENT: dict[str, Any] = {
    "status_code": 404,
    "json": {"error": True, "errorKey": "RECORD_NOT_FOUND"},
}


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A cohort with four confirmed members, on the list 'vip' with the id 7."""
    monkeypatch.setenv("SQLITE_TMPDIR", os.environ.get("SQLITE_TMPDIR", "/tmp"))  # noqa: S108  the default place
    made = Ledger(MEMORY, exclusive=False)
    key = made.ensure_cohort("c1", "V I P")
    made.update_cohort(key, list_name="vip", list_id="7")
    snapshot(made, key, {f"a:{number}": f"p{number}@shop.example" for number in range(4)})
    deliver(Entries(made), key)
    yield made
    made.close()


def cordial(lists: list[tuple[int, str]], count: dict[str, Any], *contacts: dict[str, Any]) -> Wire:
    line = wire()
    line.adapter.register_uri(
        "GET", f"{BASE}/accountlists", json=[{"id": number, "name": name} for number, name in lists]
    )
    line.adapter.register_uri("GET", re.compile(rf"{BASE}/accountlists/[0-9]+/count"), **count)
    line.adapter.register_uri("GET", re.compile(rf"{BASE}/contacts/.*"), [*contacts])
    return line


def verify(ledger: Ledger, line: Wire, sample: int, **config: Any) -> Verified:
    settings = Settings.from_config({"api_key": "k", **config}, SCHEMA)
    verifier = Verifier(Entries(ledger), RestClient(line.session), settings)
    (found,) = verifier.verify(ledger.cohorts(), sample)
    return found


ON: dict[str, Any] = {"json": {"lists": ["vip"]}}
OFF: dict[str, Any] = {"json": {"lists": ["other"]}}
SILENT: dict[str, Any] = {"json": {"channels": {}}}


def test_a_list_that_fits(ledger: Ledger) -> None:
    found = verify(ledger, cordial([(7, "vip")], {"json": {"count": 4}}, ON), 10)
    assert (found.members, found.count_in_cordial, found.drift) == (4, 4, 0)
    assert (found.sampled, found.missing, found.fits) == (4, 0, True)
    assert found.line() == (
        "List 'vip' of cohort c1: 4 members, 4 in Cordial; 0 of 4 that were read are not on it"
    )


@pytest.mark.parametrize("count", [3, 5, 0])
def test_a_count_that_differs(ledger: Ledger, count: int) -> None:
    found = verify(ledger, cordial([(7, "vip")], {"json": {"count": count}}, ON), 1)
    assert (found.drift, found.fits) == (count - 4, False)
    assert f"({count - 4:+d}" in found.line()


def test_members_that_are_not_on_the_list(ledger: Ledger) -> None:
    line = cordial([(7, "vip")], {"json": {"count": 4}}, ON, OFF, ABSENT, SILENT)
    found = verify(ledger, line, 10)
    assert (found.drift, found.sampled, found.missing, found.fits) == (0, 4, 3, False)


@pytest.mark.parametrize(
    ("lists", "count", "said"),
    [
        ([(8, "vip")], {"json": {"count": 4}}, "not in Cordial"),
        ([(7, "vip")], {"json": {}}, "does not say"),
    ],
)
def test_a_list_that_can_not_be_compared(
    ledger: Ledger, lists: list[tuple[int, str]], count: dict[str, Any], said: str
) -> None:
    found = verify(ledger, cordial(lists, count, ON), 10)
    assert not found.fits
    assert said in found.line()
    assert (found.count_in_cordial, found.drift, found.sampled) == (None, None, None)


def test_the_lists_of_the_service_are_known_by_name(ledger: Ledger) -> None:
    line = cordial([(8, "vip"), (7, "other")], {"json": {"count": 4}}, ON)
    assert verify(ledger, line, 10, endpoint="https://ingest.example").fits


def test_contacts_that_show_no_lists_prove_nothing_either_way(ledger: Ledger) -> None:
    found = verify(ledger, cordial([(7, "vip")], {"json": {"count": 4}}, SILENT), 10)
    assert (found.sampled, found.missing, found.fits) == (None, None, True)
    assert "shows no lists" in found.line()


@pytest.mark.parametrize("sample", [0, 2, 9])
def test_so_many_are_read_and_each_once(ledger: Ledger, sample: int) -> None:
    line = cordial([(7, "vip")], {"json": {"count": 4}}, ON)
    assert verify(ledger, line, sample).sampled == min(sample, 4)
    read = [path for _, path, _ in line.sent() if path.startswith("/contacts/")]
    assert len(set(read)) == len(read) == min(sample, 4)
