"""The Cordial account the sandbox plays: contacts, lists and contact attributes, in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

EMAIL = "email"
MAX_NAME_LENGTH = 128  # characters in a list name, Cordial's own description
_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_NAME_LENGTH}}}", re.ASCII)
_ADDRESS_KEY = re.compile(r"channels\.([^.]+)\.address")
# Both texts stand in Cordial's description. Underscores are not named there but are used in its
# own help pages, so they pass.
NAME_RULE = "Name must contain only letters, numbers, and dashes. Should not exceed 128 characters"
NAME_TAKEN = "Name must be unique"


class RefusedError(Exception):
    """The account refuses a change; its text is the reason in Cordial's words."""


@dataclass(slots=True)
class Contact:
    """A contact.

    Attributes:
        cid: Cordial's own id, 24 hexadecimal digits.
        added_by: The value that identified it when it was made.
        created_at: When it was made.
        modified_at: When it was last written.
        channels: By channel key, `{"address", "subscribeStatus"}`.
        attributes: Values by attribute key.
        lists: When it joined each list it is on, by list id.
    """

    cid: str
    added_by: str
    created_at: datetime
    modified_at: datetime
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    lists: dict[int, datetime] = field(default_factory=dict)

    @property
    def identifier(self) -> str:
        """The e-mail address, or the value it was added by when it has none."""
        email = self.channels.get(EMAIL)
        return str(email["address"]) if email else self.added_by

    def touch(self) -> None:
        """Note that it was written just now."""
        self.modified_at = datetime.now(timezone.utc)


@dataclass(slots=True)
class ContactList:
    """A list: its id stays through a rename, its name is the key of contact writes."""

    id: int
    name: str
    enhanced: bool
    members: set[str] = field(default_factory=set)

    def entry(self) -> dict[str, Any]:
        """Return the list as `accountlists` shows it."""
        return {"id": self.id, "name": self.name, "enhanced": self.enhanced}


def channel_of(key: str) -> str | None:
    """Return the channel whose address an identifier key names, None for any other key.

    `email` and `channels.email.address` mean the same; so does every `channels.<key>.address`.
    """
    if key == EMAIL:
        return EMAIL
    found = _ADDRESS_KEY.fullmatch(key)
    return found.group(1) if found else None


