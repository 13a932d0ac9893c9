from __future__ import annotations

from typing import Any

import pytest

from target_cordial.core.completeness import Completion
from target_cordial.core.endpoint_requests import EndpointRequests
from target_cordial.core.guard import Limit
from target_cordial.core.identifier import Mapping
from target_cordial.core.plan import Operation
from target_cordial.errors import SettingsError
from target_cordial.settings import (
    REGIONS,
    SCHEMA,
    Settings,
    SingleCohorts,
    config_from_environment,
    environment_problems,
    is_secure,
    schema_problems,
    unknown_in_environment,
)

KEY = "s3cret-key"


def settings(**config: Any) -> Settings:
    return Settings.from_config({"api_key": KEY, **config}, SCHEMA)


def problems(**config: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(**config)
    return caught.value.problems


# -- values ---------------------------------------------------------------------------------------


def test_defaults() -> None:
    assert settings() == Settings(
        api_key=KEY,
        api_url="https://api.cordial.io/v2",
        endpoint=None,
        endpoint_batch_size=1000,
        endpoint_requests=EndpointRequests(),
        delivery="contacts",
        mapping=Mapping("email", ("email",)),
        create_lists=True,
        create_contacts=True,
        suppress_triggers="always",
        cohorts=SingleCohorts(),
        snapshot_completion=Completion.MARKER,
        max_removal_count=10,
        max_removal_percent=30,
        max_addition_count=1000,
        max_addition_percent=200,
        max_rejected_percent=5,
        max_list_age_hours=0,
        ledger_url="sqlite:///.target-cordial/ledger.db",
        max_concurrency=8,
        request_timeout_seconds=60,
        import_staging_url=None,
        import_staging_options={},
        import_timeout_seconds=3600,
        verify_sample=10,
        dry_run=False,
        report_path=None,
        rejects_path=None,
    )


def test_every_given_value_is_taken() -> None:
    assert settings(
        api_url="https://sandbox.example/api/",
        endpoint="https://ingest.example/amplitude/",
        endpoint_batch_size=10,
        endpoint_requests={"create": {"path": "/cohorts"}},
        contact_identifier_name=" customer_id ",
        contact_identifier_mapping=" loyalty_id , customer_id,,",
        create_lists=False,
        create_contacts=False,
        suppress_triggers="never",
        cohorts={"vip": {"list_name": "VIP"}},
        snapshot_completion="never",
        max_removal_count=1,
        max_removal_percent=2,
        max_addition_count=3,
        max_addition_percent=4,
        max_rejected_percent=3,
        max_list_age_hours=48,
        ledger_url="sqlite:///elsewhere.db",
        max_concurrency=4,
        request_timeout_seconds=5,
        import_staging_url="s3://staging/cordial",
        import_staging_options={"region": "eu-west-1"},
        import_timeout_seconds=60,
        verify_sample=0,
        dry_run=True,
        report_path="report.json",
        rejects_path="rejects.jsonl",
    ) == Settings(
        api_key=KEY,
        api_url="https://sandbox.example/api/v2",
        endpoint="https://ingest.example/amplitude",
        endpoint_batch_size=10,
        endpoint_requests=EndpointRequests.of({"create": {"path": "/cohorts"}}),
        delivery="endpoint",
        mapping=Mapping("customer_id", ("loyalty_id", "customer_id")),
        create_lists=False,
        create_contacts=False,
        suppress_triggers="never",
        cohorts=SingleCohorts({"vip": {"list_name": "VIP"}}),
        snapshot_completion=Completion.NEVER,
        max_removal_count=1,
        max_removal_percent=2,
        max_addition_count=3,
        max_addition_percent=4,
        max_rejected_percent=3,
        max_list_age_hours=48,
        ledger_url="sqlite:///elsewhere.db",
        max_concurrency=4,
        request_timeout_seconds=5,
        import_staging_url="s3://staging/cordial",
        import_staging_options={"region": "eu-west-1"},
        import_timeout_seconds=60,
        verify_sample=0,
        dry_run=True,
        report_path="report.json",
        rejects_path="rejects.jsonl",
    )


def test_null_is_the_same_as_not_given() -> None:
    nothing: dict[str, Any] = {name: None for name in SCHEMA["properties"] if name != "api_key"}
    assert settings(**nothing) == settings()


@pytest.mark.parametrize(("region", "base"), list(REGIONS.items()))
def test_the_region_names_the_base(region: str, base: str) -> None:
    assert settings(region=region).api_url == base
    assert base.startswith("https://api.")


@pytest.mark.parametrize(
    "url",
    [
        "https://host.example",
        "https://host.example/",
        "https://host.example/v2",
        "https://host.example/v2/",
    ],
)
def test_the_base_ends_in_v2_however_it_is_given(url: str) -> None:
    assert settings(api_url=url, region="usw2").api_url == "https://host.example/v2"


@pytest.mark.parametrize(
    ("config", "delivery"),
    [
        ({}, "contacts"),
        ({"delivery": "auto"}, "contacts"),
        ({"endpoint": "https://ingest.example"}, "endpoint"),
        ({"endpoint": "https://ingest.example", "delivery": "endpoint"}, "endpoint"),
        ({"endpoint": "https://ingest.example", "delivery": "contacts"}, "contacts"),
    ],
)
def test_delivery_follows_the_endpoint(config: dict[str, str], delivery: str) -> None:
    assert settings(**config).delivery == delivery


STAGED = {"import_staging_url": "s3://staging/cordial"}


@pytest.mark.parametrize(
    ("config", "delivery"),
    [
        ({"delivery": "imports", **STAGED}, "imports"),
        ({"delivery": "contacts", **STAGED}, "contacts"),
        (STAGED, "auto"),
        ({**STAGED, "contact_identifier_name": " channels.sms.address "}, "auto"),
        ({**STAGED, "contact_identifier_name": "customer_id"}, "contacts"),
        ({**STAGED, "endpoint": "https://ingest.example"}, "endpoint"),
        ({**STAGED, "delivery": "endpoint", "endpoint": "https://ingest.example"}, "endpoint"),
    ],
)
def test_the_plan_decides_only_where_files_can_be_staged(
    config: dict[str, str], delivery: str
) -> None:
    assert settings(**config).delivery == delivery


def test_the_key_and_other_secrets_are_in_no_representation() -> None:
    shown = repr(
        settings(
            ledger_url="sqlite:///hidden.db",
            endpoint="https://ingest.example",
            endpoint_requests={"create": {"path": "/hidden"}},
            import_staging_options={"secret_access_key": "hidden"},
            **STAGED,
        )
    )
    assert KEY not in shown
    assert "hidden" not in shown


def test_secrets() -> None:
    properties = SCHEMA["properties"]
    secrets = {name for name, schema in properties.items() if schema.get("secret")}
    assert secrets == {"api_key", "ledger_url", "endpoint_requests", "import_staging_options"}


# -- the binding ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"region": "usw2"},
        {"api_url": "https://other.example"},
        {"endpoint": "https://ingest.example"},
        {"contact_identifier_name": "customer_id"},
        {"contact_identifier_mapping": "work_email"},
        {"contact_identifier_mapping": "email,work_email"},
    ],
)
def test_what_a_ledger_belongs_to(change: dict[str, str]) -> None:
    assert settings(**change).binding != settings().binding


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": "another"},
        {"api_url": "https://api.cordial.io"},
        {"max_removal_count": 0},
        {"contact_identifier_mapping": " email "},
        {"endpoint": "https://ingest.example", "delivery": "contacts"},
        {"delivery": "imports", **STAGED},
        STAGED,
        {"ledger_url": "sqlite:///moved.db"},
    ],
)
def test_what_a_ledger_does_not_belong_to(change: dict[str, Any]) -> None:
    assert settings(**change).binding == settings().binding


