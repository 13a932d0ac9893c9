"""What may have become of a list, by an input alone: looser than the rules, and never wrong.

The product's own reading is not used: a change must have a cause in the input that a person would
point at.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.fuzz.people import HERE, STRANGER, address, person
from tests.target_cordial.command.messages import COHORT

if TYPE_CHECKING:
    from tests.fuzz.target import Ran

_TYPES: Final = {"RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH"}
_REMOVING: Final = re.compile(r"remove|exit|delete", re.IGNORECASE)
_SIGNS: Final = {"incohort", "operation", "sdcdeletedat", "sdcsourcefile", "smartsourcefile"}
_PLAIN: Final = {number: person(number) for number in range(10)}


@dataclass
class Told:
    """What an input says.

    Attributes:
        records: Every record that was read, in order.
        whole: The input came to its end, and each line was a message.
        texts: Every text in it, as identifiers are written.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    whole: bool = True
    texts: set[str] = field(default_factory=set)


def told(given: bytes) -> Told:
    """Read an input: to its end, or to the first line that is no JSON object."""
    found = Told()
    for line in given.split(b"\n"):
        if not line.strip():
            continue
        try:
            message = json.loads(line, parse_int=lambda digits: int(digits[:300]))
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            found.whole = False
            return found
        if str(message.get("type")) not in _TYPES:
            found.whole = False
        if message.get("type") == "RECORD" and isinstance(message.get("record"), dict):
            found.records.append(message)
            found.texts |= set(map(_cleaned, _texts(message["record"])))
    return found


def hold(given: bytes, ran: Ran, before: set[str]) -> None:
    """Hold a run to what its input can cause.

    Raises:
        AssertionError: Something was written that it does not explain, or something was lost.
    """
    said = told(given)
    assert STRANGER in ran.members
    added = ran.members - before
    assert added <= said.texts, sorted(added - said.texts)
    for number in HERE:
        gone = address(number) in before and address(number) not in ran.members
        assert not gone or _may_go(number, said), number
    if ran.stdout:
        assert said.whole
    if ran.code == 0:
        assert said.whole
        assert ran.part.get("pending", 0) == ran.part.get("withheld", 0) == 0
        for number, message in _PLAIN.items():
            if message in said.records and not _spoken_otherwise(number, said):
                assert address(number) in ran.members, number


def _may_go(number: int, said: Told) -> bool:
    """Somebody may go by a word about them, or by a proof that they are not there."""
    of_them = [record for record in said.records if _is_about(number, record)]
    if any(_signs(record["record"]) or record != _PLAIN[number] for record in of_them):
        return True
    return not of_them and _is_proven(said)


def _spoken_otherwise(number: int, said: Told) -> bool:
    return any(_is_about(number, r) and r != _PLAIN[number] for r in said.records)


def _is_about(number: int, message: dict[str, Any]) -> bool:
    row = _PLAIN[number]["record"]
    words = {row["amplitude_id"], row["user_id"], address(number)}
    return bool(words & {text.strip() for text in _texts(message["record"])}) or any(
        word in str(message["record"]) for word in words
    )


def _signs(record: Any) -> bool:
    """Say whether there is a word of leaving anywhere in a record."""
    if isinstance(record, dict):
        folded = {str(key).lower().replace("_", "") for key in record}
        return bool(folded & _SIGNS) or any(_signs(value) for value in record.values())
    if isinstance(record, list):
        return any(_signs(value) for value in record)
    return isinstance(record, str) and bool(_REMOVING.search(record))


def _is_proven(said: Told) -> bool:
    """Say whether a marker may prove a snapshot: no more members than there are rows of users."""
    rows = [r["record"] for r in said.records if "snapshot_id" in r["record"]]
    users = {
        str(row.get("amplitude_id") or row.get("user_id") or row.get("user_properties"))
        for row in rows
        if "member_count" not in row
    }
    counts = [
        value
        for row in (r["record"] for r in said.records)
        for value in row.values()
        if isinstance(value, int) and not isinstance(value, bool)
    ]
    return any(0 <= count <= len(users) for count in counts) and COHORT in str(said.records)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value, *_inner(value)]
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [str(value)]


def _inner(text: str) -> list[str]:
    """Taps write objects as text."""
    if text.lstrip()[:1] not in ("{", "["):
        return []
    try:
        return _texts(json.loads(text))
    except (ValueError, RecursionError):
        return []


def _cleaned(text: str) -> str:
    padding = " \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u200b\u200c\u200d\u2060\ufeff\u00ad\u2028"
    return unicodedata.normalize("NFC", text.strip(padding)).lower()
