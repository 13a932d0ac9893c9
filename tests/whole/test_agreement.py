"""What the files say of the settings is what the plugins say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_amplitude.tap import TapAmplitude
from target_cordial.singer.target import TargetCordial
from tools import settings_docs

BIN = Path(sys.executable).parent


def test_what_is_made_from_the_settings_is_in_step() -> None:
    for path, text in settings_docs.files().items():
        assert path.read_text(encoding="utf-8") == text, path.name


def test_the_readme_has_both_tables() -> None:
    text = settings_docs.README.read_text(encoding="utf-8")
    for plugin in (TapAmplitude, TargetCordial):
        assert f"<!-- settings of {plugin.name} -->" in text


@pytest.mark.parametrize("name", ["tap-amplitude", "target-cordial"])
def test_about_and_meltano_yml_agree(name: str) -> None:
    said = subprocess.run(
        [BIN / name, "--about", "--format", "json"], capture_output=True, text=True, check=True
    )
    about: dict[str, Any] = json.loads(said.stdout)
    plugins = yaml.safe_load(settings_docs.MELTANO.read_text(encoding="utf-8"))["plugins"]
    kind = "extractors" if name.startswith("tap") else "loaders"
    definition = next(plugin for plugin in plugins[kind] if plugin["name"] == name)
    properties = about["settings"]["properties"]
    assert [setting["name"] for setting in definition["settings"]] == list(properties)
    for setting in definition["settings"]:
        schema = properties[setting["name"]]
        assert setting.get("sensitive", False) == schema.get("secret", False)
        assert setting.get("value") == schema.get("default")
    assert "load_method" not in properties


def test_the_ledgers_command_is_installed_too() -> None:
    said = subprocess.run(
        [BIN / "cordial-ledger", "--help"], capture_output=True, text=True, check=True
    )
    assert "approve" in said.stdout


def test_every_own_setting_has_title_and_description() -> None:
    for plugin in (TapAmplitude, TargetCordial):
        schema = settings_docs.schema_of(plugin)
        for name in settings_docs.plugin_settings(plugin):
            assert schema["properties"][name]["title"], name
            assert schema["properties"][name]["description"], name
