"""People whom Cordial does not take, among many whom it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.profiles import is_soak
from tests.target_cordial.command.messages import COHORT, addresses, people, snapshot

if TYPE_CHECKING:
    from cordial_sandbox.server import Running
    from tests.target_cordial.command.conftest import Commands

MANY = 10_000 if is_soak() else 1_500
POISONED = addresses(17, MANY // 2, MANY - 1)


def test_exactly_the_poisoned_are_rejected_with_a_reason(
    either: Commands, sandbox: Running
) -> None:
    for address in POISONED:
        message = f"{address} is on a block list"
        sandbox.control.add_fault("reject_contact", identifier=address, times=None, message=message)
    ended = either.target(*snapshot(*people(MANY)), max_concurrency=16)
    assert ended.code == 0
    part = ended.cohort(COHORT)
    assert (part["added"], part["pending"]) == (MANY - 3, 0)
    assert part["rejected"] == {"rejected_by_cordial": 3}
    assert sandbox.control.lists()["activeusers"] == sorted(
        set(addresses(*range(1, MANY + 1))) - set(POISONED)
    )
    told = {(line["identifier"], line["reason"], line["message"]) for line in either.rejects()}
    assert told == {
        (address, "rejected_by_cordial", f"{address} is on a block list") for address in POISONED
    }
    assert len(either.rejects()) == 3
    assert "shop.example" not in ended.stderr
