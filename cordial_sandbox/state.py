"""Everything one running sandbox knows. All of it lives in memory, on one event loop."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cordial_sandbox import seed
from cordial_sandbox.account import EMAIL, Account, Contact
from cordial_sandbox.calls import CORDIAL_KEY
from cordial_sandbox.violations import Violations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cordial_sandbox.calls import Call
    from cordial_sandbox.cohorts import Cohort, Download
    from cordial_sandbox.faults import Fault
    from cordial_sandbox.import_job import Job

_CHOICES = {
    "lists_in": ("contact", "attributes"),
    "import_unchanged": ("updated", "ignored"),
    "import_subscribe": ("ignored", "honoured", "needed"),
}


@dataclass(slots=True)
class Settings:
    """What can be set about the sandbox's answers.

    Attributes:
        redirect_above: Cohorts with more members hand out their file through a 302.
        link_seconds: How long such a link is valid; Amplitude says one minute.
        polls: How many polls of a download answer "not yet".
        monthly_limit: Downloads a month; Amplitude's quota for Growth and Enterprise plans.
        max_batch: Ids one call of the list protocol may carry.
        list_identifier: The Cordial key those ids are values of.
        lists_in: Where a contact that is read shows its `lists`: `contact` (top level) or
            `attributes`. No public source shows where the second version has them.
        import_polls: How many looks at an import job answer "not yet".
        import_statuses: What these say, in order and with commas between; the last one again.
        import_unchanged: What a row that changes nothing counts as, `updated` or `ignored`; no
            public source tells.
        import_subscribe: How `subscribe: false` works, which is in Cordial's help pages and not
            in its description: `ignored` (every new contact is subscribed, and an upsert
            subscribes), `honoured` (nobody is), or `needed` (without it an `updateOnly` job
            subscribes too, as the help pages can be read).
        job_id_field: Under which key a job that is looked at shows its id; empty for none, as in
            the description.
    """

    redirect_above: int = 10_000
    link_seconds: float = 60
    polls: int = 1
    monthly_limit: int = 500
    max_batch: int = 1000
    list_identifier: str = EMAIL
    lists_in: str = "contact"
    import_polls: int = 0
    import_statuses: str = "Processing"
    import_unchanged: str = "updated"
    import_subscribe: str = "ignored"
    job_id_field: str = "_id"

    def change(self, given: dict[str, Any]) -> None:
        """Set some of them.

        Raises:
            ValueError: A name is unknown or a value has another type.
        """
        kinds = {entry.name: type(getattr(self, entry.name)) for entry in fields(self)}
        for name, value in given.items():
            kind = kinds.get(name)
            allowed = (int, float) if kind is float else kind
            if allowed is None or not isinstance(value, allowed) or isinstance(value, bool):
                message = f"no setting {name}={value!r}; there are: {', '.join(kinds)}"
                raise ValueError(message)
            if value not in _CHOICES.get(name, (value,)):
                message = f"{name} is one of {', '.join(_CHOICES[name])}, not {value!r}"
                raise ValueError(message)
        for name, value in given.items():
            setattr(self, name, value)


class State:
    """The account, the cohorts of the day, the calls received and the faults in force.

    Attributes:
        api_key: The key Cordial's side accepts.
        jobs: The import jobs by id, the oldest first.
        violations: What no delivery may ever do and some did.
        triggers: Contact writes with triggers not suppressed that changed something.
    """

    def __init__(self, day: int = 1, api_key: str = CORDIAL_KEY) -> None:
        self.api_key = api_key
        self.reset(day)

    def reset(self, day: int = 1) -> None:
        """Put everything back to the seed: no lists, contacts, calls or faults.

        Raises:
            ValueError: There is no such day.
        """
        self._seeded = seed.cohorts_of_day(day)
        self.day = day
        self.account = Account()
        self.settings = Settings()
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.triggers: list[dict[str, Any]] = []
        self.downloads: dict[str, Download] = {}
        self.links: dict[str, tuple[float, Download]] = {}
        self.jobs: dict[str, Job] = {}
        self.violations = Violations()
        self._last_job = 0
        self.usage = 0
        self._placed: dict[str, Cohort | None] = {}
        self._revision = 0

    def move_to_day(self, day: int) -> None:
        """Let the seeded cohorts be those of another day; placed and removed ones stay so.

        Raises:
            ValueError: There is no such day.
        """
        self._seeded = seed.cohorts_of_day(day)
        self.day = day

    @property
    def cohorts(self) -> dict[str, Cohort]:
        """The cohorts there are now, by id."""
        merged = {**self._seeded, **self._placed}
        return {key: cohort for key, cohort in merged.items() if cohort is not None}

    def place_cohort(self, cohort: Cohort) -> None:
        """Put a cohort beside or over the seeded ones."""
        self._placed[cohort.id] = cohort

    def remove_cohort(self, cohort_id: str) -> None:
        """Take a cohort away, seeded or placed, until the next reset."""
        self._placed[cohort_id] = None

    def next_computed_at(self) -> int:
        """Return a time of this day, in epoch seconds, later than every one returned before."""
        self._revision += 1
        return seed.computed_at(self.day) + self._revision

    def fault_for(
        self, call: Call, kinds: frozenset[str], status: int | None = None
    ) -> Fault | None:
        """Return the first fault of these kinds that hits a call; the hit is counted."""
        for fault in self.faults:
            if fault.kind in kinds and fault.hits(call, status):
                if fault.times == 0:
                    self.faults.remove(fault)
                return fault
        return None

    def next_job_id(self) -> str:
        """Return an id for a job: 24 hexadecimal digits."""
        self._last_job += 1
        return f"5f6b1434{self._last_job:016x}"

    def add_job(self, job: Job) -> None:
        """Take in a job; it runs beside every other whose end nobody was told."""
        self.violations.note("left_to_defaults", job.where, not job.request.explicit)
        for other in self.jobs.values():
            if not other.told:
                other.beside.append(job)
                job.beside.append(other)
        self.jobs[job.id] = job

    def note_contact_call(self, where: str, body: dict[str, Any], addresses: Iterable[str]) -> None:
        """Look for violations in a contact write by REST.

        Args:
            where: The kind of call.
            body: Its body.
            addresses: Those the body names and those the contact has.
        """
        channels = body.get("channels")
        entries = channels.values() if isinstance(channels, dict) else ()
        subscribes = any(isinstance(one, dict) and "subscribeStatus" in one for one in entries)
        self.violations.note("subscription_in_write", where, subscribes or "forceSubscribe" in body)
        keys = {address.lower() for address in addresses}
        for job in self.jobs.values():
            if not job.told:
                # A job that is not carried out yet looks at these when its own rows are known.
                job.written_meanwhile |= keys
                self.violations.note("overlap", job.where, not keys.isdisjoint(job.addresses))

    def note_write(
        self,
        contact: Contact,
        *,
        suppressed: bool,
        added: list[str],
        removed: list[str],
    ) -> None:
        """Remember a contact write that would fire Cordial's triggers."""
        if not suppressed and (added or removed):
            self.triggers.append(
                {
                    "cID": contact.cid,
                    "identifier": contact.identifier,
                    "added": added,
                    "removed": removed,
                }
            )
