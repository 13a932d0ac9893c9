"""A client of the sandbox's control API, for tests and scripts."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SECONDS = 60  # a look at hundreds of thousands of calls takes a while


class Control:
    """Looks at a running sandbox and changes it.

    Every method raises `ValueError` with the sandbox's words when it refuses, and
    `requests.RequestException` when it cannot be reached.

    Args:
        url: The base address of the sandbox.
    """

    def __init__(self, url: str) -> None:
        self._base = url.rstrip("/") + "/_sandbox"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between this machine and itself

    def close(self) -> None:
        """Close its connection."""
        self._session.close()

    def reset(self, day: int = 1) -> None:
        """Put everything back to the seed of a day: no lists, contacts, calls, faults, settings."""
        self._change("/reset", day=day)

    def move_to_day(self, day: int) -> None:
        """Let the seeded cohorts be those of another day."""
        self._change("/day", day=day)

    def configure(self, **settings: float | str) -> None:
        """Change settings of the sandbox; `cordial_sandbox.state.Settings` lists them."""
        self._change("/settings", **settings)

    def overview(self) -> dict[str, Any]:
        """Return the day, the cohorts' names and how many members, contacts and calls there are."""
        return self._view("")  # type: ignore[no-any-return] # the shape of this route

    def lists(self) -> dict[str, list[str]]:
        """Return the members of every list, sorted: address, else what they were added by."""
        return self._view("/lists")  # type: ignore[no-any-return] # the shape of this route

    def contacts(self) -> list[dict[str, Any]]:
        """Return every contact as a read of it shows it."""
        return self._view("/contacts")  # type: ignore[no-any-return] # the shape of this route

    def put_list(self, name: str, members: Iterable[str] = (), *, enhanced: bool = True) -> int:
        """Make a list, or add to it when it is there, with members that others put on it.

        Args:
            name: The name of the list.
            members: E-mail addresses; contacts are made where they are unknown.
            enhanced: Whether the list keeps join dates.

        Returns:
            The id of the list.
        """
        made = self._change("/list", name=name, members=list(members), enhanced=enhanced)
        return int(made["id"])

    def remove_list(self, name: str) -> None:
        """Remove a list, as somebody may do in Cordial."""
        self._change("/list/remove", name=name)

    def rename_list(self, old: str, new: str) -> None:
        """Rename a list, as somebody may do in Cordial; its id stays."""
        self._change("/list/rename", old=old, new=new)

    def put_attribute(self, key: str) -> None:
        """Make a contact attribute, which takes its key away from list names."""
        self._change("/attribute", key=key)

    def put_cohort(  # noqa: PLR0913 - one optional thing to rehearse each
        self,
        cohort_id: str,
        name: str,
        users: Sequence[Mapping[str, Any]] = (),
        *,
        archived: bool = False,
        polls: int | None = None,
        async_status: str | None = None,
        file: Mapping[str, Any] | None = None,
        **list_fields: Any,
    ) -> None:
        """Put a cohort beside the seeded ones, or in the place of one.

        Args:
            cohort_id: Its id.
            name: Its name.
            users: Its members: `{"amplitude_id", "user_id", "properties": {…}}`.
            archived: Whether it is archived.
            polls: How many polls answer "not yet"; None takes the sandbox's setting.
            async_status: The status text once its file is ready.
            file: How its file is written: any of `encoding` (`gzip`, `gzip_without_header`,
                `plain`), `bom`, `line_ending`, `tabs`, `redirect`, `body` (text or bytes given
                out verbatim, then packed as `encoding` says).
            list_fields: Fields of its entry in the list of cohorts, such as `lastComputed` or
                `hidden`; `published=False` leaves it out of the list.
        """
        form = dict(file or {})
        if form.get("body") is not None:
            body = form["body"]
            raw = body.encode() if isinstance(body, str) else body
            form["body"] = base64.b64encode(raw).decode("ascii")
        self._change(
            "/cohort",
            cohort_id=cohort_id,
            name=name,
            users=[dict(user) for user in users],
            archived=archived,
            polls=polls,
            async_status=async_status,
            file=form,
            list_fields=list_fields,
        )

    def remove_cohort(self, cohort_id: str) -> None:
        """Remove a cohort until the next reset."""
        self._change("/cohort/remove", cohort_id=cohort_id)

    def calls(self) -> list[dict[str, Any]]:
        """Return every call received, the control API's own left out.

        Each is `{"api", "method", "path", "query", "status", "body", "write", "authorized_as"}`;
        `status` is None where the connection was closed without an answer.
        """
        return self._view("/calls")  # type: ignore[no-any-return] # the shape of this route

    def write_calls(self) -> list[dict[str, Any]]:
        """Return the calls that change something in Cordial."""
        return self._view("/calls?write=1")  # type: ignore[no-any-return] # likewise

    def clear_calls(self) -> None:
        """Forget the calls received."""
        self._change("/calls/clear")

    def triggers(self) -> list[dict[str, Any]]:
        """Return the contact writes that would have fired triggers in Cordial.

        Each is `{"cID", "identifier", "added", "removed"}`: a REST write that did not suppress
        triggers and did change a membership.
        """
        return self._view("/triggers")  # type: ignore[no-any-return] # the shape of this route

    def violations(self) -> list[dict[str, Any]]:
        """Return what no delivery may ever do and some did since the last reset.

        Each is `{"rule", "where", "count", "message"}`; `cordial_sandbox.violations.RULES` has the
        rules. None of them holds an identifier.
        """
        return self._view("/violations")  # type: ignore[no-any-return] # the shape of this route

    def jobs(self) -> list[dict[str, Any]]:
        """Return the import jobs as they are, whatever a look through Cordial's API is told.

        Each is `{"id", "name", "strategy", "add_to", "remove_from", "status", "carried_out",
        "reason", "rows", "counts", "told"}`, the oldest first. It counts as no poll.
        """
        return self._view("/jobs")  # type: ignore[no-any-return] # the shape of this route

    def release_jobs(self, name_contains: str = "") -> int:
        """Let jobs go on that a `job_stuck` or `job_late` fault holds; late ones are carried out.

        Args:
            name_contains: Only jobs whose `importName` contains this.

        Returns:
            How many there were.
        """
        return int(self._change("/jobs/release", name_contains=name_contains)["released"])

    def add_fault(
        self,
        kind: str,
        method: str | None = None,
        path_contains: str = "",
        times: int | None = 1,
        **details: Any,
    ) -> None:
        """Make a fault happen.

        Args:
            kind: `status`, `rate_limit`, `latency`, `drop_before`, `drop_after`,
                `reject_contact`, `truncate` or `html`; for import jobs `job_error`, `job_failed`,
                `job_late`, `job_stuck` or `job_result`.
            method: Only calls of this method; None for all.
            path_contains: Only calls whose percent-encoded path contains this.
            times: How many calls it hits; None until cleared. A `rate_limit` and a
                `reject_contact` always last until cleared.
            details: What the kind takes (`status`, `body`, `headers`; `per_second`,
                `retry_after`; `seconds`; `identifier`, `message`, `counts_as`; for jobs
                `name_contains`, `strategy`, and `message`, `rows`, `job_status`, `counts` or
                `without`), and `skip`: how many calls to let pass first.
        """
        self._change(
            "/fault", kind=kind, method=method, path_contains=path_contains, times=times, **details
        )

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults in force."""
        return self._view("/faults")  # type: ignore[no-any-return] # the shape of this route

    def clear_faults(self) -> None:
        """Let no fault happen any more."""
        self._change("/faults/clear")

    def _view(self, path: str) -> Any:  # noqa: ANN401 - each route has its own shape
        response = self._session.get(self._base + path, timeout=_SECONDS)
        response.raise_for_status()
        return response.json()

    def _change(self, path: str, **given: Any) -> dict[str, Any]:
        response = self._session.post(self._base + path, json=given, timeout=_SECONDS)
        if response.status_code == requests.codes.unprocessable_entity:
            raise ValueError(response.json()["error"])
        response.raise_for_status()
        return dict(response.json())