def test_with_an_endpoint_the_rest_base_is_no_part_of_the_binding() -> None:
    first = settings(endpoint="https://ingest.example")
    second = settings(endpoint="https://ingest.example/", region="usw2")
    assert first.binding == second.binding
    assert first.binding["destination"] == "https://ingest.example"


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("region", "eu"),
        ("delivery", "files"),
        ("suppress_triggers", "sometimes"),
        ("create_lists", "true"),
        ("dry_run", 1),
        ("endpoint_batch_size", 0),
        ("endpoint_batch_size", 10_001),
        ("max_removal_count", -1),
        ("max_removal_count", "10"),
        ("max_removal_count", 1.5),
        ("max_removal_count", True),
        ("max_removal_percent", -1),
        ("max_removal_percent", 101),
        ("max_rejected_percent", 101),
        ("max_addition_count", -1),
        ("max_addition_percent", -1),
        ("max_list_age_hours", -1),
        ("verify_sample", -1),
        ("verify_sample", 1001),
        ("snapshot_completion", "always"),
        ("cohorts", []),
        ("cohorts", '{"vip": {}}'),
        ("max_concurrency", 0),
        ("max_concurrency", 65),
        ("request_timeout_seconds", 0),
        ("request_timeout_seconds", 3601),
        ("import_timeout_seconds", 0),
        ("import_timeout_seconds", 604_801),
        ("import_timeout_seconds", 1.5),
        ("import_staging_url", ""),
        ("import_staging_options", "{}"),
        ("import_staging_options", {"region": 5}),
        ("import_staging_options", {"region": None}),
        ("endpoint_requests", []),
        ("endpoint_requests", {"create": []}),
        ("endpoint_requests", {"create": {"path": 5}}),
        ("endpoint_requests", {"create": {"url": "/lists"}}),
        ("endpoint_requests", {"delete": {}}),
        ("ledger_url", ""),
        ("report_path", ""),
        ("rejects_path", 5),
        ("contact_identifier_name", ""),
        ("contact_identifier_name", "  "),
        ("contact_identifier_mapping", ""),
        ("contact_identifier_mapping", " , ,"),
        ("api_url", "http://host.example"),
        ("api_url", "host.example/v2"),
        ("api_url", "ftp://host.example"),
        ("api_url", "https://"),
        ("api_url", "https://user:word@host.example"),
        ("api_url", "https://host.example/?key=1"),
        ("endpoint", "http://host.example"),
        ("endpoint", "http://127.0.0.1.host.example"),
        ("endpoint", "http://localhost@host.example"),
        ("endpoint", "https://user@host.example"),
        ("endpoint", "https://host.example/?key=1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: object) -> None:
    (problem,) = problems(**{name: value})
    assert name in problem


@pytest.mark.parametrize("name", ["api_url", "endpoint"])
@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:9", "https://host.example"]
)
def test_http_is_for_this_machine_only(name: str, url: str) -> None:
    taken = settings(**{name: url})
    assert url in {taken.endpoint, taken.api_url.removesuffix("/v2")}


