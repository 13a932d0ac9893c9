from __future__ import annotations

from typing import Any

import pytest

from tap_amplitude import settings
from tap_amplitude.settings import SCHEMA, Settings, environment_problems, problems

KNOWN = SCHEMA["properties"]
GOOD = {"api_key": "k3y", "secret_key": "s3cret", "cohort_ids": ["9zx41kq"]}


def test_a_good_configuration_has_no_problems() -> None:
    assert problems(GOOD, KNOWN) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"api_key": None}, "api_key: this setting is required"),
        ({"secret_key": ""}, "secret_key: this setting is required"),
        ({"api_key": "  "}, "api_key: must not be empty"),
        ({"api_key": 4711}, "api_key: must be a text"),
        ({"regoin": "eu"}, "regoin: there is no such setting"),
        ({"region": "mars"}, "region: must be one of us, eu"),
        ({"poll_interval_seconds": 0}, "poll_interval_seconds: must be at least 1"),
        ({"poll_interval_seconds": "5"}, "poll_interval_seconds: must be a whole number"),
        ({"poll_timeout_seconds": 1.5}, "poll_timeout_seconds: must be a whole number"),
        ({"max_snapshot_age_hours": True}, "max_snapshot_age_hours: must be a whole number"),
        ({"monthly_request_reserve": -1}, "monthly_request_reserve: must be at least 0"),
        ({"skip_unchanged": "yes"}, "skip_unchanged: must be true or false"),
        (
            {"cohort_names": "active users"},
            'cohort_names: must be a list of texts, in the environment as JSON: ["one", "two"]',
        ),
        (
            {"user_properties": ["email", " "]},
            'user_properties: must be a list of texts, in the environment as JSON: ["one", "two"]',
        ),
        (
            {"cohort_ids": []},
            "one of cohort_ids, cohort_names, select_all is required: no cohort is selected",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_by_name(change: dict[str, Any], line: str) -> None:
    assert problems(GOOD | change, KNOWN) == [line]


@pytest.mark.parametrize("secret", ["api_key", "secret_key"])
@pytest.mark.parametrize("value", [987654321, ["987654321"], {"x": "987654321"}])
def test_no_problem_quotes_a_secret(secret: str, value: object) -> None:
    (line,) = problems(GOOD | {secret: value}, KNOWN)
    assert "987654321" not in line
    assert line.startswith(secret)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "ftp://api.example",
        "api.example",
        "https://",
        "https://user:word@api.example",
        "https://api.example?x=1",
        "http://[::1",
        "https://api.example:port",
        "http://127.0.0.1.api.example",
    ],
)
def test_refused_addresses(url: str) -> None:
    (line,) = problems(GOOD | {"api_url": url}, KNOWN)
    assert line.startswith("api_url: ")
    assert "word" not in line


@pytest.mark.parametrize(
    "url", ["https://api.example", "http://localhost:80", "http://127.0.0.5:1", "http://[::1]:1/a"]
)
def test_accepted_addresses(url: str) -> None:
    assert problems(GOOD | {"api_url": url}, KNOWN) == []


def test_defaults_and_nulls() -> None:
    typed = Settings.from_config(GOOD | {"region": None, "user_properties": None})
    assert typed == Settings(
        api_key="k3y",
        secret_key="s3cret",
        base_url="https://amplitude.com",
        cohort_ids=("9zx41kq",),
    )


def test_the_european_host_and_an_own_address() -> None:
    assert Settings.from_config(GOOD | {"region": "eu"}).base_url == (
        "https://analytics.eu.amplitude.com"
    )
    own = Settings.from_config(GOOD | {"region": "eu", "api_url": "https://api.example/"})
    assert own.base_url == "https://api.example"


def test_lists_lose_their_repeats_and_may_be_empty() -> None:
    typed = Settings.from_config(GOOD | {"cohort_ids": ["a", "b", "a"], "user_properties": []})
    assert typed.cohort_ids == ("a", "b")
    assert typed.user_properties == ()


def test_the_fingerprint_of_properties_knows_no_order() -> None:
    one = Settings.from_config(GOOD | {"user_properties": ["email", "plan"]})
    two = Settings.from_config(GOOD | {"user_properties": ["plan", "email"]})
    other = Settings.from_config(GOOD | {"user_properties": ["email"]})
    assert one.properties_hash == two.properties_hash != other.properties_hash


def test_keys_are_not_in_the_representation() -> None:
    text = repr(Settings.from_config(GOOD))
    assert "k3y" not in text
    assert "s3cret" not in text


def test_words_in_the_environment_that_the_sdk_would_misread() -> None:
    environment = {
        "P_SKIP_UNCHANGED": "ture",
        "P_SELECT_ALL": "False",
        "P_POLL_INTERVAL_SECONDS": "soon",
        "P_POLL_TIMEOUT_SECONDS": "60",
        "P_API_KEY": "whatever",
    }
    assert environment_problems(environment, "P_") == [
        "skip_unchanged: must be true or false",
        "poll_interval_seconds: must be a whole number",
    ]


def test_every_setting_has_a_title_and_a_description() -> None:
    assert all(p["title"] and p["description"] for p in settings.SCHEMA["properties"].values())
