"""Cells: an account in disorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.account import BY_NAME, LISTS, REFUSALS
from tests.faults.matrix import cells, told
from tests.faults.people import ACTIVE, ACTIVE_LIST, ACTIVE_NAME, DAY_2, on_lists
from tests.faults.service import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.matrix import Column, Fault
    from tests.faults.scene import Scene

OTHER_NAME = f"{ACTIVE_LIST}-2"
NAMED = {row.name: row for row in LISTS}


@cells(refusal.fault for refusal in REFUSALS)
def test_calls_that_are_refused(fault: Fault, column: Column, scene: Scene) -> None:
    refusal = BY_NAME[fault.name]
    messages = scene.from_nothing() if refusal.first else scene.changed()
    scene.service.wires = [refusal.wire(scene)]
    ended = scene.run(*messages, max_concurrency=1)
    assert refusal.says in ended.last_line
    seen = scene.seen(ended)
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen}; {took}")


# -- lists between two runs -----------------------------------------------------------------------


@cells([NAMED["list_deleted"]])
def test_a_list_deleted_between_two_runs(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    restore = deleted(scene)
    ended = scene.run(*messages)
    assert_names_the_lost_list(ended.last_line)
    restore()
    seen = scene.seen(ended)
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen}; list restored: {took}")


@cells([NAMED["list_renamed"]])
def test_a_list_renamed_between_two_runs(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    rename(scene)
    ended = scene.run(*messages)
    assert f"is now called '{OTHER_NAME}' in Cordial; it is followed" in ended.stderr
    seen = scene.seen(ended)
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen} under the new name; {took}")


@cells([NAMED["list_cleared"]])
def test_a_list_cleared_between_two_runs(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    clear(scene)
    ended = scene.run(*messages)
    assert f"'{ACTIVE_LIST}' of cohort '{ACTIVE_NAME}' ({ACTIVE}) counted 0" in ended.last_line
    assert f"cordial-ledger forget {ACTIVE}" in ended.last_line
    scene.ledger_command("verify", ACTIVE, code=3)
    seen = scene.seen(ended)
    told(fault, column, f"{seen}, told of; {begun_anew(scene, messages)}")


# -- lists in the middle of a run -----------------------------------------------------------------


@cells([NAMED["list_deleted_midway"]])
def test_a_list_deleted_while_the_run_writes(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    restored: list[Callable[[], None]] = []
    midway(scene, lambda: restored.append(deleted(scene)))
    ended = scene.run(*messages, max_concurrency=1)
    seen = scene.seen(ended)
    restored[0]()
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen}; list restored: {took}")


@cells([NAMED["list_renamed_midway"]])
def test_a_list_renamed_while_the_run_writes(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    midway(scene, lambda: rename(scene))
    ended = scene.run(*messages, max_concurrency=1)
    seen = scene.seen(ended)
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen} under the new name; {took}")


@cells([NAMED["list_cleared_midway"]])
def test_a_list_cleared_while_the_run_writes(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.changed()
    midway(scene, lambda: clear(scene))
    ended = scene.run(*messages, max_concurrency=1)
    assert f"'{ACTIVE_LIST}'" in ended.last_line  # it counts others than were written
    scene.ledger_command("verify", ACTIVE, code=3)
    seen = scene.seen(ended)
    told(fault, column, f"{seen}, told of; {begun_anew(scene, messages)}")


@cells([NAMED["name_taken"]])
def test_a_name_that_an_attribute_has(fault: Fault, column: Column, scene: Scene) -> None:
    messages = scene.from_nothing()
    scene.service.state.account.make_attribute(ACTIVE_LIST, ACTIVE_LIST, "string")
    ended = scene.run(*messages)
    assert f"'{ACTIVE_NAME}' ({ACTIVE})" in ended.last_line
    assert "attribute" in ended.last_line
    seen = scene.seen(ended)
    called_otherwise(scene)
    scene.commands.settings["cohorts"] = {ACTIVE: {"list_name": OTHER_NAME}}
    took = scene.converge(*messages, state=bool(ended.states))
    told(fault, column, f"{seen}; another list_name in `cohorts`: {took}")


# -- what somebody does in Cordial ----------------------------------------------------------------


def midway(scene: Scene, happens: Callable[[], None]) -> None:
    """Let something happen before the second writing call is carried out."""
    scene.service.wires = [Wire(scene.writes, skip=1, times=1, meanwhile=happens)]


def deleted(scene: Scene) -> Callable[[], None]:
    """Delete the list of the active.

    Returns:
        What restores it, with everybody who was on it.
    """
    account = scene.service.state.account
    listed = scene.service.named(ACTIVE_LIST)
    members = sorted(listed.members)
    account.remove_list(listed)

    def restore() -> None:
        account.lists[listed.id] = listed
        account._list_ids[listed.name] = listed.id  # noqa: SLF001  the account can't restore lists
        for cid in members:
            scene.service.put(listed.name, account.contacts[cid].identifier)

    return restore


def rename(scene: Scene) -> None:
    called_otherwise(scene)
    account = scene.service.state.account
    account.rename_list(scene.service.named(ACTIVE_LIST), OTHER_NAME)


def called_otherwise(scene: Scene) -> None:
    """Know the list of the active under another name, too."""
    scene.renamed[ACTIVE_LIST] = OTHER_NAME
    for people in (scene.service.watch.allowed, scene.service.watch.kept):
        people[OTHER_NAME] = people.get(ACTIVE_LIST, set())


def clear(scene: Scene) -> None:
    """Clear the list of the active: its stranger is gone as well."""
    scene.service.state.account.clear_list(scene.service.named(ACTIVE_LIST))
    scene.strangers = {**scene.strangers, ACTIVE_LIST: set()}


def begun_anew(scene: Scene, messages: list[object]) -> str:
    """Begin with a list anew, as is to be done where the ledger believes what is not so."""
    scene.service.wires.clear()
    scene.ledger_command("forget", ACTIVE)
    ended = scene.run(*messages)
    took = "`cordial-ledger forget` and a full run"
    if "cordial-ledger adopt" in ended.last_line:
        scene.ledger_command("adopt", ACTIVE, "--none")
        took += " and `adopt`"
    assert scene.lists() == on_lists(DAY_2, scene.strangers)
    scene.service.writes()
    ended = scene.run()
    assert (ended.code, scene.service.writes()) == (0, [])
    return f"{took} converge"


def assert_names_the_lost_list(last_line: str) -> None:
    for said in (f"'{ACTIVE_NAME}' ({ACTIVE})", ACTIVE_LIST, "Restore", "cordial-ledger forget"):
        assert said in last_line