@pytest.mark.parametrize("config", [{}, {"api_key": None}])
def test_the_key_has_to_be_there(config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_config(config, SCHEMA)
    assert caught.value.problems == ["The setting api_key is missing."]


def test_an_empty_key_is_refused() -> None:
    (problem,) = problems(api_key="")
    assert "api_key" in problem


def test_settings_that_are_not_there_are_refused_by_name() -> None:
    assert problems(max_removals=5, load_method="upsert") == [
        "There is no setting load_method.",
        "There is no setting max_removals.",
    ]


def test_delivery_by_an_endpoint_needs_one() -> None:
    (problem,) = problems(delivery="endpoint")
    assert "endpoint is missing" in problem


def test_delivery_by_imports_needs_a_place_for_its_files() -> None:
    (problem,) = problems(delivery="imports")
    assert problem == "delivery is imports, but the setting import_staging_url is missing."


def test_delivery_by_imports_needs_channel_addresses() -> None:
    (problem,) = problems(delivery="imports", contact_identifier_name="customer_id", **STAGED)
    assert "contact_identifier_name is no channel address" in problem
    assert "customer_id" not in problem


@pytest.mark.parametrize("config", [{}, {"delivery": "imports"}, {"delivery": "contacts"}])
def test_a_place_for_files_needs_the_package_that_reaches_it(
    config: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_cordial.settings.staging.find_spec", lambda _: None)
    assert settings().delivery == "contacts"
    (problem,) = problems(**config, **STAGED)
    assert "import_staging_url" in problem
    assert "install target-cordial[imports]" in problem


def test_options_of_a_store_and_calls_of_an_endpoint_need_their_address() -> None:
    (problem,) = problems(import_staging_options={"region": "s3cret"})
    assert problem == (
        "The setting import_staging_options is there, but import_staging_url is missing."
    )
    (problem,) = problems(endpoint_requests={"create": {"path": "/s3cret"}})
    assert problem == "The setting endpoint_requests is there, but endpoint is missing."


def test_wrong_calls_of_an_endpoint_are_refused_by_name() -> None:
    told = problems(
        endpoint="https://ingest.example",
        endpoint_requests={"create": {"path": "/$s3cret"}, "add": {"body": {"ids": "s3cret"}}},
    )
    assert [line.split(" ")[2] for line in told] == [
        "endpoint_requests.create.path",
        "endpoint_requests.add.body",
    ]
    assert "s3cret" not in str(told)


def test_a_body_may_hold_numbers_with_a_point() -> None:
    made = settings(
        endpoint="https://ingest.example",
        endpoint_requests={"add": {"body": {"ids": "$items", "version": 2.0}}},
    )
    assert made.endpoint_requests.add.body == {"ids": "$items", "version": 2.0}


def test_calls_that_meltano_took_apart_are_put_together() -> None:
    made = settings(
        endpoint="https://ingest.example",
        endpoint_requests={"add.body.ids": "$items", "add.item": "email"},
    )
    whole = {"add": {"body": {"ids": "$items"}, "item": "email"}}
    assert made.endpoint_requests == EndpointRequests.of(whole)


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3://bucket/",
        "s3://my.bucket-1/a/b_c/day=1/",
        "gs://bucket/prefix",
        "az://account/container/prefix",
    ],
)
def test_a_bucket_and_a_prefix_are_a_place_for_files(url: str) -> None:
    assert settings(import_staging_url=url).import_staging_url == url


