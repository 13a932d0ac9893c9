"""Cordial's REST API v2: imports of contacts from a file, and the jobs that they are.

Paths, bodies and statuses are those of Cordial's published description (Swagger 2.0, "2.0.0"),
except where it is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from target_cordial.cordial.answers import Answer, Kind, kind_of, meaning_of
from target_cordial.core.import_counts import Counts
from target_cordial.core.import_counts import Kind as ImportKind
from target_cordial.errors import UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.cordial.session import Session

DONE: Final = "Done"
FAILED: Final = "Failed"
"""The two statuses that are an end. ``Throttled``, which only the filter has, is none, and no
status that the description does not know."""

NOT_ENDED: Final = ("Scheduled", "Pending", "Throttled", "Processing")
"""Statuses of jobs that may have no start time, so that a filter by it would pass over them: from
when on a job has one is not documented."""

PER_PAGE: Final = 100
MOST_PAGES: Final = 20
"""Pages that are searched for a job; an account with more jobs than that is not searched."""

EARLIER_SECONDS: Final = 3600
"""How far Cordial's clock may be behind this machine's."""

_STRATEGIES: Final = {
    ImportKind.CREATE: "insertOnly",
    ImportKind.ADD: "updateOnly",
    ImportKind.REMOVE: "updateOnly",
}

_OF_THE_SOURCE: Final = {
    re.compile("connect|server|log ?in", re.IGNORECASE): "Cordial can't reach the store",
    re.compile("size|file", re.IGNORECASE): "Cordial can't read the file in the store",
}
"""Documented: "Can't login to the server (x)", "Can't connect to the server (x)", "Couldn't get the
size of the file (path)". The texts hold the address, so they are said in other words."""

_ADDRESS: Final = re.compile(r"[/?@%]")


@dataclass(frozen=True)
class Import:
    """What an import is asked to do.

    Attributes:
        name: The name under which the job can be found again.
        kind: What it is for.
        list_name: The list whose membership it writes.
        address: Where Cordial fetches the file: whoever has it can read the file.
        suppress_triggers: Whether Cordial's automations stay silent.
    """

    name: str
    kind: ImportKind
    list_name: str
    address: str = field(repr=False)
    suppress_triggers: bool

    @property
    def body(self) -> dict[str, Any]:
        """The call's body.

        ``hasHeader`` is false and ``suppressTriggers`` true where they are missing, and
        ``subscribe``, which the help pages have (KB 203886058) and the description has not, is
        what keeps an import from subscribing people.
        """
        body: dict[str, Any] = {
            "importName": self.name,
            "source": {
                "transport": urlsplit(self.address).scheme.upper(),
                "url": self.address,
            },
            "hasHeader": True,
            "strategy": _STRATEGIES[self.kind],
            "suppressTriggers": self.suppress_triggers,
            "subscribe": False,
        }
        if self.kind is ImportKind.ADD:
            body["lists"] = {"addTo": [self.list_name]}
        elif self.kind is ImportKind.REMOVE:
            body["lists"] = {"removeFrom": [self.list_name]}
        return body


@dataclass(frozen=True)
class Job:
    """A job as Cordial shows it.

    Attributes:
        status: Cordial's word.
        counts: What became of its rows.
    """

    status: str
    counts: Counts = field(default_factory=Counts)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in (DONE, FAILED)

    @property
    def done(self) -> bool:
        """Whether it came to its end, which says nothing of its rows."""
        return self.status == DONE


