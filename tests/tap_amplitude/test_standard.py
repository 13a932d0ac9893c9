"""The SDK's own suite, against the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_amplitude.tap import TapAmplitude

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.server import Running

# Discovery and the tests of attributes need no server; its address is filled in before the sync.
CONFIG: dict[str, Any] = {
    "api_key": "sandbox-key",
    "secret_key": "sandbox-secret",
    "api_url": "http://127.0.0.1:9",
    "cohort_ids": ["9zx41kq"],
    "poll_interval_seconds": 1,
}

TestTapAmplitude = get_tap_test_class(
    TapAmplitude,
    config=CONFIG,
    suite_config=SuiteConfig(),
    parse_env_config=False,
)


@pytest.fixture(scope="module", autouse=True)
def _address(sandbox_process: Running) -> Iterator[None]:
    sandbox_process.control.reset(day=1)
    sandbox_process.control.configure(polls=0)
    CONFIG["api_url"] = sandbox_process.url
    yield
    CONFIG["api_url"] = "http://127.0.0.1:9"
