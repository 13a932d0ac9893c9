from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import pytest

from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.cordial.rest import RestClient
from target_cordial.core.endpoint_requests import EndpointRequests
from target_cordial.delivery.base import Target
from target_cordial.errors import RefusedError, UnexpectedError
from target_cordial.ledger.store import CohortRow
from target_cordial.run.lists import Bound, ListBinder, outgrown_entries, refused_names, wanted_name
from target_cordial.settings import SingleCohorts
from tests.target_cordial.cordial.transport import BASE, Wire, wire

LOGGER = logging.getLogger("tests.lists")
LISTS = f"{BASE}/accountlists"
COUNT = re.compile(rf"{BASE}/accountlists/[0-9]+/count")
NOTHING = SingleCohorts()


def cohort(
    key: int,
    name: str | None,
    *,
    list_name: str | None = None,
    list_id: str | None = None,
    synced: bool = False,
) -> CohortRow:
    first = 1 if synced else None
    return CohortRow(key, f"c{key}", name, list_name, list_id, first, None)


def rest(
    *lists: tuple[int, str],
    created: dict[str, Any] | None = None,
    then: Any = None,
    counted: dict[str, Any] | None = None,
) -> Wire:
    """Stand in for Cordial: its lists, its answer to a creation, its lists after that, a count."""
    line = wire()
    first = {"json": [{"id": number, "name": name} for number, name in lists]}
    after = (
        first if then is None else {"json": [{"id": number, "name": name} for number, name in then]}
    )
    line.adapter.register_uri("GET", LISTS, [first, after])
    line.adapter.register_uri("POST", LISTS, [created or {"status_code": 500}])
    line.adapter.register_uri("GET", COUNT, [counted or {"json": {"count": 0}}])
    return line


def binder(line: Wire, *, create: bool = True, dry: bool = False) -> ListBinder:
    return ListBinder(
        RestClient(line.session), None, single=NOTHING, create=create, dry=dry, logger=LOGGER
    )


def bind(made: ListBinder, rows: list[CohortRow]) -> Bound:
    """Follow, then bind, as a run does."""
    return made.bind(made.follow(rows))


def where(bound: Bound) -> dict[int, Target]:
    """Take the targets without what they say of their cohorts."""
    return {
        key: replace(target, cohort_id="", cohort_name="") for key, target in bound.targets.items()
    }


def posts(line: Wire) -> list[Any]:
    return [body for method, _, body in line.sent() if method == "POST"]


# -- names ----------------------------------------------------------------------------------------


def test_the_name_is_the_bound_one_else_that_of_the_cohort() -> None:
    assert wanted_name(cohort(1, "active users"), NOTHING) == "activeusers"
    assert (
        wanted_name(cohort(1, "renamed", list_name="activeusers", list_id="7"), NOTHING)
        == "activeusers"
    )
    assert wanted_name(cohort(1, None), NOTHING) == "cohort-c1"


def test_two_new_cohorts_of_one_name_are_both_refused_and_both_named() -> None:
    rows = [cohort(1, "active users"), cohort(2, "Active Users"), cohort(3, "other")]
    refused = refused_names(rows, NOTHING)
    assert set(refused) == {1, 2}
    for text in refused.values():
        assert "'active users' (c1)" in text
        assert "'Active Users' (c2)" in text
        assert "forget" in text


def test_a_cohort_that_has_its_list_keeps_it_and_the_other_is_refused() -> None:
    bound = cohort(1, "active users", list_name="activeusers", list_id="7")
    refused = refused_names([bound, cohort(2, "active users"), cohort(3, "Activeusers")], NOTHING)
    assert set(refused) == {2, 3}
    assert "c1" in refused[2]


def test_different_names_are_no_collision() -> None:
    assert refused_names([cohort(1, "a"), cohort(2, "b"), cohort(3, "a-b")], NOTHING) == {}


# -- REST -----------------------------------------------------------------------------------------


