"""The calls of the endpoint, the counts of imports, the choice between deliveries."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Guard, Mutant

MUTANTS: Final = (
    # -- core/import_counts.py --------------------------------------------------------------------
    Mutant(
        "counts-need-not-add-up",
        "core/import_counts.py",
        "if done + refused == rows and not self.inserted else None",
        "if not self.inserted else None",
        "people whose rows were never written are confirmed, and never tried again",
    ),
    Mutant(
        "updates-that-insert-are-believed",
        "core/import_counts.py",
        "if done + refused == rows and not self.inserted else None",
        "if done + refused == rows else None",
        "nobody hears of an import that made, and perhaps subscribed, people",
    ),
    Mutant(
        "total-not-compared",
        "core/import_counts.py",
        "if self.updated is None or self.total not in (None, rows):",
        "if self.updated is None:",
        "an import that read another file is taken for ours",
    ),
    Mutant(
        "unknown-people-count-as-added",
        "core/import_counts.py",
        "(self.absent if kind is Kind.REMOVE else 0)",
        "self.absent",
        "people whom Cordial does not have are reported as on the list",
    ),
    Mutant(
        "errors-are-no-refusals",
        "core/import_counts.py",
        "undone = [self.rejected, self.error]",
        "undone = [self.rejected]",
        "no import with one broken row is ever proven, and nobody says which row it is",
    ),
    # -- core/isolation.py ------------------------------------------------------------------------
    Mutant(
        "suspects-cleared-by-a-guess",
        "core/isolation.py",
        "for part in self._asked) == refused",
        "for part in self._asked) >= refused",
        "who may go one by one is chosen so badly that refused people stay unnamed",
    ),
    Mutant(
        "likely-cleared",
        "core/isolation.py",
        "if any(counts)",
        "if all(counts)",
        "refused people are confirmed: nobody tries again, nobody hears of it",
    ),
    Mutant(
        "rows-fall-between-halves",
        "core/isolation.py",
        "self._parts.append((middle, last))",
        "self._parts.append((middle + 1, last))",
        "somebody in the middle of a file is confirmed, though refused",
    ),
    Mutant(
        "ways-to-lie-forgotten",
        "core/isolation.py",
        "min(refused, rows_here) + 1)",
        "min(refused, rows_here))",
        "refused people who lie side by side are confirmed",
    ),
    Mutant(
        "unlikeliest-first",
        "core/isolation.py",
        "key=likely.__getitem__, reverse=True)",
        "key=likely.__getitem__)",
        "the single calls go to those who were most likely delivered already",
    ),
    Mutant(
        "any-question-will-do",
        "core/isolation.py",
        "            if more > told:",
        "            if more < told:",
        "three refused people in ten thousand are never found",
    ),
    Mutant(
        "too-many-named-explain-too",
        "core/isolation.py",
        "for first, last in self.rows) == (",
        "for first, last in self.rows) >= (",
        "somebody whom only the import refused is confirmed because others were refused too",
    ),
    Mutant(
        "cut-too-much",
        "core/isolation.py",
        "((one[0], min(one[1], first)), (max(one[0], last), one[1]))",
        "((one[0], min(one[1], first)), (max(one[0], last + 1), one[1]))",
        "a row beside one that is settled is never delivered",
    ),
    # -- core/request_template.py -----------------------------------------------------------------
    Mutant(
        "identifier-is-a-template",
        "core/request_template.py",
        """        return _text(template, values)
    if isinstance(template, list):""",
        """        return _text(_text(template, values), values)
    if isinstance(template, list):""",
        "a person whose identifier holds a dollar is written under another name",
    ),
    Mutant(
        "keys-swallow-people",
        "core/request_template.py",
        "if len(made) != len(template):",
        "if False:",
        "a batch goes out without its people, and they count as delivered",
    ),
    Mutant(
        "path-leads-elsewhere",
        "core/request_template.py",
        "    if not is_path(path):",
        "    if False:",
        "people of one list are written to another path of the service",
    ),
    # -- core/endpoint_requests.py ----------------------------------------------------------------
    Mutant(
        "removal-may-be-an-addition",
        "core/endpoint_requests.py",
        "if made.add == made.remove:",
        "if False:",
        "whoever leaves is put on the list again, and counts as taken off",
    ),
    Mutant(
        "one-list-for-all",
        "core/endpoint_requests.py",
        "if not known & {use.name for template in parts.values() for use in uses(template)}:",
        "if False:",
        "the members of all cohorts come to one list",
        guards=(Guard.OWNERSHIP,),
    ),
    Mutant(
        "names-are-unique",
        "core/endpoint_requests.py",
        '_OF_ONE_LIST: Final = ("list_name", "cohort_id")',
        '_OF_ONE_LIST: Final = ("list_name", "cohort_id", "cohort_name")',
        "two cohorts of one name share a list, and who leaves one is missing from the other",
    ),
    Mutant(
        "calls-without-people",
        "core/endpoint_requests.py",
        "if _ITEMS not in {use.name for use in uses(request.body)}:",
        "if False:",
        "nobody is put on a list or taken off it, and everybody counts as delivered",
    ),
    Mutant(
        "path-of-the-setting-is-told",
        "core/endpoint_requests.py",
        'f"<{SETTING}.{call}.path>" if "path" in given else None,',
        "None,",
        "a secret in a path comes into the log",
    ),
    # -- core/delivery_choice.py ------------------------------------------------------------------
    Mutant(
        "auto-turned-round",
        "core/delivery_choice.py",
        "contacts > SINGLE_AT_MOST",
        "contacts < SINGLE_AT_MOST",
        "two million contacts are written one by one",
    ),
    Mutant(
        "setting-is-overruled",
        "core/delivery_choice.py",
        "    if setting != AUTO:\n        return setting\n",
        "",
        "imports run where single calls were asked for",
    ),
)
