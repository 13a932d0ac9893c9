"""``target-cordial --test``: whether a run would get through, as far as reading can tell.

Nothing is written, to Cordial, to the ledger or to the store. What a key may write shows only when
it writes, so that is named and left open.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from target_cordial.cordial.answers import Kind, meaning_of
from target_cordial.cordial.rest import CONTACT, CordialList, contact_path, listed
from target_cordial.core.identifier import channel_of
from target_cordial.core.list_name import is_allowed
from target_cordial.errors import CordialError, LedgerError, SettingsError
from target_cordial.ledger.entries import Entries
from target_cordial.ledger.places import ledger_exists
from target_cordial.ledger.store import Ledger
from target_cordial.run import binding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_cordial.cordial.answers import Answer
    from target_cordial.cordial.session import Session
    from target_cordial.run.wiring import Wiring
    from target_cordial.settings import Settings

NOBODY: Final = "nobody@target-cordial.invalid"
"""An address that nobody can have: RFC 2606 keeps ``.invalid`` free."""

SOMETHING: Final = "target-cordial-test"
"""A value of a key that holds no addresses, which hardly any contact has."""


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
        wiring: The connections.
    """

    def __init__(self, settings: Settings, wiring: Wiring) -> None:
        self._settings = settings
        self._wiring = wiring
        self._session: Session = wiring.rest.session

    def findings(self) -> Iterator[Finding]:
        """Check one thing after another."""
        yield Finding(Verdict.OK, "settings", "each is right by itself")
        yield from self._files()
        yield self._ledger()
        lists, found = self._lists()
        yield found
        if lists is None:
            return
        yield self._count(lists)
        yield from self._names(lists)
        if self._wiring.protocol is None:
            yield from self._contacts(lists)
        else:
            yield self._endpoint()
        if self._settings.import_staging_url is not None:
            yield self._jobs()
            yield self._store(self._settings.import_staging_url)

    # -- this machine -----------------------------------------------------------------------------

    def _files(self) -> Iterator[Finding]:
        paths = {"report_path": self._settings.report_path} | {
            "rejects_path": self._settings.rejects_path
        }
        for name, path in paths.items():
            if path is None:
                continue
            if os.access(Path(path).absolute().parent, os.W_OK):
                yield Finding(Verdict.OK, name, "its folder can be written")
            else:
                text = "its folder is missing or not writable. Make it, or name another."
                yield Finding(Verdict.FAILED, name, text)

    def _ledger(self) -> Finding:
        url = self._settings.ledger_url
        try:
            if not ledger_exists(url):
                return Finding(
                    Verdict.OPEN,
                    "ledger",
                    "there is none at ledger_url yet: the first run makes it, and adds everybody "
                    "anew. Must it be there already? Then ledger_url names another place.",
                )
            ledger = Ledger(url, exclusive=False, dry=True)
            try:
                binding.check(ledger, self._settings.binding)
                cohorts = len(ledger.cohorts())
            finally:
                ledger.close()
        except LedgerError as error:
            return Finding(Verdict.FAILED, "ledger", str(error))
        text = f"it can be read, belongs to these settings, and knows {cohorts} cohorts"
        return Finding(Verdict.OK, "ledger", text)

    # -- Cordial ----------------------------------------------------------------------------------

    def _lists(self) -> tuple[list[CordialList] | None, Finding]:
        what = "key, region, lists"
        try:
            answer = self._ask("/accountlists")
        except CordialError as error:
            return None, Finding(Verdict.FAILED, what, str(error))
        if answer.says_absent:
            return [], Finding(Verdict.OK, what, "the key is accepted; the account has no list")
        if answer.kind is not Kind.OK or not isinstance(answer.body, list):
            text = f"{meaning_of(answer.status)} ({answer.status}). Check region and api_url."
            return None, Finding(Verdict.FAILED, what, text)
        lists = listed(answer.body)
        text = f"the key is accepted, and may read the lists: there are {len(lists)}"
        return lists, Finding(Verdict.OK, what, text)

    def _count(self, lists: list[CordialList]) -> Finding:
        what = "counts"
        if not lists:
            return Finding(Verdict.OPEN, what, "there is no list yet that could be counted")
        try:
            answer = self._ask(f"/accountlists/{quote(lists[0].id, safe='')}/count")
        except CordialError as error:
            return Finding(Verdict.FAILED, what, str(error))
        count = answer.body.get("count") if isinstance(answer.body, dict) else None
        if not isinstance(count, int):
            text = f"Cordial does not say how many a list has ({answer.status})."
            return Finding(Verdict.FAILED, what, text)
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

    def _contacts(self, lists: list[CordialList]) -> Iterator[Finding]:
        """Read a contact that can't be there, and one that the ledger says is on a list."""
        what = "contacts"
        key = self._settings.mapping.name
        value = NOBODY if channel_of(key) == "email" else SOMETHING
        try:
            answer = self._ask(contact_path(key, value), route=CONTACT)
        except CordialError as error:
            yield Finding(Verdict.FAILED, what, str(error))
            return
        if answer.says_absent:
            text = (
                "the key may read contacts, and one that is not there is answered as expected. "
                "Whether it may write them (POST and PUT /contacts) shows with the first change: "
                "see to these two permissions"
            )
            yield Finding(Verdict.OK, what, text)
        elif answer.kind is Kind.OK:
            yield Finding(Verdict.OPEN, what, f"a contact has the {key} '{value}', made up here")
        else:
            text = (
                f"a contact that is not there is answered with {answer.status}, not with 'not "
                "found'. Is contact_identifier_name the key of an index of contacts in Cordial?"
            )
            yield Finding(Verdict.FAILED, what, text)
        yield self._shown(lists)

    def _shown(self, lists: list[CordialList]) -> Finding:
        what = "assumed: a contact shows its lists"
        known = self._member()
        if known is None:
            return Finding(Verdict.OPEN, what, "the ledger knows nobody yet who could be read")
        list_id, identifier = known
        on_it = next((one for one in lists if one.id == list_id), None)
        if on_it is None:
            return Finding(Verdict.OPEN, what, "the list of whom the ledger knows is not there")
        try:
            found = self._wiring.rest.contact_lists(self._settings.mapping.name, identifier)
        except CordialError as error:
            return Finding(Verdict.FAILED, what, str(error))
        holds = None if found is None else found.hold(on_it)
        if holds is None:
            text = "one that is on a list does not, so what was written can't be read back"
            return Finding(Verdict.OPEN, what, text)
        return Finding(Verdict.OK, what, "one that was read does")

    def _member(self) -> tuple[str, str] | None:
        """Choose a confirmed member: the list's id, and the identifier."""
        url = self._settings.ledger_url
        if not ledger_exists(url):
            return None
        try:
            ledger = Ledger(url, exclusive=False, dry=True)
        except LedgerError:
            return None
        try:
            entries = Entries(ledger)
            for cohort in ledger.cohorts():
                if cohort.list_id and (found := entries.sample(cohort.key, 1)):
                    return cohort.list_id, found[0]
        finally:
            ledger.close()
        return None

    def _jobs(self) -> Finding:
        try:
            answer = self._ask("/jobs?jobName=ImportContacts&page=1&per_page=1", route="/jobs")
        except CordialError as error:
            return Finding(Verdict.FAILED, "imports", str(error))
        if answer.says_absent or (answer.kind is Kind.OK and isinstance(answer.body, list)):
            text = (
                "the key may read jobs. Whether it may start imports (POST /contactimports) shows "
                "with the first one"
            )
            return Finding(Verdict.OK, "imports", text)
        text = f"the jobs can't be read: {meaning_of(answer.status)} ({answer.status})."
        return Finding(Verdict.FAILED, "imports", text)

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
            answer = protocol.session.call("GET", "/", repeatable=False)
        except CordialError as error:
            return Finding(Verdict.FAILED, "endpoint", str(error))
        text = (
            f"the service answers ({answer.status}). It has no call that only reads, so whether it "
            "takes the key and lists shows with the first change"
        )
        return Finding(Verdict.OPEN, "endpoint", text)

    def _ask(self, path: str, route: str | None = None) -> Answer:
        """Read something once: who tests wants to know now, not after eight tries."""
        return self._session.call("GET", path, route=route, repeatable=False)
