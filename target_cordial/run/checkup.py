"""``target-cordial --test``: whether a run would get through, as far as reading can tell.

Nothing is written, to Cordial, to the ledger or to the store. What a key may write shows only when
it writes, so that is named and left open.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from target_cordial.cordial.imports import ImportsClient
from target_cordial.core.identifier import channel_of
from target_cordial.core.list_name import is_allowed
from target_cordial.errors import CordialError, LedgerError, SettingsError, UnexpectedError
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import ledger_exists
from target_cordial.ledger.store import Ledger
from target_cordial.run import binding
from target_cordial.run.report import check_writable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_cordial.cordial.rest import CordialList
    from target_cordial.ledger.store import CohortRow
    from target_cordial.run.wiring import Wiring
    from target_cordial.settings import Settings

NOBODY: Final = "nobody@target-cordial.invalid"
"""An address that nobody can have: RFC 2606 keeps ``.invalid`` free."""

SOMETHING: Final = "target-cordial-test"
"""A value of a key that holds no addresses, which hardly any contact has."""


Member = tuple[str, str]
"""A confirmed member of a list: the list's id, and the identifier."""


class Verdict(str, Enum):
    """What a check found. ``OPEN``: reading can't tell."""

    OK = "ok"
    FAILED = "failed"
    OPEN = "open"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        verdict: Whether it is as it has to be.
        subject: What was checked.
        text: What was found; what to do, where it is not as it has to be.
    """

    verdict: Verdict
    subject: str
    text: str

    def line(self) -> str:
        """Say it in one line."""
        return f"{self.verdict.value:<6}  {self.subject}: {self.text}"


class Checkup:
    """Looks at everything that a run needs.

    Args:
        settings: The settings, which are right by themselves.
        wiring: The connections; with one try a call, since who tests wants to know now.
    """

    def __init__(self, settings: Settings, wiring: Wiring) -> None:
        self._settings = settings
        self._wiring = wiring
        self._rest = wiring.rest

    def findings(self) -> Iterator[Finding]:
        """Check one thing after another."""
        yield Finding(Verdict.OK, "settings", "each is right by itself")
        yield from self._files()
        found, member = self._ledger()
        yield found
        found, lists = self._lists()
        yield found
        if lists is None:
            return
        yield self._count(lists)
        yield from self._names(lists)
        if self._wiring.protocol is None:
            yield self._contacts()
            yield self._shown(lists, member)
        else:
            yield self._endpoint()
        if self._settings.import_staging_url is not None:
            yield self._jobs()
            yield self._store(self._settings.import_staging_url)

    # -- this machine -----------------------------------------------------------------------------

    def _files(self) -> Iterator[Finding]:
        settings = self._settings
        paths = {"report_path": settings.report_path, "rejects_path": settings.rejects_path}
        for name, path in paths.items():
            if path is None:
                continue
            try:
                check_writable({name: path})
            except SettingsError as error:
                yield Finding(Verdict.FAILED, name, str(error))
            else:
                yield Finding(Verdict.OK, name, "its folder can be written")

    def _ledger(self) -> tuple[Finding, Member | None]:
        """Look at the ledger, and choose a confirmed member of a list."""
        url = self._settings.ledger_url
        try:
            if not ledger_exists(url):
                text = (
                    "there is none at ledger_url yet: the first run makes it, and adds everybody "
                    "anew. Must it be there already? Then ledger_url names another place."
                )
                return Finding(Verdict.OPEN, "ledger", text), None
            ledger = Ledger(url, exclusive=False, dry=True)
            try:
                binding.check(ledger, self._settings.binding)
                cohorts = ledger.cohorts()
                member = _member(Entries(ledger), cohorts)
            finally:
                ledger.close()
        except LedgerError as error:
            return Finding(Verdict.FAILED, "ledger", str(error)), None
        text = f"it can be read, belongs to these settings, and knows {len(cohorts)} cohorts"
        return Finding(Verdict.OK, "ledger", text), member

    # -- Cordial ----------------------------------------------------------------------------------

    def _lists(self) -> tuple[Finding, list[CordialList] | None]:
        what = "key, region, lists"
        try:
            lists = self._rest.lists()
        except CordialError as error:
            return Finding(Verdict.FAILED, what, str(error)), None
        text = f"the key is accepted, and may read the lists: there are {len(lists)}"
        return Finding(Verdict.OK, what, text), lists

    def _count(self, lists: list[CordialList]) -> Finding:
        what = "counts"
        if not lists:
            return Finding(Verdict.OPEN, what, "there is no list yet that could be counted")
        try:
            count = self._rest.count(lists[0].id)
        except CordialError as error:
            return Finding(Verdict.FAILED, what, str(error))
        if count is None:
            return Finding(Verdict.FAILED, what, "Cordial does not say how many a list has.")
        return Finding(Verdict.OK, what, "the key may read how many members a list has")

    def _names(self, lists: list[CordialList]) -> Iterator[Finding]:
        """Hold what is assumed of list names against those that there are."""
        names = [one.name for one in lists]
        odd = sum(not is_allowed(name) for name in names)
        what = "assumed: names of lists have letters, digits, - and _"
        if odd:
            text = f"{odd} of {len(names)} are otherwise, so Cordial allows more than is used here"
            yield Finding(Verdict.OPEN, what, text)
        else:
            yield Finding(Verdict.OK, what, f"so it is with all {len(names)}")
        alike = [count for count in Counter(name.lower() for name in names).values() if count > 1]
        what = "assumed: letter case makes no two lists"
        if alike:
            text = (
                f"{sum(alike)} lists differ by case alone, so it does; cohorts that come to such "
                "names are refused all the same"
            )
            yield Finding(Verdict.OPEN, what, text)
        else:
            yield Finding(Verdict.OK, what, "no two names differ by case alone")

    def _contacts(self) -> Finding:
        """Read a contact that can't be there."""
        what = "contacts"
        key = self._settings.mapping.name
        value = NOBODY if channel_of(key) == "email" else SOMETHING
        try:
            found = self._rest.contact_lists(key, value)
        except UnexpectedError as error:
            hint = "Is contact_identifier_name the key of an index of contacts in Cordial?"
            return Finding(Verdict.FAILED, what, f"{error} {hint}")
        except CordialError as error:
            return Finding(Verdict.FAILED, what, str(error))
        if found is not None:
            return Finding(Verdict.OPEN, what, f"a contact has the {key} '{value}', made up here")
        text = (
            "the key may read contacts, and one that is not there is answered as expected. Whether "
            "it may write them (POST and PUT /contacts) shows with the first change: see to these "
            "two permissions"
        )
        return Finding(Verdict.OK, what, text)

    def _shown(self, lists: list[CordialList], member: Member | None) -> Finding:
        """Read a contact that the ledger says is on a list."""
        what = "assumed: a contact shows its lists"
        if member is None:
            return Finding(Verdict.OPEN, what, "the ledger knows nobody yet who could be read")
        list_id, identifier = member
        listed = next((one for one in lists if one.id == list_id), None)
        if listed is None:
            return Finding(Verdict.OPEN, what, "the list of whom the ledger knows is not there")
        try:
            found = self._rest.contact_lists(self._settings.mapping.name, identifier)
        except CordialError as error:
            return Finding(Verdict.FAILED, what, str(error))
        if found is None:
            return Finding(Verdict.OPEN, what, "one that was on a list is no contact any more")
        if found.hold(listed) is None:
            text = "one that is on a list does not, so what was written can't be read back"
            return Finding(Verdict.OPEN, what, text)
        return Finding(Verdict.OK, what, "one that was read does")

    def _jobs(self) -> Finding:
        try:
            ImportsClient(self._rest.session).look()
        except CordialError as error:
            return Finding(Verdict.FAILED, "imports", str(error))
        text = (
            "the key may read jobs. Whether it may start imports (POST /contactimports) shows with "
            "the first one"
        )
        return Finding(Verdict.OK, "imports", text)

    def _store(self, url: str) -> Finding:
        try:
            told = self._wiring.look_at_store(url)
        except (CordialError, SettingsError) as error:
            return Finding(Verdict.FAILED, "import_staging_url", str(error))
        if not told:
            text = (
                "the store answers, but does not say whether a file is there. If the credentials "
                "may put, get and delete objects, that is as it should be"
            )
            return Finding(Verdict.OPEN, "import_staging_url", text)
        text = (
            "the store answers, takes the credentials, and addresses can be signed. Whether they "
            "may put files there, and Cordial may fetch them, shows with the first import"
        )
        return Finding(Verdict.OK, "import_staging_url", text)

    def _endpoint(self) -> Finding:
        """Reach the endpoint: it has no call that reads."""
        protocol = self._wiring.protocol
        assert protocol is not None  # noqa: S101  delivery goes by it
        try:
            answer = protocol.session.call("GET", "/")
        except CordialError as error:
            return Finding(Verdict.FAILED, "endpoint", str(error))
        text = (
            f"the service answers ({answer.status}). It has no call that only reads, so whether it "
            "takes the key and lists shows with the first change"
        )
        return Finding(Verdict.OPEN, "endpoint", text)


def _member(entries: Entries, cohorts: Iterable[CohortRow]) -> Member | None:
    for cohort in cohorts:
        if cohort.list_id and (found := entries.sample(cohort.key, 1)):
            return cohort.list_id, found[0]
    return None
