"""Where the sandbox's REST answers leave Cordial's published description, and why.

This is the only place that knows. The schema-driven test amends the description by this table and
then holds every route against it, so a difference that is not listed here fails.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

_AUTHENTICATION = "AuthenticationFailed"
_GENERIC = "RecordNotFound"  # the definition of the usual error object, whatever its text

# The routes the sandbox serves, by path as the description writes it.
SERVED: dict[str, tuple[str, ...]] = {
    "/v2/accountlists": ("get", "post"),
    "/v2/accountlists/{id}": ("get", "put", "delete"),
    "/v2/accountlists/{id}/count": ("get",),
    "/v2/accountlists/{id}/clear": ("put",),
    "/v2/contacts": ("get", "post"),
    "/v2/contacts/{primary_key}": ("get", "put", "delete"),
    "/v2/accountcontactattributes": ("get", "post"),
    "/v2/accountcontactattributes/{key}": ("get",),
    "/v2/contactimports": ("post",),
    "/v2/jobs": ("get",),
    "/v2/jobs/{id}": ("get",),
}


@dataclass(frozen=True, slots=True)
class AnswersAlso:
    """A status the description does not have.

    Attributes:
        status: The status.
        definition: The definition of the description its body follows.
        with_body_only: Whether only routes that take a body answer it.
        reason: Why the sandbox answers it.
    """

    status: int
    definition: str
    with_body_only: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RequiresLess:
    """A definition that requires properties which need not be there.

    Attributes:
        definition: Its name.
        not_required: The properties.
        reason: What shows it.
    """

    definition: str
    not_required: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ReadsAs:
    """A part of the description that no validator can read as it is meant.

    Attributes:
        path: The keys that lead to it.
        schema: What it means.
        reason: What is wrong with it.
    """

    path: tuple[str, ...]
    schema: dict[str, Any]
    reason: str


DIFFERENCES: tuple[AnswersAlso | RequiresLess | ReadsAs, ...] = (
    AnswersAlso(
        401,
        _AUTHENTICATION,
        with_body_only=False,
        reason="wrong credentials are 401 everywhere; the description has it on some routes only",
    ),
    AnswersAlso(
        400,
        _GENERIC,
        with_body_only=True,
        reason="the help pages name INVALID_JSON_PROVIDED for every route; its code is assumed",
    ),
    AnswersAlso(
        415,
        _GENERIC,
        with_body_only=True,
        reason="the help pages name UNSUPPORTED_MEDIA_TYPE with 415 for every route",
    ),
    RequiresLess(
        "ContactCPut",
        ("channels",),
        reason="public clients PUT nothing but {'<list>': false} and succeed",
    ),
    RequiresLess(
        "ContactCPost",
        ("channels",),
        reason="Cordial's own code POSTs a flat `email` without `channels`",
    ),
    RequiresLess(
        "ContactC",
        ("channels",),
        reason="a contact need not have a channel address",
    ),
    RequiresLess(
        "ChannelC",
        ("email",),
        reason="a contact may have an SMS number and no e-mail address",
    ),
    RequiresLess(
        "ContactError",
        ("message", "errorKey"),
        reason="the recorded 422 of an unknown key has `error` and `messages` only",
    ),
    RequiresLess(
        "SourceObject",
        ("url", "path"),
        reason="the texts of its own properties say which transport needs which",
    ),
    ReadsAs(
        ("definitions", "ContactImportConfigSuccess", "properties", "jobId"),
        {"type": ["string", "object"]},
        reason="its type is the text 'string|object', which is no type",
    ),
    ReadsAs(
        ("definitions", "JobJ", "properties", "status"),
        {"enum": ["Scheduled", "Pending", "Processing", "Throttled", "Failed", "Done"]},
        reason="the filter of the jobs by status knows Throttled, the job itself does not",
    ),
    ReadsAs(
        ("paths", "/v2/accountcontactattributes", "get", "responses", "200", "schema", "items"),
        {"type": "object", "required": ["key", "name", "type"]},
        reason="its $ref points to a response where a schema has to be",
    ),
)


def amended(description: dict[str, Any]) -> dict[str, Any]:
    """Return Cordial's description cut to the served routes and amended by the table.

    Args:
        description: The published description, Swagger 2.0.
    """
    result = copy.deepcopy(description)
    result["paths"] = {
        path: {method: result["paths"][path][method] for method in methods}
        for path, methods in SERVED.items()
    }
    for difference in DIFFERENCES:
        if isinstance(difference, AnswersAlso):
            _answer_also(result, difference)
        elif isinstance(difference, RequiresLess):
            definition = result["definitions"][difference.definition]
            definition["required"] = [
                name for name in definition["required"] if name not in difference.not_required
            ]
        else:
            place = result
            for key in difference.path[:-1]:
                place = place[key]
            place[difference.path[-1]] = difference.schema
    return result


def _answer_also(description: dict[str, Any], difference: AnswersAlso) -> None:
    response = {
        "description": difference.reason,
        "schema": {"$ref": f"#/definitions/{difference.definition}"},
    }
    for methods in description["paths"].values():
        for operation in methods.values():
            has_body = any(entry["in"] == "body" for entry in operation.get("parameters", ()))
            if has_body or not difference.with_body_only:
                operation["responses"].setdefault(str(difference.status), response)
