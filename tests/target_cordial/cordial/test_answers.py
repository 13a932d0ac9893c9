from __future__ import annotations

import json
from typing import Any

import pytest

from target_cordial.cordial.answers import Answer, Kind, kind_of, meaning_of

UNKNOWN_KEY = "key vip is not part of the schema for this resource"


def answer(status: int, body: Any, text: str | None = None) -> Answer:
    """Build an answer as the session does: no JSON is None, and says whether there was a body."""
    if text is not None:
        return Answer(status, None, has_body=bool(text))
    return Answer(status, json.loads(json.dumps(body)), has_body=True)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.OK),
        (201, Kind.OK),
        (299, Kind.OK),
        (199, Kind.UNEXPECTED),
        (301, Kind.UNEXPECTED),
        (302, Kind.UNEXPECTED),
        (307, Kind.UNEXPECTED),
        (308, Kind.UNEXPECTED),
        (400, Kind.REFUSED),
        (401, Kind.STOP),
        (402, Kind.UNEXPECTED),
        (403, Kind.STOP),
        (404, Kind.NOT_FOUND),
        (405, Kind.UNEXPECTED),
        (406, Kind.REFUSED),
        (408, Kind.RETRY),
        (409, Kind.REFUSED),
        (410, Kind.UNEXPECTED),
        (413, Kind.TOO_LARGE),
        (415, Kind.UNEXPECTED),
        (422, Kind.REFUSED),
        (425, Kind.RETRY),
        (429, Kind.RETRY),
        (499, Kind.UNEXPECTED),
        (500, Kind.RETRY),
        (503, Kind.RETRY),
        (599, Kind.RETRY),
    ],
)
def test_every_status_has_one_meaning(status: int, kind: Kind) -> None:
    assert kind_of(status) is kind
    assert meaning_of(status)


def test_a_redirect_is_named_as_one() -> None:
    assert "redirects" in meaning_of(302)
    assert "trouble" in meaning_of(500)
    assert "not an answer of Cordial's" in meaning_of(418)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": True, "message": "record not found"}, "record not found"),
        ({"error": True, "message": {"email": ["is wrong"]}}, "is wrong"),
        (
            {"error": True, "messages": {"validationErrors": {"vip": [UNKNOWN_KEY]}}},
            UNKNOWN_KEY,
        ),
        ({"error": True, "messages": ["one", "two"]}, "one; two"),
        ({"validationErrors": {"vip": [UNKNOWN_KEY]}}, UNKNOWN_KEY),
        ({"fieldErrors": {"name": "Name must be unique"}}, "Name must be unique"),
        ({"errors": [{"detail": "too long"}]}, "too long"),
        ({"error": "Access Denied: Authentication Failure"}, "Access Denied"),
        ({"error": True, "errorKey": "GENERIC_ERROR_KEY"}, ""),
        ({"error": True, "message": ""}, ""),
        ([{"message": "not an object"}], ""),
    ],
)
def test_cordials_words_are_found_in_every_envelope(body: object, words: str) -> None:
    prose = answer(422, body).prose
    assert words in prose
    assert bool(prose) is bool(words)


ABSENT = [
    (404, {"error": True, "errorKey": "CONTACTS_CONTACT_NOT_FOUND"}),
    (404, {"error": True, "errorKey": "RECORD_NOT_FOUND", "message": "record not found"}),
    (404, {"error": True, "message": "record not found"}),
    (404, {"error": True, "errorKey": "ACCOUNT_LISTS_NOT_FOUND", "message": "gone"}),
    (422, {"error": True, "messages": {"email": ["Contact doesn't exist"]}}),
    (422, {"error": True, "errorKey": "GENERIC_ERROR_KEY", "messages": "Contact doesn't exist"}),
    (422, {"error": True, "message": "Contact does not exist"}),
]
PRESENT = [
    (404, {"error": True}, None),
    (404, {"error": True, "message": "no route"}, None),
    (404, None, "<html>404 Not Found</html>"),
    (404, None, ""),
    (404, ["record not found"], None),
    (404, "record not found", None),
    # Cordial's own says "error": true; a gateway in front of it knows no contacts
    (404, {"message": "Not Found"}, None),
    (404, {"error": "Not Found"}, None),
    (404, {"error": "true", "message": "record not found"}, None),
    (404, {"error": 1, "errorKey": "RECORD_NOT_FOUND"}, None),
    (404, {"error": False, "errorKey": "RECORD_NOT_FOUND"}, None),
    (404, {"errors": [{"t": "not found"}]}, None),
    (422, {"messages": {"email": ["Contact doesn't exist"]}}, None),
    (400, {"error": True, "message": "record not found"}, None),
    (200, {"error": True, "message": "record not found"}, None),
    (422, {"error": True, "messages": {"vip": [UNKNOWN_KEY]}}, None),
    (422, {"error": True, "messages": {"a": ["Search field is not correct"]}}, None),
]


