"""What is said to Cordial, and how its answers are read; settings."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

MUTANTS: Final = (
    # -- cordial/answers.py -----------------------------------------------------------------------
    Mutant(
        "words-alone-are-absence",
        "cordial/answers.py",
        "if self.says_absent and not _OF_LISTS.search(words):",
        "if self.says_absent:",
        "a deleted list passes for contacts that are not there",
    ),
    Mutant(
        "part-of-a-name-is-the-name",
        "cordial/answers.py",
        'rf"(?<![\\w-]){re.escape(key)}(?![\\w-])"',
        "re.escape(key)",
        "a list is taken for lost because another word holds its name",
    ),
    # -- cordial/rest.py --------------------------------------------------------------------------
    Mutant(
        "unreadable-contact-is-absent",
        "cordial/rest.py",
        "        if answer.says_absent:\n            return None\n",
        "        if answer.status == 404:\n            return None\n",
        "every contact looks lost behind a gateway that answers 404",
    ),
    Mutant(
        "silence-is-absence",
        "cordial/rest.py",
        "return False if arrays or False in flags else None",
        "return False",
        "every run calls itself degraded where Cordial shows lists in another place",
    ),
    # -- cordial/limits.py ------------------------------------------------------------------------
    Mutant(
        "limited-together-again-and-again",
        "cordial/limits.py",
        "self._next = moment + 1 / self._rate.at(moment)",
        "self._next = moment",
        "under a low limit calls are refused until their tries are used up, and people are missing",
    ),
    Mutant(
        "no-rate-is-ever-lowered",
        "cordial/limits.py",
        "self._held = max(SHARE * through, min(FLOOR, LEAST_FALL * self._held), LOWEST)",
        "pass",
        "where others use the account too, calls are refused until their tries are used up",
    ),
    # -- cordial/pace.py --------------------------------------------------------------------------
    Mutant(
        "pause-forgotten-by-who-waits",
        "cordial/pace.py",
        "if due is None or due < self._not_before:",
        "if due is None:",
        "whoever waits for their moment sends into the time for which Cordial asked for silence",
    ),
    # -- cordial/exchange.py ----------------------------------------------------------------------
    Mutant(
        "half-an-answer-is-one",
        "cordial/exchange.py",
        'raise IncompleteRead(b"".join(parts), left)',
        "break",
        "a body that was cut off is read as Cordial's word, in doubt or not",
    ),
    Mutant(
        "leftovers-are-the-next-answer",
        "cordial/exchange.py",
        "return Reply(status, headers, content, lasts and not given.rest)",
        "return Reply(status, headers, content, lasts)",
        "what Cordial says of one contact is taken for its answer to the next one",
    ),
    # -- cordial/transport.py ---------------------------------------------------------------------
    Mutant(
        "late-answer-to-another-call",
        "cordial/transport.py",
        """        except TimeoutError as error:
            connection.close()
""",
        """        except TimeoutError as error:
            self._connection = connection
