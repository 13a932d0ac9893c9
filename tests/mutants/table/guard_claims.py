"""Whose a ledger is, and whose the members are that a list had before."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import COMMAND, SETTLEMENT, Guard, Mutant

REBIND: Final = (f"{COMMAND}/test_rebind.py",)
ADOPT: Final = (f"{COMMAND}/test_adopt.py",)
SETTINGS: Final = ("tests/target_cordial/test_settings.py",)
LISTS: Final = ("tests/target_cordial/run/test_lists.py",)
BINDING: Final = (Guard.BINDING,)
ADOPTION: Final = (Guard.ADOPTION,)

MUTANTS: Final = (
    # -- binding -----------------------------------------------------------------------------------
    Mutant(
        "binding-unchecked",
        "run/sync.py",
        "        binding.check(self._ledger, settings.binding)\n",
        "",
        "with the ledger of another account, people who never left it are taken off",
        (
            f"{COMMAND}/test_rebind.py::test_a_change_stops_the_run_before_any_write_and_names_the_remedy",
        ),
        BINDING,
    ),
    Mutant(
        "never-bound",
        "run/sync.py",
        "                binding.bind(ledger, self._settings.binding)\n",
        "                pass\n",
        "with the ledger of another account, people who never left it are taken off",
        (
            f"{COMMAND}/test_rebind.py::test_a_change_stops_the_run_before_any_write_and_names_the_remedy",
        ),
        BINDING,
    ),
    Mutant(
        "any-binding-will-do",
        "run/binding.py",
        "if binding.get(name) != value]",
        "if name not in binding]",
        "with the ledger of another account, people who never left it are taken off",
        (
            f"{COMMAND}/test_rebind.py::test_a_change_stops_the_run_before_any_write_and_names_the_remedy",
        ),
        BINDING,
    ),
    Mutant(
        "every-run-binds-anew",
        "run/binding.py",
        "    if ledger.get(BINDING) is None:\n",
        "    if ledger.get(BINDING) is not None:\n",
        "with the ledger of another account, people who never left it are taken off",
        (
            f"{COMMAND}/test_rebind.py::test_a_change_stops_the_run_before_any_write_and_names_the_remedy",
        ),
        BINDING,
    ),
    Mutant(
        "adopted-for-another-account",
        "ledger_cli/claim.py",
        "            binding.check(ledger, settings.binding)\n",
        "",
        "identifiers of another kind count as ours, and those who have them stay for ever",
        (f"{COMMAND}/test_ledger_commands.py::test_commands_that_need_the_binding_refuse_another",),
        BINDING,
    ),
    Mutant(
        "endpoint-is-no-destination",
        "settings/values.py",
        'self.endpoint if self.delivery == "endpoint" and self.endpoint else self.api_url',
        "self.api_url",
        "at another endpoint nobody is on any list, and the run calls itself well",
        SETTINGS,
        BINDING,
    ),
    Mutant(
        "first-property-is-the-mapping",
        "settings/values.py",
        '",".join(self.mapping.properties)',
        "self.mapping.properties[0]",
        "another second choice of a property moves people to other addresses unasked",
        SETTINGS,
        BINDING,
    ),
    Mutant(
        "identifiers-taken-along",
        "ledger/rebinding.py",
        "            _forget_identifiers(connection)\n",
        "            pass\n",
        "identifiers that mean nothing under the new key are sent as if they were people's",
        (),
        BINDING,
    ),
    Mutant(
        "messages-taken-along",
        "ledger/rebinding.py",
        "            connection.execute(delete(message))\n",
        "            pass\n",
        "what is sent again for its other property is ignored, and people keep the former one",
        (),
        BINDING,
    ),
    Mutant(
        "lists-taken-along",
        "ledger/rebinding.py",
        "            _forget_lists(connection)\n",
        "            pass\n",
        "at the new account nobody is on any list, and the run calls itself well",
        (),
        BINDING,
    ),
    Mutant(
        "nobodys-taken-along",
        "ledger/rebinding.py",
        "    connection.execute(delete(entry).where(~has_it))\n",
        "",
        "whoever left before the move is removed at an account where others may have put them",
        (),
        BINDING,
    ),
    Mutant(
        "bound-to-the-former",
        "ledger/rebinding.py",
        "value=json.dumps(dict(binding))",
        'value="{}"',
        "after a move the ledger serves any account, and people there are taken off",
        (),
        BINDING,
    ),
    # -- adoption ----------------------------------------------------------------------------------
    Mutant(
        "members-uncounted",
        "run/lists.py",
        "        if count is None:\n            return (",
        "        if False:\n            return (",
        "with a lost ledger and no permission to count, people are taken off unasked",
        LISTS,
        ADOPTION,
    ),
    Mutant(
        "refused-is-made",
        "run/lists.py",
        'return answer.kind is Kind.OK, ""',
        'return True, ""',
        "members of a list that somebody else has just made are taken for nobody",
        LISTS,
        ADOPTION,
    ),
    Mutant(
        "never-there-before",
        "run/lists.py",
        'problem = "" if made else self._find_members(name, cohort, bound)',
        'problem = ""',
        "with a lost ledger, people are taken off a list that others fill too",
        LISTS,
        ADOPTION,
    ),
    Mutant(
        "never-there-before-the-endpoint",
        "run/lists.py",
        'problem = self._find_members(name, cohort, bound) if name in self.lists else ""',
        'problem = ""',
        "with a lost ledger, people are taken off a list that others fill too",
        LISTS,
        ADOPTION,
    ),
    Mutant(
        "answer-not-heard",
        "ledger/adoption.py",
        "values(found=None, remapped_at=None)",
        "values(remapped_at=None)",
        "nobody is ever taken off, although somebody said whose the members are",
        (),
        ADOPTION,
    ),
    Mutant(
        "found-forgotten-by-rebinding",
        "ledger/rebinding.py",
        "total = func.coalesce(cohort.c.found, 0) + on_list",
        "total = on_list",
        "members nobody has answered for are taken off after a change of the identifier",
        (),
        ADOPTION,
    ),
    Mutant(
        "adopted-word-is-proof",
        "ledger/settlement/identity.py",
        "        .values(sent=int(Sent.UNKNOWN))\n",
        "        .values(sent=int(Sent.ON))\n",
        "whom a wrong file calls a member is never added, though in the cohort",
        SETTLEMENT,
        ADOPTION,
    ),
    Mutant(
        "adopted-without-an-entry",
        "ledger/adoption.py",
        "adopted = self._renew_entries() + self._make_entries()",
        "adopted = self._renew_entries()",
        "who was adopted and has left is never taken off",
        (),
        ADOPTION,
    ),
    Mutant(
        "adopted-without-a-member",
        "ledger/adoption.py",
        "            self._know_members()\n",
        "",
        "who was adopted is taken off, or never, by what comes first",
        (),
        ADOPTION,
    ),
)
