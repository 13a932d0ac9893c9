"""What may never happen whichever delivery is tested: it is noted, and stops nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cordial_sandbox.violations import RULES

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Http, Imports

FIRST = "import 5f6b14340000000000000001"
SECOND = "import 5f6b14340000000000000002"
UPDATE: dict[str, Any] = {"strategy": "updateOnly"}
ADD: dict[str, Any] = {"lists": {"addTo": ["vips"]}, **UPDATE}
REMOVE: dict[str, Any] = {"lists": {"removeFrom": ["vips"]}, **UPDATE}
ANA = {"channels": {"email": {"address": "ana@shop.example"}}}


@pytest.fixture(autouse=True)
def _people(sandbox: Running) -> None:
    sandbox.control.put_list("vips", ["ana@shop.example", "bo@shop.example"])
    sandbox.control.put_list("others")


def people(*names: str) -> str:
    return "email\n" + "".join(f"{name}@shop.example\n" for name in names)


def noted(sandbox: Running) -> list[tuple[str, str, int]]:
    found = sandbox.control.violations()
    assert "shop.example" not in json.dumps(found)
    assert all(entry["message"] == RULES[entry["rule"]] for entry in found)
    return [(entry["rule"], entry["where"], entry["count"]) for entry in found]


def test_careful_imports_and_writes_break_no_rule(
    sandbox: Running, cordial: Http, imports: Imports
) -> None:
    header = "channels.email.address,channels.email.subscribeStatus\n"
    imports.run(header + "cem@shop.example,none\n", strategy="insertOnly")
    imports.run(people("ana", "cem"), **ADD)
    imports.run(people("ana", "nobody"), **REMOVE)
    imports.run("channels.sms.address\n+15550100\n", **REMOVE)
    cordial("POST", "/contacts", json={**ANA, "vips": True})
    cordial("POST", "/contacts", json={**ANA, "vips": False})
    cordial("PUT", "/contacts/email:nobody%40shop.example", json={"vips": False})
    assert noted(sandbox) == []


def test_an_import_that_subscribes(sandbox: Running, imports: Imports) -> None:
    imports.run(people("cem", "dan"), strategy="insertOnly")
    imports.run("email,channels.email.subscribeStatus\nana@shop.example,subscribed\n", **UPDATE)
    assert noted(sandbox) == [
        ("subscribed_by_import", FIRST, 2),
        ("subscribed_by_import", SECOND, 1),
    ]


def test_a_contact_made_by_a_removal(sandbox: Running, cordial: Http, imports: Imports) -> None:
    cem = {"channels": {"email": {"address": "cem@shop.example"}}}
    cordial("POST", "/contacts", json={**cem, "vips": False})
    table = "email,channels.email.subscribeStatus,vips\ndan@shop.example,none,"
    imports.run(table + "0\n")
    imports.run(table.replace("dan", "eva") + "1\n")
    imports.run(table.replace("dan", "fay") + "\n")
    assert noted(sandbox) == [
        ("made_by_removal", "POST /v2/contacts", 1),
        ("made_by_removal", FIRST, 1),
    ]


@pytest.mark.parametrize(
    "left_open",
    [
        {"suppressTriggers": None},
        {"hasHeader": None, "columns": ["email"]},
        {"subscribe": None},
        {"subscribe": True},
    ],
)
def test_an_import_that_leaves_something_to_the_defaults(
    sandbox: Running, imports: Imports, left_open: dict[str, Any]
) -> None:
    imports.run(people("ana"), **{**ADD, **left_open})
    assert noted(sandbox) == [("left_to_defaults", FIRST, 1)]


def test_jobs_that_overlap_on_one_contact(sandbox: Running, imports: Imports) -> None:
    first = imports.start(people("ana", "cem"), **ADD)
    imports.start(people("bo"), **REMOVE)
    assert noted(sandbox) == []
    imports.start(people("bo", "ANA"), **REMOVE)
    third = "import 5f6b14340000000000000003"
    assert noted(sandbox) == [("overlap", third, 2)]
    imports.look(first)
    imports.start(people("cem"), **REMOVE)
    assert noted(sandbox) == [("overlap", third, 2)]


def test_a_late_job_overlaps_with_what_was_written_before_its_end(
    sandbox: Running, cordial: Http, imports: Imports
) -> None:
    sandbox.control.add_fault("job_late", times=2)
    imports.start(people("ana"), **ADD)
    imports.start(people("bo"), **ADD)
    imports.run(people("ana"), **REMOVE)
    cordial("PUT", "/contacts/email:bo%40shop.example", json={"vips": False})
    assert noted(sandbox) == []
    sandbox.control.release_jobs()
    assert noted(sandbox) == [("overlap", FIRST, 1), ("overlap", SECOND, 1)]


def test_a_contact_write_beside_a_job_whose_end_nobody_was_told(
    sandbox: Running, cordial: Http, imports: Imports
) -> None:
    job_id = imports.start(people("ana"), **ADD)
    cordial("POST", "/contacts", json={**ANA, "vips": False})
    cordial("PUT", "/contacts/email:bo%40shop.example", json={"vips": False})
    assert noted(sandbox) == [("overlap", FIRST, 1)]
    imports.look(job_id)
    cordial("POST", "/contacts", json={**ANA, "vips": False})
    assert noted(sandbox) == [("overlap", FIRST, 1)]


def test_who_was_told_the_end_of_a_job_may_write_its_contacts(
    sandbox: Running, cordial: Http, imports: Imports
) -> None:
    # What the file of the late job holds is not known, so the other's is remembered.
    sandbox.control.add_fault("job_late")
    imports.start(people("bo"), **ADD)
    imports.run(people("ana"), **ADD)
    imports.run(people("ana"), **REMOVE)
    cordial("PUT", "/contacts/email:ana%40shop.example", json={"vips": True})
    sandbox.control.release_jobs()
    assert noted(sandbox) == []


@pytest.mark.parametrize(
    ("table", "more", "rules"),
    [
        (
            "email,vips\nana@shop.example,1\nANA@shop.example,0\nbo@shop.example,1\nana@shop.example,1\n",
            {},
            [1],
        ),
        ("email\nana@shop.example\n", {"lists": {"addTo": ["vips"], "removeFrom": ["vips"]}}, [1]),
        ("email,vips,others\nana@shop.example,1,1\n", {}, [2]),
        ("email,others\nana@shop.example,0\n", {"lists": {"addTo": ["vips"]}}, [2, 1]),
        ("email\nana@shop.example\n", {"lists": {"addTo": ["vips", "others"]}}, [2]),
    ],
)
def test_one_import_does_one_thing_with_one_list(
    sandbox: Running, imports: Imports, table: str, more: dict[str, Any], rules: list[int]
) -> None:
    names = {1: "added_and_removed", 2: "several_lists"}
    imports.run(table, **UPDATE, **more)
    assert noted(sandbox) == [(names[rule], FIRST, 1) for rule in rules]


def test_cells_that_start_a_formula(sandbox: Running, imports: Imports) -> None:
    cells = ["=1+1", "+ana@shop.example", "-1", "@a", "\ta", '"\ra"', "+1 555", "+15550100", "a=1"]
    imports.run("channels.sms.address\n" + "".join(f"{cell}\n" for cell in cells), **UPDATE)
    assert noted(sandbox) == [("formula", FIRST, 7)]


@pytest.mark.parametrize(
    "more",
    [
        {"channels": {"email": {"address": "ana@shop.example", "subscribeStatus": "none"}}},
        {**ANA, "forceSubscribe": False},
    ],
)
def test_a_contact_write_that_speaks_of_the_subscription(
    sandbox: Running, cordial: Http, more: dict[str, Any]
) -> None:
    cordial("POST", "/contacts", json=more)
    cordial("PUT", "/contacts/email:ana%40shop.example", json=more)
    assert noted(sandbox) == [
        ("subscription_in_write", "POST /v2/contacts", 1),
        ("subscription_in_write", "PUT /v2/contacts", 1),
    ]


def test_a_reset_clears_them(sandbox: Running, imports: Imports) -> None:
    imports.run(people("cem"))
    assert noted(sandbox)
    sandbox.control.reset()
    assert noted(sandbox) == []
