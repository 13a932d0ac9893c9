"""`contactimports` of Cordial's REST API."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cordial_sandbox import errors
from cordial_sandbox.calls import IMPORTS
from cordial_sandbox.cordial import json_body
from cordial_sandbox.import_job import Job
from cordial_sandbox.import_request import ConfigurationError, ImportRequest
from cordial_sandbox.import_source import SourceError, check_source, fetch_source
from cordial_sandbox.import_work import carry_out

if TYPE_CHECKING:
    from starlette.requests import Request

    from cordial_sandbox.state import State


class ImportRoutes:
    """Start an import of contacts."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.routes = [Route(IMPORTS, self._start, methods=["POST"])]

    async def _start(self, request: Request) -> Response:
        state = self._state
        body = json_body(request)
        if isinstance(body, Response):
            if body.status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
                return body
            body = {}  # the description knows no 422 here: what is no object lacks every field
        try:
            asked = ImportRequest.parse(body, state.account)
        except ConfigurationError as reason:
            return JSONResponse(errors.body(str(reason)), status_code=406)
        refused = self._fault(request, "job_error")
        if refused is not None:
            return _no_job(refused.get("message", "Can't connect to the server (sandbox)"))
        job = self._job(request, asked)
        at_once = not job.late and not job.polls  # a stuck one only says that it is not over
        try:
            if at_once:
                file = await asyncio.to_thread(fetch_source, asked.source)
            else:
                await asyncio.to_thread(check_source, asked.source)
        except SourceError as reason:
            return _no_job(str(reason))
        state.add_job(job)
        if at_once:
            await carry_out(state, job, file)
        return JSONResponse({"jobId": job.id}, status_code=201)

    def _job(self, request: Request, asked: ImportRequest) -> Job:
        """Return the job of a request as the settings and the faults in force want it."""
        settings = self._state.settings
        job = Job(
            self._state.next_job_id(),
            asked,
            polls=settings.import_polls,
            not_yet=tuple(settings.import_statuses.split(",")),
        )
        failed = self._fault(request, "job_failed")
        if failed is not None:
            job.fails_after = failed.get("rows", 0)
        stuck = self._fault(request, "job_stuck")
        if stuck is not None:
            job.held = stuck.get("job_status", "Processing")
        late = self._fault(request, "job_late")
        if late is not None:
            job.held, job.late = late.get("job_status", "Scheduled"), True
        result = self._fault(request, "job_result")
        if result is not None:
            job.counts_shown = result.get("counts", {})
            hidden = result.get("without", () if "counts" in result else None)
            job.counts_hidden = None if hidden is None else frozenset(hidden)
        return job

    def _fault(self, request: Request, kind: str) -> dict[str, Any] | None:
        """Return the details of a fault that hits the job a call asks for."""
        fault = self._state.fault_for(request.state.call, frozenset({kind}))
        return None if fault is None else fault.details


def _no_job(message: str) -> Response:
    """Return the documented error that stands in place of a job's id, still under 201."""
    return JSONResponse({"jobId": errors.body(message)}, status_code=201)
