"""The Singer SDK's own suite for targets, against a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner

from target_cordial.singer.target import TargetCordial

if TYPE_CHECKING:
    from pathlib import Path

    from cordial_sandbox.server import Running

CONFIG: dict[str, Any] = {"api_key": "sandbox-key"}

StandardTargetTests = get_target_test_class(target_class=TargetCordial, config=CONFIG)


class TestTargetCordial(StandardTargetTests):  # type: ignore[misc,valid-type]  # made at run time
    """Every test of the suite builds its own target, with a ledger of its own."""

    @pytest.fixture
    def runner(self, sandbox: Running, tmp_path: Path) -> TargetTestRunner:
        config = {
            **CONFIG,
            "api_url": sandbox.url,
            "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        }
        return TargetTestRunner(target_class=TargetCordial, config=config, parse_env_config=False)


def test_the_target_is_built_without_network_or_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    TargetCordial(config={"api_key": "k", "api_url": "https://nowhere.invalid"})
    assert list(tmp_path.iterdir()) == []
