"""Changing a Singer input at every level: messages, keys, values, lines, bytes."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from tests.fuzz.people import MARK, address, person
from tests.target_cordial.command.messages import COHORT, FLAGGED, change, marker, snapshot, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import SearchStrategy

Messages = list[Any]
Where = tuple[int, int]
"""Which message, and which place in it: counted round."""

DEEP: Final = 2_000

ODD_NUMBERS: Final[list[Any]] = [
    0, 1, -1, 2, 4, 1.0, 1.5, -0.0, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 1e300,
    float("nan"), float("inf"), float("-inf"), 1_795_435_200_000, -62_135_596_800_001, 10**18,
]  # fmt: skip
ODD_TEXTS: Final = [
    "", " ", "\x00", f"{MARK}\x00@shop.example", "\ud800", f"{MARK}\udfff@shop.example", "\u202e",
    f"\u202e{MARK}@shop.example", f"{MARK}\u2028@shop.example", f"{MARK}\r\n@shop.example",
    f"={MARK}@shop.example", f"+{MARK}@shop.example", f"-{MARK}'@shop.example", f"@{MARK}",
    f"{MARK}@shop.example,x", f'"{MARK}"@shop.example', f"{MARK}@\u0661\u0662.example",
    f"{MARK}@bücher.example", f"{MARK}@shop.example/../../x?y#z", f"{MARK}%00@shop.example",
    f"{MARK}@{'x' * 1_000}.example", "null", "none", "[]", "{}", "{",
    '["a", "b"]', f'["{MARK}@shop.example"]', f'{{"email": "{MARK}.in@shop.example"}}', "[" * DEEP,
    "remove", "add", "existing", "REMOVED ", "false", "true", "0", "1", "no", "NaN", "1e5",
    "2026-11-23T10:00:00Z", "2026-99-99T00:00:00", "0001-01-01T00:00:00-14:00",
    "9999-12-31T23:59:59.999999+14:00", "1795435200000", "9" * 400,
    "1_active_2026-11-23_entering.csv", f"/a/b/187520_{COHORT}_1700000000_exiting_0.csv",
]  # fmt: skip
"""Whatever may be a person's holds MARK, and whatever else does not: it may be a name."""

KEYS: Final = [
    "cohort_id", "cohort_name", "amplitude_id", "amplitudeID", "user_id", "USER_ID", "gp:email",
    "email", "Email", "e_mail", "user_properties", "properties", "user_properties__email",
    "in_cohort", "inCohort", "operation", "_sdc_deleted_at", "_sdc_source_file", "snapshot_id",
    "member_count", "complete", "computed_time", "computed_at", "message_id", "users", "type",
    "stream", "record", "schema", "value", "", "$ref", "\x00", "a.b", "__proto__", "time_extracted",
    "_sdc_batched_at", "key_properties",
]  # fmt: skip
"""Names, old and new; that two of them fold to one is meant."""

ODD_SCHEMAS: Final[list[Any]] = [
    {}, {"properties": {}}, {"properties": None}, {"properties": []}, {"type": "nonsense"},
    {"properties": {"email": {"type": 7}}}, {"$ref": "#"}, {"$ref": "https://192.0.2.1/x"},
    {"properties": {"cohort_id": {"pattern": "("}}}, {"properties": {"cohort_id": False}},
    {"properties": {"user_properties": {"$ref": "#/definitions/none"}}},
    {"properties": {"cohort_id": {"type": "integer"}}}, {"required": ["nothing"]},
    {"properties": {"cohort_id": {"enum": []}}}, {"allOf": [{"$ref": "#"}]},
    {"properties": {"a": {"properties": {"b": {"properties": {"c": {}}}}}}},
    {"additionalProperties": False, "properties": {"cohort_id": {}, "email": {}}},
    {"properties": {"cohort_id": {"type": "string", "maxLength": -1}}},
    {"properties": {"cohort_id": {"type": "string", "format": "date-time"}, "email": {}}},
]  # fmt: skip

ODD_MESSAGES: Final[list[Any]] = [
    {}, [], None, 7, "text", {"type": None}, {"type": "RECORD"}, {"type": ["RECORD"]},
    {"type": "record", "stream": "x", "record": {}}, {"type": "RECORD", "stream": "x"},
    {"type": "RECORD", "stream": "unseen", "record": {"cohort_id": COHORT}},
    {"type": "STATE"}, {"type": "STATE", "value": None}, state({}), state({"a": 1.5}),
    state({"a": "\ud800"}), {"type": "SCHEMA", "stream": "cohort_members"},
    {"type": "ACTIVATE_VERSION", "stream": "cohort_members", "version": 1},
    {"type": "ACTIVATE_VERSION"}, {"type": "BATCH", "stream": "cohort_members"},
    {"type": "BATCH", "stream": "cohort_members", "encoding": {}, "manifest": ["file:///etc"]},
    marker(0), marker(4), marker(3, complete=False), marker(2, snapshot_id=None),
    *({"type": "SCHEMA", "stream": "cohort_members", "schema": odd, "key_properties": ["x"]}
      for odd in ODD_SCHEMAS),
    *({"type": "SCHEMA", "stream": "changes", "schema": odd, "key_properties": "x"}
      for odd in ODD_SCHEMAS[:4]),
]  # fmt: skip

ODD_BYTES: Final = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n", b"\n\n \n", b"{", b"}", b'"', b",",
    b"\\", b"\\ud800", b"\x1f\x8b\x08", b"//", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"[" * 50_000,
    b'{"a":' * 5_000, b"9" * 5_000, b"1e999", b"NaN", b" " * 70_000,
]  # fmt: skip

