"""The settings as Meltano and the README show them, made from the plugins themselves.

``python -m tools.settings_docs`` rewrites ``meltano.yml``, ``plugins/`` and the README's tables; a
test holds them to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tap_amplitude.tap import TapAmplitude
from target_cordial.ledger_cli.app import cli as cordial_ledger
from target_cordial.singer.target import TargetCordial

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
MELTANO = ROOT / "meltano.yml"
README = ROOT / "README.md"
PLUGINS = ROOT / "plugins"

Plugin = type[TapAmplitude] | type[TargetCordial]

HEADER = """\
# Both plugins, completely. Made by `make docs` from the plugins' own settings; do not edit.
# In this checkout they are found on PATH, in the environment that `make setup` makes. In a
# project of your own, add them as the README says.
"""

REFERENCE_HEADER = """\
# For `meltano add --from-ref`; the README says how. Made by `make docs`; do not edit.
"""

SOURCE = "${CORDIAL_PLUGINS_SOURCE}"
"""What pip installs, left to the user's project: a fork, a tag or a commit."""


def commands() -> dict[str, Any]:
    """Describe the plugin's commands, which see the project's settings.

    Each command of ``cordial-ledger`` by its own name: ``meltano invoke target-cordial:status``.
    """
    ledger = {
        name: {
            "executable": "cordial-ledger",
            "args": name,
            "description": command.get_short_help_str(limit=100),
        }
        for name, command in cordial_ledger.commands.items()
    }
    return {
        "test": {
            "args": "--config ENV --test",
            "description": "Check what a run needs, by reading alone.",
        },
        **ledger,
        "ledger": {
            "executable": "cordial-ledger",
            "args": "",
            "description": "Any of these, as cordial-ledger has them.",
        },
    }


ALTERNATIVES = {
    TapAmplitude: [
        ["api_key", "secret_key", selection]
        for selection in ("cohort_ids", "cohort_names", "select_all")
    ],
    TargetCordial: [["api_key"]],
}
"""Sets of settings one of which is required."""


def schema_of(plugin: Plugin) -> dict[str, Any]:
    """Return a plugin's settings schema, the SDK's own settings included."""
    schema = plugin.config_jsonschema
    plugin.append_builtin_config(schema)
    return schema


def meltano_yaml() -> str:
    """Write the whole ``meltano.yml``."""
    project = {
        "default_environment": "dev",
        "project_id": "target-cordial",
        "send_anonymous_usage_stats": False,
        "environments": [{"name": "dev"}],
        "plugins": {
            "extractors": [plugin_definition(TapAmplitude)],
            "loaders": [plugin_definition(TargetCordial)],
        },
    }
    text: str = yaml.safe_dump(project, sort_keys=False, allow_unicode=True, width=100)
    return HEADER + text


def reference_yaml(plugin: Plugin) -> str:
    """Write a plugin's definition for ``meltano add --from-ref``, which wants one a file."""
    definition = plugin_definition(plugin)
    own = {
        "name": definition.pop("name"),
        "namespace": definition.pop("namespace"),
        "pip_url": SOURCE,
        **definition,
    }
    text: str = yaml.safe_dump(own, sort_keys=False, allow_unicode=True, width=100)
    return REFERENCE_HEADER + text


def files() -> dict[Path, str]:
    """Return everything that is made here, by its path."""
    references = {
        PLUGINS / f"{plugin.name}.yml": reference_yaml(plugin)
        for plugin in (TapAmplitude, TargetCordial)
    }
    return {
        MELTANO: meltano_yaml(),
        README: readme(README.read_text(encoding="utf-8")),
        **references,
    }


def plugin_definition(plugin: Plugin) -> dict[str, Any]:
    """Describe a plugin as Meltano wants it."""
    return {
        "name": plugin.name,
        "namespace": plugin.name.replace("-", "_"),
        "executable": plugin.name,
        "capabilities": sorted({str(capability.value) for capability in plugin.capabilities}),
        **({"commands": commands()} if plugin is TargetCordial else {}),
        "settings_group_validation": ALTERNATIVES[plugin],
        "settings": [
            _meltano_setting(name, schema)
            for name, schema in schema_of(plugin)["properties"].items()
        ],
    }


def settings_table(plugin: Plugin) -> str:
    """Write a plugin's own settings as a Markdown table."""
    schema = schema_of(plugin)
    own = [name for name in schema["properties"] if name in plugin_settings(plugin)]
    lines = ["| setting | default | |", "|---|---|---|"]
    for name in own:
        setting = schema["properties"][name]
        mark = " *" if name in schema.get("required", []) else ""
        secret = " Secret." if setting.get("secret") else ""
        choices = f" One of {_codes(setting['enum'])}." if "enum" in setting else ""
        lines.append(
            f"| `{name}`{mark} | {_default(setting)} | "
            f"{setting.get('description', '').strip()}{choices}{secret} |"
        )
    return "\n".join(lines)


def plugin_settings(plugin: Plugin) -> set[str]:
    """Name the settings that are the plugin's own, not the SDK's."""
    builtin: dict[str, Any] = {"properties": {}}
    plugin.append_builtin_config(builtin)
    return set(schema_of(plugin)["properties"]) - set(builtin["properties"])


def readme(text: str) -> str:
    """Put the tables into the README, between their marks."""
    for plugin in (TargetCordial, TapAmplitude):
        begin, end = f"<!-- settings of {plugin.name} -->\n", "<!-- end of settings -->"
        if begin in text:
            before, _, rest = text.partition(begin)
            _, _, after = rest.partition(end)
            text = f"{before}{begin}{settings_table(plugin)}\n{end}{after}"
    return text


def _meltano_setting(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    setting: dict[str, Any] = {
        "name": name,
        "label": schema.get("title", name),
        "kind": _kind(schema),
    }
    if schema.get("secret"):
        setting["sensitive"] = True
    if "default" in schema:
        setting["value"] = schema["default"]
    if "enum" in schema:
        setting["options"] = [{"label": str(value), "value": value} for value in schema["enum"]]
    setting["description"] = schema.get("description", "").strip()
    return setting


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "options"
    types = schema.get("type", "string")
    types = [types] if isinstance(types, str) else types
    return next(
        (kind for kind in ("integer", "boolean", "array", "object") if kind in types), "string"
    )


def _default(schema: Mapping[str, Any]) -> str:
    if "default" not in schema or schema["default"] is None:
        return "–"
    value = schema["default"]
    if isinstance(value, bool):
        return str(value).lower()
    return _codes([value]) if isinstance(value, str) else f"{value}".replace("'", '"')


def _codes(values: list[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