@pytest.mark.parametrize(
    "url",
    [
        "/var/staging",
        "file:///var/staging",
        "memory:///",
        "http://bucket.example/prefix",
        "https://bucket.s3.amazonaws.com/prefix",
        "S3://bucket",
        "s3://",
        "s3:///prefix",
        "s3://key:word@bucket/prefix",
        "s3://bucket/prefix?versionId=1",
        "s3://bucket/prefix#part",
        "s3://bucket/a//b",
        "s3://bucket/../other",
        "s3://bucket/.",
        "s3://bucket/a b",
        "s3://bucket/a%2Fb",
        "s3://bucket/a\n",
    ],
)
def test_another_place_for_files_is_refused(url: str) -> None:
    (problem,) = problems(import_staging_url=url)
    assert problem.startswith("The setting import_staging_url must be ")
    assert "s3://bucket/prefix, gs://bucket/prefix, az://bucket/prefix" in problem


def test_all_problems_are_told_at_once() -> None:
    told = problems(region="eu", max_concurrency=0, colour="red")
    assert len(told) == 3
    told = problems(
        api_url="http://host.example",
        endpoint="https://u@host.example",
        contact_identifier_mapping=",",
    )
    assert len(told) == 3


@pytest.mark.parametrize(
    "config",
    [
        {"api_key": ["s3cret"]},
        {"api_key": KEY, "region": "s3cret"},
        {"api_key": KEY, "endpoint": "http://s3cret.example"},
        {"api_key": KEY, "api_url": "https://u:s3cret@host.example"},
        {"api_key": KEY, "unknown": "s3cret"},
        {"api_key": KEY, "import_staging_url": "s3://s3cret@bucket"},
        {"api_key": KEY, "import_staging_options": {"secret_access_key": 1, "x": "s3cret"}},
        {"api_key": KEY, "endpoint_requests": {"add": {"path": ["s3cret"], "body": "s3cret"}}},
    ],
)
def test_no_refusal_repeats_a_value(config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_config(config, SCHEMA)
    assert "s3cret" not in str(caught.value)


def test_problems_inside_a_setting_are_named_by_their_path() -> None:
    schema = {
        "properties": {
            "outer": {
                "type": "object",
                "properties": {"inner": {"type": "integer"}},
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    }
    assert schema_problems({"outer": {"inner": 1}}, schema) == []
    (problem,) = schema_problems({"outer": {"inner": "x"}}, schema)
    assert "outer.inner" in problem
    assert schema_problems({"outer": {"other": 1}}, schema) == ["There is no setting outer.other."]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host.example", True),
        ("HTTPS://host.example", True),
        ("http://localhost", True),
        ("http://LOCALHOST:80/x", True),
        ("http://[::1]/", True),
        ("http://host.example", False),
        ("http://localhost.host.example", False),
        ("http://localhost@host.example", False),
        ("http://127.0.0.1:80@host.example", False),
        ("http://host.example#@localhost", False),
        ("http://host.example\\@localhost", False),
        ("http://localhost\\.host.example", False),
        ("http://127.0.0.1%2ehost.example", False),
        ("http://127.1", False),
        ("http://2130706433", False),
        ("http://0x7f000001", False),
        ("http://127.0.0.1.", False),
        ("http://localhost.", False),
        ("http://\uff11\uff12\uff17.0.0.1", False),
        ("http://\u0661\u0662\u0667.0.0.1", False),
        ("http://loc\u0430lhost", False),
        ("http://[::ffff:127.0.0.1]", False),
        ("http://[::1%25eth0]", False),
        ("http://[::2]", False),
        ("http://0.0.0.0", False),
        ("http:///localhost", False),
        ("https:localhost", False),
        ("https://user@host.example", False),
        ("http://10.0.0.1", False),
        ("ftp://localhost", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_where_a_key_may_go(url: str, expected: bool) -> None:  # noqa: FBT001  part of a table
    assert is_secure(url) is expected


# -- single cohorts -------------------------------------------------------------------------------

ADD, REMOVE = Operation.ADD, Operation.REMOVE


def test_the_guards_numbers_by_default() -> None:
    limits = settings(max_removal_count=1, max_addition_percent=7).limits("c1", "vip")
    assert limits == {REMOVE: Limit(1, 30), ADD: Limit(1000, 7)}


def test_the_guard_can_be_switched_off_in_each_direction() -> None:
    assert settings(max_removal_percent=100).limits("c1", None)[REMOVE] == Limit(10, None)
    assert settings(max_removal_percent=0).limits("c1", None)[REMOVE] == Limit(10, 0)
    assert settings(max_addition_percent=0).limits("c1", None)[ADD] == Limit(1000, None)
    assert settings(max_addition_percent=100).limits("c1", None)[ADD] == Limit(1000, 100)


def test_an_entry_by_id_wins_over_one_by_name_field_by_field() -> None:
    made = settings(
        cohorts={
            "c1": {"max_removal_percent": 0, "list_name": "by-id"},
            "vip": {"max_removal_percent": 100, "max_addition_percent": 0, "list_name": "by-name"},
        }
    )
    assert made.limits("c1", "vip") == {REMOVE: Limit(10, 0), ADD: Limit(1000, None)}
    assert made.limits("c2", "vip") == {REMOVE: Limit(10, None), ADD: Limit(1000, None)}
    assert made.limits("c1", None) == {REMOVE: Limit(10, 0), ADD: Limit(1000, 200)}
    assert made.limits("vip", None)[REMOVE] == Limit(10, None)
    assert made.limits("c2", "VIP") == settings().limits("c2", "VIP")
    assert made.cohorts.list_name("c1", "vip") == "by-id"
    assert made.cohorts.list_name("c2", "vip") == "by-name"
    assert made.cohorts.list_name("c2", None) is None


def test_null_in_an_entry_is_the_same_as_not_given() -> None:
    nothing = {"list_name": None, "max_removal_percent": None, "max_addition_percent": None}
    made = settings(cohorts={"c1": nothing, "vip": {"max_removal_percent": 7}})
    assert made.limits("c1", "vip")[REMOVE] == Limit(10, 7)
    assert made.cohorts.list_name("c1", None) is None


@pytest.mark.parametrize(
    "given",
    [
        {"v1.2 users": {"list_name": "V", "max_removal_percent": 5}, "vip": {"list_name": "VIP"}},
        # as Meltano writes it into a configuration file
        {
            "v1": {"2 users": {"list_name": "V", "max_removal_percent": 5}},
            "vip": {"list_name": "VIP"},
        },
        # as Meltano writes it into the environment
        {"v1.2 users.list_name": "V", "vip.list_name": "VIP", "v1.2 users.max_removal_percent": 5},
    ],
)
def test_entries_that_meltano_took_apart_are_put_together(given: dict[str, Any]) -> None:
    made = settings(cohorts=given).cohorts
    assert made.given == {
        "v1.2 users": {"list_name": "V", "max_removal_percent": 5},
        "vip": {"list_name": "VIP"},
    }


def test_a_cohort_whose_name_begins_like_anothers_keeps_its_own_entry() -> None:
    given = {"v1": {"list_name": "A", "2": {"list_name": "B"}}, "x": {}}
    assert settings(cohorts=given).cohorts.given == {
        "v1": {"list_name": "A"},
        "v1.2": {"list_name": "B"},
        "x": {},
    }


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"a.list": "x"}, "cohorts.a.list"),
        ({"a": 5, "a.list_name": "x"}, "cohorts.a"),
        ({"a": {"b": {"c": {}, "list": 1}}}, "cohorts.a.b.list"),
        ({"list_name": "x"}, "cohorts.list_name"),
    ],
)
def test_what_meltano_did_not_take_apart_is_refused_by_name(
    given: dict[str, Any], named: str
) -> None:
    assert named in problems(cohorts=given)[0]


