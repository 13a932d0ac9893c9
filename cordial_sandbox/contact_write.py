"""What a contact write asks for, read from its body and checked before anything is applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cordial_sandbox.account import EMAIL, Account, Contact, ContactList, RefusedError, channel_of

if TYPE_CHECKING:
    from cordial_sandbox.state import State

# Keys with a meaning of their own; every other key is a list or an attribute.
_OWN_KEYS = frozenset(
    {"channels", EMAIL, "identifyBy", "suppressTriggers", "forceSubscribe", "cID"}
)
STATUSES = ("none", "subscribed", "unsubscribed", "pendingDOI")


class SchemaError(Exception):
    """A body has keys or values the account does not know.

    Attributes:
        problems: What is wrong, by key.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


@dataclass(slots=True)
class ContactWrite:
    """A checked contact write.

    Attributes:
        addresses: By channel key.
        statuses: Subscribe statuses by channel key.
        attributes: Values by attribute key.
        lists: Which lists to be on (True) or off (False).
        identify_by: The keys that say who it is, in their order.
        suppressed: Whether triggers are suppressed; Cordial's default is yes.
        force_subscribe: Whether an unsubscribed address may be subscribed again.
        cid: Cordial's own id of the contact, where the body has it.
    """

    addresses: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    lists: list[tuple[ContactList, bool]] = field(default_factory=list)
    identify_by: list[str] = field(default_factory=list)
    suppressed: bool = True
    force_subscribe: bool = False
    cid: str | None = None

    @classmethod
    def parse(cls, account: Account, body: dict[str, Any]) -> ContactWrite:
        """Return the write a body asks for.

        One unknown key refuses the whole write; real traffic showed the text of that error.

        Raises:
            SchemaError: Keys or values the account does not know.
            RefusedError: A switch has a wrong value.
        """
        write = cls()
        problems: dict[str, str] = {}
        if EMAIL in body:
            # A flat `email` is the address of that channel; Cordial's own code sent it this way.
            write._read_channels({EMAIL: {"address": body[EMAIL]}}, problems)
        write._read_channels(body.get("channels", {}), problems)
        for key, value in body.items():
            if key not in _OWN_KEYS:
                write._read_member(account, key, value, problems)
        if problems:
            raise SchemaError(problems)
        write._read_switches(body)
        return write

    def _read_channels(self, channels: object, problems: dict[str, str]) -> None:
        if not isinstance(channels, dict):
            problems["channels"] = "channels must be an object"
            return
        for channel, entry in channels.items():
            if not isinstance(entry, dict):
                problems[f"channels.{channel}"] = f"channels.{channel} must be an object"
                continue
            address = entry.get("address")
            if isinstance(address, str) and address.strip():
                self.addresses[channel] = address
            elif "address" in entry:
                key = f"channels.{channel}.address"
                problems[key] = f"{key} must be an address"
            status = entry.get("subscribeStatus")
            if status in STATUSES:
                self.statuses[channel] = status
            elif status is not None:
                key = f"channels.{channel}.subscribeStatus"
                problems[key] = f"{key} must be one of {', '.join(STATUSES)}"

    def _read_member(
        self, account: Account, key: str, value: object, problems: dict[str, str]
    ) -> None:
        listed = account.list_named(key)
        if listed is not None and isinstance(value, bool):
            self.lists.append((listed, value))
        elif listed is not None:
            problems[key] = f"key {key} must be true or false"
        elif key.partition(".")[0] in account.attributes:
            self.attributes[key] = value
        else:
            problems[key] = f"key {key} is not part of the schema for this resource"

    def _read_switches(self, body: dict[str, Any]) -> None:
        suppress = body.get("suppressTriggers", True)
        force = body.get("forceSubscribe", False)
        keys = body.get("identifyBy", [])
        if not isinstance(suppress, bool):
            reason = "Incorrect value for suppressTriggers"
            raise RefusedError(reason)
        if not isinstance(force, bool):
            reason = "Incorrect value for forceSubscribe"
            raise RefusedError(reason)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            reason = "Search field is not correct"
            raise RefusedError(reason)
        self.suppressed, self.force_subscribe, self.identify_by = suppress, force, keys
        self.cid = body["cID"] if isinstance(body.get("cID"), str) else None

    def who(self, account: Account) -> Contact | None:
        """Return the contact the write is about, None when there is none yet.

        Without `identifyBy` the id and then every address count; that is assumed.

        Raises:
            RefusedError: `identifyBy` names nothing the body has a value for.
        """
        keys = self.identify_by or ["cID", *(f"channels.{key}.address" for key in self.addresses)]
        values = [(key, value) for key in keys if (value := self._value_of(key)) is not None]
        if self.identify_by and not values:
            reason = "Search field is not correct"
            raise RefusedError(reason)
        return next((found for key, value in values if (found := account.find(key, value))), None)

    def _value_of(self, key: str) -> str | None:
        if key == "cID":
            return self.cid
        channel = channel_of(key)
        if channel is not None:
            return self.addresses.get(channel)
        value = self.attributes.get(key)
        return None if value is None else str(value)

    def check_addresses(self, account: Account, contact: Contact | None) -> None:
        """Refuse the write before it begins when somebody else has one of its addresses.

        Raises:
            RefusedError: So it is.
        """
        for channel, address in self.addresses.items():
            owner = account.find(f"channels.{channel}.address", address)
            if owner is not None and owner is not contact:
                # The text is the one of imports; what a single write answers is not documented.
                reason = "Unique constraint error"
                raise RefusedError(reason)

    def apply(self, state: State, contact: Contact) -> None:
        """Write the contact."""
        account = state.account
        for channel, address in self.addresses.items():
            account.set_address(contact, channel, address)
        for channel, status in self.statuses.items():
            self._subscribe(contact, channel, status)
        for key, value in self.attributes.items():
            account.set_attribute(contact, key, value)
        added, removed = [], []
        for listed, wanted in self.lists:
            if wanted and account.put_on_list(contact, listed):
                added.append(listed.name)
            if not wanted and account.take_off_list(contact, listed):
                removed.append(listed.name)
        contact.touch()
        state.note_write(contact, suppressed=self.suppressed, added=added, removed=removed)

    def _subscribe(self, contact: Contact, channel: str, status: str) -> None:
        """Set a subscribe status; leaving `unsubscribed` takes `forceSubscribe`, as documented."""
        entry = contact.channels.get(channel)
        if entry is None:
            return
        leaves = entry["subscribeStatus"] == "unsubscribed" != status
        if not leaves or (self.force_subscribe and status == "subscribed"):
            entry["subscribeStatus"] = status