BASES: Final[list[Callable[[], Messages]]] = [
    lambda: snapshot(person(1), person(2), person(3), person(5)),
    lambda: [
        FLAGGED,
        *(_changed(number, in_cohort=number > 2) for number in (1, 2, 3, 5)),
        state({"bookmarks": {}}),
    ],
    lambda: [FLAGGED, _batch(1, 2, gone=True), _batch(3, 5), state({"bookmarks": {}})],
    lambda: [*snapshot(person(1), person(2), person(5)), FLAGGED, _changed(2, operation="exit")],
]


def _changed(number: int, **values: Any) -> dict[str, Any]:
    row = person(number)["record"]
    timed = {"computed_time": 1_795_000_000_000 + number, "message_id": f"m{number}"}
    return change(number, address(number), **{**row, "snapshot_id": None, **timed, **values})


def _batch(*numbers: int, gone: bool = False) -> dict[str, Any]:
    users = [
        {k: person(n)["record"][k] for k in ("amplitude_id", "user_id", "user_properties")}
        for n in numbers
    ]
    values = {"cohort_id": COHORT, "in_cohort": not gone, "message_id": f"b{gone}", "users": users}
    return {"type": "RECORD", "stream": "changes", "record": values}


# -- the changes ----------------------------------------------------------------------------------

long_texts = st.sampled_from([200, 1_000_000]).map(lambda length: MARK + "x" * length)
scalars: SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.sampled_from(ODD_NUMBERS)
    | st.sampled_from(ODD_TEXTS)
    | long_texts
)
values: SearchStrategy[Any] = (
    scalars
    | st.lists(scalars, max_size=3)
    | st.dictionaries(st.sampled_from(KEYS), scalars, max_size=3)
)
where = st.tuples(st.integers(0, 30), st.integers(0, 60))

Change = tuple[str, Where, Any]

changes: SearchStrategy[Change] = st.one_of(
    st.tuples(st.just("put"), where, values),
    st.tuples(st.just("drop"), where, st.none()),
    st.tuples(st.just("rename"), where, st.sampled_from(KEYS)),
    st.tuples(st.just("add"), where, st.tuples(st.sampled_from(KEYS), values)),
    st.tuples(st.just("nest"), where, st.sampled_from([1, 3, DEEP])),
    st.tuples(st.just("message"), where, st.sampled_from(ODD_MESSAGES)),
    st.tuples(st.just("leave out"), where, st.none()),
    st.tuples(st.just("repeat"), where, st.integers(0, 30)),
    st.tuples(st.just("move"), where, st.integers(0, 30)),
)
cuts = st.tuples(st.integers(0, 3), st.integers(0, 4_000), st.sampled_from(ODD_BYTES))
inputs = st.tuples(
    st.sampled_from(BASES),
    st.lists(changes, max_size=4),
    st.lists(cuts, max_size=1),
)


def written(base: Callable[[], Messages], changed: list[Change], cut: list[Any]) -> bytes:
    """Write an input with its changes."""
    messages = copy.deepcopy(base())
    for change_made in changed:
        if messages:
            _apply(messages, *change_made)
    text = b"".join(_line(message) for message in messages)
    for kind, place, odd in cut:
        text = _cut(text, kind, place % (len(text) + 1), odd)
    return text


def _line(message: Any) -> bytes:
    try:
        text = json.dumps(message)
    except (RecursionError, ValueError):
        text = "[" * DEEP + "]" * DEEP
    return text.encode() + b"\n"


def _apply(messages: Messages, name: str, place: Where, what: Any) -> None:
    number = place[0] % len(messages)
    if name == "message":
        messages.insert(number, copy.deepcopy(what))
    elif name == "leave out":
        del messages[number]
    elif name == "repeat":
        messages.insert(what % (len(messages) + 1), copy.deepcopy(messages[number]))
    elif name == "move":
        messages.insert(what % len(messages), messages.pop(number))
    else:
        found = list(places(messages[number]))
        if found:
            parent, key = found[place[1] % len(found)]
            _within(parent, key, name, what)


def _within(parent: Any, key: Any, name: str, what: Any) -> None:
    if name in ("put", "add") and MARK in str(what) and _is_name(key if name == "put" else what[0]):
        return
    if name == "put":
        parent[key] = what
    elif name == "drop":
        del parent[key]
    elif name == "nest":
        for _ in range(what):
            parent[key] = [parent[key]]
    elif isinstance(parent, dict) and name == "rename":
        parent[what] = parent.pop(key)
    elif isinstance(parent, dict):
        parent[what[0]] = what[1]


def _is_name(key: Any) -> bool:
    """Say whether a field names a cohort: such names are logged, and nobody's."""
    folded = str(key).lower().replace("_", "")
    return "cohort" in folded or folded in ("stream", "type", "snapshotid")


def places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Walk every place in a message: what holds it, and its key there."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if _is_list(value) else ()
    for key in keys:
        yield value, key
        if depth < 5:
            yield from places(value[key], depth + 1)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _cut(text: bytes, kind: int, place: int, odd: bytes) -> bytes:
    if kind == 0:
        return text[:place]
    if kind == 1:
        return text[:place] + odd + text[place:]
    if kind == 2:
        return text[:place] + odd + text[place + max(1, len(odd)) :]
    return text.replace(b"\n", odd or b"\r\n", 1)