def test_entries_that_speak_of_no_known_cohort() -> None:
    made = SingleCohorts({"c1": {}, "vip": {}, "VIP": {}, "c9": {}})
    assert made.unmatched([("c1", "a"), ("c2", "vip"), ("c3", None)]) == ["VIP", "c9"]


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 128])
def test_a_list_name_that_cordial_takes_is_taken(name: str) -> None:
    assert settings(cohorts={"c1": {"list_name": name}}).cohorts.list_name("c1", None) == name


@pytest.mark.parametrize(
    "name",
    ["", "x" * 129, "with blank", "Ü", "a.b", "a\n", "cid", "CID", "Email", "lists", 5],
)
def test_a_list_name_that_cordial_would_not_take_is_refused(name: object) -> None:
    (problem,) = problems(cohorts={"vip": {"list_name": name}, "other": {}})
    assert "cohorts.vip.list_name" in problem


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"max_removal_percent": 101}, "cohorts.vip.max_removal_percent"),
        ({"max_removal_percent": "5"}, "cohorts.vip.max_removal_percent"),
        ({"max_addition_percent": -1}, "cohorts.vip.max_addition_percent"),
        ({"max_addition_percent": True}, "cohorts.vip.max_addition_percent"),
        ({"max_addition_percent": 1.0}, "cohorts.vip.max_addition_percent"),
        ({"list": "x"}, "There is no setting cohorts.vip.list."),
        ({"max_removal_count": 3}, "There is no setting cohorts.vip.max_removal_count."),
        ("VIP", "cohorts.vip"),
        (None, "cohorts.vip"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(entry: object, named: str) -> None:
    (problem,) = problems(cohorts={"vip": entry})
    assert named in problem


def test_single_cohorts_come_from_the_environment_as_json() -> None:
    config = config_from_environment({"TARGET_CORDIAL_COHORTS": '{"vip": {"list_name": "V"}}'})
    assert config == {"cohorts": {"vip": {"list_name": "V"}}}


@pytest.mark.parametrize("name", ["cohorts", "endpoint_requests", "import_staging_options"])
@pytest.mark.parametrize("text", ["", "{", "s3cret", "{'vip': {}}", "[" * 100_000])
def test_broken_json_in_the_environment_is_refused_by_name_alone(name: str, text: str) -> None:
    environment = {f"TARGET_CORDIAL_{name.upper()}": text}
    assert environment_problems(environment) == [
        f"The setting {name} (from the environment) is not JSON."
    ]
    with pytest.raises(SettingsError, match=name):
        config_from_environment(environment)


def test_calls_and_options_come_from_the_environment_as_json() -> None:
    environment = {
        "TARGET_CORDIAL_ENDPOINT_REQUESTS": '{"create": {"path": "/cohorts"}}',
        "TARGET_CORDIAL_IMPORT_STAGING_OPTIONS": '{"region": "eu-west-1"}',
        "TARGET_CORDIAL_IMPORT_TIMEOUT_SECONDS": "60",
    }
    assert config_from_environment(environment) == {
        "endpoint_requests": {"create": {"path": "/cohorts"}},
        "import_staging_options": {"region": "eu-west-1"},
        "import_timeout_seconds": 60,
    }


# -- what decides whether Cordial accepts a change ------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"create_contacts": False},
        {"suppress_triggers": "never"},
        {"endpoint": "https://ingest.example"},
        {"region": "usw2"},
        {"contact_identifier_name": "customer_id"},
        {"contact_identifier_mapping": "work_email"},
    ],
)
def test_settings_under_which_a_rejected_change_is_tried_again(change: dict[str, Any]) -> None:
    assert settings(**change).acceptance != settings().acceptance


