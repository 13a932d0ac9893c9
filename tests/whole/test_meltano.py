"""The main job as users run it: ``meltano run tap-amplitude target-cordial``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cordial_sandbox.server import Running

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
COHORTS = ["active users", "Ana's VIPs 🛍️", "Lapsed buyers (30d)"]


def test_meltano_brings_the_lists_in_step_on_two_days(sandbox: Running, tmp_path: Path) -> None:
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MELTANO_")}
    environment = {
        **kept,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TAP_AMPLITUDE_API_KEY": "sandbox-key",
        "TAP_AMPLITUDE_SECRET_KEY": "sandbox-secret",
        "TAP_AMPLITUDE_API_URL": sandbox.url,
        "TAP_AMPLITUDE_COHORT_NAMES": json.dumps(COHORTS),
        "TAP_AMPLITUDE_POLL_INTERVAL_SECONDS": "1",
        "TARGET_CORDIAL_API_KEY": sandbox.api_key,
        "TARGET_CORDIAL_API_URL": sandbox.url,
    }

    def meltano(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [BIN / "meltano", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    def meltano_run() -> str:
        return meltano("run", "tap-amplitude", "target-cordial").stderr

    assert "Run ok" in meltano_run()
    first = sandbox.control.lists()
    assert set(first) == {"activeusers", "AnasVIPs", "Lapsedbuyers30d"}
    assert {"carla@shop.example", "hugo@shop.example"} <= set(first["activeusers"])
    assert "nils@shop.example" in first["Lapsedbuyers30d"]

    sandbox.control.move_to_day(2)
    meltano_run()
    second = sandbox.control.lists()
    active = set(second["activeusers"])
    assert "jonas@shop.example" in active  # joined
    assert "bo@shop.example" not in active  # left
    assert "carla@shop.example" not in active  # changed her address,
    assert "carla.silva@shop.example" in active  # to this one
    assert "familie.berg@shop.example" in active  # shared; one of the two left
    assert "nils@shop.example" in active  # from one cohort to the other
    assert "nils@shop.example" not in second["Lapsedbuyers30d"]
    assert (tmp_path / ".target-cordial" / "ledger.db").exists()

    sandbox.control.clear_calls()
    meltano_run()  # unchanged: the tap sends nothing, by the state that the target let out
    assert sandbox.control.write_calls() == []

    # The plugin's commands have the project's settings.
    assert "active users" in meltano("invoke", "target-cordial:status").stdout
    assert "ok      ledger:" in meltano("invoke", "target-cordial:test").stdout
    why = meltano("invoke", "target-cordial:why", "jonas@shop.example").stdout
    assert "List 'activeusers' of cohort 'active users'" in why