""",
        "the answer that came too late for one contact confirms the next one",
    ),
    # -- cordial/session.py -----------------------------------------------------------------------
    Mutant(
        "repeatable-forgotten",
        "cordial/session.py",
        "should_retry(result, tries, repeatable=repeatable, ",
        "should_retry(result, tries, ",
        "an import that may run is started again beside itself",
    ),
    # -- cordial/imports.py -----------------------------------------------------------------------
    Mutant(
        "import-subscribes",
        "cordial/imports.py",
        '"subscribe": False',
        '"subscribe": True',
        "people who never asked for mail are subscribed because they are in a cohort",
    ),
    Mutant(
        "header-is-a-person",
        "cordial/imports.py",
        '"hasHeader": True',
        '"hasHeader": False',
        "no import knows which column is the address",
    ),
    Mutant(
        "import-never-silent",
        "cordial/imports.py",
        '"suppressTriggers": self.suppress_triggers',
        '"suppressTriggers": False',
        "a first sync sends a welcome message to everybody on the list",
    ),
    Mutant(
        "additions-make-people",
        "cordial/imports.py",
        'ImportKind.ADD: "updateOnly"',
        'ImportKind.ADD: "insertOnly"',
        "who is known is not added, and who is unknown is subscribed",
    ),
    Mutant(
        "removals-make-people",
        "cordial/imports.py",
        'ImportKind.REMOVE: "updateOnly"',
        'ImportKind.REMOVE: "insertOnly"',
        "nobody leaves, and people are made who are on no list",
    ),
    Mutant(
        "removals-add",
        "cordial/imports.py",
        '{"removeFrom": [self.list_name]}',
        '{"addTo": [self.list_name]}',
        "who left the cohort goes on getting mail",
    ),
    Mutant(
        "import-started-over-and-over",
        "cordial/imports.py",
        "asked.body, repeatable=False)",
        "asked.body)",
        "one import is started eight times, each beside the others",
    ),
    Mutant(
        "unread-answer-is-no-doubt",
        "cordial/imports.py",
        "may_be_applied=kind_of(answer.status) is Kind.OK",
        "may_be_applied=answer.kind is Kind.OK",
        "an import that runs is taken for one that never began, and its file is deleted under it",
    ),
    Mutant(
        "error-for-an-id-passed-over",
        "cordial/imports.py",
        "answer.kind is Kind.OK and isinstance(given, dict)",
        "answer.kind is Kind.REFUSED and isinstance(given, dict)",
        "an import that never began is waited for, and its changes stay in doubt",
    ),
    Mutant(
        "throttled-is-over",
        "cordial/imports.py",
        "return self.status in (DONE, FAILED)",
        'return self.status in (DONE, FAILED, "Throttled")',
        "a job that is still to be carried out is given up, and undoes the next one",
    ),
    Mutant(
        "failed-is-done",
        "cordial/imports.py",
        "return self.status == DONE",
        "return self.ended",
        "the counts of a job that broke off are believed",
    ),
    Mutant(
        "only-the-first-page-of-jobs",
        "cordial/imports.py",
        "if len(answer.body) < PER_PAGE:",
        "if answer.body:",
        "an import that runs is not found, and is started again beside itself",
    ),
    Mutant(
        "jobs-that-wait-are-not-found",
        "cordial/imports.py",
        'filters = [*({"status": status} for status in NOT_ENDED), since_then]',
        "filters = [since_then]",
        "an import that waits for its turn is not found, and is started again beside itself",
    ),
    Mutant(
        "job-by-half-its-name",
        "cordial/imports.py",
        'row["metadata"].get("importName") == name',
        'row["metadata"].get("importName", "").startswith(name)',
        "the counts of another import are taken for this one's",
    ),
    Mutant(
        "any-404-is-no-job",
        "cordial/imports.py",
        "        if answer.says_absent:\n            return None\n",
        "        if answer.status == 404:\n            return None\n",
        "behind a broken gateway a job that runs is taken for one that never began",
    ),
    Mutant(
        "cordials-words-hold-addresses",
        "cordial/imports.py",
        'if words and not _ADDRESS.search(words) else ""',
        'if words else ""',
        "a signed address, with which anybody can fetch the cohort, is in the log",
    ),
    Mutant(
        "address-in-the-repr",
        "cordial/imports.py",
        "address: str = field(repr=False)",
        "address: str",
        "a signed address, with which anybody can fetch the cohort, is in a traceback",
    ),
    # -- cordial/retry.py -------------------------------------------------------------------------
    Mutant(
        "repeated-in-doubt",
        "cordial/retry.py",
        "certain = repeatable or not failure.may_be_applied",
        "certain = repeatable or failure.may_be_applied",
        "an import that may run is started again beside itself",
    ),
    # -- cordial/list_protocol.py -----------------------------------------------------------------
    Mutant(
        "adds-who-leaves-the-endpoint",
        "cordial/list_protocol.py",
        "self._requests.add if adds else self._requests.remove",
        "self._requests.add",
        "who left goes on getting mail",
    ),
    Mutant(
        "path-of-the-setting-is-a-route",
        "cordial/list_protocol.py",
        "path, body, route=request.route)",
        "path, body)",
        "a secret in a path comes into the log",
    ),
    Mutant(
        "true-is-a-list",
        "cordial/list_protocol.py",
        " and not isinstance(list_id, bool)",
        "",
        "all cohorts come to a list called True",
    ),
    # -- settings/values.py -----------------------------------------------------------------------
    Mutant(
        "plan-decides-for-any-key",
        "settings/values.py",
        'return "auto" if values["import_staging_url"] and by_file else "contacts"',
        'return "auto" if values["import_staging_url"] else "contacts"',
        "identifiers that are no addresses go into an import, which makes contacts of them",
        ("tests/target_cordial/test_settings.py",),
    ),
    # -- settings/staging.py ----------------------------------------------------------------------
    Mutant(
        "credentials-in-the-staging-address",
        "settings/staging.py",
        "if url is not None and not _is_staging(url):",
        "if False:",
        "a key that stands in the address comes into log and report",
        ("tests/target_cordial/test_settings.py",),
    ),
)
