"""Rows that are taken in blocks and compared by digests: what is left out must say nothing new."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Guard, Mutant

COMPARISON: Final = ("tests/target_cordial/ledger/test_comparison.py",)
PLAIN: Final = ("tests/target_cordial/core/test_plain_rows.py",)
BLOCKS: Final = ("tests/target_cordial/command/test_blocks.py",)
SPOOL: Final = ("tests/target_cordial/ledger/test_spool.py",)

MUTANTS: Final = (
    # -- core/plain_rows.py -----------------------------------------------------------------------
    Mutant(
        "flags-are-passed-over",
        "core/plain_schema.py",
        "    if _spellings(properties, _OF_OTHERS):\n        raise _NotPlainError\n",
        "",
        "a row that says that somebody left adds them",
        PLAIN,
    ),
    Mutant(
        "times-are-passed-over",
        "core/plain_schema.py",
        '            return None if "null" in names else _NOTHING\n',
        "            return msgspec.Raw\n",
        "an old record brings back who has left since",
        PLAIN,
    ),
    Mutant(
        "snapshots-run-together",
        "core/plain_rows.py",
        "            or row.snapshot_id != snapshot_id\n",
        "",
        "the rows of two snapshots count as one, and prove what neither does",
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "cohorts-run-together",
        "core/plain_rows.py",
        "row.cohort_id != cohort_id\n            or ",
        "",
        "people are put on another cohort's list",
    ),
    Mutant(
        "unknown-columns-are-passed-over",
        "core/plain_schema.py",
        "forbid_unknown_fields=closed or not open_",
        "forbid_unknown_fields=not open_",
        "a row with a flag that its SCHEMA does not name adds who has left",
        PLAIN,
    ),
    Mutant(
        "schema-half-read",
        "core/plain_schema.py",
        'if not isinstance(of, dict) or {*of} - {*keywords, "type"} - _NOTES:',
        "if not isinstance(of, dict):",
        "records are taken that their SCHEMA forbids",
        PLAIN,
    ),
    Mutant(
        "keyless-rows-are-plain",
        "core/plain_schema.py",
        '"required": [*schema.get("required", ()), *keys]',
        '"required": [*schema.get("required", ())]',
        "whether an input without its keys is taken hangs on what else is in it",
        PLAIN,
    ),
    Mutant(
        "two-messages-in-a-line",
        "core/plain_rows.py",
        " or len(lines) != ends + 1:",
        ":",
        "what was cut and glued is taken for whole, and proves what it does not",
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "blank-id-is-a-user",
        "core/plain_rows.py",
        "        del users[users.index(AMPLITUDE_KIND) :]\n",
        "        pass\n",
        "all users without an id are one user",
        guards=(Guard.SHARED,),
    ),
    # -- singer/reader.py -------------------------------------------------------------------------
    Mutant(
        "line-of-a-block-lost",
        "singer/reader.py",
        "                at += 1\n",
        "                at += 2\n",
        "the row after one that is not plain is lost",
        BLOCKS,
    ),
    Mutant(
        "lines-of-blocks-uncounted",
        "singer/reader.py",
        "            self._line += taken\n",
        "",
        "a rejected record is looked for in another line",
        BLOCKS,
    ),
    Mutant(
        "halves-change-places",
        "singer/reader.py",
        "return [block[:cut], block[cut:]]",
        "return [block[cut:], block[:cut]]",
        "of two records about one user the first one counts",
        BLOCKS,
    ),
    # -- run/intake.py ----------------------------------------------------------------------------
    Mutant(
        "block-in-one-place",
        "run/intake.py",
        "            self._position += len(said)\n",
        "            self._position += 1\n",
        "of two records about one user, either may count",
        BLOCKS,
    ),
    Mutant(
        "block-uncounted-for-proof",
        "run/intake.py",
        "            tally.add([user for user, _, _ in said], self._position, None)\n",
        "",
        "no snapshot is ever proven, and nobody leaves a list",
        BLOCKS,
    ),
    Mutant(
        "mapped-rows-read-past-the-mapper",
        "run/intake.py",
        "None if self.mapped else plain_stream(stream, schema, keys, self._mapping)",
        "plain_stream(stream, schema, keys, self._mapping)",
        "whom a stream map leaves out is put on the list",
        BLOCKS,
    ),
    # -- ledger/difference.py ---------------------------------------------------------------------
    Mutant(
        "changes-lost-in-parts",
        "ledger/difference.py",
        "changed |= new - old",
        "changed = new - old",
        "most of those who join are not added",
        COMPARISON,
    ),
    Mutant(
        "nobody-vanishes",
        "ledger/difference.py",
        "vanished.extend(old - new)",
        "vanished.extend(new - old)",
        "who has left goes on getting mail",
        COMPARISON,
    ),
    # -- ledger/comparison.py ---------------------------------------------------------------------
    Mutant(
        "sums-without-a-count",
        "ledger/comparison.py",
        "if (known, total) == (rows, spool.total(number)):",
        "if known == rows:",
        "one who joins for one who leaves is not noticed",
        COMPARISON,
    ),
    Mutant(
        "older-snapshot-compared",
        "ledger/comparison.py",
        "if len(kinds) != 1 or is_outdated(connection, cohort, sealed):",
        "if len(kinds) != 1:",
        "a snapshot of yesterday, sent again, takes off who joined today",
        COMPARISON,
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "ids-of-all-kinds-compared",
        "ledger/comparison.py",
        "        for doubt in (table.c.user_key < first, table.c.user_key >= after)\n",
        "        for doubt in (table.c.user_key < first,)\n",
        "who is known by another id, too, is told apart from themselves",
        COMPARISON,
    ),
    Mutant(
        "members-without-digest-stay",
        "ledger/comparison.py",
        "others=members - known",
        "others=0",
        "who came by a row of their own and left goes on getting mail",
        COMPARISON,
    ),
    # -- ledger/stage.py --------------------------------------------------------------------------
    Mutant(
        "two-rows-of-one-user-compared",
        "ledger/stage.py",
        "if not alike or rows != sealed.users:",
        "if not alike:",
        "of two records about one user the changed one counts, not the last",
        COMPARISON,
    ),
    Mutant(
        "rows-that-say-more-compared",
        "ledger/stage.py",
        "            received.others = True\n        received.kinds",
        "            pass\n        received.kinds",
        "a removal beside a snapshot is left out of it",
        COMPARISON,
    ),
    # -- ledger/settlement ------------------------------------------------------------------------
    Mutant(
        "all-but-the-changed-leave",
        "ledger/settlement/members.py",
        "        absent = and_(or_(member.c.digest.is_(None), unheard), absent)\n",
        "",
        "whoever stays as they were is taken off the list",
        COMPARISON,
        guards=(Guard.COMPLETENESS,),
    ),
    Mutant(
        "digest-of-another-row",
        "ledger/settlement/identity.py",
        'other["digest"] = cast(null(), BigInteger)',
        'other.setdefault("digest", rows.c.digest)',
        "a row about somebody else passes for one about this user",
        ("tests/target_cordial/ledger/test_comparison.py",),
    ),
    # -- ledger/spool.py --------------------------------------------------------------------------
    Mutant(
        "digests-without-salt",
        "ledger/spool.py",
        "digest_size=8, salt=salt",
        "digest_size=8",
        "whoever can choose user ids can choose rows that pass for each other",
        SPOOL,
    ),
    Mutant(
        "first-rows-only",
        "ledger/spool.py",
        "        self._end += len(data)\n",
        "",
        "rows of a large cohort are written over",
        SPOOL,
    ),
)
