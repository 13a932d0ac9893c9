"""Who is on a list, in plain Python, after the contract's sections 2.2 and 2.3.

Every step names its sentence. It knows nothing of the tables: a cohort is a dictionary of users
and one of identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from target_cordial.core.identifier import IDENTIFIER_LOST, UNRESOLVED_MAPPING
from target_cordial.core.plan import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Told:
    """What one record says of one user.

    ``snapshot`` is None for a record with a flag or an operation of its own.
    """

    user: str
    user_id: str | None
    identifier: str | None
    present: bool
    snapshot: int | None

    @property
    def knows_only_a_user_id(self) -> bool:
        return self.user.startswith("u:")

    @property
    def knows_only_an_identifier(self) -> bool:
        return self.user.startswith("i:")

    @property
    def knows_an_amplitude_id(self) -> bool:
        return self.user.startswith("a:")


@dataclass(frozen=True)
class Proven:
    """A snapshot whose marker adds up, and the position from which it speaks."""

    snapshot: int | None
    first: int


@dataclass
class Model:
    """One cohort: its users, each with user id and identifier; its identifiers as sent."""

    users: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    resolves: bool = True

    @property
    def wanted(self) -> set[str]:
        """ "An identifier is wanted while ANY present user of the cohort resolves to it.\""""
        return {identifier for _, identifier in self.users.values()}.union(*self.held.values())

    def entries(self) -> dict[str, tuple[int, Sent]]:
        return {name: (int(name in self.wanted), sent) for name, sent in self.sent.items()}

    def settle(self, records: Sequence[Told], proven: Proven | None) -> None:
        self.skipped = {}
        spread = self._with_identifier(self._concerned(list(enumerate(records, 1))))
        words = self._last_words(spread, proven)
        present = {user: told for user, told in words.items() if told.present}
        self.resolves = not present or any(told.identifier for told in present.values())
        flagless = any(told.snapshot is not None for told in present.values())
        if not self.resolves and (flagless or not self.users):
            # "A cohort with members of whom none resolves is not written at all."
            # "With no usable identifier is *skipped* with a counted reason": as ever.
            self._skip(words, self._merged(words)[0])
            return
        self.resolves = True
        self.users, self.held = self._merged(words)
        self._skip(words, self.users)
        self._take_out({user for user in words if user not in present}, words, proven)
        for former in self.held.values():
            former -= {
                str(told.identifier)
                for told in records
                if told.knows_only_an_identifier and not told.present
            }
        self._take_in(present, proven)
        for told in words.values():
            # "An explicit removal for an identifier the ledger knows nothing about is sent."
            if not told.present and told.identifier is not None:
                self.sent.setdefault(told.identifier, Sent.UNKNOWN)
        for identifier in self.wanted:
            self.sent.setdefault(identifier, Sent.OFF)

    def _take_out(self, left: set[str], words: dict[str, Told], proven: Proven | None) -> None:
        for user in left:
            self.users.pop(user, None)
            self.held.pop(user, None)
        if proven is not None:
            # "Absence means removal only with proof."
            self.users = {user: known for user, known in self.users.items() if user in words}
            self.held = {}

    def _take_in(self, present: dict[str, Told], proven: Proven | None) -> None:
        for user, told in present.items():
            # "A present user who had an identifier keeps the last confirmed one."
            if told.identifier is not None:
                self._hold(user, told, proven)
                self.users[user] = (told.user_id, told.identifier)

    def _hold(self, user: str, told: Told, proven: Proven | None) -> None:
        """Rows whose marker is missing are "added, remove nobody": not a changed address either.

        The old one may be another's by now, in the part that never came. It stays until a proven
        snapshot says who has what, or its user is removed.
        """
        _, old = self.users.get(user, (None, None))
        if proven is None and told.snapshot is not None and old not in (None, told.identifier):
            self.held.setdefault(user, set()).add(str(old))

    def _concerned(self, records: list[tuple[int, Told]]) -> list[tuple[int, Told]]:
        """ "A record that knows only a `user_id` concerns every user with it.\""""
        known: dict[str, set[str]] = {}
        for user, (user_id, _) in self.users.items():
            if user_id is not None and user.startswith("a:"):
                known.setdefault(user_id, set()).add(user)
        for _, told in records:
            if told.user_id is not None and told.knows_an_amplitude_id:
                known.setdefault(told.user_id, set()).add(told.user)
        concerned: list[tuple[int, Told]] = []
        for position, told in records:
            users = known.get(told.user_id or "") if told.knows_only_a_user_id else None
            concerned += [(position, replace(told, user=user)) for user in users or {told.user}]
        return concerned

    def _with_identifier(self, records: list[tuple[int, Told]]) -> list[tuple[int, Told]]:
        """An explicit removal that knows only an identifier concerns every user with it.

        Those are users from before and of this run's rows. It is the word on each of them at its
        own position; a former identifier that is held for somebody is held no more.
        """
        known: dict[str, set[str]] = {}
        for user, (_, identifier) in self.users.items():
            known.setdefault(identifier, set()).add(user)
        for _, told in records:
            if told.identifier is not None:
                known.setdefault(told.identifier, set()).add(told.user)
        concerned: list[tuple[int, Told]] = []
        for position, told in records:
            users = {told.user}
            if told.knows_only_an_identifier and not told.present:
                users |= {
                    user
                    for user in known.get(str(told.identifier), set())
                    if not user.startswith("i:")
                }
            concerned += [(position, replace(told, user=user)) for user in sorted(users)]
        return concerned

    @staticmethod
    def _last_words(records: list[tuple[int, Told]], proven: Proven | None) -> dict[str, Told]:
        """ "Without times, the last record wins.\"

        A proven snapshot says who is in from its first row on: other snapshots of the run and
        additions before it say nothing any more. Removals before it have to be sent all the same.
        """
        words: dict[str, Told] = {}
        for position, told in records:
            if proven is not None:
                if told.snapshot is not None and told.snapshot != proven.snapshot:
                    continue
                if told.snapshot is None and told.present and position <= proven.first:
                    continue
            words[told.user] = told
        return words

    def _merged(
        self, words: dict[str, Told]
    ) -> tuple[dict[str, tuple[str | None, str]], dict[str, set[str]]]:
        """ "A user is one per cohort by `amplitude_id`, else `user_id`, else identifier."

        Who was known by user id alone and has an Amplitude id now is the same user; should two
        Amplitude ids have that user id, it is the first of them.
        """
        users = dict(self.users)
        held = {user: set(former) for user, former in self.held.items()}
        for user, (user_id, identifier) in self.users.items():
            if not user.startswith("u:"):
                continue
            found = [
                told.user
                for told in words.values()
                if told.knows_an_amplitude_id and told.user_id == user_id
            ]
            if found:
                del users[user]
                users.setdefault(min(found), (user_id, identifier))
                if user in held:
                    held.setdefault(min(found), set()).update(held.pop(user))
        return users, held

    def _skip(self, words: dict[str, Told], users: dict[str, tuple[str | None, str]]) -> None:
        for user, told in words.items():
            if told.identifier is not None or (user in users and not told.present):
                continue
            reason = IDENTIFIER_LOST if user in users else UNRESOLVED_MAPPING
            self.skipped[reason] = self.skipped.get(reason, 0) + 1
