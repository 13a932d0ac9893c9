"""Faults that are made to happen on purpose: what there is, and which one a call meets."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cordial_sandbox.calls import IMPORTS

if TYPE_CHECKING:
    from cordial_sandbox.calls import Call

_WHICH_JOB = {"name_contains": False, "strategy": False}
# What every kind takes beside method, path_contains, times and skip; True marks what it needs.
KINDS: dict[str, dict[str, bool]] = {
    "status": {"status": True, "body": False, "headers": False},
    "rate_limit": {"per_second": True, "retry_after": False},
    "latency": {"seconds": True},
    "drop_before": {},
    "drop_after": {},
    "reject_contact": {"identifier": True, "message": False, "counts_as": False},
    "truncate": {},
    "html": {"body": False},
    "job_error": {"message": False, **_WHICH_JOB},
    "job_failed": {"rows": False, **_WHICH_JOB},
    "job_late": {"job_status": False, **_WHICH_JOB},
    "job_stuck": {"job_status": False, **_WHICH_JOB},
    "job_result": {"counts": False, "without": False, **_WHICH_JOB},
}
# These wait for the next import, or for those that `name_contains` and `strategy` name.
OF_JOBS = frozenset(kind for kind in KINDS if kind.startswith("job_"))
# A limit and a refused contact are states of the account, not events: they stay until cleared.
LASTING = frozenset({"rate_limit", "reject_contact"})
# These act on the answer; the others keep the call from reaching its route, or delay it.
AFTER = frozenset({"drop_after", "truncate"})


@dataclass(slots=True)
class Fault:
    """A fault and the calls it concerns.

    Attributes:
        kind: One of `KINDS`.
        method: Only calls of this method; None for all.
        path_contains: Only calls whose percent-encoded path contains this.
        times: How many more calls it hits; None until it is cleared.
        skip: How many calls it lets pass first.
        details: What its kind takes.
    """

    kind: str
    method: str | None = None
    path_contains: str = ""
    times: int | None = 1
    skip: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    _passed: deque[float] = field(default_factory=deque)

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Fault:
        """Return the fault a control call describes.

        Raises:
            ValueError: The kind is unknown, or a detail is missing or unknown.
        """
        rest = dict(given)
        kind = rest.pop("kind", None)
        if kind not in KINDS:
            message = f"unknown kind of fault {kind!r}; there are: {', '.join(KINDS)}"
            raise ValueError(message)
        fault = cls(
            kind=kind,
            method=rest.pop("method", None),
            path_contains=rest.pop("path_contains", ""),
            times=rest.pop("times", 1),
            skip=rest.pop("skip", 0),
            details=rest,
        )
        if kind in LASTING:
            fault.times = None
        unknown = sorted(rest.keys() - KINDS[kind].keys())
        missing = sorted(key for key, needed in KINDS[kind].items() if needed and key not in rest)
        if unknown or missing:
            message = f"a {kind} fault: unknown {unknown}, missing {missing}"
            raise ValueError(message)
        return fault

    def as_dict(self) -> dict[str, Any]:
        """Return it in the form it is added in."""
        return {
            "kind": self.kind,
            "method": self.method,
            "path_contains": self.path_contains,
            "times": self.times,
            "skip": self.skip,
            **self.details,
        }

    def hits(self, call: Call, status: int | None = None) -> bool:
        """Return whether it hits a call, and count the call if so.

        Args:
            call: The call as received.
            status: The status of the answer, for the faults that act on it.
        """
        if not self._concerns(call, status):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.kind == "rate_limit":
            return self._over_limit()
        if self.times is not None:
            self.times -= 1
        return True

    def _concerns(self, call: Call, status: int | None) -> bool:
        if self.method is not None and self.method.upper() != call.method:
            return False
        if self.path_contains not in call.path:
            return False
        if self.kind in OF_JOBS:
            return call.is_import(
                self.details.get("name_contains", ""), self.details.get("strategy")
            )
        if self.kind == "reject_contact":
            return call.concerns_contact(str(self.details["identifier"]))
        if self.kind == "truncate":
            return status == 200 and call.is_cohort_file  # noqa: PLR2004 - the HTTP status OK
        return True

    @property
    def refuses_rows(self) -> bool:
        """Whether it refuses a contact in imports too: method and path decide, as for calls."""
        return (
            self.kind == "reject_contact"
            and (self.method or "POST").upper() == "POST"
            and self.path_contains in IMPORTS
        )

    def _over_limit(self) -> bool:
        now = time.monotonic()
        while self._passed and self._passed[0] <= now - 1:
            self._passed.popleft()
        if len(self._passed) >= self.details["per_second"]:
            return True
        self._passed.append(now)
        return False

    def limit_headers(self) -> dict[str, str]:
        """Return the headers Cordial documents for 429, seconds as whole numbers."""
        wait = str(math.ceil(self.details.get("retry_after", 1)))
        return {
            "Retry-After": wait,
            "X-Rate-Limit-Limit": str(self.details["per_second"]),
            "X-Rate-Limit-Remaining": "0",
            "X-Rate-Limit-Reset": wait,
        }
