"""Amplitude's Behavioral Cohorts API: list, request, poll, file, usage.

Paths, status codes and shapes are those of Amplitude's documentation and of its own clients. What
no source tells is marked as assumed.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from cordial_sandbox.cohorts import Download

if TYPE_CHECKING:
    from starlette.requests import Request

    from cordial_sandbox.state import State


def error(status: int, details: str) -> JSONResponse:
    """Return an error in Amplitude's shape."""
    content = {
        "error": {"http_code": status, "type": "unspecified", "metadata": {"details": details}}
    }
    return JSONResponse(content, status_code=status)


def denied() -> JSONResponse:
    """Return the answer to wrong credentials, which is 403 and not 401."""
    return error(403, "Invalid API/Secret Key combination")


class AmplitudeApi:
    """The routes of the cohort API and of the storage its redirects point to."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.routes = [
            Route("/api/3/cohorts", self._list),
            Route("/api/3/cohorts/usage", self._usage),
            Route("/api/5/cohorts/request/{cohort_id}", self._request),
            Route("/api/5/cohorts/request-status/{request_id}", self._poll),
            Route("/api/5/cohorts/request/{request_id}/file", self._file),
            Route("/_s3/{token}", self._stored_file),
        ]

    async def _list(self, request: Request) -> Response:
        entries = []
        for cohort in self._state.cohorts.values():
            if not cohort.listed:
                continue
            entry = cohort.entry()
            if request.query_params.get("includeSyncInfo") == "true":
                entry.setdefault("syncMetadata", [])
            entries.append(entry)
        return JSONResponse({"cohorts": entries})

    async def _usage(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "rest_download": {
                    "limit": self._state.settings.monthly_limit,
                    "usage": self._state.usage,
                    "resets_at": _first_of_next_month(),
                }
            }
        )

    async def _request(self, request: Request) -> Response:
        state = self._state
        cohort = state.cohorts.get(request.path_params["cohort_id"])
        if cohort is None:
            return error(404, "Cohort not found")  # assumed: "returns an error" is all the docs say
        if state.usage >= state.settings.monthly_limit:
            return error(429, "Monthly cohort download limit reached")  # assumed: not documented
        state.usage += 1
        query = request.query_params
        keys: tuple[str, ...] | None = ()
        if query.get("props") == "1":
            # The parameter is repeated; without it every property is sent.
            keys = tuple(query.getlist("propKeys")) or None
        polls = state.settings.polls if cohort.polls is None else cohort.polls
        download = Download(f"Rk{len(state.downloads) + 1:06}", cohort, keys, polls)
        state.downloads[download.id] = download
        return JSONResponse({"request_id": download.id, "cohort_id": cohort.id}, status_code=202)

    async def _poll(self, request: Request) -> Response:
        download = self._state.downloads.get(request.path_params["request_id"])
        if download is None:
            return error(404, "Request not found")
        ready = download.polls_left == 0
        if not ready:
            download.polls_left -= 1
        content = {
            "request_id": download.id,
            "cohort_id": download.cohort.id,
            "async_status": download.cohort.async_status if ready else "JOB INPROGRESS",
        }
        return JSONResponse(content, status_code=200 if ready else 202)

    async def _file(self, request: Request) -> Response:
        state = self._state
        download = state.downloads.get(request.path_params["request_id"])
        if download is None:
            return error(404, "Request not found")
        if download.polls_left:
            return error(404, "The file is not ready")  # assumed: not documented
        redirect = download.cohort.form.redirect
        if redirect is None:
            redirect = len(download.cohort.users) > state.settings.redirect_above
        if not redirect:
            return _file_answer(download)
        token = f"{download.id}-{len(state.links) + 1}"
        state.links[token] = (time.monotonic() + state.settings.link_seconds, download)
        # Another host name, so that a client which keeps its credentials on a redirect shows it.
        host = "127.0.0.1" if request.url.hostname == "localhost" else "localhost"
        return RedirectResponse(f"http://{host}:{request.url.port}/_s3/{token}", status_code=302)

    async def _stored_file(self, request: Request) -> Response:
        if "authorization" in request.headers:
            # S3 refuses a request that is signed in its address and authorized in a header.
            return _storage_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        until, download = self._state.links.get(request.path_params["token"], (0.0, None))
        if download is None or time.monotonic() >= until:
            return _storage_error(403, "AccessDenied", "Request has expired")
        return _file_answer(download)


def _file_answer(download: Download) -> Response:
    headers = {"Content-Encoding": "gzip"} if download.cohort.form.encoding == "gzip" else None
    # The content type is not documented.
    return Response(download.content, headers=headers, media_type="application/octet-stream")


def _storage_error(status: int, code: str, message: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, status_code=status, media_type="application/xml")


def _first_of_next_month() -> str:
    now = datetime.now(timezone.utc)
    year, month = divmod(now.year * 12 + now.month, 12)
    return f"{year:04}-{month + 1:02}-01T00:00:00Z"
