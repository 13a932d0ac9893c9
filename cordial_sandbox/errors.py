"""Cordial's error answers.

Shapes and texts are those of its published description; the differences that real traffic shows
are listed in `differences.py`.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

GENERIC = "GENERIC_ERROR_KEY"
NOT_FOUND = "RECORD_NOT_FOUND"
LIST_NOT_FOUND = "ACCOUNT_LISTS_NOT_FOUND"


def body(message: str, key: str = GENERIC) -> dict[str, Any]:
    """Return the usual error object."""
    return {"error": True, "errorKey": key, "message": message}


def denied() -> JSONResponse:
    """Return 401; here alone `error` is a text."""
    return JSONResponse({"error": "Access Denied: Authentication Failure"}, status_code=401)


def record_not_found() -> JSONResponse:
    """Return the 404 of contacts and of an empty search."""
    return JSONResponse(body("record not found", NOT_FOUND), status_code=404)


def list_not_found() -> JSONResponse:
    """Return the 404 of a list that does not exist."""
    return JSONResponse(body("List does not exist", LIST_NOT_FOUND), status_code=404)


def refused(message: str) -> JSONResponse:
    """Return a 422 with its reason."""
    return JSONResponse(body(message), status_code=422)


def not_in_schema(problems: dict[str, str]) -> JSONResponse:
    """Return the 422 of a write with keys or values the account does not know.

    Args:
        problems: What is wrong, by key.
    """
    validation = {key: [problem] for key, problem in problems.items()}
    content = {"error": True, "messages": {"validationErrors": validation}}
    return JSONResponse(content, status_code=422)
