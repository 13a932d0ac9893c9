"""What the tap remembers of a cohort between runs, as it stands in the Singer state.

    {"context": {"cohort_id": "9zx41kq"},
     "request_id": "Rk7w2Q", "requested_at": "2026-11-23T10:00:00Z",
     "last_computed": 1795428000000, "last_mod": 1795341600000, "properties_hash": "…",
     "completed_at": "2026-11-23T10:01:30Z", "member_count": 4213,
     "pending": {"request_id": …, "requested_at": …, "last_computed": …, …}}

The upper part is the last snapshot whose marker was sent; `pending` is a request that has been
made and not been delivered to its end. All numbers are whole: targets on singer-sdk 0.54 die of
others.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_amplitude import times

if TYPE_CHECKING:
    from tap_amplitude.cohorts import Cohort


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a cohort's file, and what the cohort was like then.

    Attributes:
        request_id: Amplitude's id of the request; the id of the snapshot too.
        requested_at: When it was made, epoch seconds.
        last_computed: `Cohort.last_computed` at that time.
        last_mod: `Cohort.last_mod` at that time.
        properties_hash: Fingerprint of the selected properties.
    """

    request_id: str
    requested_at: int
    last_computed: int | None
    last_mod: int | None
    properties_hash: str

    def fits(self, cohort: Cohort, properties_hash: str) -> bool:
        """Return whether cohort and selection are still as they were for this request."""
        return (self.last_computed, self.last_mod, self.properties_hash) == (
            cohort.last_computed,
            cohort.last_mod,
            properties_hash,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as it stands in the state."""
        return {
            "request_id": self.request_id,
            "requested_at": times.iso_of(self.requested_at),
            "last_computed": self.last_computed,
            "last_mod": self.last_mod,
            "properties_hash": self.properties_hash,
        }


def _read(stored: object) -> Request | None:
    """Return a stored request; None for what is absent or was tampered with."""
    if not isinstance(stored, Mapping):
        return None
    request_id, requested_at = (
        stored.get("request_id"),
        times.epoch_seconds(stored.get("requested_at")),
    )
    if not isinstance(request_id, str) or not request_id or requested_at is None:
        return None
    return Request(
        request_id=request_id,
        requested_at=requested_at,
        last_computed=stored.get("last_computed"),
        last_mod=stored.get("last_mod"),
        properties_hash=str(stored.get("properties_hash")),
    )


def delivered(stored: Mapping[str, Any]) -> Request | None:
    """Return the request of the last snapshot that was sent with its marker."""
    return _read(stored) if stored.get("completed_at") else None


def pending(stored: Mapping[str, Any]) -> Request | None:
    """Return the request that was made and not yet delivered to its end."""
    return _read(stored.get("pending"))


def set_pending(stored: MutableMapping[str, Any], request: Request) -> None:
    """Take note of a request that was just made."""
    stored["pending"] = request.to_dict()


def drop_pending(stored: MutableMapping[str, Any]) -> None:
    """Forget the request under way: its file is no good."""
    stored.pop("pending", None)


def set_delivered(
    stored: MutableMapping[str, Any], request: Request, *, completed_at: float, member_count: int
) -> None:
    """Take note that all rows of a request and its marker were sent.

    Args:
        stored: The state of the cohort.
        request: The request whose file was sent.
        completed_at: The time, epoch seconds.
        member_count: The count in the marker.
    """
    drop_pending(stored)
    stored.update(
        request.to_dict(), completed_at=times.iso_of(completed_at), member_count=member_count
    )
