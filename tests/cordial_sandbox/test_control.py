from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
import requests

from cordial_sandbox.control import Control
from cordial_sandbox.server import listen, serving, url_of

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Http


def test_every_call_is_recorded_as_received(sandbox: Running, cordial: Http) -> None:
    sandbox.control.put_list("vips")
    body = {"vips": False}
    cordial("PUT", "/contacts/email:a%2Bb%40x.example?x=%20", json=body)
    cordial("GET", "/accountlists")
    (write, read) = sandbox.control.calls()
    assert write == {
        "api": "cordial",
        "method": "PUT",
        "path": "/v2/contacts/email:a%2Bb%40x.example",
        "query": "x=%20",
        "status": 404,
        "body": body,
        "write": True,
        "authorized_as": "sandbox-key",
    }
    assert (read["write"], read["body"], read["status"]) == (False, None, 200)
    assert sandbox.control.write_calls() == [write]
    sandbox.control.clear_calls()
    assert sandbox.control.calls() == []


def test_reset_forgets_everything(sandbox: Running, cordial: Http) -> None:
    control = sandbox.control
    control.put_list("vips", ["ana@shop.example"])
    control.put_attribute("customID")
    control.put_cohort("new", "New")
    control.configure(max_batch=7)
    control.move_to_day(2)
    control.add_fault("status", status=500)
    cordial("GET", "/contacts")
    fresh = {
        "day": 3,
        "lists": {},
        "contacts": 0,
        "calls": 0,
        "write_calls": 0,
        "faults": 0,
    }
    control.reset(day=3)
    overview = control.overview()
    assert "new" not in overview.pop("cohorts")
    assert overview == fresh


def test_a_renamed_list_keeps_its_id_and_members(sandbox: Running, cordial: Http) -> None:
    list_id = sandbox.control.put_list("old", ["ana@shop.example"])
    sandbox.control.rename_list("old", "new")
    assert cordial("GET", f"/accountlists/{list_id}").json()["name"] == "new"
    assert sandbox.control.lists() == {"new": ["ana@shop.example"]}
    assert sandbox.control.put_list("new", ["bo@shop.example"]) == list_id
    sandbox.control.remove_list("new")
    assert sandbox.control.lists() == {}
    assert len(sandbox.control.contacts()) == 2


def test_what_makes_no_sense_is_refused_with_a_reason(sandbox: Running) -> None:
    control = sandbox.control
    control.put_list("vips")
    with pytest.raises(ValueError, match="there is no list 'gone'"):
        control.remove_list("gone")
    with pytest.raises(ValueError, match="Key must be unique"):
        control.put_attribute("vips")
    with pytest.raises(ValueError, match="there is no day 4"):
        control.move_to_day(4)
    with pytest.raises(ValueError, match="no setting typo=1"):
        control.configure(typo=1)
    with pytest.raises(ValueError, match="unknown encoding"):
        control.put_cohort("new", "New", file={"encoding": "zip"})
    with pytest.raises(ValueError, match="unexpected keyword"):
        control.put_cohort("new", "New", file={"typo": 1})
    with pytest.raises(ValueError, match="'amplitude_id' is needed"):
        control.put_cohort("new", "New", [{"user_id": "u"}])


@pytest.mark.parametrize(
    "host",
    [
        "shop.example",
        "localhost.shop.example",
        "127.0.0.1.nip.io",
        "",
        "localhost.",
        "127.1",
        "127.0.0.1@shop.example",
        "shop.example#127.0.0.1",
        "[::1].shop.example",
    ],
)
@pytest.mark.parametrize("path", ["/_sandbox/lists", "/v2/accountlists"])
def test_other_host_names_are_refused(sandbox: Running, host: str, path: str) -> None:
    answer = requests.get(sandbox.url + path, headers={"Host": host}, timeout=30)
    assert answer.status_code == 421


def test_a_browser_form_cannot_change_anything(sandbox: Running) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/reset", data='{"day": 2}', timeout=30)
    assert answer.status_code == 415
    assert sandbox.control.overview()["day"] == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104 - refused is the point
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        listen(host)


def test_unknown_paths_and_methods_answer_in_json(cordial: Http) -> None:
    assert cordial("GET", "/nothing").json()["errorKey"] == "RECORD_NOT_FOUND"
    answer = cordial("PATCH", "/contacts")
    assert (answer.status_code, answer.json()["error"]) == (405, True)


def test_each_sandbox_has_a_state_and_a_key_of_its_own(sandbox: Running) -> None:
    with serving(api_key="another", day=2) as other:
        other.control.put_list("theirs")
        assert sandbox.control.lists() == {}
        assert other.control.overview()["day"] == 2
        path = f"{other.url}/v2/accountlists"
        assert requests.get(path, auth=("another", ""), timeout=30).status_code == 200
        assert requests.get(path, auth=("sandbox-key", ""), timeout=30).status_code == 401
    with contextlib.closing(Control(other.url)) as control, pytest.raises(requests.ConnectionError):
        control.lists()


def test_an_address_of_a_socket() -> None:
    with listen() as bound:
        assert url_of(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"
