"""`jobs` of Cordial's REST API; every look at a job counts as a poll of it."""

from __future__ import annotations

import operator
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cordial_sandbox import errors
from cordial_sandbox.cordial import number, page_of
from cordial_sandbox.import_job import JOB_NAME
from cordial_sandbox.import_work import look_at

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.requests import Request

    from cordial_sandbox.import_job import Job
    from cordial_sandbox.state import State

_TIME_FILTER = re.compile(r"times\[(start|end)\]\[(gte?|lte?)\]")
_COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
_MAX_WITH_STATISTIC = 25


class JobRoutes:
    """Look at one job, or search all of them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.routes = [
            Route("/v2/jobs", self._all),
            Route("/v2/jobs/{job_id}", self._one),
        ]

    async def _one(self, request: Request) -> Response:
        job = self._state.jobs.get(request.path_params["job_id"])
        if job is None:
            return errors.record_not_found()
        return JSONResponse(await look_at(self._state, job))

    async def _all(self, request: Request) -> Response:
        query = request.query_params
        too_many = number(query.get("per_page"), 1) > _MAX_WITH_STATISTIC
        if too_many and "statistic" in query.get("include", "").split(","):
            content = errors.body(
                "When include=statistic is requested, per_page must not exceed 25.",
                "JOBS_STATISTIC_PER_PAGE_EXCEEDED",
            )
            return JSONResponse(content, status_code=400)
        try:
            limits = _time_filters(query)
        except ValueError:
            return errors.refused("Time value is incorrect")
        # In which order Cordial lists jobs is not documented; the newest first is assumed.
        found = [
            job
            for job in reversed(self._state.jobs.values())
            if query.get("jobName", JOB_NAME) == JOB_NAME
            and query.get("status", job.status) == job.status
            and all(_within(job, limit) for limit in limits)
        ]
        page = [await look_at(self._state, job) for job in page_of(found, query)]
        # As with lists: no match is a 404 by the description, not an empty array.
        return JSONResponse(page) if page else errors.record_not_found()


_Limit = tuple[str, str, datetime]


def _time_filters(query: QueryParams) -> list[_Limit]:
    """Return the filters by time; that they are in ISO 8601 is assumed.

    Raises:
        ValueError: One is no time.
    """
    limits = []
    for key, text in query.items():
        found = _TIME_FILTER.fullmatch(key)
        if found is not None:
            time = datetime.fromisoformat(text.replace("Z", "+00:00"))
            limits.append((found[1], found[2], time.replace(tzinfo=time.tzinfo or timezone.utc)))
    return limits


def _within(job: Job, limit: _Limit) -> bool:
    edge, comparison, time = limit
    own = job.started if edge == "start" else None if job.waits else job.ended
    return own is not None and bool(_COMPARE[comparison](own, time))
