"""What one row of an import does to the account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cordial_sandbox.account import EMAIL, channel_of
from cordial_sandbox.contact_write import STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cordial_sandbox.account import Contact, ContactList
    from cordial_sandbox.import_job import Job
    from cordial_sandbox.state import State

_STATUS_COLUMN = re.compile(r"channels\.([^.]+)\.subscribeStatus")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")  # how strict Cordial is with addresses is not documented
_ADDS, _REMOVES = 1, 2


class ColumnError(Exception):
    """The job names a list or a column the account does not know; it fails, which is assumed."""


class RowError(Exception):
    """A row is not written.

    Attributes:
        counts_as: The field of `ResultJ` that counts it.
    """

    def __init__(self, counts_as: str = "rejected") -> None:
        super().__init__(counts_as)
        self.counts_as = counts_as


class RowWriter:
    """Writes the rows of one job.

    Args:
        state: Where to; its account is kept, whatever a reset puts in its place meanwhile.
        job: The job.
        columns: The columns of its file, in order; an empty name skips the column.

    Raises:
        ColumnError: A list or a column is unknown.
    """

    def __init__(self, state: State, job: Job, columns: Sequence[str]) -> None:
        self._state = state
        self._account = state.account
        self._settings = state.settings
        self._violations = state.violations
        self._job = job
        self._request = job.request
        self._width = len(columns)
        self._addresses: list[tuple[int, str]] = []
        self._statuses: dict[str, int] = {}
        self._attributes: list[tuple[int, str]] = []
        self._list_cells: list[tuple[int, ContactList]] = []
        fixed = [(name, True) for name in job.request.add_to]
        fixed += [(name, False) for name in job.request.remove_from]
        self._fixed = [(self._list(name), wanted) for name, wanted in fixed]
        for index, column in enumerate(columns):
            if column:
                self._read_column(index, column)
        lists = {listed.id for listed, _ in self._fixed} | {
            listed.id for _, listed in self._list_cells
        }
        self._violations.note("several_lists", job.where, len(lists) > 1)
        # With one list for every row there is one direction for everybody.
        self._both_ways = bool(self._list_cells) or len(self._fixed) > 1
        self._marks: dict[str, int] = {}
        self._status_of_new = self._default(made=True)
        self._status_of_known = self._default(made=False)
        self._refusals = {
            str(fault.details["identifier"]).lower(): str(
                fault.details.get("counts_as", "rejected")
            )
            for fault in state.faults
            if fault.refuses_rows
        }

    def _list(self, name: str) -> ContactList:
        found = self._account.list_of(name)
        if found is None:
            raise ColumnError("there is no such list any more")
        return found

    def _read_column(self, index: int, column: str) -> None:
        channel = channel_of(column)
        status = _STATUS_COLUMN.fullmatch(column)
        listed = self._account.list_of(column)
        if channel is not None:
            self._addresses.append((index, channel))
        elif status is not None:
            self._statuses[status.group(1)] = index
        elif listed is not None:
            # `lists` of the job overrides a column of the same list, as documented.
            if all(fixed is not listed for fixed, _ in self._fixed):
                self._list_cells.append((index, listed))
        elif column in self._account.attributes:
            self._attributes.append((index, column))
        else:
            raise ColumnError("a column is neither an address, a status, an attribute nor a list")

    def write(self, row: list[str]) -> str:
        """Write one row and return as what it counts: a field of `ResultJ`."""
        try:
            addresses = self._addresses_of(row)
            lists = self._lists_of(row)
            statuses = self._statuses_of(row)
            contact = self._contact_of(addresses)
        except RowError as reason:
            return reason.counts_as
        if self._both_ways:
            self._watch(next(iter(addresses.values())).lower(), lists)
        if self._request.strategy == ("updateOnly" if contact is None else "insertOnly"):
            return "ignored"
        return self._apply(contact, addresses, statuses, lists, row)

    def _addresses_of(self, row: list[str]) -> dict[str, str]:
        """Return the addresses of a row by channel; without one it can be nobody's."""
        if len(row) != self._width:
            raise RowError
        addresses = {}
        for index, channel in self._addresses:
            address = row[index]
            if not address:
                continue
            key = address.lower()
            self._job.addresses.add(key)
            if channel == EMAIL and _ADDRESS.fullmatch(address) is None:
                raise RowError
            if key in self._refusals:
                raise RowError(self._refusals[key])
            addresses[channel] = address
        if not addresses:
            raise RowError
        return addresses

    def _contact_of(self, addresses: dict[str, str]) -> Contact | None:
        if len(addresses) == 1:  # nearly every file: hundreds of thousands of rows come this way
            return self._account.find_address(*next(iter(addresses.items())))
        found = {
            contact.cid: contact
            for channel, address in addresses.items()
            if (contact := self._account.find_address(channel, address)) is not None
        }
        if len(found) > 1:
            raise RowError("error")  # Cordial's "Unique constraint error"
        return next(iter(found.values()), None)

    def _apply(
        self,
        contact: Contact | None,
        addresses: dict[str, str],
        statuses: dict[str, str],
        lists: list[tuple[ContactList, bool]],
        row: list[str],
    ) -> str:
        made = contact is None
        default = self._status_of_new if made else self._status_of_known
        if contact is None:
            contact = self._account.make_contact(next(iter(addresses.values())))
            only_removes = bool(lists) and not any(wanted for _, wanted in lists)
            self._violations.note("made_by_removal", self._job.where, only_removes)
        changed = made
        for channel, address in addresses.items():
            entry = contact.channels.get(channel)
            if entry is None or entry["address"] != address:
                self._account.set_address(contact, channel, address)
                changed = True
            changed |= self._subscribe(contact, channel, statuses.get(channel, default))
        for index, key in self._attributes:
            value = row[index]
            # That an empty cell leaves the attribute as it is, is assumed.
            if value not in ("", self._request.null_marker, contact.attributes.get(key)):
                self._account.set_attribute(contact, key, value)
                changed = True
        changed |= self._put(contact, lists)
        if changed:
            contact.touch()
        if made:
            return "inserted"
        return "updated" if changed else self._settings.import_unchanged

    def _put(self, contact: Contact, lists: list[tuple[ContactList, bool]]) -> bool:
        added, removed = [], []
        for listed, wanted in lists:
            if wanted and self._account.put_on_list(contact, listed):
                added.append(listed.name)
            if not wanted and self._account.take_off_list(contact, listed):
                removed.append(listed.name)
        self._state.note_write(
            contact, suppressed=self._request.suppressed, added=added, removed=removed
        )
        return bool(added or removed)

    def _subscribe(self, contact: Contact, channel: str, status: str | None) -> bool:
        entry = contact.channels[channel]
        # Nothing but forceSubscribe takes back an unsubscription, and imports do not have it.
        if status is None or entry["subscribeStatus"] in ("unsubscribed", status):
            return False
        entry["subscribeStatus"] = status
        self._violations.note("subscribed_by_import", self._job.where, status == "subscribed")
        return True

    def _default(self, *, made: bool) -> str | None:
        """Return the status of a row that names none; None leaves the contact as it is.

        The help pages say that an import subscribes where no value is passed, and that
        `subscribe: false` keeps the status of those who are there. The published description does
        not know the parameter: see `Settings.import_subscribe` for the worlds this can be.
        """
        world = self._settings.import_subscribe
        if world != "ignored" and self._request.subscribe is False:
            return None
        if made or self._request.strategy is None or world == "needed":
            return "subscribed"
        return None

    def _lists_of(self, row: list[str]) -> list[tuple[ContactList, bool]]:
        if not self._list_cells:
            return self._fixed
        lists = list(self._fixed)
        for index, listed in self._list_cells:
            cell = row[index]
            if cell in ("1", "0"):
                lists.append((listed, cell == "1"))
            elif cell not in ("", self._request.null_marker):
                raise RowError
        return lists

    def _statuses_of(self, row: list[str]) -> dict[str, str]:
        if not self._statuses:
            return {}
        statuses = {
            channel: row[index]
            for channel, index in self._statuses.items()
            if row[index] not in ("", self._request.null_marker)
        }
        if not all(status in STATUSES for status in statuses.values()):
            raise RowError
        return statuses

    def _watch(self, key: str, lists: list[tuple[ContactList, bool]]) -> None:
        """Notice a contact that one job both adds and removes, in one row or in several."""
        before = self._marks.get(key, 0)
        marks = before
        for _, wanted in lists:
            marks |= _ADDS if wanted else _REMOVES
        self._marks[key] = marks
        both = _ADDS | _REMOVES
        self._violations.note("added_and_removed", self._job.where, before != marks == both)
