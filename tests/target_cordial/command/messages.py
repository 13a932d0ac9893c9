"""Singer messages as ``tap-amplitude`` writes them, and as other taps may."""

from __future__ import annotations

from typing import Any

COHORT = "9zx41kq"
NAME = "active users"
SNAPSHOT = "Rk7w2Q"

TEXT = {"type": ["string", "null"]}
MEMBER_PROPERTIES = {
    "cohort_id": {"type": "string"},
    "cohort_name": TEXT,
    "amplitude_id": TEXT,
    "user_id": TEXT,
    "user_properties": {"type": ["object", "null"]},
    "snapshot_id": TEXT,
}
MARKER_PROPERTIES = {
    "cohort_id": {"type": "string"},
    "cohort_name": TEXT,
    "snapshot_id": TEXT,
    "member_count": {"type": "integer"},
    "complete": {"type": "boolean"},
    "computed_at": {"type": ["string", "null"], "format": "date-time"},
}


def schema(
    stream: str, properties: dict[str, Any], keys: list[str] | None = None
) -> dict[str, Any]:
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": keys or [],
    }


MEMBERS = schema("cohort_members", MEMBER_PROPERTIES, ["cohort_id", "amplitude_id"])
FLAGGED = schema(
    "changes",
    {
        **MEMBER_PROPERTIES,
        "in_cohort": {"type": ["boolean", "null"]},
        "operation": TEXT,
        "_sdc_deleted_at": TEXT,
    },
)
SNAPSHOTS = schema("cohort_snapshots", MARKER_PROPERTIES, ["cohort_id", "snapshot_id"])


def record(stream: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": values}


def user(number: int | str, email: str | None = None, **values: Any) -> dict[str, Any]:
    """A member; with ``email=None`` its address is made of its number."""
    address = f"user{number}@shop.example" if email is None else email
    return {
        "cohort_id": COHORT,
        "cohort_name": NAME,
        "amplitude_id": f"3568930{number}",
        "user_id": f"u-{number}",
        "user_properties": {"email": address},
        "snapshot_id": SNAPSHOT,
        **values,
    }


def member(number: int | str, email: str | None = None, **values: Any) -> dict[str, Any]:
    return record("cohort_members", user(number, email, **values))


def change(number: int | str, email: str | None = None, **values: Any) -> dict[str, Any]:
    values.setdefault("snapshot_id", None)
    return record("changes", user(number, email, **values))


def marker(count: int, **values: Any) -> dict[str, Any]:
    return record(
        "cohort_snapshots",
        {
            "cohort_id": COHORT,
            "cohort_name": NAME,
            "snapshot_id": SNAPSHOT,
            "member_count": count,
            "complete": True,
            "computed_at": "2026-11-23T10:00:00Z",
            **values,
        },
    )


def state(value: Any) -> dict[str, Any]:
    return {"type": "STATE", "value": value}


def snapshot(*members: dict[str, Any], **cohort: Any) -> list[dict[str, Any]]:
    """A complete snapshot: schemas, members, marker, state."""
    rows = [{**row, "record": {**row["record"], **cohort}} for row in members]
    return [
        MEMBERS,
        SNAPSHOTS,
        *rows,
        marker(len({row["record"]["amplitude_id"] for row in rows}), **cohort),
        state({"bookmarks": {"seen": len(rows)}}),
    ]


def people(count: int, first: int = 1) -> list[dict[str, Any]]:
    return [member(number) for number in range(first, first + count)]


def addresses(*numbers: int) -> list[str]:
    return sorted(f"user{number}@shop.example" for number in numbers)
