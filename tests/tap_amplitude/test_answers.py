from __future__ import annotations

import pytest

from tap_amplitude import answers
from tap_amplitude.answers import Usage


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"async_status": "JOB COMPLETED"}, "done"),
        (200, {"async_status": " job completed "}, "done"),
        (200, {}, "done"),
        (200, None, "done"),
        (200, {"async_status": None}, "done"),
        (200, {"async_status": "JOB INPROGRESS"}, "running"),
        (200, {"async_status": "JOB FAILED"}, "failed"),
        (200, {"async_status": "Internal error"}, "failed"),
        (200, {"async_status": "CANCELLED"}, "failed"),
        (202, {"async_status": "JOB INPROGRESS"}, "running"),
        (202, {"async_status": "JOB COMPLETED"}, "running"),
        (202, None, "running"),
    ],
)
def test_the_http_status_leads(status: int, body: object, expected: str) -> None:
    assert answers.export_state(status, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"rest_download": {"limit": 500, "usage": 37, "resets_at": "x"}}, Usage(500, 37)),
        ({"rest_download": {"limit": 500, "count": 12}}, Usage(500, 12)),
        ({"limit": 500, "count": 0}, Usage(500, 0)),
        ({"limit": 500}, None),
        ({"limit": "500", "usage": 1}, None),
        ({"limit": True, "usage": 1}, None),
        ({"rest_download": None}, None),
        ([], None),
        (None, None),
    ],
)
def test_usage_comes_in_two_shapes(body: object, expected: Usage | None) -> None:
    assert answers.usage(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"request_id": "Rk"}, "Rk"),
        ({"request_id": 7}, "7"),
        ({"request_id": None}, None),
        ({"request_id": ""}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_request_id(body: object, expected: str | None) -> None:
    assert answers.request_id(body) == expected


def test_the_list_and_what_is_none() -> None:
    assert answers.cohort_entries({"cohorts": [{"id": "a"}, None]}) == [{"id": "a"}]
    assert answers.cohort_entries({"cohorts": {}}) is None
    assert answers.cohort_entries([]) is None
