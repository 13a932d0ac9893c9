"""Cohorts as Amplitude lists them, and which of them are selected. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_amplitude import times

if TYPE_CHECKING:
    from tap_amplitude.settings import Settings

# Fields of the list that are handed on as they are. `owners` and `viewers` are not among them:
# they are addresses of colleagues, and nobody downstream needs them.
_TEXTS = ("description", "type")
_FLAGS = ("archived", "published", "hidden", "finished", "is_predictive", "is_official_content")
_TIMES = {"created_at": "createdAt", "last_mod": "lastMod", "last_computed": "lastComputed"}


@dataclass(frozen=True, slots=True)
class Cohort:
    """One cohort.

    Attributes:
        id: Its short id.
        name: Its name; None when the list does not give one.
        size: Members when it was last computed; None when unknown.
        archived: Whether it is archived.
        count_group: What is counted: `User`, or the name of a group type. Null means users.
        last_computed: When Amplitude last computed it, epoch milliseconds; None when unknown.
        last_mod: When its definition was last changed, epoch milliseconds; None when unknown.
        listed: False for a cohort selected by an id that the list does not have.
        row: Its row in the stream `cohorts`.
    """

    id: str
    name: str | None = None
    size: int | None = None
    archived: bool = False
    count_group: str = "User"
    last_computed: int | None = None
    last_mod: int | None = None
    listed: bool = True
    row: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def label(self) -> str:
        """Name and id for log lines; quoted, so that a name cannot break a line."""
        if self.name is None:
            return self.id
        return f"{json.dumps(self.name, ensure_ascii=False)} ({self.id})"

    @property
    def of_users(self) -> bool:
        """Whether its members are users: Amplitude also has cohorts of accounts."""
        return self.count_group.casefold() == "user"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a configuration selects from the list.

    Attributes:
        cohorts: The cohorts to keep in step, in the order of the list, then unlisted ones.
        notes: Things worth a warning, one line each.
        failures: Selections that cannot be followed: what was asked for, and what is wrong.
    """

    cohorts: tuple[Cohort, ...]
    notes: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]


def parse_cohort(entry: Mapping[str, Any]) -> Cohort | None:
    """Return the cohort of one entry of Amplitude's list; None for an entry without an id.

    Any field may be null or missing, as public schemas of this list show.
    """
    cohort_id = _text(entry.get("id"))
    if not cohort_id:
        return None
    moments = {name: times.epoch_milliseconds(entry.get(key)) for name, key in _TIMES.items()}
    name, size = _text(entry.get("name")), _whole(entry.get("size"))
    group = _count_group(entry.get("definition"))
    row = {
        "id": cohort_id,
        "name": name,
        **{key: _text(entry.get(key)) for key in _TEXTS},
        "size": size,
        **{key: entry[key] if isinstance(entry.get(key), bool) else None for key in _FLAGS},
        "app_id": _text(entry.get("appId")),
        "count_group": group,
        **{key: times.iso(moment) for key, moment in moments.items()},
    }
    return Cohort(
        id=cohort_id,
        name=name,
        size=size,
        archived=entry.get("archived") is True,
        count_group=group or "User",
        last_computed=moments["last_computed"],
        last_mod=moments["last_mod"],
        row=row,
    )


def parse_list(entries: Iterable[Mapping[str, Any]]) -> list[Cohort]:
    """Return the cohorts of the list, the first of each id."""
    cohorts: dict[str, Cohort] = {}
    for cohort in map(parse_cohort, entries):
        if cohort is not None:
            cohorts.setdefault(cohort.id, cohort)
    return list(cohorts.values())


def select(listed: Iterable[Cohort], settings: Settings) -> Selection:
    """Return which cohorts the settings select.

    Ids, names and `select_all` add up. A name that matches nothing or several is a failure of its
    own and keeps no other cohort from being delivered.
    """
    by_id = {cohort.id: cohort for cohort in listed}
    chosen: dict[str, Cohort] = {}
    notes: list[str] = []
    failures: list[tuple[str, str]] = []
    for name in settings.cohort_names:
        matches = [cohort for cohort in by_id.values() if cohort.name == name]
        current = [cohort for cohort in matches if not cohort.archived]
        if len(current or matches) == 1:
            match = (current or matches)[0]
            chosen[match.id] = match
        else:
            failures.append((json.dumps(name, ensure_ascii=False), _no_single(current or matches)))
    for cohort_id in settings.cohort_ids:
        chosen[cohort_id] = by_id.get(cohort_id) or _unlisted(cohort_id)
        if cohort_id not in by_id:
            notes.append(
                f"{cohort_id}: not in Amplitude's list of cohorts; it is tried by its id, and its "
                "name is unknown."
            )
    if settings.select_all:
        chosen.update(by_id)
    kept = []
    for cohort in sorted(chosen.values(), key=_place(by_id)):
        reason = _left_out(cohort, settings)
        if reason:
            notes.append(f"{cohort.label}: left out, {reason}.")
        else:
            kept.append(cohort)
    return Selection(tuple(kept), tuple(notes), tuple(failures))


def _place(by_id: Mapping[str, Cohort]) -> Any:  # noqa: ANN401 - a sort key, whatever its type
    places = {cohort_id: place for place, cohort_id in enumerate(by_id)}
    return lambda cohort: places.get(cohort.id, len(places))


def _left_out(cohort: Cohort, settings: Settings) -> str | None:
    if cohort.archived and not settings.include_archived:
        return "it is archived (include_archived is false)"
    if not cohort.of_users:
        return "it is a cohort of groups, not of users"
    return None


def _no_single(matches: list[Cohort]) -> str:
    if not matches:
        return "no listed cohort has this name. Correct cohort_names, or use the id in cohort_ids"
    ids = ", ".join(cohort.id for cohort in matches)
    return f"several cohorts have this name: {ids}. Put the id of the one you mean in cohort_ids"


def _unlisted(cohort_id: str) -> Cohort:
    return Cohort(id=cohort_id, listed=False, row={"id": cohort_id, "name": None})


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _count_group(definition: object) -> str | None:
    group = definition.get("countGroup") if isinstance(definition, Mapping) else None
    return _text(group.get("name")) if isinstance(group, Mapping) else _text(group)