def test_a_list_that_is_there_is_taken_by_its_name() -> None:
    line = rest((7, "activeusers"), (8, "other"))
    bound = bind(binder(line), [cohort(1, "active users"), cohort(2, "other", synced=True)])
    assert bound.problems == {}
    assert where(bound) == {
        1: Target("7", "activeusers", first_sync=True),
        2: Target("8", "other", first_sync=False),
    }
    assert posts(line) == []


def test_a_missing_list_is_made_and_its_id_read_back() -> None:
    line = rest(created={"json": {"success": True, "id": 999}}, then=[(7, "activeusers")])
    bound = bind(binder(line), [cohort(1, "active users")])
    assert where(bound) == {1: Target("7", "activeusers", first_sync=True)}
    assert posts(line) == [{"name": "activeusers", "enhanced": True}]


def test_a_list_that_somebody_else_made_meanwhile_is_taken() -> None:
    taken = {"status_code": 422, "json": {"error": True, "message": "Name must be unique"}}
    bound = bind(
        binder(rest(created=taken, then=[(7, "activeusers")])), [cohort(1, "active users")]
    )
    assert where(bound) == {1: Target("7", "activeusers", first_sync=True)}


def test_a_name_that_a_contact_attribute_has_is_a_problem_that_says_so() -> None:
    taken = {"status_code": 422, "json": {"error": True, "message": "Name must be unique"}}
    line = rest((8, "other"), created=taken)
    bound = bind(binder(line), [cohort(1, "age"), cohort(2, "other")])
    assert set(bound.targets) == {2}
    assert "attribute" in bound.problems[1]
    assert "Name must be unique" in bound.problems[1]
    assert "'age' (c1)" in bound.problems[1]


@pytest.mark.parametrize(
    "answer", [{"status_code": 500}, {"status_code": 404, "text": "<html>"}, {"text": "<html>"}]
)
def test_a_list_that_can_not_be_made_is_the_problem_of_its_cohort_alone(
    answer: dict[str, Any],
) -> None:
    bound = bind(binder(rest((8, "other"), created=answer)), [cohort(1, "new"), cohort(2, "other")])
    assert set(bound.problems) == {1}
    assert set(bound.targets) == {2}


def test_a_missing_list_is_a_problem_when_none_may_be_made() -> None:
    line = rest((8, "other"))
    bound = bind(binder(line, create=False), [cohort(1, "new"), cohort(2, "other")])
    assert "create_lists" in bound.problems[1]
    assert set(bound.targets) == {2}
    assert posts(line) == []


def test_a_dry_run_makes_no_list() -> None:
    line = rest((8, "other"))
    bound = bind(binder(line, dry=True), [cohort(1, "new"), cohort(2, "other")])
    assert where(bound)[1] == Target("", "new", first_sync=True)
    assert bound.targets[2].list_id == "8"
    assert posts(line) == []


def test_a_bound_cohort_keeps_its_list_when_it_is_renamed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = rest((7, "activeusers"))
    row = cohort(1, "renamed", list_name="activeusers", list_id="7", synced=True)
    assert where(bind(binder(line), [row])) == {1: Target("7", "activeusers", first_sync=False)}
    assert caplog.records == []
    assert posts(line) == []


def test_a_list_renamed_in_cordial_is_followed_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = cohort(1, "active users", list_name="activeusers", list_id="7", synced=True)
    bound = bind(binder(rest((7, "vip"))), [row])
    assert where(bound) == {1: Target("7", "vip", first_sync=False)}
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "'activeusers'" in record.getMessage()
    assert "'vip'" in record.getMessage()


@pytest.mark.parametrize("lists", [[], [(9, "activeusers")]])
def test_a_list_deleted_in_cordial_is_a_problem_and_not_made_again(
    lists: list[tuple[int, str]],
) -> None:
    line = rest(*lists)
    row = cohort(1, "active users", list_name="activeusers", list_id="7", synced=True)
    bound = bind(binder(line), [row])
    assert bound.targets == {}
    assert "not in Cordial any more" in bound.problems[1]
    assert "cordial-ledger forget c1" in bound.problems[1]
    assert posts(line) == []


