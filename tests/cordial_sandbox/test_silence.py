"""The sandbox says nothing of whom it is told about, whatever it is sent."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from cordial_sandbox.server import Running

MARK = "zqmark"
ADDRESS = f"ana.{MARK}@shop.example"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path", ["/v2/contacts", f"/v2/contacts/email:{ADDRESS}", "/lists/1/add", f"/_sandbox/{MARK}"]
)
def test_no_call_however_odd_is_logged_or_ends_in_a_traceback(
    sandbox: Running,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    method: str,
    path: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # the test's own calls
    for body in ("", ADDRESS, f'{{"channels": "{ADDRESS}"}}', f'["{ADDRESS}"]', "[" * 50_000):
        for kind in ("application/json", "text/plain"):
            answer = requests.request(
                method,
                sandbox.url + path,
                data=body.encode(),
                auth=(sandbox.api_key, ""),
                headers={"Content-Type": kind},
                timeout=30,
            )
            assert answer.status_code < 500
    out, err = capfd.readouterr()
    assert MARK not in caplog.text + out + err
