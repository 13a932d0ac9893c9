"""``docs/*.schema.json`` hold for what runs really write, and name what the contract names."""

from __future__ import annotations

import json
import signal
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from target_cordial.core import identifier, outcome
from target_cordial.core.completeness import Completeness
from target_cordial.run.dry_plan import DryPlan, ListPlan
from target_cordial.run.report import CohortReport, RunReport
from tests.target_cordial.command.conftest import begun
from tests.target_cordial.command.messages import (
    COHORT,
    FLAGGED,
    MEMBERS,
    SNAPSHOTS,
    change,
    member,
    people,
    snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

DOCS = Path(__file__).parents[3] / "docs"
REPORT: dict[str, Any] = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))
REJECTS: dict[str, Any] = json.loads((DOCS / "rejects.schema.json").read_text(encoding="utf-8"))
COHORT_SCHEMA: dict[str, Any] = REPORT["$defs"]["cohort"]


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk every object and every field of a schema."""
    yield schema
    parts = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    inner = (schema.get(name) for name in ("items", "additionalProperties"))
    parts += [part for part in inner if isinstance(part, dict)]
    for part in parts:
        yield from objects(part)


@pytest.mark.parametrize("schema", [REPORT, REJECTS], ids=["report", "rejects"])
def test_every_field_is_described_and_no_other_is_taken(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for part in objects(schema):
        if "$ref" in part:
            continue
        assert part["description"].endswith("."), part
        if part.get("type") == "object":
            assert part.get("additionalProperties") is False or "propertyNames" in part, part


def test_the_fields_are_those_of_the_contract() -> None:
    assert list(REPORT["properties"]) == [*REPORT["required"], "plan"]  # of dry runs alone
    assert REPORT["required"] == [
        "run_id",
        "started_at",
        "finished_at",
        "status",
        "delivery",
        "dry_run",
        "requests",
        "cohorts",
        "errors",
    ]
    assert list(REPORT["properties"]["requests"]["properties"]) == ["total", "by_status"]
    assert (
        list(COHORT_SCHEMA["properties"])
        == COHORT_SCHEMA["required"]
        == [
            "cohort_id",
            "cohort_name",
            "list_name",
            "list_id",
            "snapshot",
            "last_complete_at",
            "received",
            "members",
            "added",
            "removed",
            "already_absent",
            "withheld",
            "pending",
            "skipped",
            "rejected",
            "count_in_cordial",
            "drift",
        ]
    )
    assert (
        list(REJECTS["properties"])
        == REJECTS["required"]
        == [
            "cohort_id",
            "cohort_name",
            "user",
            "identifier",
            "kind",
            "operation",
            "reason",
            "message",
        ]
    )


def test_the_schema_and_the_code_name_the_same() -> None:
    assert list(COHORT_SCHEMA["properties"]) == [field.name for field in fields(CohortReport)]
    report = RunReport("r", "2026-11-23T10:00:00Z", "contacts", dry_run=True)
    assert REPORT["required"] == list(report.as_dict())
    report.plan = DryPlan([], 0, None)
    plan = REPORT["properties"]["plan"]
    assert list(REPORT["properties"]) == list(report.as_dict())
    assert list(plan["properties"]) == plan["required"] == list(report.plan.as_dict())
    planned = REPORT["$defs"]["planned_list"]
    assert list(planned["properties"]) == planned["required"]
    assert planned["required"] == [field.name for field in fields(ListPlan)]
    snapshots = COHORT_SCHEMA["properties"]["snapshot"]["enum"]
    assert snapshots == [word.value for word in Completeness]
    assert REPORT["properties"]["status"]["enum"] == [status.value for status in outcome.Status]
    skipped = {
        identifier.UNRESOLVED_MAPPING,
        identifier.INVALID_IDENTIFIER,
        identifier.AMBIGUOUS_IDENTIFIER,
        identifier.IDENTIFIER_LOST,
    }
    rejected = {outcome.REJECTED_BY_CORDIAL, outcome.CONTACT_NOT_FOUND}
    assert set(COHORT_SCHEMA["properties"]["skipped"]["properties"]) == skipped
    assert set(COHORT_SCHEMA["properties"]["rejected"]["properties"]) == rejected
    assert set(REJECTS["properties"]["reason"]["enum"]) == skipped | rejected


def test_real_reports_hold(either: Commands, sandbox: Running) -> None:
    seen = set()
    two = {"email": ["a@shop.example", "b@shop.example"]}
    skips = [member(50, ""), member(51, "no address"), member(52, user_properties=two)]
    sandbox.control.add_fault("reject_contact", identifier="user2@shop.example", times=None)
    for messages, settings in (
        (snapshot(*people(40), *skips), {"dry_run": True}),
        (snapshot(*people(40), *skips), {}),
        (snapshot(*people(5), member(6, "")), {}),  # withheld; user 6 has lost the address
        ([MEMBERS, SNAPSHOTS, *people(3)], {}),  # no marker
        ([], {}),
        ([member(1)], {}),  # before its SCHEMA
        (snapshot(*people(1)), {"api_key": "wrong"}),
    ):
        report = either.target(*messages, **settings).report
        assert problems(REPORT, report) == []
        seen.add((report["status"], report["dry_run"]))
        if report["cohorts"]:
            assert [problems(REJECTS, entry) for entry in either.rejects()].count([]) == len(
                either.rejects()
            )
    assert seen == {("ok", True), ("ok", False), ("degraded", False), ("failed", False)}


def test_the_report_of_an_interrupted_run_holds(commands: Commands) -> None:
    commands.target(*snapshot(*people(2)))
    process = commands.start()
    begun(process)
    assert problems(REPORT, commands.report()) == []  # that of a run that goes on
    assert commands.report()["finished_at"] is None
    process.send_signal(signal.SIGTERM)
    ended = commands.end(process)
    assert ended.code == 143
    assert problems(REPORT, ended.report) == []


def test_real_lines_of_the_rejects_file_hold(commands: Commands, sandbox: Running) -> None:
    rows = [member(1), member(2, ""), member(3, "no address"), member(4)]
    sandbox.control.add_fault("reject_contact", identifier="user4@shop.example", times=None)
    seen = set()
    for messages, settings in (
        (snapshot(*rows), {}),
        ([FLAGGED, change(1, "", user_id=None, operation="remove", amplitude_id="unknown")], {}),
        ([FLAGGED, change(7, operation="add")], {"create_contacts": False}),
        (snapshot(member(1, ""), member(5)), {}),
    ):
        commands.target(*messages, **settings)
        for entry in commands.rejects():
            assert problems(REJECTS, entry) == []
            assert entry["cohort_id"] == COHORT
            seen.add((entry["kind"], entry["operation"], entry["reason"]))
    sandbox.control.add_fault("reject_contact", identifier="user5@shop.example", times=None)
    commands.target(FLAGGED, change(5, operation="remove"))
    (entry,) = commands.rejects()
    assert problems(REJECTS, entry) == []
    assert (entry["kind"], entry["operation"]) == ("rejected", "remove")
    assert seen == {
        ("skipped", "add", "unresolved_mapping"),
        ("skipped", "add", "invalid_identifier"),
        ("skipped", "add", "identifier_lost"),
        ("skipped", "remove", "unresolved_mapping"),
        ("rejected", "add", "rejected_by_cordial"),
        ("rejected", "add", "contact_not_found"),
    }


@pytest.mark.parametrize(
    "wrong",
    [{"more": 1}, {"status": "fine"}, {"cohorts": [{}]}, {"errors": [1]}, {"finished_at": 5}],
)
def test_a_report_that_is_none_does_not_hold(commands: Commands, wrong: dict[str, Any]) -> None:
    report = commands.target(*snapshot(*people(1))).report
    assert problems(REPORT, report) == []
    assert problems(REPORT, {**report, **wrong}) != []
