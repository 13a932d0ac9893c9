"""What a record says."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import READING, Guard, Mutant

MUTANTS: Final = (
    # -- core/times.py ----------------------------------------------------------------------------
    Mutant(
        "milliseconds-for-seconds",
        "core/times.py",
        "int(value) if value > LARGEST_SECONDS else int(value * 1000)",
        "int(value)",
        "records of one source look older than all others, and nobody leaves any more",
    ),
    Mutant(
        "time-of-exports-unread",
        "core/times.py",
        "    if found is None:\n        return None",
        "    if found is not None:\n        return None",
        "an old export that is read again brings people back",
    ),
    Mutant(
        "offset-of-time-lost",
        "core/times.py",
        "(int(moment.timestamp()) - ahead) * 1000",
        "int(moment.timestamp()) * 1000",
        "a file of a source that writes local time looks newer than what came after it",
    ),
    # -- core/membership.py -----------------------------------------------------------------------
    Mutant(
        "untimed-file-is-new",
        "core/membership.py",
        "if time is None:  # as if new",
        "if False:  # as if new",
        "an old file whose time is in another form brings people back",
    ),
    Mutant(
        "deletion-is-an-addition",
        "core/membership.py",
        "present=not deleted and present is not False",
        "present=present is not False",
        "deleted rows put people on the list",
    ),
    Mutant(
        "flag-overlooked",
        "core/membership.py",
        "present=not deleted and present is not False",
        "present=not deleted",
        "in_cohort: false puts people on the list",
    ),
    Mutant(
        "explicit-rows-fill-snapshots",
        "core/membership.py",
        "explicit=deleted or present is not None",
        "explicit=present is not None",
        "a deletion mark makes up for a lost member of a snapshot",
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "users-by-user-id",
        "core/user_key.py",
        "    if amplitude_id:\n",
        "    if amplitude_id and not user_id:\n",
        "two people with one user id become one, and one's leaving removes the other",
    ),
    Mutant(
        "cohort-rows-are-markers",
        "core/membership.py",
        " and has_field(names, fields.COMPLETE)",
        "",
        "rows that only count members pass for proof that all were sent",
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "any-stream-is-members",
        "core/membership.py",
        "    if not (has_id or has_field(names, (*fields.COHORT_NAME, *fields.SOURCE_FILE))):\n"
        "        return Role.OTHER\n",
        "",
        "a stream of events is read as cohorts",
    ),
    # -- core/source_file.py ----------------------------------------------------------------------
    Mutant(
        "leavers-join",
        "core/source_file.py",
        'kind != "exiting"',
        'kind == "exiting"',
        "the file of those who left puts them on the list",
    ),
    Mutant(
        "existing-is-as-new",
        "core/source_file.py",
        "time -= _EARLIER",
        "time -= 0",
        "who was there at the last sync and has left since is brought back by the order of files",
    ),
    # -- core/values.py ---------------------------------------------------------------------------
    Mutant(
        "words-swapped",
        "core/values.py",
        "if word in ADD_WORDS:\n        return True",
        "if word in REMOVE_WORDS:\n        return True",
        "operation: remove adds",
        READING,
    ),
    Mutant(
        "exiting-unknown",
        "core/values.py",
        '"exit", "exiting"',
        '"exit"',
        "leavers of an export stay on the list",
        READING,
    ),
    Mutant(
        "false-is-true",
        "core/values.py",
        '"false": False',
        '"false": True',
        'in_cohort: "false" puts people on the list',
        READING,
    ),
    Mutant(
        "null-flag-guessed",
        "core/values.py",
        "if value is MISSING:\n        return None\n    flag",
        "if value is MISSING or value is None:\n        return None\n    flag",
        "a flag that a tap could not fill counts as membership",
        READING,
    ),
    Mutant(
        "contradiction-guessed",
        "core/values.py",
        "operation is not None and flag != operation",
        "operation is not None and flag is operation",
        "a row that says both in and out is taken at its first word",
        READING,
    ),
    Mutant(
        "digits-lost",
        "core/values.py",
        " and abs(value) < _MAX_EXACT",
        "",
        "people whose long ids were rounded are taken for one another",
        READING,
    ),
    Mutant(
        "empty-mark-deletes",
        "core/values.py",
        ' and str(value).strip() != ""',
        "",
        "a file with an empty column of deletion marks takes everybody off the list",
    ),
    # -- core/identifier.py -----------------------------------------------------------------------
    Mutant(
        "any-of-two-addresses",
        "core/identifier.py",
        "if len(usable) == 1:",
        "if usable:",
        "somebody else's address is put on the list",
        guards=(Guard.SHARED,),
    ),
    Mutant(
        "letter-case-kept",
        "core/identifier.py",
        "    text = text.lower()\n    return Resolved(text) if is_email",
        "    return Resolved(text) if is_email",
        "an address in two spellings is removed in one while the other is wanted",
        guards=(Guard.SHARED,),
    ),
    Mutant(
        "invisible-characters-kept",
        "core/identifier.py",
        '_PADDING.sub("", text)',
        "text.strip()",
        "people whose address was pasted with a zero-width space never arrive",
    ),
    Mutant(
        "placeholder-is-a-person",
        "core/identifier.py",
        '"null", "undefined"',
        '"undefined"',
        "all users without a value become one contact called null",
    ),
    Mutant(
        "numbers-are-truths",
        "core/identifier.py",
        "isinstance(value, int) and not isinstance(value, bool)",
        "isinstance(value, int)",
        "everybody with true for an id becomes one contact",
    ),
    Mutant(
        "addresses-unchecked",
        "core/identifier.py",
        "return Resolved(text) if is_email_address(text) else",
        "return Resolved(text) if text else",
        "what is no address is sent as one, and Cordial refuses the call",
    ),
    # -- core/fields.py ---------------------------------------------------------------------------
    Mutant(
        "exact-key-not-first",
        "core/fields.py",
        "        if name in keys:\n            return name",
        "        if name in keys:\n            continue",
        "a property that looks like the user id replaces it",
    ),
    Mutant(
        "folded-before-exact",
        "core/fields.py",
        "        if key in place:\n            yield [place[key]]",
        "        if key in place:\n            continue",
        "another property that looks like the address is taken for it",
    ),
    Mutant(
        "prefix-kept",
        "core/fields.py",
        'key.lower().removeprefix("gp:").replace',
        "key.lower().replace",
        "people whose property comes as gp:email are skipped",
    ),
    Mutant(
        "folded-by-half",
        "core/fields.py",
        "if other != key and fold(other) == wanted]",
        "if other != key and fold(other) == wanted][:1]",
        "of two different addresses the first one is taken",
        ("tests/target_cordial/core/test_identifier.py",),
    ),
    Mutant(
        "flattened-away",
        "core/fields.py",
        'if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):',
        "if True:",
        "with flattening, everybody whose properties have no schema is skipped",
        ("tests/target_cordial/core/test_identifier.py",),
    ),
)
