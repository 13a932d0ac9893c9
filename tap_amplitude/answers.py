"""What the answers of the cohort API mean. Pure functions over status and decoded body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ExportState = Literal["running", "done", "failed"]

_COMPLETED = "JOB COMPLETED"
# No failing status is documented; these words would leave no doubt.
_FAILING_WORDS = ("FAIL", "ERROR", "CANCEL")


@dataclass(frozen=True, slots=True)
class Usage:
    """Downloads of the month.

    Attributes:
        limit: Requests allowed a month.
        used: Requests made this month.
    """

    limit: int
    used: int


def cohort_entries(body: object) -> list[Mapping[str, Any]] | None:
    """Return the entries of the list of cohorts; None when the body is not such a list."""
    entries = body.get("cohorts") if isinstance(body, Mapping) else None
    if not isinstance(entries, list):
        return None
    return [entry for entry in entries if isinstance(entry, Mapping)]


def request_id(body: object) -> str | None:
    """Return the id of a download request; None when the body has none.

    The step is documented as 202, and seen as 200: what counts is the id.
    """
    value = body.get("request_id") if isinstance(body, Mapping) else None
    return str(value) if value and isinstance(value, (str, int)) else None


def export_state(http_status: int, body: object) -> ExportState:
    """Return how far a download is.

    Amplitude's own clients go by the HTTP status alone: 200 is done, 202 is not yet. The text
    `async_status` can only hold that back: `JOB COMPLETED` is the one documented end.

    Args:
        http_status: A successful HTTP status.
        body: The decoded body; anything when it is not JSON.
    """
    if http_status != 200:  # noqa: PLR2004 - the HTTP status OK
        return "running"
    text = body.get("async_status") if isinstance(body, Mapping) else None
    if not isinstance(text, str) or text.strip().upper() == _COMPLETED:
        return "done"
    return "failed" if any(word in text.upper() for word in _FAILING_WORDS) else "running"


def usage(body: object) -> Usage | None:
    """Return the monthly usage, from either of the two shapes seen; None for anything else.

    `{"rest_download": {"limit", "usage", "resets_at"}}` and
    `{"rest_download": {"limit", "count"}}`, also without the outer object. Amplitude's own
    description of the body was not to be had.
    """
    inner = body.get("rest_download", body) if isinstance(body, Mapping) else None
    if not isinstance(inner, Mapping):
        return None
    limit, used = inner.get("limit"), inner.get("usage", inner.get("count"))
    if type(limit) is not int or type(used) is not int:
        return None
    return Usage(limit=limit, used=used)