class Account:
    """Contacts, lists and attributes with the look-ups the routes need, each in constant time.

    Addresses are kept as sent and compared in lower case; whether Cordial does so is not
    documented.
    """

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.lists: dict[int, ContactList] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        self._list_ids: dict[str, int] = {}
        self._by_address: dict[tuple[str, str], str] = {}
        self._by_attribute: dict[tuple[str, str], dict[str, None]] = {}
        self._last_list_id = 100
        self._last_contact = 0

    # Lists and attributes: one key space.

    def list_named(self, name: str) -> ContactList | None:
        """Return the list of that exact name."""
        list_id = self._list_ids.get(name)
        return None if list_id is None else self.lists[list_id]

    def list_of(self, text: str) -> ContactList | None:
        """Return the list of that name, else of that id: imports take either."""
        number = int(text) if text.isascii() and text.isdecimal() else None
        return self.list_named(text) or (None if number is None else self.lists.get(number))

    def make_list(self, name: object, *, enhanced: bool) -> ContactList:
        """Make a list.

        Raises:
            RefusedError: The name breaks a rule or is taken by a list or an attribute.
        """
        checked = self._checked_name(name)
        self._last_list_id += 1
        made = ContactList(self._last_list_id, checked, enhanced)
        self.lists[made.id] = made
        self._list_ids[checked] = made.id
        return made

    def rename_list(self, listed: ContactList, name: object) -> None:
        """Give a list another name; members stay.

        Raises:
            RefusedError: The name breaks a rule or is taken.
        """
        if name == listed.name:
            return
        checked = self._checked_name(name)
        del self._list_ids[listed.name]
        self._list_ids[checked] = listed.id
        listed.name = checked

    def clear_list(self, listed: ContactList) -> None:
        """Take everyone off a list; contacts stay."""
        for cid in listed.members:
            del self.contacts[cid].lists[listed.id]
        listed.members.clear()

    def remove_list(self, listed: ContactList) -> None:
        """Remove a list and every membership of it; contacts stay."""
        self.clear_list(listed)
        del self.lists[listed.id]
        del self._list_ids[listed.name]

    def make_attribute(self, key: str, name: str, kind: str) -> None:
        """Make a contact attribute.

        Raises:
            RefusedError: The key is taken by a list or an attribute.
        """
        if key in self.attributes or key in self._list_ids:
            reason = "Key must be unique"
            raise RefusedError(reason)
        self.attributes[key] = {"key": key, "name": name, "type": kind, "index": False}

    def _checked_name(self, name: object) -> str:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RefusedError(NAME_RULE)
        if name.lower() == "cid":
            reason = "cid is not allowed for list names."
            raise RefusedError(reason)
        if name in self._list_ids or name in self.attributes:
            raise RefusedError(NAME_TAKEN)
        return name

    # Contacts.

    def find(self, key: str, value: str) -> Contact | None:
        """Return the contact an identifier names, the first one where an attribute is not unique.

        Args:
            key: `cID`, `email`, `channels.<key>.address`, or an attribute.
            value: Its value.
        """
        if key == "cID":
            return self.contacts.get(value)
        channel = channel_of(key)
        if channel is not None:
            return self.find_address(channel, value)
        cid = next(iter(self._by_attribute.get((key, value), ())), None)
        return None if cid is None else self.contacts[cid]

    def find_address(self, channel: str, address: str) -> Contact | None:
        """Return the contact that has an address in a channel."""
        cid = self._by_address.get((channel, address.lower()))
        return None if cid is None else self.contacts[cid]

    def make_contact(self, added_by: str) -> Contact:
        """Make a contact that has nothing yet but its id."""
        self._last_contact += 1
        now = datetime.now(timezone.utc)
        made = Contact(f"69565ea0{self._last_contact:016x}", added_by, now, now)
        self.contacts[made.cid] = made
        return made

    def set_address(self, contact: Contact, channel: str, address: str) -> None:
        """Give a contact an address nobody else has; a new channel has the status `none`."""
        before = contact.channels.setdefault(channel, {"subscribeStatus": "none"})
        if "address" in before:
            del self._by_address[channel, before["address"].lower()]
        before["address"] = address
        self._by_address[channel, address.lower()] = contact.cid

    def set_attribute(self, contact: Contact, key: str, value: object) -> None:
        """Set an attribute of a contact; every text or number also serves to find it."""
        before = contact.attributes.get(key)
        if before is not None:
            self._by_attribute.get((key, str(before)), {}).pop(contact.cid, None)
        contact.attributes[key] = value
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            self._by_attribute.setdefault((key, str(value)), {})[contact.cid] = None

    def put_on_list(self, contact: Contact, listed: ContactList) -> bool:
        """Put a contact on a list; return whether that changed anything."""
        if listed.id in contact.lists:
            return False
        contact.lists[listed.id] = datetime.now(timezone.utc)
        listed.members.add(contact.cid)
        return True

    def take_off_list(self, contact: Contact, listed: ContactList) -> bool:
        """Take a contact off a list; return whether that changed anything."""
        if contact.lists.pop(listed.id, None) is None:
            return False
        listed.members.discard(contact.cid)
        return True

    def remove_contact(self, contact: Contact) -> None:
        """Remove a contact with its memberships."""
        for list_id in contact.lists:
            self.lists[list_id].members.discard(contact.cid)
        for channel, entry in contact.channels.items():
            del self._by_address[channel, entry["address"].lower()]
        for key, value in contact.attributes.items():
            self._by_attribute.get((key, str(value)), {}).pop(contact.cid, None)
        del self.contacts[contact.cid]

    def contact_by_identifier(self, key: str, value: str) -> Contact:
        """Return the contact an identifier names, made with just that identifier when unknown."""
        found = self.find(key, value)
        if found is not None:
            return found
        made = self.make_contact(value)
        channel = channel_of(key)
        if channel is not None:
            self.set_address(made, channel, value)
        else:
            self.set_attribute(made, key, value)
        return made