def test_a_rejected_change_is_tried_again_when_the_calls_to_the_endpoint_change() -> None:
    def acceptance(**config: Any) -> str:
        return settings(endpoint="https://ingest.example", **config).acceptance

    first = {"create": {"path": "/cohorts"}, "add": {"path": "/cohorts/$list_id"}}
    again = dict(reversed(first.items()))
    default = {"add": {"body": {"userIds": "$items"}, "path": "/lists/$list_id/add"}}
    assert acceptance(endpoint_requests=default) == acceptance()
    assert acceptance(endpoint_requests=first) == acceptance(endpoint_requests=again)
    assert acceptance(endpoint_requests=first) != acceptance()
    assert acceptance(endpoint_requests=first) != acceptance(
        endpoint_requests={"create": first["create"]}
    )
    assert acceptance(endpoint_requests=first, delivery="contacts") == acceptance(
        delivery="contacts"
    )


@pytest.mark.parametrize(
    "change", [{"api_key": "another"}, {"max_removal_count": 0}, {"report_path": "r.json"}]
)
def test_settings_that_make_no_difference_to_a_rejected_change(change: dict[str, Any]) -> None:
    assert settings(**change).acceptance == settings().acceptance


def test_the_fingerprint_holds_no_setting() -> None:
    assert settings(endpoint="https://s3cret.example").acceptance.isalnum()