def test_a_cohort_may_not_have_the_present_name_of_a_renamed_list() -> None:
    """A list holds one cohort: two that write to one list undo each other for ever."""
    rows = [
        cohort(1, "alpha", list_name="alpha", list_id="7", synced=True),
        cohort(2, "beta"),
        cohort(3, "Be Ta"),
        cohort(4, "gamma"),
    ]
    made = binder(rest((7, "beta"), (8, "gamma")))
    present = made.follow(rows)
    refused = refused_names(present, NOTHING)
    assert set(refused) == {2, 3}
    assert "'alpha' (c1)" in refused[2]
    bound = made.bind([row for row in present if row.key not in refused])
    assert where(bound) == {
        1: Target("7", "beta", first_sync=False),
        4: Target("8", "gamma", first_sync=True),
    }


def test_a_single_new_cohort_may_not_have_the_present_name_of_a_renamed_list() -> None:
    rows = [cohort(1, "alpha", list_name="alpha", list_id="7", synced=True), cohort(2, "beta")]
    assert refused_names(rows, NOTHING) == {}
    refused = refused_names(binder(rest((7, "beta"))).follow(rows), NOTHING)
    assert set(refused) == {2}
    assert "'beta' (c2)" in refused[2]
    assert "'alpha' (c1)" in refused[2]


def test_a_new_cohort_may_have_the_former_name_of_a_renamed_list() -> None:
    rows = [cohort(1, "x", list_name="alpha", list_id="7", synced=True), cohort(2, "alpha")]
    assert set(refused_names(rows, NOTHING)) == {2}
    line = rest((7, "beta"), created={"json": {}}, then=[(7, "beta"), (9, "alpha")])
    made = binder(line)
    present = made.follow(rows)
    assert refused_names(present, NOTHING) == {}
    assert where(made.bind(present)) == {
        1: Target("7", "beta", first_sync=False),
        2: Target("9", "alpha", first_sync=True),
    }


