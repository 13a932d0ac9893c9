"""Every served REST route against Cordial's own description, amended by `differences.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cordial_sandbox.differences import DIFFERENCES, SERVED, RequiresLess, amended

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.cordial_sandbox.conftest import Files

_FILE = Path(__file__).parents[2].parent / "shared" / "reference" / "cordial-v2-openapi.json"
_OPERATIONS = [(path, method) for path, methods in SERVED.items() for method in methods]
_JOB = "5f6b14340000000000000001"  # the first one after a reset
_ADDRESS = "ana@shop.example"
_CREDENTIALS = {"Authorization": "Basic c2FuZGJveC1rZXk6"}  # sandbox-key and no password
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_BOUNDED = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _description() -> dict[str, Any]:
    if not _FILE.exists():
        pytest.skip("Cordial's published description is not beside this checkout")
    description: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return description


def _steered(description: dict[str, Any], file: str) -> dict[str, Any]:
    """Narrow what is generated, so that writes succeed about as often as they are refused."""
    values = {
        "id": [101, 102, 999],
        "primary_key": [_ADDRESS, f"email:{_ADDRESS}", "email:nobody@shop.example", "x:y"],
        "key": ["attribute_key", "unknown"],
    }
    for path, methods in description["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["enum"] = values[parameter["name"]]
                if parameter["name"] == "id":
                    parameter["type"] = "integer"
                if parameter["name"] == "id" and path.startswith("/v2/jobs"):
                    parameter.update(type="string", enum=[_JOB, "unknown"])
                if parameter["name"].startswith("times["):
                    parameter["enum"] = ["2026-01-01T00:00:00Z", "yesterday"]
                if parameter["name"] in ("email", "name") and parameter["in"] == "query":
                    parameter["enum"] = [_ADDRESS, "list_name", "unknown"]
    definitions = description["definitions"]
    _steer_imports(definitions, file)
    definitions["List"]["properties"]["name"]["enum"] = ["list_name", "new-list", "cid", "not this"]
    definitions["Attribute"]["properties"]["type"]["enum"] = ["string", "geo", "unknown"]
    definitions["ContactCPost"]["properties"]["identifyBy"]["items"]["enum"] = ["email", "cID"]
    definitions["ChannelC"]["additionalProperties"] = False
    definitions["ChannelC"]["required"] = ["email"]
    definitions["ContactCPost"]["required"] = ["channels"]
    definitions["EmailC"]["properties"]["address"]["enum"] = [_ADDRESS, "bo@shop.example", ""]
    definitions["EmailC"]["properties"]["subscribeStatus"]["enum"] = ["none", "subscribed"]
    for name in ("ContactCPost", "ContactCPut"):
        definitions[name]["additionalProperties"] = False
    return description


def _steer_imports(definitions: dict[str, Any], file: str) -> None:
    job = definitions["ContactImportJob"]
    job["additionalProperties"] = False
    job["required"] = ["source", "hasHeader"]
    job["properties"]["source"] = {
        "type": "object",
        "required": ["transport", "url"],
        "properties": {"transport": {"enum": ["HTTP", "S3"]}, "url": {"enum": [file, f"{file}x"]}},
        "additionalProperties": False,
    }
    job["properties"]["strategy"]["enum"] = ["insertOnly", "updateOnly", "other"]
    job["properties"]["confirmEmail"]["enum"] = [_ADDRESS, "nobody"]
    job["properties"]["delimiter"]["enum"] = [",", ";"]
    for lists in definitions["ListsCI"]["properties"].values():
        lists["items"]["enum"] = ["list_name", "101"]


def _start_job(sandbox: Running, file: str) -> None:
    body = {"source": {"transport": "HTTP", "url": file}, "hasHeader": True}
    answer = requests.post(
        f"{sandbox.url}/v2/contactimports", json=body, headers=_CREDENTIALS, timeout=30
    )
    assert answer.json() == {"jobId": _JOB}


def _modes(description: dict[str, Any], path: str, method: str) -> list[GenerationMode]:
    parameters = description["paths"][path][method].get("parameters", ())
    has_body = any(parameter["in"] == "body" for parameter in parameters)
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if has_body else [])]


@pytest.mark.parametrize(("path", "method"), _OPERATIONS)
def test_route_answers_as_described(sandbox: Running, files: Files, path: str, method: str) -> None:
    file = files.put(f"channels.email.address\n{_ADDRESS}\n")
    description = _steered(amended(_description()), file)
    operation = schemathesis.openapi.from_dict(description)[path][method]
    statuses: set[int] = set()

    def hold(case: schemathesis.Case[Any]) -> None:
        sandbox.control.reset()
        # The description calls a list `list_name` and an attribute `attribute_key`.
        sandbox.control.put_list("list_name", [_ADDRESS])
        sandbox.control.put_list("empty", enhanced=False)
        sandbox.control.put_attribute("attribute_key")
        if path.startswith("/v2/jobs"):
            _start_job(sandbox, file)
        response = case.call(base_url=sandbox.url, headers=_CREDENTIALS)
        statuses.add(response.status_code)
        case.validate_response(response, checks=_CHECKS)

    for mode in _modes(description, path, method):
        cases = operation.as_strategy(generation_mode=mode)
        _BOUNDED(given(case=cases)(hold))()
    assert any(status < 300 for status in statuses), f"never a success: {statuses}"
    assert len(statuses) > 1 or not operation.definition.raw.get("parameters"), "one answer only"


@pytest.mark.parametrize(("path", "method"), _OPERATIONS)
def test_route_answers_401_without_credentials(sandbox: Running, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_dict(amended(_description()))[path][method]
    case = operation.Case(path_parameters=dict.fromkeys(("id", "primary_key", "key"), "1"))
    response = case.call(base_url=sandbox.url)
    assert response.status_code == 401
    case.validate_response(response, checks=_CHECKS)


def test_every_difference_has_a_reason_and_is_one() -> None:
    description = _description()
    for difference in DIFFERENCES:
        assert difference.reason
        if isinstance(difference, RequiresLess):
            required = description["definitions"][difference.definition]["required"]
            assert set(difference.not_required) <= set(required)