# -- the environment ------------------------------------------------------------------------------


def test_settings_come_from_the_environment() -> None:
    environment = {
        "TARGET_CORDIAL_API_KEY": KEY,
        "TARGET_CORDIAL_MAX_REMOVAL_COUNT": " 5 ",
        "TARGET_CORDIAL_MAX_CONCURRENCY": "+4",
        "TARGET_CORDIAL_DRY_RUN": "TRUE",
        "TARGET_CORDIAL_CREATE_LISTS": "false",
        "TARGET_CORDIAL_UNKNOWN": "1",
        "API_KEY": "of something else",
    }
    assert config_from_environment(environment) == {
        "api_key": KEY,
        "max_removal_count": 5,
        "max_concurrency": 4,
        "dry_run": True,
        "create_lists": False,
    }


@pytest.mark.parametrize("text", ["1", "true", "yes", "on", " On "])
def test_truths_in_the_environment(text: str) -> None:
    assert config_from_environment({"TARGET_CORDIAL_DRY_RUN": text}) == {"dry_run": True}


@pytest.mark.parametrize("text", ["0", "false", "no", "off"])
def test_untruths_in_the_environment(text: str) -> None:
    assert config_from_environment({"TARGET_CORDIAL_DRY_RUN": text}) == {"dry_run": False}


@pytest.mark.parametrize("text", ["", "ten", "1.5", "1e3", "+", "5 0"])
def test_numbers_in_the_environment_are_whole(text: str) -> None:
    environment = {"TARGET_CORDIAL_MAX_CONCURRENCY": text, "TARGET_CORDIAL_REGION": "usw1"}
    (problem,) = environment_problems(environment)
    assert "max_concurrency" in problem
    with pytest.raises(SettingsError, match="max_concurrency"):
        config_from_environment(environment)


def test_variables_that_are_no_settings_are_named() -> None:
    known = SCHEMA["properties"]
    environment = {
        "TARGET_CORDIAL_API_KEY": KEY,
        "TARGET_CORDIAL_LOGLEVEL": "DEBUG",
        "TARGET_CORDIAL_MAX_REMOVALS": "5",
        "TARGET_CORDIAL_API_KEY_OLD": KEY,
        "TARGET_CORDIAL": "no setting",
        "OTHER": "1",
        # what Meltano adds of its own
        "TARGET_CORDIAL__DIALECT": "target_cordial",
        "TARGET_CORDIAL_COHORTS": "{}",
        "TARGET_CORDIAL_COHORTS_ACTIVE_USERS_LIST_NAME": "Actives",
    }
    assert unknown_in_environment(environment, known) == [
        "There is no setting api_key_old (from the environment).",
        "There is no setting max_removals (from the environment).",
    ]


def test_a_negative_number_is_left_to_the_schema() -> None:
    config = config_from_environment({"TARGET_CORDIAL_MAX_CONCURRENCY": "-1"})
    assert config == {"max_concurrency": -1}
    (problem,) = problems(**config)
    assert "max_concurrency" in problem


