"""Everything one running sandbox knows. All of it lives in memory, on one event loop."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cordial_sandbox import seed
from cordial_sandbox.account import EMAIL, Account, Contact
from cordial_sandbox.calls import CORDIAL_KEY

if TYPE_CHECKING:
    from cordial_sandbox.calls import Call
    from cordial_sandbox.cohorts import Cohort, Download
    from cordial_sandbox.faults import Fault


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
    """

    redirect_above: int = 10_000
    link_seconds: float = 60
    polls: int = 1
    monthly_limit: int = 500
    max_batch: int = 1000
    list_identifier: str = EMAIL
    lists_in: str = "contact"

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
        for name, value in given.items():
            setattr(self, name, value)


class State:
    """The account, the cohorts of the day, the calls received and the faults in force.

    Attributes:
        api_key: The key Cordial's side accepts.
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
