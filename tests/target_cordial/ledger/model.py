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
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Told:
    """What one record says of one user.

    ``snapshot`` is None for a record with a flag or an operation of its own; ``time`` is the
    source's, and ``message`` names the message it came with. ``recalled`` marks what an earlier
    run said.
    """

    user: str
    user_id: str | None
    identifier: str | None
    present: bool
    snapshot: int | None
    time: int | None = None
    message: str | None = None
    recalled: bool = False

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
    """A snapshot whose marker adds up, the position from which it speaks, and its time."""

    snapshot: int | None
    first: int
    time: int | None = None


Records = list[tuple[int, Told]]


@dataclass
class Model:
    """One cohort: its users, each with user id and identifier; its identifiers as sent."""

    users: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)
    skipped: dict[str, int] = field(default_factory=dict)
    resolves: bool = True
    outdated: bool = False
    times: dict[str, int] = field(default_factory=dict)
    left: dict[str, str | None] = field(default_factory=dict)
    messages: set[str] = field(default_factory=set)
    snapshot_time: int | None = None

    @property
    def wanted(self) -> set[str]:
        """ "An identifier is wanted while ANY present user of the cohort resolves to it.\""""
        return {identifier for _, identifier in self.users.values()}.union(
            self.adopted, *self.held.values()
        )

    def entries(self) -> dict[str, tuple[int, Sent]]:
        return {name: (int(name in self.wanted), sent) for name, sent in self.sent.items()}

    def adopt(self, identifiers: Iterable[str]) -> None:
        """ "These are ours": on the list by now, until the source says otherwise.

        It has said so already of those whose removal waits.
        """
        for identifier in identifiers:
            leaving = self.sent.get(identifier, Sent.OFF) is not Sent.OFF
            if leaving and identifier not in self.wanted:
                continue
            if identifier not in self.wanted:
                self.adopted.add(identifier)
                self.sent[identifier] = Sent.ON
            elif self.sent[identifier] is not Sent.ON:
                self.sent[identifier] = Sent.UNKNOWN

    def settle(
        self,
        records: Sequence[Told],
        proven: Proven | None,
        times: Mapping[int, int] | None = None,
    ) -> None:
        """Take one run's records.

        Args:
            records: In the order of the input.
            proven: The snapshot that is proven complete.
            times: Source times of the run's snapshots.
        """
        # "A snapshot older than the last one applied is ignored."
        self.outdated = _older(proven.time if proven else None, self.snapshot_time)
        if self.outdated:
            proven = None
        new = self._new(list(enumerate(records, 1)))
        heard = {told.message for _, told in new if told.message is not None}
        known = self._recalled(self._learned(new), proven, times or {})
        spread = self._concerned(self._with_identifier(known, proven, times or {}))
        words, newest = self._last_words(spread, proven, times or {})
        present = {user: told for user, told in words.items() if told.present}
        self.skipped = {}
        self.resolves = not present or any(told.identifier for told in present.values())
        flagless = any(told.snapshot is not None for told in present.values())
        if not self.resolves and (flagless or not self.wanted):
            # "A cohort with members of whom none resolves is not written at all."
            # "With no usable identifier is *skipped* with a counted reason": as ever.
            self._skip(words, self._merged(words)[0])
            return
        self.resolves = True
        self.messages |= heard
        ended = {
            str(told.identifier)
            for _, told in new
            if told.knows_only_an_identifier
            and not told.present
            and not _older(told.time, self.snapshot_time)
        }
        if proven is not None and proven.time is not None:
            self.snapshot_time = proven.time
        self._keep_times(newest, words)
        self.users, self.held = self._merged(words)
        claimed = set(self.adopted)
        self.adopted -= {told.identifier or "" for told in words.values()}
        self._skip(words, self.users)
        self._take_out({user for user in words if user not in present}, words, proven)
        for former in (*self.held.values(), self.adopted):
            former.difference_update(ended)
        # A file's word is no confirmation: where the source speaks, what it wants is sent once.
        self.sent.update(dict.fromkeys(claimed - self.adopted, Sent.UNKNOWN))
        self._take_in(present, proven)
        self.times = {
            user: time
            for user, time in self.times.items()
            if user in self.users or user in self.left
        }
        for told in words.values():
            # "An explicit removal for an identifier the ledger knows nothing about is sent."
            if not told.present and told.identifier is not None:
                self.sent.setdefault(told.identifier, Sent.UNKNOWN)
        for identifier in self.wanted:
            self.sent.setdefault(identifier, Sent.OFF)

    def _new(self, records: Records) -> Records:
        """ "A `message_id` already applied is ignored", for each user that it speaks of."""
        new: Records = []
        heard: set[tuple[str, str]] = set()
        for position, told in records:
            if told.message is not None:
                if told.message in self.messages or (told.message, told.user) in heard:
                    continue
                heard.add((told.message, told.user))
            new.append((position, told))
        return new

    def _learned(self, records: Records) -> Records:
        """A record with the Amplitude id alone is of the user whose user id is known."""
        known = {user: user_id for user, (user_id, _) in self.users.items()} | self.left
        known |= {
            told.user: told.user_id
            for _, told in records
            if told.knows_an_amplitude_id and told.user_id
        }
        return [
            (position, replace(told, user_id=told.user_id or known.get(told.user)))
            for position, told in records
        ]

    def _recalled(
        self, records: Records, proven: Proven | None, times: Mapping[int, int]
    ) -> Records:
        """ "A record older than the one applied to that user is ignored."

        Under whichever id it was applied: what was said by user id alone, or by identifier alone,
        is said again of whoever turns out to have it, before everything else.
        """
        by_user_id: dict[str, Told] = {}
        by_identifier: dict[tuple[str, int], Told] = {}
        for _, told in records:
            since = self.times.get(told.user, 0)
            lesser = f"u:{told.user_id}"
            time = self.times.get(lesser, 0)
            if told.knows_an_amplitude_id and told.user_id and time > since:
                _, identifier = self.users.get(lesser, (None, None))
                by_user_id[told.user] = Told(
                    told.user,
                    told.user_id,
                    identifier,
                    lesser in self.users,
                    None,
                    time,
                    recalled=True,
                )
            lesser = f"i:{told.identifier}"
            time = self.times.get(lesser, 0)
            counts = not self._overtaken(told, _time_of(told, proven, times))
            if told.knows_only_an_identifier or not counts or lesser not in self.left:
                continue
            if time > since:
                by_identifier[told.user, time] = Told(
                    told.user,
                    told.user_id,
                    None,
                    present=False,
                    snapshot=None,
                    time=time,
                    recalled=True,
                )
        said = [by_identifier[key] for key in sorted(by_identifier)]
        return [(0, told) for told in (*said, *by_user_id.values())] + records

    def _overtaken(self, told: Told, time: int | None) -> bool:
        applied = max(
            self.times.get(told.user, 0),
            self.times.get(f"u:{told.user_id}", 0),
            self.snapshot_time or 0,
        )
        return time is not None and time < applied

    def _take_out(self, left: set[str], words: dict[str, Told], proven: Proven | None) -> None:
        if proven is not None:
            # "Absence means removal only with proof", and
            # "a snapshot never overrides a user's newer record".
            left = left | {
                user
                for user in self.users
                if user not in words and not _older(proven.time, self.times.get(user))
            }
            self.held = {}
            self.adopted = set()
        for user in left:
            user_id, _ = self.users.pop(user, (None, None))
            self.held.pop(user, None)
            if user in self.times and user not in self.left:
                self.left[user] = words[user].user_id if user in words else user_id

    def _take_in(self, present: dict[str, Told], proven: Proven | None) -> None:
        for user, told in present.items():
            # "A present user who had an identifier keeps the last confirmed one."
            if told.identifier is not None:
                self._hold(user, told, proven)
                self.users[user] = (told.user_id, told.identifier)
                self.left.pop(user, None)

    def _hold(self, user: str, told: Told, proven: Proven | None) -> None:
        """Rows whose marker is missing are "added, remove nobody": not a changed address either.

        The old one may be another's by now, in the part that never came. It stays until a proven
        snapshot says who has what, or its user is removed.
        """
        _, old = self.users.get(user, (None, None))
        if proven is None and told.snapshot is not None and old not in (None, told.identifier):
            self.held.setdefault(user, set()).add(str(old))

    def _concerned(self, records: Records) -> Records:
        """ "A record that knows only a `user_id` concerns every user with it.\""""
        known: dict[str, set[str]] = {}
        before = {user: user_id for user, (user_id, _) in self.users.items()} | self.left
        for user, user_id in before.items():
            if user_id is not None and user.startswith("a:"):
                known.setdefault(user_id, set()).add(user)
        for _, told in records:
            if told.user_id is not None and told.knows_an_amplitude_id:
                known.setdefault(told.user_id, set()).add(told.user)
        concerned: Records = []
        for position, told in records:
            users = known.get(told.user_id or "") if told.knows_only_a_user_id else None
            concerned += [(position, replace(told, user=user)) for user in users or {told.user}]
        return concerned

    def _with_identifier(
        self, records: Records, proven: Proven | None, times: Mapping[int, int]
    ) -> Records:
        """An explicit removal that knows only an identifier concerns every user with it.

        Those are users from before and of this run's rows. It is the word on each of them at its
        own position; a former identifier that is held for somebody is held no more.
        """
        known: dict[str, dict[str, str | None]] = {}
        for user, (user_id, identifier) in self.users.items():
            known.setdefault(identifier, {})[user] = user_id
        for _, told in records:
            overtaken = self._overtaken(told, _time_of(told, proven, times))
            if told.identifier is not None and not overtaken:
                known.setdefault(told.identifier, {})[told.user] = told.user_id
        concerned: Records = []
        for position, told in records:
            concerned.append((position, told))
            if told.knows_only_an_identifier and not told.present:
                concerned += [
                    (position, replace(told, user=user, user_id=user_id))
                    for user, user_id in sorted(known.get(str(told.identifier), {}).items())
                    if not user.startswith("i:")
                ]
        return concerned

    def _last_words(
        self, records: Records, proven: Proven | None, times: Mapping[int, int]
    ) -> tuple[dict[str, Told], dict[str, int]]:
        """ "A record older than the one applied to that user is ignored"; the last record wins.

        A proven snapshot says who is in: other snapshots of the run and additions that came
        before it or are older say nothing any more. Removals before it have to be sent all the
        same.
        """
        words: dict[str, Told] = {}
        newest: dict[str, int] = {}
        kept: dict[str, int] = {}
        for position, told in records:
            time = _time_of(told, proven, times)
            if proven is not None and not _counts(told, time, position, proven):
                continue
            if self._overtaken(told, time) or _older(time, newest.get(told.user)):
                continue
            words[told.user] = told
            if time is not None:
                newest[told.user] = time
                if not _in(told, proven):
                    kept[told.user] = max(kept.get(told.user, 0), time)
        return words, kept

    def _keep_times(self, newest: dict[str, int], words: dict[str, Told]) -> None:
        """Only source times are compared: each user has that of the newest record applied."""
        merged = {
            user: max(
                newest.get(user, 0),
                self.times.get(user, 0),
                self.times.get(f"u:{told.user_id}", 0),
            )
            for user, told in words.items()
        }
        self.times |= {user: time for user, time in merged.items() if time}

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
            if told.recalled or told.identifier is not None:
                continue
            if user in users and not told.present:
                continue
            reason = IDENTIFIER_LOST if user in users else UNRESOLVED_MAPPING
            self.skipped[reason] = self.skipped.get(reason, 0) + 1


def _in(told: Told, proven: Proven | None) -> bool:
    return proven is not None and told.snapshot is not None and told.snapshot == proven.snapshot


def _time_of(told: Told, proven: Proven | None, times: Mapping[int, int]) -> int | None:
    """A proven snapshot is of one time; other rows have their own, or their snapshot's."""
    if proven is not None and _in(told, proven):
        return proven.time
    if told.time is None and told.snapshot is not None:
        return times.get(told.snapshot)
    return told.time


def _counts(told: Told, time: int | None, position: int, proven: Proven) -> bool:
    """Say whether a record says anything beside a proven snapshot."""
    if _in(told, proven) or (told.snapshot is None and not told.present):
        return True
    if told.snapshot is not None:
        return False
    if time is not None and proven.time is not None and time != proven.time:
        return time > proven.time
    return position > proven.first


def _older(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other
