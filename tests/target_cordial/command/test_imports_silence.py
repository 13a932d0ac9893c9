"""What imports may not say: no person, no key and no address of a file, at any level."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.staging import BUCKET, KEY, POWERLESS_KEY, SECRET
from tests.target_cordial.command.messages import COHORT, member, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.staging import StagingStore
    from tests.target_cordial.command.conftest import Commands

ROWS = [member(n, f"MarkedPerson{n}@shop.example") for n in range(1, 5)]

pytestmark = pytest.mark.usefixtures("quick")

SCENARIOS: list[tuple[list[dict[str, Any]], int]] = [
    ([], 0),
    ([{"kind": "reject_contact", "identifier": "markedperson2@shop.example"}], 0),
    ([{"kind": "drop_after", "path_contains": "/contactimports", "skip": 1}], 0),
    ([{"kind": "job_error", "message": "Can't connect to the server (markedperson@store)"}], 1),
    (
        [
            {
                "kind": "status",
                "path_contains": "/contactimports",
                "status": 406,
                "body": {"error": True, "messages": "No https://markedperson@store/x?X-Amz-Y=1"},
            }
        ],
        1,
    ),
    ([{"kind": "job_failed"}], 1),
    ([{"kind": "job_result", "strategy": "updateOnly"}], 1),
    ([{"kind": "job_stuck", "strategy": "updateOnly"}], 1),
]


@pytest.fixture(autouse=True)
def _the_stores_own_log_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUST_LOG", "trace")
    monkeypatch.setenv("RUST_BACKTRACE", "full")


def said(commands: Commands, store: StagingStore, code: int, **settings: Any) -> str:
    """Run, and return all that was said, once nothing in it is secret."""
    ended = commands.pipe(*snapshot(*ROWS), level="DEBUG", import_timeout_seconds=1, **settings)
    assert ended.code == code
    assert " DEBUG " in ended.stderr
    text = ended.stderr + ended.stdout + json.dumps(ended.report)
    prefix = store.url.split("/")[3]
    secrets = ["markedperson", "sandbox-key", KEY, POWERLESS_KEY, SECRET, "x-amz", "signature"]
    secrets += [prefix, f"/{BUCKET}/", store.server]
    assert [secret for secret in secrets if secret.lower() in text.lower()] == []
    return text


@pytest.mark.parametrize(("faults", "code"), SCENARIOS, ids=lambda value: str(value)[:30])
def test_nothing_secret_is_said_however_an_import_goes(
    imports: Commands,
    sandbox: Running,
    staging_store: StagingStore,
    faults: list[dict[str, Any]],
    code: int,
) -> None:
    for fault in faults:
        sandbox.control.add_fault(**fault)
    said(imports, staging_store, code)
    sandbox.control.release_jobs()
    said(imports, staging_store, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aws_access_key_id": POWERLESS_KEY},
        {"aws_secret_access_key": f"not {SECRET}"},
        {"endpoint": "http://127.0.0.1:9"},
    ],
    ids=["no permission", "wrong secret", "unreachable"],
)
def test_nothing_secret_is_said_of_a_store_that_fails(
    imports: Commands, staging_store: StagingStore, wrong: dict[str, str]
) -> None:
    text = said(
        imports, staging_store, 1, import_staging_options={**staging_store.options, **wrong}
    )
    assert "import_staging_url" in text


def test_the_sandbox_keeps_no_signature(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    assert imports.target(*snapshot(*ROWS)).cohort(COHORT)["added"] == 4
    kept = json.dumps([sandbox.control.calls(), sandbox.control.jobs()])
    assert "X-Amz" not in kept
    assert staging_store.url.split("/")[3] in kept  # the path is there, as documented
