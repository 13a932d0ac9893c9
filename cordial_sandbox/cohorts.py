"""Amplitude's side of the sandbox: cohorts, their members and the downloads asked of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from typing import Any, Literal

Encoding = Literal["gzip", "gzip_without_header", "plain"]


@dataclass(frozen=True, slots=True)
class User:
    """One member of a cohort, as Amplitude knows it.

    Attributes:
        amplitude_id: Amplitude's own number of the user, carried as text.
        user_id: The id the app gave the user; None for an anonymous one.
        properties: The user properties of today, by their plain names.
    """

    amplitude_id: str
    user_id: str | None
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileForm:
    """How the file of one cohort is written, to rehearse the forms clients have met.

    Attributes:
        encoding: `gzip` with its `Content-Encoding` header (the usual case), gzip without that
            header, or `plain`.
        bom: Put a UTF-8 byte order mark before the header row.
        line_ending: What ends a row.
        tabs: Put a tab before the text of every cell, inside the quotes, as Amplitude's chart
            exports do.
        redirect: True or False decide whether the file is handed out through a 302; None leaves
            it to the size of the cohort.
        body: These bytes instead of a CSV made from the members.
    """

    encoding: Encoding = "gzip"
    bom: bool = False
    line_ending: str = "\n"
    tabs: bool = False
    redirect: bool | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """A cohort at one moment; a change makes a new object, so that a download keeps its moment.

    Attributes:
        id: Amplitude's short id of the cohort.
        name: Its name, any text.
        users: Its members.
        archived: Whether it is archived; it is listed all the same.
        computed_at: When it was last computed, in epoch seconds.
        list_fields: Fields that replace or extend those of its entry in the list of cohorts.
        form: How its file is written.
        polls: How many polls answer "not yet" first; None takes the sandbox's setting.
        async_status: The status text once the file is ready.
    """

    id: str
    name: str
    users: tuple[User, ...]
    archived: bool = False
    computed_at: int = 0
    list_fields: dict[str, Any] = field(default_factory=dict)
    form: FileForm = field(default_factory=FileForm)
    polls: int | None = None
    async_status: str = "JOB COMPLETED"

    @property
    def listed(self) -> bool:
        """Whether the list of cohorts shows it: Amplitude leaves unpublished cohorts out."""
        return bool(self.list_fields.get("published", True))

    def entry(self) -> dict[str, Any]:
        """Return its entry in the list of cohorts, with the fields of Amplitude's own sample."""
        return {
            "appId": 187520,
            "id": self.id,
            "name": self.name,
            "description": None,
            "type": "redshift",
            "size": len(self.users),
            "archived": self.archived,
            "published": True,
            "hidden": False,
            "finished": True,
            "is_predictive": False,
            "is_official_content": False,
            "owners": ["ana@shop.example"],
            "viewers": [],
            "createdAt": 1748700000,
            "lastMod": 1748783000,
            "lastComputed": self.computed_at,
            "definition": {
                "version": 3,
                "countGroup": {"name": "User", "is_computed": False},
                "cohortType": "UNIQUES",
                "andClauses": [],
                "referenceFrameTimeParams": {},
            },
            "metadata": None,
            "view_count": None,
            "popularity": None,
            "last_viewed": None,
            "chart_id": None,
            "edit_id": None,
            "location_id": None,
            "shortcut_ids": [],
            **self.list_fields,
        }


@dataclass(slots=True)
class Download:
    """One request for a cohort's members, with the cohort as it was when it was asked for.

    Attributes:
        id: The request id.
        cohort: The cohort of that moment.
        property_keys: The properties to give as columns; None means all there are.
        polls_left: How many polls still answer "not yet".
    """

    id: str
    cohort: Cohort
    property_keys: tuple[str, ...] | None
    polls_left: int
    _content: bytes | None = None

    @property
    def content(self) -> bytes:
        """The body of the file, made once: the same file is handed out for seven days."""
        if self._content is None:
            self._content = render(self.cohort, self.property_keys)
        return self._content


def _cell(value: object) -> str:
    """Return a property as the text of a cell.

    An absent value is an empty cell. How Amplitude writes numbers, booleans and lists is not
    documented; JSON is assumed.
    """
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def render(cohort: Cohort, property_keys: tuple[str, ...] | None) -> bytes:
    """Return a cohort's file: UTF-8 CSV, every cell quoted, header first, packed as its form says.

    Args:
        cohort: The cohort and the form of its file.
        property_keys: The property columns in their order; None for every property any member has.
    """
    form = cohort.form
    if form.body is not None:
        plain = form.body
    else:
        if property_keys is None:
            property_keys = tuple(
                dict.fromkeys(key for user in cohort.users for key in user.properties)
            )
        text = io.StringIO(newline="")
        rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=form.line_ending)
        prefix = "\t" if form.tabs else ""
        rows.writerow([prefix + name for name in ("amplitude_id", "user_id", *property_keys)])
        rows.writerows(
            [
                prefix + user.amplitude_id,
                prefix + (user.user_id or ""),
                *(prefix + _cell(user.properties.get(key)) for key in property_keys),
            ]
            for user in cohort.users
        )
        plain = (b"\xef\xbb\xbf" if form.bom else b"") + text.getvalue().encode()
    if form.encoding == "plain":
        return plain
    return gzip.compress(plain, compresslevel=1, mtime=0)
