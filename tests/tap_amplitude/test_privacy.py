"""The tap at DEBUG, in all that may go wrong: nobody's data, no key and no signed address."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.tap_amplitude.conftest import TapCommand

MARK: Final = "zqmark"
ADDRESS: Final = f"ana.{MARK}@shop.example"
KEYS: Final = base64.b64encode(b"sandbox-key:sandbox-secret").decode()
SECRETS: Final = re.compile(
    rf"{MARK}|sandbox-key|sandbox-secret|{KEYS}|/_s3/|signature", re.IGNORECASE
)
USERS: Final = [
    {"amplitude_id": f"{n}{MARK}", "user_id": f"u{n}{MARK}", "properties": {"email": ADDRESS}}
    for n in range(3)
]
HEAD: Final = "amplitude_id,user_id,email\n"

FILES: Final[dict[str, dict[str, Any]]] = {
    "redirect": {"redirect": True},
    "no header": {"body": f"{ADDRESS},1\n{ADDRESS},2\n"},
    "open quote": {"body": f'{HEAD}1,u,"{ADDRESS}\n'},
    "long cell": {"body": f"{HEAD}1,u,{MARK * 40_000}\n"},
    "no UTF-8": {"body": f"{HEAD}1,u,{ADDRESS}\n".encode() + b"\xff\xfe\n"},
}


def test_no_file_however_broken_is_quoted(tap: TapCommand, sandbox: Running) -> None:
    for name, file in FILES.items():
        sandbox.control.put_cohort(name, name, USERS, file=file)
    outcome = tap(cohort_ids=list(FILES), environment={"LOGLEVEL": "DEBUG"})
    assert outcome.code == 1
    assert ADDRESS in str(outcome.messages)
    assert "DEBUG" in outcome.log
    assert not SECRETS.search(outcome.log), outcome.log
    assert "Traceback" not in outcome.log


def _body(text: str) -> dict[str, Any]:
    return {"error": {"code": 400, "message": text, "metadata": {"details": text}}}


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429])
@pytest.mark.parametrize("where", ["/api/3/cohorts", "/api/5/cohorts/request"])
def test_no_answer_is_quoted(tap: TapCommand, sandbox: Running, where: str, status: int) -> None:
    sandbox.control.put_cohort("far", "Far", USERS)
    headers = {"Location": f"http://[{MARK}/?signature={MARK}", "Retry-After": "1000"}
    sandbox.control.add_fault(
        "status", path_contains=where, status=status, body=_body(ADDRESS), headers=headers, times=9
    )
    try:
        outcome = tap(cohort_ids=["far"], environment={"LOGLEVEL": "DEBUG"})
    finally:
        sandbox.control.clear_faults()
    assert outcome.code == 1
    assert not SECRETS.search(outcome.log), outcome.log
    assert "Traceback" not in outcome.log


def test_wrong_settings_quote_no_value(tap: TapCommand) -> None:
    for config in (
        {"secret_key": f"wrong-{MARK}", "cohort_ids": ["a"]},
        {"api_url": f"https://{MARK}:{MARK}@h.example", "cohort_ids": ["a"]},
        {"cohort_ids": [{"a": MARK}], "user_properties": MARK, "region": MARK},
    ):
        outcome = tap(environment={"LOGLEVEL": "DEBUG"}, **config)
        assert outcome.code == 1
        assert not SECRETS.search(outcome.log), outcome.log
