"""Delivery by imports: files in a real S3 store, jobs in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.target_cordial.command.messages import COHORT, addresses, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.staging import StagingStore
    from tests.target_cordial.command.conftest import Commands


def test_members_come_and_go(
    imports: Commands, sandbox: Running, staging_store: StagingStore
) -> None:
    ended = imports.target(*snapshot(*people(20)))
    assert (ended.code, ended.report["delivery"]) == (0, "imports")
    assert ended.cohort(COHORT)["added"] == 20
    ended = imports.target(*snapshot(*people(15)))
    assert ended.code == 0
    assert (ended.cohort(COHORT)["removed"], ended.cohort(COHORT)["already_absent"]) == (5, 0)
    assert sandbox.control.lists()["activeusers"] == sorted(addresses(*range(1, 16)))
    assert staging_store.names() == []
