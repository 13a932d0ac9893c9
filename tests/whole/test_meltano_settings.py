"""Settings that are objects, on their way through Meltano: into its file, into the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from target_cordial.core.endpoint_requests import EndpointRequests
from target_cordial.settings import (
    SCHEMA,
    Settings,
    config_from_environment,
    unknown_in_environment,
)
from target_cordial.singer.target import TargetCordial
from tools.settings_docs import MELTANO, schema_of

BIN = Path(sys.executable).parent
SINGLE = {
    "active users": {"list_name": "Actives", "max_removal_percent": 50},
    "v1.2 users": {"max_addition_percent": 0},
}

REQUESTS = {
    "create": {"path": "/segments", "body": {"segment": {"name": "$list_name"}, "tags": ["$$a"]}},
    "add": {"path": "/segments/$list_id", "body": [{"list": "$list_id"}, "$items"]},
    "remove": {"method": "DELETE", "item": {"$contact_identifier_name": "$identifier", "on": True}},
}
OPTIONS = {"access_key_id": "a$b", "region": "eu-west-1"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with objects in its meltano.yml; its ledger command prints what it gets."""
    made: dict[str, Any] = yaml.safe_load(MELTANO.read_text(encoding="utf-8"))
    (loader,) = made["plugins"]["loaders"]
    loader["config"] = {
        "cohorts": SINGLE,
        "endpoint": "https://ingest.example",
        "endpoint_requests": REQUESTS,
        "import_staging_url": "s3://staging/cordial",
        "import_staging_options": OPTIONS,
    }
    loader["commands"]["ledger"]["executable"] = "printenv"
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(made), encoding="utf-8")
    return tmp_path


def invoke(project: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MELTANO_")}
    done = subprocess.run(
        [BIN / "meltano", "invoke", *arguments],
        cwd=project,
        env={
            **kept,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "TARGET_CORDIAL_API_KEY": "k",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def assert_whole(settings: Settings) -> None:
    assert settings.cohorts.given == SINGLE
    assert settings.endpoint_requests == EndpointRequests.of(REQUESTS)
    assert settings.import_staging_options == OPTIONS


def test_the_target_gets_objects_from_meltano_yml(project: Path) -> None:
    config = json.loads(invoke(project, "--dump=config", "target-cordial"))
    settings = Settings.from_config(config, schema_of(TargetCordial))
    assert_whole(settings)


def test_cordial_ledger_gets_them_too_and_takes_nothing_of_meltanos_for_a_setting(
    project: Path,
) -> None:
    lines = invoke(project, "target-cordial:ledger").splitlines()
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    assert "TARGET_CORDIAL_COHORTS" in environment
    assert unknown_in_environment(environment, schema_of(TargetCordial)["properties"]) == []
    settings = Settings.from_config(config_from_environment(environment), SCHEMA)
    assert_whole(settings)