def test_following_changes_nothing_but_the_names_of_renamed_lists(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [
        cohort(1, "alpha", list_name="alpha", list_id="7", synced=True),
        cohort(2, "gone", list_name="gone", list_id="5", synced=True),
        cohort(3, "new"),
        cohort(4, None),
    ]
    line = rest((7, "beta"), (8, "new"), (6, "gone"))
    made = binder(line)
    assert made.follow(rows) == [replace(rows[0], list_name="beta"), *rows[1:]]
    assert made.lists == {"beta": "7", "new": "8", "gone": "6"}
    assert line.sent() == [("GET", "/accountlists", None)]
    assert len(caplog.records) == 1


def test_the_lists_can_be_read_again() -> None:
    made = binder(rest((7, "alpha"), then=[(7, "alpha"), (9, "beta")]))
    assert made.lists == {}
    made.refresh()
    assert made.lists == {"alpha": "7"}
    made.refresh()
    assert made.lists == {"alpha": "7", "beta": "9"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"status_code": 403}, RefusedError), ({"status_code": 404, "text": ""}, UnexpectedError)],
)
def test_lists_that_can_not_be_read_follow_nothing(
    answer: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        binder(wire(answer)).follow([cohort(1, "new")])


def test_a_refused_key_ends_binding() -> None:
    line = rest(created={"status_code": 403})
    with pytest.raises(RefusedError):
        bind(binder(line), [cohort(1, "new")])


# -- a list that was there before its cohort ------------------------------------------------------


def test_members_that_a_list_had_before_are_found() -> None:
    bound = bind(
        binder(rest((7, "vip"), (8, "own"), counted={"json": {"count": 12}})),
        [cohort(1, "vip"), cohort(2, "own", list_name="own", list_id="8")],
    )
    assert bound.found == {1: 12}  # the second cohort has had its list before
    assert set(bound.targets) == {1, 2}


def test_an_empty_list_has_nobody_to_be_adopted() -> None:
    assert bind(binder(rest((7, "vip"))), [cohort(1, "vip")]).found == {}


def test_a_list_that_was_just_made_is_not_asked_for_members() -> None:
    line = rest(
        created={"json": {"success": True}}, then=[(7, "vip")], counted={"status_code": 500}
    )
    bound = bind(binder(line), [cohort(1, "vip")])
    assert (set(bound.targets), bound.found) == ({1}, {})


def test_a_list_that_somebody_made_meanwhile_is_asked_for_members() -> None:
    taken = {"status_code": 422, "json": {"error": True, "message": "Name must be unique"}}
    line = rest(created=taken, then=[(7, "vip")], counted={"json": {"count": 3}})
    assert bind(binder(line), [cohort(1, "vip")]).found == {1: 3}


@pytest.mark.parametrize(
    "counted", [{"status_code": 500}, {"status_code": 404}, {"json": {}}, {"json": {"count": "3"}}]
)
@pytest.mark.parametrize("by_protocol", [False, True])
def test_members_that_can_not_be_counted_keep_the_cohort_from_being_written(
    counted: dict[str, Any],
    by_protocol: bool,  # noqa: FBT001  a column of the table
) -> None:
    line = rest((7, "vip"), counted=counted)
    made = protocol_binder(line, {"json": {"listId": "a"}})[0] if by_protocol else binder(line)
    bound = bind(made, [cohort(1, "vip")])
    assert (bound.targets, bound.found) == ({}, {})
    assert "'vip' (c1)" in bound.problems[1]
    assert "not written" in bound.problems[1]


def test_the_protocol_is_asked_after_the_members_were_counted() -> None:
    line = rest((7, "vip"), counted={"json": {"count": 12}})
    made, other = protocol_binder(line, {"json": {"listId": "abc"}})
    bound = bind(made, [cohort(1, "vip"), cohort(2, "new")])
    assert bound.found == {1: 12}
    assert [body["name"] for _, _, body in other.sent()] == ["vip", "new"]


# -- names that the settings ask for --------------------------------------------------------------


def test_the_settings_name_a_list_before_the_first_sync_and_not_after() -> None:
    single = SingleCohorts({"c1": {"list_name": "asked"}, "other": {"list_name": "Elsewhere"}})
    assert wanted_name(cohort(1, "active users"), single) == "asked"
    assert wanted_name(cohort(2, "other"), single) == "Elsewhere"
    bound = cohort(1, "active users", list_name="activeusers", list_id="7")
    assert wanted_name(bound, single) == "activeusers"


@pytest.mark.parametrize(
    ("row", "names_before", "words"),
    [
        (cohort(1, "loyal"), {"c1": "active users"}, "'loyal' (c1) was until now"),
        (cohort(1, "loyal", list_name="activeusers", list_id="7"), {}, "has the list that goes"),
        (cohort(1, "loyal", list_name="Actives", list_id="7"), {}, "has the list that goes"),
    ],
)
def test_an_entry_by_a_former_name_is_told_from_the_ledger(
    row: CohortRow, names_before: dict[str, str | None], words: str
) -> None:
    single = SingleCohorts({"active users": {"list_name": "Actives"}, "lapsed": {}})
    [note] = outgrown_entries([row, cohort(2, "other")], single, names_before)
    assert "'active users'" in note
    assert words in note
    assert "id 'c1'" in note
    taken = cohort(3, "active users")
    assert outgrown_entries([row, taken], single, names_before) == []
    unsaid = cohort(1, "loyal", list_name="elsewhere", list_id="7")
    assert outgrown_entries([unsaid], single, {"c1": "loyal"}) == []


def test_collisions_are_judged_by_the_names_that_are_asked_for() -> None:
    rows = [cohort(1, "same"), cohort(2, "Same"), cohort(3, "third")]
    apart = SingleCohorts({"c2": {"list_name": "another"}})
    assert refused_names(rows, apart) == {}
    together = SingleCohorts({"c2": {"list_name": "another"}, "third": {"list_name": "ANOTHER"}})
    refused = refused_names(rows, together)
    assert set(refused) == {2, 3}
    assert "list_name" in refused[2]


def test_a_command_in_a_message_can_be_pasted() -> None:
    rows = [replace(cohort(1, "a b"), cohort_id="a b"), replace(cohort(2, "ab"), cohort_id="ab")]
    assert "cordial-ledger forget 'a b'" in refused_names(rows, NOTHING)[1]


# -- the list protocol ----------------------------------------------------------------------------


def protocol_binder(
    line: Wire, answer: dict[str, Any], *, create: bool = True, dry: bool = False
) -> tuple[ListBinder, Wire]:
    other = wire(answer)
    client = ListProtocolClient(other.session)
    made = ListBinder(
        RestClient(line.session), client, single=NOTHING, create=create, dry=dry, logger=LOGGER
    )
    return made, other


def test_a_list_is_looked_up_by_the_protocol_and_its_id_remembered() -> None:
    made, other = protocol_binder(rest((7, "activeusers")), {"json": {"listId": "abc"}})
    known = cohort(2, "x", list_name="other", list_id="def", synced=True)
    bound = bind(made, [cohort(1, "active users"), known])
    assert where(bound) == {
        1: Target("abc", "activeusers", first_sync=True),
        2: Target("def", "other", first_sync=False),
    }
    assert other.sent() == [("POST", "/lists", {"name": "activeusers"})]


@pytest.mark.parametrize(("create", "dry"), [(False, False), (True, True)])
def test_the_protocol_makes_no_list_that_may_not_be_made(create: bool, dry: bool) -> None:  # noqa: FBT001  columns of the table
    made, other = protocol_binder(rest(), {"json": {"listId": "a"}}, create=create, dry=dry)
    bound = bind(made, [cohort(1, "new")])
    assert other.calls == []
    assert set(bound.problems) == (set() if create else {1})


def test_the_protocols_ids_are_not_those_of_rest_and_follow_no_renamed_list(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, other = protocol_binder(rest((7, "vip")), {"json": {"listId": "abc"}})
    rows = [cohort(1, "x", list_name="activeusers", list_id="7", synced=True)]
    assert made.follow(rows) == rows
    assert where(made.bind(rows)) == {1: Target("7", "activeusers", first_sync=False)}
    assert other.calls == []
    assert caplog.records == []


def test_an_endpoint_that_names_no_list_is_the_problem_of_its_cohort() -> None:
    made, _ = protocol_binder(rest(), {"json": {}})
    bound = bind(made, [cohort(1, "new")])
    assert "listId" in bound.problems[1]


def test_calls_may_say_of_a_list_which_cohort_it_is_of() -> None:
    requests = EndpointRequests.of({"create": {"body": ["$cohort_id", "$cohort_name"]}})
    other = wire({"json": {"listId": "abc"}}, {"json": {"listId": "def"}})
    made = ListBinder(
        RestClient(rest().session),
        ListProtocolClient(other.session, requests),
        single=NOTHING,
        create=True,
        dry=False,
        logger=LOGGER,
    )
    bound = bind(made, [cohort(1, "active users"), cohort(2, None)])
    assert [body for _, _, body in other.sent()] == [["c1", "active users"], ["c2", "c2"]]
    assert bound.targets[1].values == {
        "list_id": "abc",
        "list_name": "activeusers",
        "cohort_id": "c1",
        "cohort_name": "active users",
    }
    assert bound.targets[2].cohort_name == "c2"


@pytest.mark.parametrize("known", [True, False])
def test_no_two_cohorts_get_one_list_of_the_endpoint(known: bool) -> None:  # noqa: FBT001  both
    made, other = protocol_binder(rest((7, "alpha")), {"json": {"listId": "abc"}})
    first = cohort(1, "alpha", list_name="alpha", list_id="abc", synced=True)
    rows = [first if known else cohort(1, "alpha"), cohort(2, "beta")]
    bound = bind(made, rows)
    assert set(bound.targets) == {1}
    assert bound.problems == {
        2: "Cohort 'beta' (c2): its list is that of 'alpha' (c1): it was not written. "
        "Check the setting endpoint"
    }
    assert len(other.calls) == (1 if known else 2)
