"""The examples and the Dockerfile, held against what there is."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tap_amplitude.tap import TapAmplitude
from target_cordial.singer.target import TargetCordial
from tools.settings_docs import ROOT, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES: Final = ROOT / "examples"
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
NAMED: Final = re.compile(r"\b(?:TARGET_CORDIAL|TAP_AMPLITUDE)_[A-Z][A-Z_]*[A-Z]\b")
TIMEOUT: Final = 300


def written() -> Iterator[Path]:
    """Everything that tells people to set something."""
    yield from (path for path in EXAMPLES.rglob("*") if path.is_file())
    yield from (ROOT / "docs").rglob("*.md")
    yield from (ROOT / name for name in ("README.md", "SECURITY.md", ".env.example", "Dockerfile"))


def settings() -> set[str]:
    """Name every setting as the environment has it."""
    return {
        f"{plugin.name}_{name}".replace("-", "_").upper()
        for plugin in (TargetCordial, TapAmplitude)
        for name in schema_of(plugin)["properties"]
    }


@pytest.mark.parametrize("path", sorted(written()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_that_is_named_is_there(path: Path) -> None:
    named = set(NAMED.findall(path.read_text(encoding="utf-8")))
    assert named - settings() == set()


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yml")), ids=lambda path: path.name)
def test_every_yaml_can_be_read(path: Path) -> None:
    assert all(isinstance(part, dict) for part in yaml.safe_load_all(path.read_text("utf-8")))


@pytest.mark.parametrize("name", ["sync.yml", "test-pipeline.yml"])
def test_what_meltano_is_to_install_is_one_package(name: str) -> None:
    """Meltano splits it at blanks, as a shell does."""
    workflow = yaml.safe_load((EXAMPLES / "github-actions" / name).read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    source = job["env"]["CORDIAL_PLUGINS_SOURCE"].replace("<tag or commit>", "v0.1.0")
    assert shlex.split(source) == [source]


def test_the_dag_is_python() -> None:
    path = EXAMPLES / "airflow" / "cohorts_to_cordial.py"
    ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("code", "said"), [(0, ""), (1, "what meltano said\n")])
def test_the_cron_script_speaks_only_where_a_run_was_not_clean(
    tmp_path: Path, code: int, said: str
) -> None:
    script = shutil.copy(EXAMPLES / "cron" / "sync.sh", tmp_path)
    meltano = tmp_path / "venv" / "bin" / "meltano"
    meltano.parent.mkdir(parents=True)
    meltano.write_text(f"#!/bin/sh\necho what meltano said\nexit {code}\n", encoding="utf-8")
    meltano.chmod(0o755)
    done = subprocess.run([script], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, said, "")


def test_the_pipelines_test_runs(tmp_path: Path) -> None:
    path = EXAMPLES / "github-actions" / "test-pipeline.yml"
    job: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["test"]
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    done = subprocess.run(
        ["sh", "-ec", job["steps"][-1]["run"]],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TAP_AMPLITUDE_COHORT_NAMES": job["env"]["TAP_AMPLITUDE_COHORT_NAMES"],
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "activeusers" in done.stdout


# -- the image ------------------------------------------------------------------------------------


def instructions(name: str) -> list[str]:
    """Read what an instruction is given, each time, with continued lines put together."""
    text = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(f"{name} ")]


def test_the_image_runs_as_nobody_who_is_anybody() -> None:
    user, group = instructions("USER")[-1].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert f"runAsUser: {user}" in (EXAMPLES / "kubernetes" / "cronjob.yml").read_text("utf-8")


def test_what_the_image_is_made_of_is_there_and_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for given in instructions("COPY"):
        words = [word for word in given.split() if not word.startswith("--")]
        if "--from" in given:
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source
    assert "*" in ignored


def test_the_image_names_no_index() -> None:
    assert "://" not in DOCKERFILE
    assert "index" not in DOCKERFILE
    assert "--constraint constraints.txt" in DOCKERFILE