@pytest.mark.parametrize(
    "url",
    [
        "https://[",
        "https://:pw@h.example",
        "https://h.example/v2?",
        "https://h.example/#x",
        "https://h.example:99999",
        "https://exa mple",
        "http://h.example",
        "ftp://h.example",
        "h.example",
    ],
)
@pytest.mark.parametrize("name", ["api_url", "endpoint"])
def test_an_address_that_is_no_plain_base_is_refused(name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_config({"api_key": "k", name: url}, SCHEMA)


def test_a_whole_number_with_a_point_is_no_whole_number() -> None:
    with pytest.raises(SettingsError, match="max_concurrency"):
        Settings.from_config({"api_key": "k", "max_concurrency": 8.0}, SCHEMA)


@pytest.mark.parametrize(
    ("variable", "text"),
    [("MAX_CONCURRENCY", "--5"), ("MAX_CONCURRENCY", "²"), ("DRY_RUN", "ture")],
)
def test_a_typing_error_in_the_environment_is_refused(variable: str, text: str) -> None:
    environment = {f"TARGET_CORDIAL_{variable}": text}
    assert environment_problems(environment)
    with pytest.raises(SettingsError, match=variable.lower()):
        config_from_environment(environment)


def test_both_names_of_the_mail_address_are_one_binding() -> None:
    short, long = (
        Settings.from_config({"api_key": "k", "contact_identifier_name": name}, SCHEMA).binding
        for name in ("email", "channels.email.address")
    )
    assert short == long


# -- what no header, no address and no disk can hold ----------------------------------------------


@pytest.mark.parametrize(
    "name", ["customer_id", "channels.sms.address", "loyalty-id", "A1", " email "]
)
def test_a_cordial_key_is_taken(name: str) -> None:
    assert settings(contact_identifier_name=name).mapping.name == name.strip()


@pytest.mark.parametrize(
    "name", ["customer id", "email:", "a/b", "a?b", "a%20b", "名前", "a\nb", "email,phone", "$cid"]
)
def test_a_name_that_is_no_cordial_key_is_refused(name: str) -> None:
    (problem,) = problems(contact_identifier_name=name)
    assert "contact_identifier_name" in problem
    assert name not in problem


@pytest.mark.parametrize("key", ["kéy", "key\n", "ke\ty", "key\x00", "key\u200b", "\ud83d"])
def test_a_key_with_characters_that_no_key_has_is_refused(key: str) -> None:
    (problem,) = problems(api_key=key)
    assert "api_key" in problem
    assert key not in problem


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", " sqlite:///:memory: "]
)
def test_a_ledger_in_memory_is_refused(url: str) -> None:
    (problem,) = problems(ledger_url=url)
    assert "ledger_url" in problem
    assert "memory" in problem


@pytest.mark.parametrize(
    "url", ["ledger.db", "postgresql://u:s3c@ret@host:abc/db", "postgresql://u:s3cret@[::1/db"]
)
def test_a_ledger_whose_url_can_not_be_read_is_refused(url: str) -> None:
    (problem,) = problems(ledger_url=url)
    assert "ledger_url is not a URL" in problem
    assert "s3c" not in problem


@pytest.mark.parametrize(
    "url", ["sqlite:///memory.db", "sqlite:////var/lib/ledger.db", "postgresql://u@host/ledgers"]
)
def test_a_ledger_in_a_file_or_in_a_server_is_taken(url: str) -> None:
    assert settings(ledger_url=url).ledger_url == url


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+pysqlite://",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///?x=1",
        "sqlite:///:memory:?cache=shared",
    ],
)
def test_no_spelling_of_a_ledger_in_memory_is_taken(url: str) -> None:
    with pytest.raises(SettingsError, match="memory"):
        Settings.from_config({"api_key": KEY, "ledger_url": url}, SCHEMA)


@pytest.mark.parametrize(
    ("name", "value"),
    [("api_key", " "), ("contact_identifier_name", "."), ("contact_identifier_name", "..")],
)
def test_a_value_that_is_hardly_one_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_config({"api_key": KEY, name: value}, SCHEMA)


@pytest.mark.parametrize(
    "url", ["sqlite:///file:/var/kept.db?uri=true", "sqlite:///file:kept.db?mode=rw&uri=true"]
)
def test_a_ledger_named_by_a_uri_is_refused(url: str) -> None:
    [problem] = problems(ledger_url=url)
    assert "ledger_url" in problem
    assert "kept" not in problem