class ImportsClient:
    """Imports and their jobs."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def start(self, asked: Import) -> str:
        """Start an import (``POST /contactimports``). Twice is not the same as once.

        Returns:
            The id of its job.

        Raises:
            UnexpectedError: Cordial did not start it, or gave no id.
            UnavailableError: There was no usable answer.
        """
        answer = self.session.call("POST", "/contactimports", asked.body, repeatable=False)
        given = answer.body.get("jobId") if isinstance(answer.body, dict) else None
        if answer.kind is Kind.OK and given and type(given) in (str, int):
            return str(given)
        if answer.kind is Kind.OK and isinstance(given, dict):
            # Documented: an error object under 201, where the id should be.
            raise UnexpectedError(f"{_why_unread(given)}. Nothing was imported")
        if answer.kind is Kind.REFUSED:
            raise UnexpectedError(
                f"Cordial refused to start an import ({answer.status}{_said(answer)}). Check "
                "import_staging_url, or set delivery to contacts"
            )
        raise UnexpectedError(
            f"Cordial answered {answer.status} to the start of an import: "
            f"{meaning_of(answer.status)}. Check region and api_url",
            may_be_applied=kind_of(answer.status) is Kind.OK,  # also where it can't be read
        )

    def job(self, job_id: str) -> Job | None:
        """Look at a job (``GET /jobs/<id>``); None where Cordial does not have it.

        Raises:
            CordialError: It could not be read.
        """
        answer = self.session.call("GET", f"/jobs/{quote(job_id, safe='')}")
        if answer.says_absent:
            return None
        if answer.kind is not Kind.OK or not isinstance(answer.body, dict):
            raise _unread(answer)
        return _job(answer.body)

    def look(self) -> None:
        """See that jobs can be read.

        Raises:
            CordialError: They can't.
        """
        self._jobs({"status": NOT_ENDED[0]})

    def find(self, name: str, since: int) -> list[Job]:
        """Look jobs up by the name of their import (``GET /jobs``).

        The description has ``metadata`` in a job; that the name is there as ``importName`` is
        assumed. A job's own id is nowhere in it, so whoever has only the name goes on with that.

        Args:
            name: The name of the import.
            since: When it was started at the earliest, in seconds since the epoch.

        Returns:
            Its jobs: none where it never began, more than one where it was started twice. One
            that is found in two ways is there twice: no id would tell.

        Raises:
            CordialError: The jobs could not be read, or are too many.
        """
        start = datetime.fromtimestamp(since - EARLIER_SECONDS, timezone.utc)
        since_then = {"times[start][gte]": start.isoformat(timespec="seconds")}
        # One that begins to run meanwhile is found by its time: so that is asked last.
        filters = [*({"status": status} for status in NOT_ENDED), since_then]
        return [
            _job(row)
            for wanted in filters
            for row in self._jobs(wanted)
            if isinstance(row.get("metadata"), dict) and row["metadata"].get("importName") == name
        ]

    def _jobs(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            query = {"jobName": "ImportContacts", **wanted, "page": page, "per_page": PER_PAGE}
            answer = self.session.call("GET", f"/jobs?{urlencode(query)}", route="/jobs")
            if answer.says_absent:  # described: no match is 404
                return rows
            if answer.kind is not Kind.OK or not isinstance(answer.body, list):
                raise _unread(answer)
            rows += [row for row in answer.body if isinstance(row, dict)]
            if len(answer.body) < PER_PAGE:
                return rows
        raise UnexpectedError(
            f"Cordial has more than {MOST_PAGES * PER_PAGE} jobs of one kind, too many to look for "
            "an import whose answer was lost",
            may_be_applied=True,
        )


def _job(body: Mapping[str, Any]) -> Job:
    return Job(str(body.get("status")), _counts(body.get("result")))


def _counts(result: Any) -> Counts:  # noqa: ANN401  JSON has any type
    given = result if isinstance(result, dict) else {}

    def count(name: str) -> int | None:
        value = given.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    return Counts(
        total=count("totalRecords"),
        updated=count("updated"),
        inserted=count("inserted"),
        rejected=count("rejected"),
        error=count("error"),
        ignored=count("ignored"),
    )


def _why_unread(error: Mapping[str, Any]) -> str:
    words = str(error.get("message"))
    said = next((said for mark, said in _OF_THE_SOURCE.items() if mark.search(words)), None)
    return (
        f"{said or 'Cordial did not start an import'}. Check that addresses that "
        "import_staging_options sign can be fetched from outside, with GET"
    )


def _said(answer: Answer) -> str:
    """Repeat Cordial's words where they can hold no address."""
    words = answer.prose
    return f": {words}" if words and not _ADDRESS.search(words) else ""


def _unread(answer: Answer) -> UnexpectedError:
    return UnexpectedError(
        f"Cordial answered {answer.status} to a look at an import's job: "
        f"{meaning_of(answer.status)}. Check region and api_url",
        may_be_applied=True,
    )
