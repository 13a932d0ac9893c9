"""How a contact looks when it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cordial_sandbox.account import Account, Contact


def contact_view(account: Account, contact: Contact, lists_in: str = "contact") -> dict[str, Any]:
    """Return a contact as the second version of the API shows it.

    Clients' recordings agree on `_id`, `attributes` with Cordial's own times, and `channels`.
    Where the list names are is assumed: version 1 had them at the top level.

    Args:
        account: Where the lists are.
        contact: Who.
        lists_in: `contact` for the top level, `attributes` for inside `attributes`.
    """
    listed = [(account.lists[list_id], joined) for list_id, joined in contact.lists.items()]
    tracked = [(entry, joined) for entry, joined in listed if entry.enhanced]
    membership: dict[str, Any] = {"lists": [entry.name for entry, _ in listed]}
    if tracked:
        membership["listJoinDate"] = {entry.name: joined.isoformat() for entry, joined in tracked}
        membership["lj"] = {
            str(entry.id): {"sec": int(joined.timestamp()), "usec": joined.microsecond}
            for entry, joined in tracked
        }
    inside = lists_in == "attributes"
    return {
        "_id": contact.cid,
        "attributes": {
            "cID": contact.cid,
            "createdAt": contact.created_at.isoformat(),
            "lastModified": contact.modified_at.isoformat(),
            "lastUpdateSource": "api",
            **contact.attributes,
            **(membership if inside else {}),
        },
        "channels": contact.channels,
        **({} if inside else membership),
    }