@pytest.mark.parametrize(("status", "body"), ABSENT)
def test_cordials_own_word_for_absence_is_understood(status: int, body: object) -> None:
    told = answer(status, body)
    assert told.says_absent
    assert told.kind is (Kind.NOT_FOUND if status == 404 else Kind.REFUSED)


@pytest.mark.parametrize(("status", "body", "text"), PRESENT)
def test_nothing_else_means_absence(status: int, body: object, text: str | None) -> None:
    told = answer(status, body, text)
    assert not told.says_absent
    assert told.kind is not Kind.NOT_FOUND


@pytest.mark.parametrize(
    ("status", "body", "text", "kind"),
    [
        (200, {"success": True}, None, Kind.OK),
        (201, {"success": True, "message": "contact created"}, None, Kind.OK),
        (200, [], None, Kind.OK),
        (200, {}, None, Kind.OK),
        (204, None, "", Kind.OK),
        (200, {"error": False, "id": 1}, None, Kind.OK),
        (200, {"error": True, "message": "no"}, None, Kind.REFUSED),
        (200, {"error": "no"}, None, Kind.REFUSED),
        (200, {"success": False}, None, Kind.REFUSED),
        (200, None, "<html>Sign in</html>", Kind.UNEXPECTED),
        (200, "Good", None, Kind.UNEXPECTED),
        (200, 1, None, Kind.UNEXPECTED),
        (422, None, "<html>", Kind.UNEXPECTED),
        (422, None, "", Kind.UNEXPECTED),
        (400, [], None, Kind.UNEXPECTED),
        (400, {"error": True, "errorKey": "INVALID_JSON_PROVIDED"}, None, Kind.REFUSED),
        (413, None, "<html>", Kind.TOO_LARGE),
    ],
)
def test_status_and_body_together_say_what_an_answer_is(
    status: int, body: object, text: str | None, kind: Kind
) -> None:
    assert answer(status, body, text).kind is kind


def named(*keys: str) -> dict[str, Any]:
    told = {key: [UNKNOWN_KEY.replace("vip", key)] for key in keys}
    return {"error": True, "messages": {"validationErrors": told}}


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (422, named("vip"), {"vip"}),
        (422, named("vip", "old-ones", "age"), {"vip", "old-ones"}),
        (422, named("vip2"), set()),
        (422, named("old"), set()),
        (422, named("ones"), set()),
        (422, named("VIP"), set()),
        (400, {"error": True, "message": UNKNOWN_KEY}, {"vip"}),
        (200, {"error": True, "message": UNKNOWN_KEY}, {"vip"}),
        (422, {"error": True, "errors": ["no list 'old-ones'"]}, {"old-ones"}),
        (422, {"error": True, "fieldErrors": {"vip": ["unknown"]}}, {"vip"}),
        # a list is spoken of, whichever it is
        (422, {"error": True, "message": "List does not exist"}, {"vip", "old-ones"}),
        (404, {"error": True, "errorKey": "ACCOUNT_LISTS_NOT_FOUND"}, {"vip", "old-ones"}),
        (404, {"error": True, "message": "List vip does not exist"}, {"vip"}),
        # it is about something else
        (422, {"error": True, "message": "Contact doesn't exist"}, set()),
        (404, {"error": True, "message": "record not found"}, set()),
        (422, {"error": True, "message": "age is required"}, set()),
        (422, {"error": True, "message": "List limit reached"}, set()),
        (409, {"vip": True, "error": True}, set()),
        (200, {"success": True, "message": "vip"}, set()),
        (500, {"error": True, "message": UNKNOWN_KEY}, set()),
        (422, ["vip"], set()),
    ],
)
def test_the_lists_that_a_refusal_names_are_found(
    status: int, body: object, refused: set[str]
) -> None:
    assert answer(status, body).refused_keys(["vip", "old-ones"]) == refused


@pytest.mark.parametrize("key", ["record", "Contact", "not", "found", "a.b", "error", "messages"])
def test_a_list_called_like_a_word_of_cordials_is_not_named_by_it(key: str) -> None:
    for words in ("record not found", "Contact doesn't exist"):
        assert answer(404, {"error": True, "message": words}).refused_keys([key]) == set()
    told = answer(422, {"error": True, "messages": {"age": ["aXb is required"]}})
    assert told.refused_keys([key]) == set()
